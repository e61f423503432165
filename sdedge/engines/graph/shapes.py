"""The shape of every value of a program before it runs, and with them its memory and work.

A few lines of a file can ask for more than any machine has. Torch's own way to know shapes, its meta device, loads
80 MB of its compiler and takes seconds; these rules, one per operator, take milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from sdedge.engines.graph.operators import ARITHMETIC, OPERATORS

Dims = tuple[int, ...]
INTEGERS = (torch.int32, torch.int64)


class Shape(NamedTuple):
    """Of a tensor: its dimensions, all of them 1 or more, and its number format."""

    dims: Dims
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        return math.prod(self.dims) * self.dtype.itemsize


class Misfit(ValueError):
    """An operator that cannot take what it is given; says which it was."""


@dataclass(frozen=True)
class Measured:
    """What a program gives, the bytes of its values at their peak, and its multiplications plus numbers made."""

    outputs: tuple[Shape, ...]
    peak: int
    work: int


def shape_of(tensor: Tensor) -> Shape:
    return Shape(tuple(tensor.shape), tensor.dtype)


def measure(
    graph: fx.Graph,
    weights: Mapping[str, Shape],
    inputs: Sequence[Shape],
    bytes: float = math.inf,
    work: float = math.inf,
) -> Measured:
    """Runs the shapes. Weights do not count; a copy that an operator may avoid does.

    Raises Misfit for a node whose arguments do not fit each other, a weight that is not there, and where the values at
    one time take more than `bytes` or all operators together more than `work`.
    """
    run = _Run(graph, weights, inputs, bytes, work)
    for node in graph.nodes:
        run.take(node)
    return Measured(run.outputs, run.peak, run.work)


class _Run:
    def __init__(self, graph: Any, weights: Any, inputs: Sequence[Shape], bytes: float, work: float) -> None:
        self.weights, self.inputs, self.limits = weights, list(inputs), (bytes, work)
        self.values: dict[fx.Node, Any] = {}
        self.outputs: tuple[Shape, ...] = ()
        self.live = self.peak = self.work = 0
        self._left = {node: len(node.users) for node in graph.nodes}
        self._owner: dict[fx.Node, fx.Node] = {}
        self._holders: dict[fx.Node, int] = {}

    def take(self, node: fx.Node) -> None:
        if node.op == "output":
            self.outputs = tuple(self.values[output] for output in node.args[0])  # type: ignore[union-attr, index]
            if self.inputs:
                raise Misfit(f"{len(self.inputs)} inputs are not read")
            return
        try:
            value = self._value(node)
        except (ValueError, IndexError, ZeroDivisionError) as error:
            raise Misfit(f"{node.name:.80}: {error}") from None
        self.values[node] = value
        self._hold(node, value)
        for source in node.all_input_nodes:
            self._left[source] -= 1
            if not self._left[source]:
                self._drop(source)
        if not self._left[node]:
            self._drop(node)

    def _value(self, node: Any) -> Any:
        if node.op == "placeholder":
            if not self.inputs:
                raise Misfit("there is no such input")
            return self.inputs.pop(0)
        if node.op == "get_attr":
            if node.target not in self.weights:
                raise Misfit(f"there is no weight {node.target!r:.80}")
            return self.weights[node.target]
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), self.values.__getitem__)
        if node.target in _ARITHMETIC:
            return _ARITHMETIC[node.target](*args)
        rule, names, defaults = _BOUND[node.target]
        value, work = rule(**{**defaults, **dict(zip(names, args)), **kwargs})
        made = value if isinstance(value, tuple) and not isinstance(value, Shape) else (value,)
        if any(min(result.dims, default=1) < 1 for result in made if isinstance(result, Shape)):
            raise Misfit("it would be empty")
        self.work += work + sum(math.prod(result.dims) for result in made if isinstance(result, Shape))
        if self.work > self.limits[1]:
            raise Misfit("the work up to here is more than any network of this size needs")
        return value

    def _hold(self, node: Any, value: Any) -> None:
        views = node.op == "call_function" and node.target in VIEWS
        owner = self._owner[node.args[0]] if views else node
        self._owner[node] = owner
        self._holders[owner] = self._holders.get(owner, 0) + 1
        if owner is node:
            self.live += _bytes(node, value)
            self.peak = max(self.peak, self.live)
            if self.live > self.limits[0]:
                raise Misfit(f"{node.name:.80}: {self.live} bytes at once are more than any network of this size needs")

    def _drop(self, node: fx.Node) -> None:
        owner = self._owner[node]
        self._holders[owner] -= 1
        if not self._holders[owner] and owner.op != "placeholder":
            self.live -= _bytes(owner, self.values[owner])


def _bytes(node: fx.Node, value: Any) -> int:
    return value.bytes if isinstance(value, Shape) and node.op != "get_attr" else 0


# ---- The rules: (arguments by the names of the schema) -> value, multiplications ----------------------------------


def _need(truth: bool, why: str) -> None:
    if not truth:
        raise Misfit(why)


def _axis(dim: int, count: int) -> int:
    _need(-count <= dim < count, f"there is no dimension {dim}")
    return dim % count


def _same(self: Shape, **others: Any) -> Any:
    return self, 0


def _cast(self: Shape, dtype: torch.dtype, **others: Any) -> Any:
    return Shape(self.dims, dtype), 0


def _softmax(self: Shape, dim: int, dtype: torch.dtype | None) -> Any:
    _axis(dim, len(self.dims))
    return Shape(self.dims, dtype or self.dtype), 0


def _broadcast(*shapes: Dims) -> Dims:
    count = max(map(len, shapes))
    columns = zip(*((1,) * (count - len(dims)) + dims for dims in shapes), strict=True)
    joint = []
    for column in columns:
        sizes = set(column) - {1}
        _need(len(sizes) < 2, f"shapes {list(map(list, shapes))} do not go together")
        joint.append(sizes.pop() if sizes else 1)
    return tuple(joint)


def _elementwise(self: Shape, other: Any, **others: Any) -> Any:
    if not isinstance(other, Shape):
        return self, 0
    return Shape(_broadcast(self.dims, other.dims), torch.promote_types(self.dtype, other.dtype)), 0


def _where(condition: Shape, self: Shape, other: Any) -> Any:
    _need(condition.dtype == torch.bool, "its condition is not true or false")
    made, work = _elementwise(self, other)
    return Shape(_broadcast(condition.dims, made.dims), made.dtype), work


def _masked_fill(self: Shape, mask: Shape, value: Any) -> Any:
    _need(mask.dtype == torch.bool and _broadcast(self.dims, mask.dims) == self.dims, "its mask does not fit")
    return self, 0


def _matmul(self: Shape, other: Shape) -> Any:
    (*a, M, K), (*b, L, N) = self.dims, other.dims
    _need(K == L and self.dtype == other.dtype, f"matrices {M}x{K} and {L}x{N} have no product")
    batch = _broadcast(tuple(a), tuple(b))
    return Shape((*batch, M, N), self.dtype), math.prod(batch) * M * K * N


def _bmm(self: Shape, mat2: Shape) -> Any:
    _need(len(self.dims) == len(mat2.dims) == 3 and self.dims[0] == mat2.dims[0], "there are no pairs of matrices")
    return _matmul(self, mat2)


def _linear(input: Shape, weight: Shape, bias: Shape | None) -> Any:
    (*rows, K), (N, L) = input.dims, weight.dims
    _need(K == L and input.dtype == weight.dtype, f"a matrix of {N}x{L} does not multiply {K} numbers")
    _need(bias is None or bias == Shape((N,), weight.dtype), f"its bias has not {N} numbers")
    return Shape((*rows, N), input.dtype), math.prod(rows) * K * N


def _conv2d(
    input: Shape, weight: Shape, bias: Shape | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    (B, C, *picture), (out, in_channels, *kernel) = input.dims, weight.dims
    _need(len(picture) == len(kernel) == 2 and groups == 1 and in_channels == C, "its kernel does not fit")
    _need(
        input.dtype == weight.dtype and (bias is None or bias == Shape((out,), weight.dtype)), "its bias does not fit"
    )
    pairs = [tuple(pair) * (2 // max(1, len(pair))) for pair in (stride, padding, dilation)]
    _need(all(len(pair) == 2 for pair in pairs), "its strides are no pairs")
    (sh, sw), (ph, pw), (dh, dw) = pairs
    _need(
        min(sh, sw, dh, dw) >= 1 and min(ph, pw) >= 0 and max(ph, pw) <= max(kernel), "its strides or edges are strange"
    )
    sizes = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(picture, kernel, (sh, sw), (ph, pw), (dh, dw), strict=True)
    ]
    _need(min(sizes) >= 1, "its kernel is larger than the picture")
    return Shape((B, out, *sizes), input.dtype), B * out * math.prod(sizes) * C * math.prod(kernel)


def _embedding(weight: Shape, indices: Shape, **others: Any) -> Any:
    _need(len(weight.dims) == 2 and indices.dtype in INTEGERS, "it is no table and its rows")
    return Shape((*indices.dims, weight.dims[1]), weight.dtype), 0


def _group_norm(input: Shape, num_groups: int, weight: Shape | None, bias: Shape | None, **others: Any) -> Any:
    _need(len(input.dims) >= 2, "it has no channels")
    C = input.dims[1]
    _need(num_groups >= 1 and C % num_groups == 0, f"{C} channels are not {num_groups} groups")
    _need(all(scale is None or scale.dims == (C,) for scale in (weight, bias)), f"its scales are not {C}")
    return input, 0


def _layer_norm(input: Shape, normalized_shape: Dims, weight: Shape | None, bias: Shape | None, **others: Any) -> Any:
    wanted = tuple(normalized_shape)
    _need(bool(wanted) and input.dims[-len(wanted) :] == wanted, f"it does not end in {list(wanted)}")
    _need(all(scale is None or scale.dims == wanted for scale in (weight, bias)), "its scales do not fit")
    return input, 0


def _view(self: Shape, size: Any = None, shape: Any = None) -> Any:
    wanted, count = list(size if shape is None else shape), math.prod(self.dims)
    _need(wanted.count(-1) <= 1 and all(n == -1 or n >= 1 for n in wanted), f"{wanted[:8]} is no shape")
    if -1 in wanted:
        wanted[wanted.index(-1)] = count // math.prod(n for n in wanted if n != -1)
    _need(math.prod(wanted) == count, f"{count} numbers do not have the shape {wanted[:8]}")
    return Shape(tuple(wanted), self.dtype), 0


def _flatten(self: Shape, start_dim: int, end_dim: int) -> Any:
    first, last = _axis(start_dim, len(self.dims)), _axis(end_dim, len(self.dims))
    _need(first <= last, "its dimensions are out of order")
    merged = math.prod(self.dims[first : last + 1])
    return Shape((*self.dims[:first], merged, *self.dims[last + 1 :]), self.dtype), 0


def _unflatten(self: Shape, dim: int, sizes: Any) -> Any:
    at = _axis(dim, len(self.dims))
    (inner, _) = _view(Shape(self.dims[at : at + 1], self.dtype), sizes)
    return Shape((*self.dims[:at], *inner.dims, *self.dims[at + 1 :]), self.dtype), 0


def _unsqueeze(self: Shape, dim: int) -> Any:
    at = _axis(dim, len(self.dims) + 1)
    return Shape((*self.dims[:at], 1, *self.dims[at:]), self.dtype), 0


def _permute(self: Shape, dims: Any) -> Any:
    order = [_axis(dim, len(self.dims)) for dim in dims]
    _need(sorted(order) == list(range(len(self.dims))), f"{list(dims)[:8]} is no order of its dimensions")
    return Shape(tuple(self.dims[at] for at in order), self.dtype), 0


def _transpose(self: Shape, dim0: int, dim1: int) -> Any:
    first, second = _axis(dim0, len(self.dims)), _axis(dim1, len(self.dims))
    order = list(range(len(self.dims)))
    order[first], order[second] = second, first
    return _permute(self, order)


def _split_with_sizes(self: Shape, split_sizes: Any, dim: int) -> Any:
    at, sizes = _axis(dim, len(self.dims)), list(split_sizes)
    _need(sum(sizes) == self.dims[at] and min(sizes, default=0) >= 1, f"{sizes[:8]} are no parts of {self.dims[at]}")
    return tuple(Shape((*self.dims[:at], n, *self.dims[at + 1 :]), self.dtype) for n in sizes), 0


def _split(self: Shape, split_size: int, dim: int) -> Any:
    length = self.dims[_axis(dim, len(self.dims))]
    _need(split_size >= 1 and length // split_size < 2**16, f"it cannot be cut by {split_size}")
    full, rest = divmod(length, split_size)
    return _split_with_sizes(self, [split_size] * full + [rest] * (rest > 0), dim)


def _chunk(self: Shape, chunks: int, dim: int) -> Any:
    _need(chunks >= 1, f"{chunks} chunks are none")
    return _split(self, -(-self.dims[_axis(dim, len(self.dims))] // chunks), dim)


def _cat(tensors: Any, dim: int) -> Any:
    _need(len(tensors) >= 1, "it joins nothing")
    at, dtype = _axis(dim, len(tensors[0].dims)), tensors[0].dtype
    rests = {(*tensor.dims[:at], 0, *tensor.dims[at + 1 :]) for tensor in tensors}
    _need(len(rests) == 1 and all(tensor.dtype == dtype for tensor in tensors), "what it joins does not fit together")
    joined = sum(tensor.dims[at] for tensor in tensors)
    return Shape((*tensors[0].dims[:at], joined, *tensors[0].dims[at + 1 :]), dtype), 0


def _pad(self: Shape, pad: Any, mode: str, value: Any) -> Any:
    _need(
        len(pad) % 2 == 0 and len(pad) <= 2 * len(self.dims) and min(pad, default=0) >= 0, f"{list(pad)[:8]} is no edge"
    )
    sizes = list(self.dims)
    for i in range(len(pad) // 2):
        sizes[-1 - i] += pad[2 * i] + pad[2 * i + 1]
    return Shape(tuple(sizes), self.dtype), 0


def _upsample(input: Shape, output_size: Any, scale_factors: Any) -> Any:
    _need(scale_factors is None and output_size is not None and len(output_size) == 2, "it names no size")
    _need(len(input.dims) == 4 and min(output_size) >= 1, "it is no picture")
    return Shape((*input.dims[:2], *output_size), input.dtype), 0


def _size(self: Shape, dim: int) -> Any:
    return self.dims[_axis(dim, len(self.dims))], 0


def _entry(parts: tuple[Shape, ...], at: int) -> Shape:
    _need(at < len(parts), f"there is no part {at}")
    return parts[at]


def _product(a: int, b: int) -> int:
    _need(abs(a * b) < 2**62, "the product is beyond any size")
    return a * b


RULES: Mapping[str, Callable[..., Any]] = {
    "add.Tensor": _elementwise, "mul.Tensor": _elementwise, "where.self": _where, "masked_fill.Scalar": _masked_fill,
    "clamp.default": _same, "clone.default": _same, "cos.default": _same, "gelu.default": _same, "sigmoid.default": _same,
    "silu.default": _same, "sin.default": _same, "to.dtype": _cast, "softmax.int": _softmax,
    "matmul.default": _matmul, "bmm.default": _bmm, "linear.default": _linear, "conv2d.default": _conv2d,
    "embedding.default": _embedding, "group_norm.default": _group_norm, "layer_norm.default": _layer_norm,
    "view.default": _view, "reshape.default": _view, "flatten.using_ints": _flatten, "unflatten.int": _unflatten,
    "unsqueeze.default": _unsqueeze, "permute.default": _permute, "transpose.int": _transpose,
    "split.Tensor": _split, "split_with_sizes.default": _split_with_sizes, "chunk.default": _chunk, "cat.default": _cat,
    "pad.default": _pad, "upsample_nearest2d.vec": _upsample, "sym_size.int": _size,
}  # fmt: skip


def _bound(name: str) -> tuple[Callable[..., Any], list[str], dict[str, Any]]:
    arguments = OPERATORS[f"aten.{name}"]._schema.arguments
    return (
        RULES[name],
        [argument.name for argument in arguments],
        {argument.name: argument.default_value for argument in arguments},
    )


_BOUND = {OPERATORS[f"aten.{name}"]: _bound(name) for name in RULES}
_ARITHMETIC: Mapping[Any, Callable[..., Any]] = {ARITHMETIC["int.getitem"]: _entry, ARITHMETIC["int.mul"]: _product}
VIEWS = frozenset(
    [ARITHMETIC["int.getitem"]]
    + [OPERATORS[f"aten.{name}"] for name in (
        "view.default", "transpose.int", "permute.default", "unsqueeze.default", "unflatten.int", "split.Tensor",
        "split_with_sizes.default", "chunk.default")]
)  # fmt: skip
"""Operators whose results are always another look at their argument."""
