"""Operations that move data or make values: shapes, slices, padding, gathering, filling."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.engines.coreml.portable.operations.growth import check_growth, check_padding
from sdedge.engines.coreml.portable.operations.table import ints, movement, tensor


@movement
def identity(x: Tensor) -> Tensor:
    return x


@movement
def reshape(x: Tensor, shape: Tensor) -> Tensor:
    """A 0 keeps the dimension at its place, -1 takes what is left."""
    return tensor(x).reshape([x.shape[i] if n == 0 else n for i, n in enumerate(ints(shape))])


@movement
def transpose(x: Tensor, perm: Tensor) -> Tensor:
    return x.permute(ints(perm))


@movement
def expand_dims(x: Tensor, axes: Tensor) -> Tensor:
    x = tensor(x)
    rank = x.dim() + len(ints(axes))
    for axis in sorted(axis % rank for axis in ints(axes)):
        x = x.unsqueeze(axis)
    return x


@movement
def squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(ints(axes))


@movement
def concat(values: list[Tensor], axis: int, interleave: bool = False) -> Tensor:
    if not interleave:
        return torch.cat([v.reshape(1) if v.dim() == 0 else v for v in map(tensor, values)], axis)
    axis %= values[0].dim()
    return torch.stack(values, axis + 1).flatten(axis, axis + 1)


@movement
def stack(values: list[Tensor], axis: int) -> Tensor:
    return torch.stack([tensor(value) for value in values], axis)


@movement
def split(x: Tensor, axis: int, num_splits: int | None = None, split_sizes: Tensor | None = None) -> tuple[Tensor, ...]:
    return x.split(ints(split_sizes) if split_sizes is not None else x.shape[axis] // (num_splits or 1), axis)


@movement
def slice_by_index(
    x: Tensor,
    begin: Tensor,
    end: Tensor,
    stride: Tensor | None = None,
    begin_mask: Tensor | None = None,
    end_mask: Tensor | None = None,
    squeeze_mask: Tensor | None = None,
) -> Tensor:
    """Returns x[begin:end:stride]; a masked begin or end is left open, a squeezed axis takes the one element at begin."""
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


@movement
def slice_by_size(x: Tensor, begin: Tensor, size: Tensor) -> Tensor:
    """A size of -1 takes all that is left of its axis."""
    for axis, (first, length) in enumerate(zip(ints(begin), ints(size))):
        first %= max(x.shape[axis], 1)
        x = x.narrow(axis, first, x.shape[axis] - first if length == -1 else length)
    return x


@movement
def tile(x: Tensor, reps: Tensor) -> Tensor:
    check_growth(x.numel() * math.prod(ints(reps)), x)
    return x.repeat(ints(reps))


@movement
def pad(x: Tensor, pad: Tensor, mode: str = "constant", constant_val: float = 0.0) -> Tensor:
    """`pad` holds before and after of the last axes, in the order of the axes."""
    pairs = list(zip(ints(pad)[::2], ints(pad)[1::2], strict=True))
    check_padding(x, pairs)
    while pairs and mode != "constant" and pairs[0] == (0, 0):
        pairs.pop(0)
    edges = [n for pair in reversed(pairs) for n in pair]
    if mode == "constant":
        return F.pad(x, edges, value=constant_val)
    lead = x.shape[: x.dim() - len(pairs)]
    flat = x.reshape(1, -1, *x.shape[x.dim() - len(pairs) :])
    out = F.pad(flat, edges, mode="replicate" if mode == "replicate" else "reflect")
    return out.reshape(*lead, *out.shape[2:])


@movement
def reverse(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.flip(ints(axes) or list(range(x.dim())))


@movement
def gather(
    x: Tensor, indices: Tensor | int, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Tensor:
    """Returns rows of x along `axis`, in the shape of `indices` there; negative ones count from the end."""
    index = tensor(indices).long()
    axis %= x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    if not batch_dims:
        selected = x.index_select(axis, index.reshape(-1))
        return selected.reshape(*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])
    rows = [gather(a, b, axis - 1, batch_dims - 1) for a, b in zip(x, index, strict=True)]
    return torch.stack(rows)


@movement
def gather_along_axis(x: Tensor, indices: Tensor, axis: int = 0, validate_indices: bool = False) -> Tensor:
    index = indices.long()
    return x.gather(axis, torch.where(index < 0, index + x.shape[axis], index))


@movement
def gather_nd(x: Tensor, indices: Tensor, batch_dims: int = 0, validate_indices: bool = False) -> Tensor:
    """The last axis of `indices` holds places in x's first axes."""
    if batch_dims:
        return torch.stack([gather_nd(a, b, batch_dims - 1) for a, b in zip(x, indices, strict=True)])
    return x[tuple(indices.long().unbind(-1))]


@movement
def shape(x: Tensor) -> Tensor:
    return torch.tensor(x.shape, dtype=torch.int32)


@movement
def fill(shape: Tensor, value: float = 0.0) -> Tensor:
    check_growth(math.prod(ints(shape)))
    return torch.full(ints(shape), value)


@movement
def range_1d(start: float, end: float, step: float) -> Tensor:
    first, last, stride = (float(tensor(n)) for n in (start, end, step))
    check_growth(abs(last - first) / abs(stride))
    return torch.arange(first, last, stride)


@movement
def band_part(x: Tensor, lower: int = -1, upper: int = -1) -> Tensor:
    """Keeps the diagonals from `lower` below to `upper` above the main one; -1 keeps all on that side."""
    x = x if upper < 0 else x.tril(upper)
    return x if lower < 0 else x.triu(-lower)


@movement
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    return F.pixel_shuffle(x, upscale_factor)


@movement
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    return F.pixel_unshuffle(x, downscale_factor)
