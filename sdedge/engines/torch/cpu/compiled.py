"""The compiled kernels of this folder's C files, where there was a C compiler and the processor is one they are for.

They use no instructions that the environment takes from torch (`machine.instruction_sets`). Neither torch nor its import is
needed to ask. What there is, is part of what a machine's measurements are kept for.
"""

from __future__ import annotations

import ctypes
import functools
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from sdedge.machine.instruction_sets import Instructions, are_allowed

NOTHING, VECTOR, MATRIX = 0, 1, 2
"""What a processor offers: nothing of use, bfloat16 in AVX-512 for norms and rounding, matrix units (AMX) for attention too."""
NARROW, WIDE = 1, 2
"""In float32: vectors of AVX2, or of a processor that is no x86 one; those of AVX-512."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """Returns the compiled file beside this one; None where it was not built, as it is not without a C compiler, or cannot be
    loaded, as after an installation that was cut off."""
    beside = Path(__file__)
    for path in (beside.with_name("_kernels" + suffix) for suffix in EXTENSION_SUFFIXES):
        if path.is_file():
            try:
                loaded = ctypes.CDLL(str(path))
            except OSError:
                return None
            known = any(hasattr(loaded, name) for name in ("kernels_level", "float_level"))
            return loaded if known else None  # a Mac's build is empty
    return None


@functools.cache
def level() -> int:
    """Returns NOTHING, VECTOR or MATRIX, for bfloat16."""
    most = MATRIX if are_allowed(Instructions.AMX) else VECTOR if are_allowed(Instructions.BF16) else NOTHING
    return min(_level("kernels_level"), most) if most else NOTHING


@functools.cache
def float_level() -> int:
    """Returns NOTHING, NARROW or WIDE, for float32."""
    most = WIDE if are_allowed(Instructions.AVX512) else NARROW if are_allowed(Instructions.AVX2) else NOTHING
    return min(_level("float_level"), most)


def _level(function: str) -> int:
    loaded = library()
    ask = getattr(loaded, function, None) if loaded is not None else None
    return int(ask()) if ask is not None else NOTHING
