"""What each operation of an ML Program computes, with torch.

Arguments go by their names in the MIL specification and defaults are the specification's. Constant scalars come as
Python numbers and strings, everything else as tensors. Arithmetic is float32: the runner widens halves before and rounds the
result after. So a fused operation (layer_norm, softmax, gelu, scaled_dot_product_attention, batch_norm, a reduction, and
the sums inside conv, linear, matmul and einsum) is rounded once, at its end, while everything written out as operations of
its own is rounded at each. Moving data (reshape, transpose, concat …) rounds nothing.

Source of the semantics: the operation definitions of coremltools 9.0 (coremltools/converters/mil/mil/ops/defs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Compute = Callable[..., Any]
ARITHMETIC: dict[str, Compute] = {}
"""Operations whose floating-point inputs are widened to float32."""
MOVEMENT: dict[str, Compute] = {}
"""Operations that only move, compare or make values; they take any type as it is."""
GROWTH, LEAST_BOUND = 64, 1 << 24
"""A result may have so many times the elements of what it is made from, and so many more."""


def _arithmetic(function: Compute) -> Compute:
    ARITHMETIC[function.__name__.strip("_")] = function
    return function


def _movement(function: Compute) -> Compute:
    MOVEMENT[function.__name__.strip("_")] = function
    return function


def ints(values: Tensor | int | Sequence[int] | None) -> list[int]:
    """A constant vector of integers; none are an empty one."""
    if values is None:
        return []
    if isinstance(values, Tensor):
        return values.reshape(-1).tolist()
    return [values] if isinstance(values, int) else list(values)


def _tensor(x: Tensor | float) -> Tensor:
    return x if isinstance(x, Tensor) else torch.tensor(x)


# ---- Elementwise ------------------------------------------------------------------------------------------------


def _gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs, "cos": torch.cos, "sin": torch.sin, "tan": torch.tan, "exp": torch.exp, "exp2": torch.exp2,
    "erf": torch.erf, "sqrt": torch.sqrt, "square": torch.square, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "silu": F.silu, "relu": F.relu, "softsign": F.softsign, "ceil": torch.ceil, "floor": torch.floor,
    "round": torch.round, "sign": torch.sign,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "pow": torch.pow, "maximum": torch.maximum,
    "minimum": torch.minimum, "mod": torch.remainder, "floor_div": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "greater": torch.gt, "greater_equal": torch.ge, "less": torch.lt, "less_equal": torch.le, "equal": torch.eq,
    "not_equal": torch.ne, "logical_and": torch.logical_and, "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
}  # fmt: skip


def _binary(compute: Callable[[Any, Any], Any]) -> Compute:
    return lambda x, y: compute(_tensor(x), _tensor(y))


ARITHMETIC |= {name: lambda x, compute=compute: compute(x) for name, compute in UNARY.items()}
ARITHMETIC |= {name: _binary(compute) for name, compute in BINARY.items()}
ARITHMETIC["gelu"] = _gelu


@_arithmetic
def real_div(x: Tensor | float, y: Tensor | float) -> Tensor:
    return _tensor(x) / _tensor(y)


@_arithmetic
def rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    return torch.rsqrt(x + epsilon)


@_arithmetic
def inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    return 1 / (x + epsilon)


@_arithmetic
def log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    return torch.log(x + epsilon)


@_arithmetic
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return x.clamp(alpha, beta)


@_arithmetic
def logical_not(x: Tensor) -> Tensor:
    return torch.logical_not(x)


@_movement
def select(cond: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    return torch.where(_tensor(cond).bool(), _tensor(a), _tensor(b))


@_movement
def cast(x: Tensor | float, dtype: str) -> Tensor:
    # The runner brings every result to its declared type; a cast to an integer drops the fraction as torch does.
    return _tensor(x)


# ---- Layers -----------------------------------------------------------------------------------------------------


def _same_padding(size: int, kernel: int, stride: int, dilation: int, lower: bool) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def _check_growth(elements: float, *inputs: Tensor) -> None:
    """Raises ValueError for a result that no network makes of such inputs, before it takes the memory."""
    if elements > GROWTH * sum(x.numel() for x in inputs) + LEAST_BOUND:
        raise ValueError(f"a result of {elements:g} elements")


def _check_padding(x: Tensor, pairs: Sequence[tuple[int, int]]) -> None:
    """`pairs` of the last axes."""
    lead = x.dim() - len(pairs)
    _check_growth(
        math.prod(x.shape[:lead]) * math.prod(max(0, n + sum(pair)) for n, pair in zip(x.shape[lead:], pairs)), x
    )


@_arithmetic
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    strides: Tensor | None = None,
    pad_type: str = "valid",
    pad: Tensor | None = None,
    dilations: Tensor | None = None,
    groups: int = 1,
) -> Tensor:
    """x (B, C, *spatial), weight (out, C / groups, *kernel); `pad` holds before and after for each spatial axis."""
    rank = x.dim() - 2
    stride, dilation = ints(strides) or [1] * rank, ints(dilations) or [1] * rank
    if pad_type == "custom":
        pairs = list(zip(ints(pad)[::2], ints(pad)[1::2], strict=True))
    elif pad_type in ("same", "same_lower"):
        lower = pad_type == "same_lower"
        pairs = [_same_padding(*args, lower) for args in zip(x.shape[2:], weight.shape[2:], stride, dilation)]
    else:
        pairs = [(0, 0)] * rank
    _check_padding(x, pairs)
    even = all(before == after for before, after in pairs)
    if not even:
        x = F.pad(x, [n for pair in reversed(pairs) for n in pair])
    padding = [before for before, _ in pairs] if even else [0] * rank
    run = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[rank]
    return run(x, weight, bias, stride, padding, dilation, groups)


@_arithmetic
def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias)


@_arithmetic
def matmul(x: Tensor, y: Tensor, transpose_x: bool = False, transpose_y: bool = False) -> Tensor:
    return (x.mT if transpose_x else x) @ (y.mT if transpose_y else y)


@_arithmetic
def einsum(values: list[Tensor], equation: str) -> Tensor:
    return torch.einsum(equation, *values)


@_arithmetic
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask)


@_arithmetic
def softmax(x: Tensor, axis: int = -1) -> Tensor:
    return x.softmax(axis)


@_arithmetic
def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    return F.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)


@_arithmetic
def instance_norm(x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, epsilon: float = 1e-5) -> Tensor:
    return F.instance_norm(x, weight=gamma, bias=beta, eps=epsilon)


@_arithmetic
def layer_norm(
    x: Tensor,
    axes: Tensor | None = None,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
    epsilon: float = 1e-5,
) -> Tensor:
    dims = sorted(axis % x.dim() for axis in ints(axes)) or list(range(x.dim()))
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    y = (x - mean) * torch.rsqrt(variance + epsilon)
    shape = [n if i in dims else 1 for i, n in enumerate(x.shape)]
    y = y if gamma is None else y * gamma.reshape(shape)
    return y if beta is None else y + beta.reshape(shape)


@_arithmetic
def l2_norm(x: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Over the last three axes."""
    return x * torch.rsqrt(x.square().sum((-3, -2, -1), keepdim=True) + epsilon)


@_arithmetic
def upsample_nearest_neighbor(x: Tensor, scale_factor_height: float = 1, scale_factor_width: float = 1) -> Tensor:
    H, W = x.shape[-2:]
    _check_growth(x.numel() * scale_factor_height * scale_factor_width, x)
    return F.interpolate(x, size=(int(H * scale_factor_height), int(W * scale_factor_width)), mode="nearest")


@_arithmetic
def resize_nearest_neighbor(x: Tensor, target_size_height: int, target_size_width: int) -> Tensor:
    _check_growth(math.prod(x.shape[:-2]) * target_size_height * target_size_width, x)
    return F.interpolate(x, size=(target_size_height, target_size_width), mode="nearest")


# ---- Reductions -------------------------------------------------------------------------------------------------


def _reduction(compute: Callable[[Tensor, list[int]], Tensor]) -> Compute:
    def reduce(x: Tensor, axes: Tensor | None = None, keep_dims: bool = False) -> Tensor:
        dims = sorted(axis % x.dim() for axis in ints(axes)) or list(range(x.dim()))
        y = compute(x, dims)  # reduced axes are kept, as ones
        return y if keep_dims else y.squeeze(dims)

    return reduce


def _product(x: Tensor, dims: list[int]) -> Tensor:
    for dim in dims:
        x = x.prod(dim, keepdim=True)
    return x


ARITHMETIC |= {
    "reduce_mean": _reduction(lambda x, dims: x.mean(dims, keepdim=True)),
    "reduce_sum": _reduction(lambda x, dims: x.sum(dims, keepdim=True)),
    "reduce_max": _reduction(lambda x, dims: x.amax(dims, keepdim=True)),
    "reduce_min": _reduction(lambda x, dims: x.amin(dims, keepdim=True)),
    "reduce_prod": _reduction(_product),
    "reduce_sum_square": _reduction(lambda x, dims: x.square().sum(dims, keepdim=True)),
    "reduce_l1_norm": _reduction(lambda x, dims: x.abs().sum(dims, keepdim=True)),
    "reduce_l2_norm": _reduction(lambda x, dims: x.square().sum(dims, keepdim=True).sqrt()),
    "reduce_log_sum_exp": _reduction(lambda x, dims: x.logsumexp(dims, keepdim=True)),
}


@_arithmetic
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = True, output_dtype: str = "int32") -> Tensor:
    return x.argmax(axis, keepdim=keep_dims)


@_arithmetic
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = True, output_dtype: str = "int32") -> Tensor:
    return x.argmin(axis, keepdim=keep_dims)


@_arithmetic
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    x = x.flip(axis) if reverse else x
    y = x.cumsum(axis) - x if exclusive else x.cumsum(axis)
    return y.flip(axis) if reverse else y


# ---- Moving data ------------------------------------------------------------------------------------------------


@_movement
def identity(x: Tensor) -> Tensor:
    return x


@_movement
def reshape(x: Tensor, shape: Tensor) -> Tensor:
    """A 0 keeps the dimension at its place, -1 takes what is left."""
    return _tensor(x).reshape([x.shape[i] if n == 0 else n for i, n in enumerate(ints(shape))])


@_movement
def transpose(x: Tensor, perm: Tensor) -> Tensor:
    return x.permute(ints(perm))


@_movement
def expand_dims(x: Tensor, axes: Tensor) -> Tensor:
    x = _tensor(x)
    rank = x.dim() + len(ints(axes))
    for axis in sorted(axis % rank for axis in ints(axes)):
        x = x.unsqueeze(axis)
    return x


@_movement
def squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(ints(axes))


@_movement
def concat(values: list[Tensor], axis: int, interleave: bool = False) -> Tensor:
    if not interleave:
        return torch.cat([v.reshape(1) if v.dim() == 0 else v for v in map(_tensor, values)], axis)
    axis %= values[0].dim()
    return torch.stack(values, axis + 1).flatten(axis, axis + 1)


@_movement
def stack(values: list[Tensor], axis: int) -> Tensor:
    return torch.stack([_tensor(value) for value in values], axis)


@_movement
def split(x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    return x.split(ints(split_sizes) if split_sizes is not None else x.shape[axis] // (num_splits or 1), axis)


@_movement
def slice_by_index(
    x: Tensor,
    begin: Tensor,
    end: Tensor,
    stride: Tensor | None = None,
    begin_mask: Tensor | None = None,
    end_mask: Tensor | None = None,
    squeeze_mask: Tensor | None = None,
) -> Tensor:
    """x[begin:end:stride]; a masked begin or end is left open, a squeezed axis takes the one element at begin."""
    rank = x.dim()
    no = [0] * rank
    steps, masks = ints(stride) or [1] * rank, [ints(m) or no for m in (begin_mask, end_mask, squeeze_mask)]
    for axis in reversed(range(rank)):
        size, step = x.shape[axis], steps[axis]
        first, last = ints(begin)[axis], ints(end)[axis]
        if masks[2][axis]:
            x = x.select(axis, first)
            continue
        span = slice(None if masks[0][axis] else first, None if masks[1][axis] else last, step).indices(size)
        forwards = (slice(None),) * axis + (slice(*span),)
        x = x[forwards] if step > 0 else x.index_select(axis, torch.arange(*span))
    return x


@_movement
def slice_by_size(x: Tensor, begin: Tensor, size: Tensor) -> Tensor:
    """A size of -1 takes all that is left of its axis."""
    for axis, (first, length) in enumerate(zip(ints(begin), ints(size))):
        first %= max(x.shape[axis], 1)
        x = x.narrow(axis, first, x.shape[axis] - first if length == -1 else length)
    return x


@_movement
def tile(x: Tensor, reps: Tensor) -> Tensor:
    _check_growth(x.numel() * math.prod(ints(reps)), x)
    return x.repeat(ints(reps))


@_movement
def pad(x: Tensor, pad: Tensor, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """`pad` holds before and after of the last axes, in the order of the axes."""
    pairs = list(zip(ints(pad)[::2], ints(pad)[1::2], strict=True))
    _check_padding(x, pairs)
    while pairs and mode != "constant" and pairs[0] == (0, 0):
        pairs.pop(0)
    edges = [n for pair in reversed(pairs) for n in pair]
    if mode == "constant":
        return F.pad(x, edges, value=constant_val)
    lead = x.shape[: x.dim() - len(pairs)]
    flat = x.reshape(1, -1, *x.shape[x.dim() - len(pairs) :])
    out = F.pad(flat, edges, mode="replicate" if mode == "replicate" else "reflect")
    return out.reshape(*lead, *out.shape[2:])


@_movement
def reverse(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.flip(ints(axes) or list(range(x.dim())))


@_movement
def gather(
    x: Tensor, indices: Tensor | int, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """Rows of x along `axis`, in the shape of `indices` there; negative ones count from the end."""
    index = _tensor(indices).long()
    axis %= x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    if not batch_dims:
        found = x.index_select(axis, index.reshape(-1))
        return found.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    rows = [gather(a, b, axis - 1, batch_dims - 1) for a, b in zip(x, index, strict=True)]
    return torch.stack(rows)


@_movement
def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    index = indices.long()
    return x.gather(axis, torch.where(index < 0, index + x.shape[axis], index))


@_movement
def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """The last axis of `indices` holds places in x's first axes."""
    if batch_dims:
        return torch.stack([gather_nd(a, b, batch_dims - 1) for a, b in zip(x, indices, strict=True)])
    return x[tuple(indices.long().unbind(-1))]


@_movement
def shape(x: Tensor) -> Tensor:
    return torch.tensor(x.shape, dtype=torch.int32)


@_movement
def fill(shape: Tensor, value: float = 0.0) -> Tensor:
    _check_growth(math.prod(ints(shape)))
    return torch.full(ints(shape), value)


@_movement
def range_1d(start: float, end: float, step: float) -> Tensor:
    first, last, stride = (float(_tensor(n)) for n in (start, end, step))
    _check_growth(abs(last - first) / abs(stride))
    return torch.arange(first, last, stride)


@_movement
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Keeps the diagonals from `lower` below to `upper` above the main one; -1 keeps all on that side."""
    x = x if upper < 0 else x.tril(upper)
    return x if lower < 0 else x.triu(-lower)


@_movement
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


@_movement
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    return F.pixel_unshuffle(x, downscale_factor)
