"""How the C library keeps memory: freed feature maps stay at hand while a picture is drawn, and go back when asked.

glibc gives every large block back to the system at once, and a network asks for the same ones hundreds of times a step:
the page faults of a 42 MB result cost three times as much as computing it. Only glibc is known to need this.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from typing import Any

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4  # malloc.h
_HALF_GIGABYTE, _MEGABYTE = 1 << 29, 1 << 20


def keep() -> None:
    """From now on keep freed blocks, up to half a gigabyte at the end of the heap."""
    _set({_MMAP_MAX: 0, _TRIM_THRESHOLD: _HALF_GIGABYTE, _TOP_PAD: 1 << 24})


def keep_small(size: int) -> None:
    """From now on keep freed blocks below `size` bytes, and little of them at the end of the heap; others go back at once."""
    _set({_MMAP_MAX: 1 << 16, _MMAP_THRESHOLD: size, _TRIM_THRESHOLD: max(size, 8 * _MEGABYTE), _TOP_PAD: 1 << 17})


def give_back() -> None:
    """Gives back what is free, and from now on freed blocks of a megabyte or more at once: slower, and nothing is held in vain.

    Weights that are loaded so leave no holes behind when they are packed.
    """
    _set({_MMAP_MAX: 1 << 16, _MMAP_THRESHOLD: _MEGABYTE, _TRIM_THRESHOLD: _MEGABYTE, _TOP_PAD: 1 << 17})
    trim()


def _set(options: dict[int, int]) -> None:
    library = _glibc()
    if library is not None:
        for option, value in options.items():
            library.mallopt(option, value)


def trim() -> None:
    """Gives all freed memory back to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
