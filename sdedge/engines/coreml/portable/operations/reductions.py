"""Reductions along axes: sums, means, norms, the places of the largest; running sums."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from sdedge.engines.coreml.portable.operations.table import ARITHMETIC, Compute, arithmetic, ints


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


@arithmetic
def reduce_argmax(x: Tensor, axis: int = -1, keep_dims: bool = True, output_dtype: str = "int32") -> Tensor:
    return x.argmax(axis, keepdim=keep_dims)


@arithmetic
def reduce_argmin(x: Tensor, axis: int = -1, keep_dims: bool = True, output_dtype: str = "int32") -> Tensor:
    return x.argmin(axis, keepdim=keep_dims)


@arithmetic
def cumsum(x: Tensor, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    x = x.flip(axis) if reverse else x
    y = x.cumsum(axis) - x if exclusive else x.cumsum(axis)
    return y.flip(axis) if reverse else y
