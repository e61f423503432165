"""The compiled kernels of `attention.c` and `norms.c`, where there was a C compiler and the processor is one they are for.

Neither torch nor its import is needed to ask. What there is, is part of what a machine's measurements are kept for.
"""

from __future__ import annotations

import ctypes
import functools
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

NOTHING, VECTOR, MATRIX = 0, 1, 2
"""What a processor offers: nothing of use, bfloat16 in AVX-512 for norms and rounding, matrix units (AMX) for attention too."""


@functools.cache
def library() -> ctypes.CDLL | None:
    """Returns the compiled file beside this one; None where it was not built, as it is not without a C compiler."""
    beside = Path(__file__)
    for path in (beside.with_name("_kernels" + suffix) for suffix in EXTENSION_SUFFIXES):
        if path.is_file():
            loaded = ctypes.CDLL(str(path))
            return loaded if hasattr(loaded, "kernels_level") else None  # which other processors' builds lack
    return None


@functools.cache
def level() -> int:
    """Returns NOTHING, VECTOR or MATRIX."""
    loaded = library()
    return loaded.kernels_level() if loaded is not None else NOTHING
