"""Attention, group norms and rounding to uint8 by our own kernels, in bfloat16 and in float32, on torch's threads.

They are `attention.c` and `norms.c`, compiled by the installation. torch's attention leaves much of a processor idle at v1's
head sizes. Whether ours is faster is measured once per machine and format (`machine.probe`), and it is asked for as `attend` of
the networks' layers.
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
        ("scale", ctypes.c_float), ("scratch", _pointer), ("threads", ctypes.c_int), ("level", ctypes.c_int),
    ]  # fmt: skip


class _Rounding(ctypes.Structure):
    _fields_ = [
        ("x", _pointer), ("factor", _pointer), ("out", _pointer), ("count", _long),
        ("inverse", ctypes.c_float), ("zero", ctypes.c_int), ("threads", ctypes.c_int),
        ("level", ctypes.c_int),
    ]  # fmt: skip


class _Norm(ctypes.Structure):
    _fields_ = [
        *((name, _long) for name in ("batch", "pixels", "channels", "groups")),
        *((name, _pointer) for name in ("x", "weight", "bias", "out")),
        ("eps", ctypes.c_float), ("inverse", ctypes.c_float), ("zero", ctypes.c_int), ("silu", ctypes.c_int),
        ("threads", ctypes.c_int), ("scratch", _pointer), ("level", ctypes.c_int),
    ]  # fmt: skip


@functools.cache
def available(dtype: torch.dtype = torch.bfloat16) -> bool:
    """Returns whether the kernels of a format were built, the processor is one they are for, and torch's threads can be asked to
    run them.
    """
    ask = {torch.bfloat16: compiled.level, torch.float32: compiled.float_level}.get(dtype)
    return ask is not None and ask() != compiled.NOTHING and parallel() is not None


def attends(dtype: torch.dtype = torch.bfloat16) -> bool:
    """Returns whether attention is among them: in bfloat16 it takes matrix units.

    By dot products it took three times as long as torch's.
    """
    return available(dtype) and (dtype == torch.float32 or compiled.level() == compiled.MATRIX)


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Queries (B, T, heads * size), keys and values (B, S, heads * size) -> (B, T, heads * size), as `sdpa` to rounding.

    Few queries, other number formats and heads that the kernel is not made for go to `sdpa`.
    """
    B, T, C = q.shape
    size = C // heads
    fits = all(x.dtype == q.dtype and x.stride(-1) == 1 and x.stride(1) % 2 == 0 for x in (q, k, v))
    if not attends(q.dtype) or T < FEWEST or size > WIDEST or size % 2 or not fits:
        return sdpa(q, k, v, heads)
    return run_attention(q, k, v, heads)


def run_attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Computes `attention` by the kernel in any case."""
    level, library, size, S = _float_level(q), _library(), q.shape[2] // heads, k.shape[1]
    if level:
        each = library.float_attention_scratch(S, size, level)
        return call_attention(library.float_attention, each, q, k, v, heads, level)
    return call_attention(library.attention, library.attention_scratch(S, size), q, k, v, heads)


def call_attention(
    function: Any, each: int, q: Tensor, k: Tensor, v: Tensor, heads: int, level: int = 0
) -> Tensor:  # fmt: skip
    """Returns what a compiled attention, which needs `each` bytes of scratch memory a thread, makes of the operands."""
    B, T, C = q.shape
    threads, out = torch.get_num_threads(), q.new_empty(B, T, C)
    scratch = q.new_empty(threads * each + _ALIGNED, dtype=torch.uint8)
    start = -(-scratch.data_ptr() // _ALIGNED) * _ALIGNED
    strides = [stride for x in (q, k, v) for stride in (x.stride(0), x.stride(1))]
    places, size = [x.data_ptr() for x in (q, k, v, out)], C // heads
    arguments = _Attention(B, heads, T, k.shape[1], size, *places, *strides, size**-0.5, start, threads, level)
    function(ctypes.byref(arguments), parallel())
    return out


def round_uint8(x: Tensor, scale: float, zero: int, factor: Tensor | None = None) -> Tensor:
    """Returns uint8 of a tensor in bfloat16 or float32, in its memory layout: round(x / scale) + zero, cut to 0 … 255; of
    x * factor if given.
    """
    out = torch.empty_like(x, dtype=torch.uint8)  # which keeps the layout of any tensor without holes
    x = _in_order_of(out, x)
    factor = None if factor is None else _in_order_of(out, factor)
    places = x.data_ptr(), None if factor is None else factor.data_ptr(), out.data_ptr()
    level = _float_level(x)
    arguments = _Rounding(*places, x.numel(), 1 / scale, zero, torch.get_num_threads(), level)
    (_library().float_round_uint8 if level else _library().round_uint8)(ctypes.byref(arguments), parallel())
    return out


def takes_norm(x: Tensor) -> bool:
    """Returns whether `group_norm` is made for a map (B, C, H, W)."""
    fits = x.shape[1] % 16 == 0 and x.numel() > 0 and x.is_contiguous(memory_format=torch.channels_last)
    return fits and available(x.dtype)


def group_norm(x: Tensor, norm: nn.GroupNorm, silu: bool = False, rounding: tuple[float, int] | None = None) -> Tensor:
    """Returns `norm(x)` of a channels-last map (B, C, H, W) in bfloat16 or float32, its SiLU, and that in uint8 by a scale and
    zero point, if wanted.

    Statistics are those of the whole map, in double precision over sums of 64 pixels.
    """
    B, C, H, W = x.shape
    out = torch.empty_like(x, dtype=torch.uint8 if rounding else x.dtype)
    scratch = x.new_empty(_library().group_norm_scratch(B, H * W, C), dtype=torch.uint8)
    weight, bias = norm.weight.float(), norm.bias.float()
    places = x.data_ptr(), weight.data_ptr(), bias.data_ptr(), out.data_ptr()
    scale, zero = rounding or (math.inf, 0)
    shape = B, H * W, C, norm.num_groups
    how = norm.eps, 1 / scale, zero, silu, torch.get_num_threads()
    arguments = _Norm(*shape, *places, *how, scratch.data_ptr(), _float_level(x))
    _library().group_norm(ctypes.byref(arguments), parallel())
    return out


def _in_order_of(out: Tensor, x: Tensor) -> Tensor:
    return x if x.stride() == out.stride() else torch.empty_like(out, dtype=x.dtype).copy_(x)


def _float_level(x: Tensor) -> int:
    """Returns which vectors a kernel in float32 uses; 0 stands for those in bfloat16."""
    return compiled.float_level() if x.dtype == torch.float32 else compiled.NOTHING


@functools.cache
def _library() -> Any:
    library = compiled.library()
    assert library is not None
    sizes = {"attention_scratch": 2, "float_attention_scratch": 3, "group_norm_scratch": 3}
    for name in (*sizes, "attention", "float_attention", "round_uint8", "float_round_uint8", "group_norm"):
        if hasattr(library, name):  # those of bfloat16 are there on x86 alone
            function = getattr(library, name)
            function.restype = _long if name in sizes else None
            function.argtypes = [_long] * sizes[name] if name in sizes else [_pointer, _pointer]
    return library


@functools.cache
def parallel() -> Any:
    """Returns where torch's OpenMP begins a parallel region (GOMP_parallel); None where it ships another one."""
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*")):
        return ctypes.cast(ctypes.CDLL(str(path)).GOMP_parallel, _pointer)
    return None
