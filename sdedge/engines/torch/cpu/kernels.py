"""Attention and group norms in bfloat16 and rounding to uint8 by our own kernels, on torch's threads.

They are `attention.c` and `norms.c`, compiled by the installation. torch's attention leaves most of a processor with matrix
units idle at v1's head sizes. Whether ours is faster is measured once per machine (`precision`), and it is asked for as
`attend` of the networks' layers.
"""

from __future__ import annotations

import ctypes
import functools
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.engines.torch.cpu import compiled
from sdedge.models.attention import sdpa

FEWEST = 512
"""Queries from which packing keys and values pays."""
WIDEST = 160
"""Values of a head, as in attention.c."""
_ALIGNED = 64

_long, _pointer = ctypes.c_long, ctypes.c_void_p


class _Attention(ctypes.Structure):
    _fields_ = [
        *((name, _long) for name in ("batch", "heads", "queries", "keys", "size")),
        *((name, _pointer) for name in ("q", "k", "v", "out")),
        *((name, _long) for name in ("q_batch", "q_token", "k_batch", "k_token", "v_batch", "v_token")),
        ("scale", ctypes.c_float), ("scratch", _pointer), ("threads", ctypes.c_int),
    ]  # fmt: skip


class _Rounding(ctypes.Structure):
    _fields_ = [
        ("x", _pointer), ("factor", _pointer), ("out", _pointer), ("count", _long),
        ("inverse", ctypes.c_float), ("zero", ctypes.c_int), ("threads", ctypes.c_int),
    ]  # fmt: skip


class _Norm(ctypes.Structure):
    _fields_ = [
        *((name, _long) for name in ("batch", "pixels", "channels", "groups")),
        *((name, _pointer) for name in ("x", "weight", "bias", "out")),
        ("eps", ctypes.c_float), ("inverse", ctypes.c_float), ("zero", ctypes.c_int), ("silu", ctypes.c_int),
        ("threads", ctypes.c_int), ("scratch", _pointer),
    ]  # fmt: skip


@functools.cache
def available() -> bool:
    """Returns whether the kernels were built, the processor is one they are for, and torch's threads can be asked to run
    them.
    """
    return compiled.level() != compiled.NOTHING and _parallel() is not None


def attends() -> bool:
    """Returns whether attention is among them: it takes matrix units.

    By dot products it took three times as long as torch's.
    """
    return compiled.level() == compiled.MATRIX and available()


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Queries (B, T, heads * size), keys and values (B, S, heads * size) -> (B, T, heads * size), as `sdpa` to rounding.

    Few queries, other number formats and heads that the kernel is not made for go to `sdpa`.
    """
    B, T, C = q.shape
    size = C // heads
    fits = all(x.dtype == torch.bfloat16 and x.stride(-1) == 1 and x.stride(1) % 2 == 0 for x in (q, k, v))
    if T < FEWEST or size > WIDEST or size % 2 or not fits:
        return sdpa(q, k, v, heads)
    return run_attention(q, k, v, heads)


def run_attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Computes `attention` by the kernel in any case."""
    B, T, C = q.shape
    size, S, threads = C // heads, k.shape[1], torch.get_num_threads()
    out = torch.empty(B, T, C, dtype=torch.bfloat16)
    scratch = torch.empty(threads * _library().attention_scratch(S, size) + _ALIGNED, dtype=torch.uint8)
    start = -(-scratch.data_ptr() // _ALIGNED) * _ALIGNED
    strides = [stride for x in (q, k, v) for stride in (x.stride(0), x.stride(1))]
    places = [x.data_ptr() for x in (q, k, v, out)]
    arguments = _Attention(B, heads, T, S, size, *places, *strides, size**-0.5, start, threads)
    _library().attention(ctypes.byref(arguments), _parallel())
    return out


def round_uint8(x: Tensor, scale: float, zero: int, factor: Tensor | None = None) -> Tensor:
    """Returns uint8 of a bfloat16 tensor, in its memory layout: round(x / scale) + zero, cut to 0 … 255; of x * factor if
    given.
    """
    out = torch.empty_like(x, dtype=torch.uint8)  # which keeps the layout of any tensor without holes
    x = _in_order_of(out, x)
    factor = None if factor is None else _in_order_of(out, factor)
    places = x.data_ptr(), None if factor is None else factor.data_ptr(), out.data_ptr()
    arguments = _Rounding(*places, x.numel(), 1 / scale, zero, torch.get_num_threads())
    _library().round_uint8(ctypes.byref(arguments), _parallel())
    return out


def takes_norm(x: Tensor) -> bool:
    """Returns whether `group_norm` is made for a map (B, C, H, W)."""
    fits = x.dtype == torch.bfloat16 and x.shape[1] % 16 == 0 and x.is_contiguous(memory_format=torch.channels_last)
    return fits and available()


def group_norm(x: Tensor, norm: nn.GroupNorm, silu: bool = False, rounding: tuple[float, int] | None = None) -> Tensor:
    """Returns `norm(x)` of a channels-last bfloat16 map (B, C, H, W), its SiLU, and that in uint8 by a scale and zero point,
    if wanted.

    Statistics are those of the whole map, in double precision over sums of 64 pixels.
    """
    B, C, H, W = x.shape
    out = torch.empty_like(x, dtype=torch.uint8 if rounding else torch.bfloat16)
    scratch = torch.empty(_library().group_norm_scratch(B, H * W, C), dtype=torch.uint8)
    weight, bias = norm.weight.float(), norm.bias.float()
    places = x.data_ptr(), weight.data_ptr(), bias.data_ptr(), out.data_ptr()
    scale, zero = rounding or (math.inf, 0)
    shape = B, H * W, C, norm.num_groups
    arguments = _Norm(*shape, *places, norm.eps, 1 / scale, zero, silu, torch.get_num_threads(), scratch.data_ptr())
    _library().group_norm(ctypes.byref(arguments), _parallel())
    return out


def _in_order_of(out: Tensor, x: Tensor) -> Tensor:
    return x if x.stride() == out.stride() else torch.empty_like(out, dtype=x.dtype).copy_(x)


@functools.cache
def _library() -> Any:
    library = compiled.library()
    assert library is not None
    library.attention_scratch.restype = _long
    library.attention_scratch.argtypes = [_long, _long]
    library.group_norm_scratch.restype = _long
    library.group_norm_scratch.argtypes = [_long, _long, _long]
    library.attention.argtypes = library.round_uint8.argtypes = library.group_norm.argtypes = [_pointer, _pointer]
    library.attention.restype = library.round_uint8.restype = library.group_norm.restype = None
    return library


@functools.cache
def _parallel() -> Any:
    """Returns where torch's OpenMP begins a parallel region (GOMP_parallel); None where it ships another one."""
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*")):
        return ctypes.cast(ctypes.CDLL(str(path)).GOMP_parallel, _pointer)
    return None
