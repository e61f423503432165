"""How much memory a program's activations take, by liveness: no byte is computed, shapes alone are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from sdedge.engines.graph.interpreter import Watching
from sdedge.engines.graph.program import Program


class Shapes(Watching):
    """Runs a program on the meta device and keeps every node's value."""

    def __init__(self, program: Program) -> None:
        super().__init__(program.graph, program.on("meta").weights)
        self.values: dict[str, Any] = {}

    def seen(self, node: Any, value: Any) -> Any:
        self.values[node.name] = value
        return value


def shapes(program: Program, inputs: Sequence[Tensor]) -> dict[str, Any]:
    """Returns the value of every node by name, as meta tensors, for inputs on the meta device."""
    with torch.inference_mode():
        interpreter = Shapes(program)
        interpreter(*inputs)
    return interpreter.values


@dataclass(frozen=True)
class ActivationPlan:
    """Live activation bytes while each node runs, inputs and outputs included, weights not."""

    names: tuple[str, ...]
    live: tuple[int, ...]

    @property
    def peak(self) -> int:
        return max(self.live)

    @property
    def where(self) -> str:
        """The node at the peak."""
        return self.names[self.live.index(self.peak)]


def activation_plan(program: Program, inputs: Sequence[Tensor]) -> ActivationPlan:
    """Returns the memory of a program at the size of its (meta) inputs.

    A storage lives from the node that makes it to the last node that reads it or a view of it; inputs are the
    caller's and live throughout. What an operator needs inside, such as a convolution's workspace, is not counted.
    """
    values = shapes(program, inputs)
    nodes = list(program.graph.nodes)
    order = {node: i for i, node in enumerate(nodes)}
    sizes: dict[int, int] = {}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for node in nodes:
        if node.op in ("get_attr", "output"):
            continue
        end = len(nodes) if node.op == "placeholder" else max([order[node], *(order[user] for user in node.users)])
        for storage in _storages(values[node.name]):
            key = storage._cdata
            sizes[key] = storage.nbytes()
            first.setdefault(key, 0 if node.op == "placeholder" else order[node])
            last[key] = max(last.get(key, 0), end)
    weights = {s._cdata for node in nodes if node.op == "get_attr" for s in _storages(values[node.name])}
    change = [0] * (len(nodes) + 2)
    for key in sizes.keys() - weights:
        change[first[key]] += sizes[key]
        change[last[key] + 1] -= sizes[key]
    live, total = [], 0
    for step in change[: len(nodes)]:
        total += step
        live.append(total)
    return ActivationPlan(tuple(node.name for node in nodes), tuple(live))


def _storages(value: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def largest_side(peak: Callable[[int], int], memory: int, sizes: Sequence[int]) -> int | None:
    """Returns the largest square side whose peak fits into `memory` bytes; None where not even the smallest does."""
    if peak(sizes[-1]) <= memory:
        return sizes[-1]
    low, high = 0, len(sizes) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if peak(sizes[middle]) <= memory else (low, middle)
    return sizes[low - 1] if low else None
