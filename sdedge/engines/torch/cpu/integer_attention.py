"""Attention of float32 in whole numbers of 12 bits (`integer_attention.c`), for int8 models on processors with AVX512-VNNI.

It is nearer to exact than bfloat16 would be, and what int8 does to the layers around it is a hundred times more. On processors
with bfloat16 int8 models run in that, and attention is `kernels.attention`.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from sdedge.engines.torch.cpu import compiled, kernels
from sdedge.machine.instruction_sets import Instructions, are_allowed


@functools.cache
def available() -> bool:
    """Returns whether the kernel was built, and the processor has its instructions and may use them."""
    built = hasattr(compiled.library(), "integer_attention") and kernels.parallel() is not None
    allowed = are_allowed(Instructions.VNNI) and are_allowed(Instructions.AVX512)
    return bool(built and allowed and _library().integer_attention_level())


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Queries (B, T, heads * size), keys and values (B, S, heads * size) -> (B, T, heads * size), as `sdpa` to 1e-3 of its norm
    where scores spread by a few units, and to 3e-3 where they spread by sixty.

    Few queries or keys, other number formats and heads that the kernel is not made for go to `kernels.attention`.
    """
    T, S, size = q.shape[1], k.shape[1], q.shape[2] // heads
    fits = all(x.dtype == torch.float32 and x.stride(-1) == 1 for x in (q, k, v))
    if min(T, S) < kernels.FEWEST or size > kernels.WIDEST or size % 2 or not fits:
        return kernels.attention(q, k, v, heads)
    return run(q, k, v, heads)


def run(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Computes `attention` by the kernel in any case."""
    each = _library().integer_attention_scratch(k.shape[1], q.shape[2] // heads)
    return kernels.call_attention(_library().integer_attention, each, q, k, v, heads)


@functools.cache
def _library() -> Any:
    library = compiled.library()
    assert library is not None
    library.integer_attention.restype, library.integer_attention.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p]
    library.integer_attention_scratch.restype = ctypes.c_long
    library.integer_attention_scratch.argtypes = [ctypes.c_long] * 2
    return library
