"""How the C library keeps memory: freed feature maps stay at hand while a picture is drawn, and go back when asked.

glibc gives every large block back to the system at once, and a network asks for the same ones hundreds of times a step:
the page faults of a 42 MB result cost three times as much as computing it. Only glibc is known to need this.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from typing import Any

_MMAP_MAX, _TRIM_THRESHOLD, _TOP_PAD = -4, -1, -2  # malloc.h
_HALF_GIGABYTE = 1 << 29


@functools.cache
def keep() -> None:
    """From now on keep freed blocks, up to half a gigabyte at the end of the heap."""
    library = _glibc()
    if library is not None:
        library.mallopt(_MMAP_MAX, 0)
        library.mallopt(_TRIM_THRESHOLD, _HALF_GIGABYTE)
        library.mallopt(_TOP_PAD, 1 << 24)


def trim() -> None:
    """Give all freed memory back to the system."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
