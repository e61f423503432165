"""Rewrites of a program, each a small function `(program, setting) -> program`.

A pass changes the given program's graph in place and returns a program with that graph and its new weights, so the one
given is used up. Most passes leave every value as it is. `float32_norms` and `split_attention` compute in float32 what
the graph computed in its own type, and `widen` does so for named nodes: their results are rounded otherwise.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from converters.graph_planner import shapes
from sdedge.engines.graph.program import Program
from sdedge.errors import InvalidRequest, Remedy
from sdedge.models.attention import TERMS

aten = torch.ops.aten
Inputs = tuple[Tensor, ...]


@dataclass(frozen=True)
class Setting:
    """What a pass may need to know.

    smallest   inputs on the meta device at one unit of 64 pixels a side: what every size is a multiple of
    largest    the same at the largest size
    budget     bytes of attention scores, and of a norm's float32 copy, at a time
    dtype      of the finished program
    terms      products of one sum
    """

    smallest: Inputs
    largest: Inputs
    budget: int = 2**28
    dtype: torch.dtype = torch.float16
    terms: int = TERMS


Pass = Callable[[Program, Setting], Program]


Node = Any
"""An fx.Node. Its arguments may be anything, which no annotation makes clearer."""


def calls(graph: fx.Graph, *targets: Any) -> Iterator[Node]:
    """Yields the nodes that call one of the operators; the graph may be changed meanwhile."""
    yield from [node for node in graph.nodes if node.op == "call_function" and node.target in targets]


def replace(node: Node, by: Node) -> None:
    """Makes whatever reads a node read another one, and erases it."""
    node.replace_all_uses_with(by)
    node.graph.erase_node(node)


def _without_unused(program: Program) -> Program:
    """Returns the program without nodes and weights that nothing reads."""
    program.graph.eliminate_dead_code()
    names = {str(node.target) for node in program.graph.nodes if node.op == "get_attr"}
    return Program(program.graph, {name: weight for name, weight in program.weights.items() if name in names})


def drop_checks(program: Program, setting: Setting) -> Program:
    """Drops torch.export's assertions, which the engine's own check of sizes makes needless."""
    for node in calls(program.graph, aten._assert_tensor_metadata.default):
        program.graph.erase_node(node)
    return _without_unused(program)


def fold_constants(program: Program, setting: Setting) -> Program:
    """Computes now what depends on no input and no weight, such as the timestep's frequencies and the causal mask.

    The results become weights.
    """
    weights, known = dict(program.weights), dict[Node, Any]()
    for node in list(program.graph.nodes):
        fixed = all(argument in known for argument in node.all_input_nodes)
        if node.op != "call_function" or not fixed:
            continue
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), known.__getitem__)
        known[node] = node.target(*args, **{**kwargs, **({"device": "cpu"} if "device" in kwargs else {})})
    for node, value in known.items():
        if all(user in known for user in node.users):
            continue
        name = f"constants.{node.name}"
        weights[name] = value.contiguous()
        with program.graph.inserting_before(node):
            replace(node, program.graph.create_node("get_attr", name))
    return _without_unused(Program(program.graph, weights))


def fuse_projections(program: Program, setting: Setting) -> Program:
    """Makes a layer's query, key and value (or key and value) one matrix product where they read the same tensor."""
    weights = dict(program.weights)
    families: dict[tuple[Any, str, int], list[Node]] = {}
    for node in calls(program.graph, aten.linear.default):
        owner = "".join(f"{part}." for part in str(node.args[1].target).split(".")[:-2])
        families.setdefault((node.args[0], owner, len(node.args)), []).append(node)
    for (source, owner, count), family in families.items():
        if len(family) < 2:
            continue
        with program.graph.inserting_before(family[0]):
            joined = []
            for part, kind in ((1, "weight"), (2, "bias"))[: count - 1]:
                name = f"{owner}joined.{kind}"
                weights[name] = torch.cat([weights[str(node.args[part].target)] for node in family])
                joined.append(program.graph.create_node("get_attr", name))
            product = program.graph.call_function(aten.linear.default, (source, *joined))
            sizes = [weights[str(node.args[1].target)].shape[0] for node in family]
            parts = program.graph.call_function(aten.split_with_sizes.default, (product, sizes, -1))
            picked = [program.graph.call_function(operator.getitem, (parts, i)) for i in range(len(family))]
        for node, projection in zip(family, picked, strict=True):
            replace(node, projection)
    return _without_unused(Program(program.graph, weights))


def float32_norms(program: Program, setting: Setting) -> Program:
    """Computes norms in float32, a group norm together with the SiLU after it and a share of its groups at a time.

    Statistics of half-precision numbers overflow or lose their last digits; the shares keep the float32 copy of
    the largest size within the budget. Scales and shifts, which are few, are kept in float32.
    """
    weights, sizes = dict(program.weights), shapes(program, setting.largest)
    for node in calls(program.graph, aten.group_norm.default, aten.layer_norm.default):
        for argument in node.args[2:4]:
            weights[str(argument.target)] = weights[str(argument.target)].float()
        with program.graph.inserting_before(node):
            if node.target is aten.layer_norm.default:
                wide = _cast(program.graph, node.args[0], torch.float32)
                normed = program.graph.call_function(node.target, (wide, *node.args[1:]))
                replace(node, _cast(program.graph, normed, setting.dtype))
            else:
                _widen_group_norm(node, sizes[node.name], setting)
    return _without_unused(Program(program.graph, weights))


def _widen_group_norm(node: Node, value: Tensor, setting: Setting) -> None:
    """Replaces a group norm, whose result at the largest size is like `value`, and the SiLU that alone reads it."""
    graph, (x, groups, weight, bias, eps, *_) = node.graph, node.args
    (user, *others) = node.users
    silu = user.target is aten.silu.default and not others
    shares = next(n for n in divisors(groups) if value.numel() * 4 <= setting.budget * n or n == groups)
    channels = value.shape[1] // shares
    done = []
    parts = [_split_by_length(graph, tensor, channels, shares, dim) for tensor, dim in ((x, 1), (weight, 0), (bias, 0))]
    for part, scale, shift in zip(*parts, strict=True):
        wide = _cast(graph, part, torch.float32)
        normed = graph.call_function(aten.group_norm.default, (wide, groups // shares, scale, shift, eps))
        done.append(_cast(graph, graph.call_function(aten.silu.default, (normed,)) if silu else normed, setting.dtype))
    result = graph.call_function(aten.cat.default, (done, 1)) if shares > 1 else done[0]
    if silu:
        replace(user, result)
        graph.erase_node(node)
    else:
        replace(node, result)


def split_attention(program: Program, setting: Setting) -> Program:
    """Splits attention into pieces whose float32 scores never exceed the budget, at the largest size and so at every one.

    It is cut by heads first, which reads nothing twice, then by queries. The number of pieces is fixed, their length is
    not: it divides the tokens of one unit of 64 pixels, and so those of every size. Where there are more keys than
    MPS can sum over, they are cut as well.
    """
    least, most = shapes(program, setting.smallest), shapes(program, setting.largest)
    for node in calls(program.graph, aten.scaled_dot_product_attention.default):
        q, k, v = (most[argument.name] for argument in node.args[:3])
        heads, cuts = attention_parts(q.shape, k.shape, least[node.args[0].name].shape[2], setting.budget)
        with program.graph.inserting_before(node):
            sums = sums_needed(k.shape[2], least[node.args[1].name].shape[2], setting.terms)
            replace(node, _attention(node, q.shape, Cuts(heads, cuts, sums), setting.dtype))
    return _without_unused(program)


class Cuts(NamedTuple):
    """The numbers of parts that the heads, the queries and the keys are cut into."""

    heads: int
    queries: int
    keys: int


def sums_needed(keys: int, unit: int, terms: int) -> int:
    """Returns how many parts of the keys have at most `terms` each; they divide `unit`, and so the keys of every size.

    Raises InvalidRequest where no parts are small enough.
    """
    count = next((n for n in divisors(unit) if keys <= terms * n), None)
    if count is None:
        message = f"Attention over {keys} tokens is more than MPS computes; {Remedy.CONVERT_SMALLER}."
        raise InvalidRequest(message, remedy=Remedy.CONVERT_SMALLER)
    return count


def attention_parts(queries: tuple[int, ...], keys: tuple[int, ...], unit: int, budget: int) -> tuple[int, int]:
    """Returns how many parts of the heads and of the queries (B, heads, T, D) bring scores of 4 bytes within the budget.

    The parts of the queries divide `unit`. Raises InvalidRequest where the budget is too small for that.
    """
    B, H, T, _ = queries
    scores = B * H * T * keys[2] * 4
    options = [(heads, 1) for heads in divisors(B * H)] + [(B * H, cuts) for cuts in divisors(unit)]
    cuts = next((o for o in options if scores <= budget * o[0] * o[1]), None)
    if cuts is None:
        least = math.ceil(scores / (B * H * unit) / 2**20)
        raise InvalidRequest(
            f"An attention budget of {budget / 2**20:g} MB is too small for this range of sizes; give {least} MB or more."
        )
    return cuts


def _attention(node: Node, shape: tuple[int, ...], cuts: Cuts, dtype: torch.dtype) -> Node:
    """Inserts the attention of a node in pieces, its scores in float32, and returns the result (B, heads, T, D)."""
    graph, (B, H, _, D) = node.graph, shape
    q, k, v = (_call(graph, aten.flatten.using_ints, tensor, 0, 1) for tensor in node.args[:3])  # (B heads, T, D)
    groups = [_split_by_length(graph, tensor, B * H // cuts.heads, cuts.heads, 0) for tensor in (q, k, v)]
    rows = []
    for queries, keys, values in zip(*groups, strict=True):
        wide = _call(graph, aten.mul.Tensor, _cast(graph, queries, torch.float32), D**-0.5)
        turned = _call(graph, aten.transpose.int, _cast(graph, keys, torch.float32), 1, 2)
        blocks = _split_by_count(graph, values, cuts.keys, 1)
        done = []
        for part in _split_by_count(graph, wide, cuts.queries, 1):
            weights = _call(graph, aten.softmax.int, _call(graph, aten.bmm.default, part, turned), -1)
            done.append(_weighted(graph, _cast(graph, weights, dtype), blocks, dtype))
        rows.append(_call(graph, aten.cat.default, done, 1) if cuts.queries > 1 else done[0])
    joined = _call(graph, aten.cat.default, rows, 0) if cuts.heads > 1 else rows[0]
    return _call(graph, aten.unflatten.int, joined, 0, (B, H))


def _weighted(graph: fx.Graph, weights: Node, values: list[Node], dtype: torch.dtype) -> Node:
    """Inserts weights times values; of several parts of the values, the sum of the products, taken in float32."""
    shares = _split_by_count(graph, weights, len(values), 2)
    products = [_call(graph, aten.bmm.default, weight, value) for weight, value in zip(shares, values, strict=True)]
    if len(products) == 1:
        return products[0]
    total, *rest = (_cast(graph, product, torch.float32) for product in products)
    for product in rest:
        total = _call(graph, aten.add.Tensor, total, product)
    return _cast(graph, total, dtype)


def _split_by_length(graph: fx.Graph, tensor: Node, length: int, count: int, dim: int) -> list[Node]:
    """Inserts a split into `count` views of `length` along a dimension, which has that size at every picture's size."""
    return _views(graph, tensor, count, aten.split.Tensor, length, dim)


def _split_by_count(graph: fx.Graph, tensor: Node, count: int, dim: int) -> list[Node]:
    """Inserts a split into `count` even views along a dimension, whose size depends on the picture's."""
    return _views(graph, tensor, count, aten.chunk.default, count, dim)


def _views(graph: fx.Graph, tensor: Node, count: int, target: Any, *arguments: int) -> list[Node]:
    """Inserts a splitting operator and returns its views; the tensor itself where one view is all of it."""
    if count == 1:
        return [tensor]
    split = _call(graph, target, tensor, *arguments)
    return [_call(graph, operator.getitem, split, i) for i in range(count)]


def _call(graph: fx.Graph, target: Any, *arguments: Any) -> Node:
    return graph.call_function(target, arguments)


def copy_for_convolutions(program: Program, setting: Setting) -> Program:
    """Copies every strided view that a convolution reads, which MPS misreads (pytorch #180984, #169342)."""
    values = shapes(program, setting.largest)
    for node in calls(program.graph, aten.conv2d.default, aten.convolution.default):
        source = node.args[0]
        if not values[source.name].is_contiguous():
            with program.graph.inserting_before(node):
                copy = program.graph.call_function(
                    aten.clone.default, (source,), {"memory_format": torch.contiguous_format}
                )
            node.replace_input_with(source, copy)
    return _without_unused(program)


def drop_copies(program: Program, setting: Setting) -> Program:
    """Drops copies of what is contiguous already, and makes one of each chain of views."""
    values = shapes(program, setting.largest)
    for node in calls(program.graph, aten.clone.default, aten.contiguous.default):
        if values[node.args[0].name].is_contiguous():
            replace(node, node.args[0])
    for node in calls(program.graph, aten.view.default, aten.reshape.default):
        source = node.args[0]
        if (
            source.op == "call_function"
            and source.target is node.target
            and values[source.args[0].name].is_contiguous()
        ):
            node.replace_input_with(source, source.args[0])
    for node in calls(program.graph, aten.transpose.int):
        source = node.args[0]
        if source.target is aten.transpose.int and set(source.args[1:]) == set(node.args[1:]):
            replace(node, source.args[0])
    return _without_unused(program)


def place_casts(program: Program, setting: Setting) -> Program:
    """Puts casts where they cost least: none to the type a value has, none there and back, and of a part, not the whole.

    Widening and narrowing again is exact, so it is dropped; narrowing and widening is not, and stays.
    """
    values = shapes(program, setting.largest)
    for node in calls(program.graph, aten.to.dtype):
        source = node.args[0]
        if values[source.name].dtype == node.args[1]:
            replace(node, source)
        elif source.target is aten.to.dtype and source in program.graph.nodes:
            before = values[source.args[0].name].dtype
            if before == node.args[1] and values[source.name].dtype == torch.float32:
                replace(node, source.args[0])
    for node in calls(program.graph, aten.slice.Tensor, aten.select.int):
        source = node.args[0]
        if source.op == "call_function" and source.target is aten.to.dtype and len(source.users) == 1:
            with program.graph.inserting_after(node):
                cast = _cast(program.graph, node, source.args[1])
            node.replace_all_uses_with(cast, delete_user_cb=lambda user, cast=cast: user is not cast)
            node.replace_input_with(source, source.args[0])
    return _without_unused(program)


def widen(program: Program, names: frozenset[str], setting: Setting) -> Program:
    """Computes the nodes of these names in float32: they read or make values that the program's own type cannot hold.

    What they read is cast up and their results stay float32; a node outside reads them cast down.
    """
    values = shapes(program, setting.largest)
    wide: set[Node] = set()
    for node in list(program.graph.nodes):
        if node.op != "call_function":
            continue
        inside = node.name in names and not isinstance(values[node.name], int)  # sizes stay sizes
        for source in node.all_input_nodes:
            is_wide = source in wide or _is(values[source.name], torch.float32)
            narrow = isinstance(values.get(source.name), Tensor) and values[source.name].dtype == setting.dtype
            if inside and narrow and not is_wide:
                with program.graph.inserting_before(node):
                    node.replace_input_with(source, _cast(program.graph, source, torch.float32))
            elif source in wide and not inside:
                with program.graph.inserting_before(node):
                    node.replace_input_with(source, _cast(program.graph, source, setting.dtype))
        if inside:
            node.args = tuple(torch.float32 if argument == setting.dtype else argument for argument in node.args)
            if not _is(values[node.name], torch.float32):
                wide.add(node)
    return _without_unused(program)


def _is(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, Tensor) and value.dtype == dtype


def _cast(graph: fx.Graph, node: Node, dtype: torch.dtype) -> Node:
    return graph.call_function(aten.to.dtype, (node, dtype))


def divisors(number: int) -> list[int]:
    """Returns the divisors of a number, the smallest first."""
    return [n for n in range(1, number + 1) if number % n == 0]


PASSES: tuple[Pass, ...] = (
    drop_checks,
    fold_constants,
    fuse_projections,
    float32_norms,
    split_attention,
    copy_for_convolutions,
    drop_copies,
    place_casts,
)


def rewrite(program: Program, setting: Setting) -> Program:
    """Runs all passes, in their order."""
    for transform in PASSES:
        program = transform(program, setting)
    program.graph.lint()
    return program
