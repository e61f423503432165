"""Running a half-precision program in float32, with or without the rounding of a half-precision device.

Half-precision kernels of a CPU are a hundred times too slow to judge a graph by. Here every node is computed in
float32 and its result is rounded to the type it has in the program, which is what a GPU does that accumulates wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from converters.graph_planner import shapes
from sdedge.engines.graph.interpreter import Watching
from sdedge.engines.graph.program import Program

NARROW = (torch.float16, torch.bfloat16)
LARGEST = float(torch.finfo(torch.float16).max)


class Float32Run(Watching):
    """Computes a program in float32. Weights are widened one at a time, so that no second copy of them is needed.

    types    the value of each node by name as the program has it, on the meta device
    rounds   whether results are rounded to those types
    largest  the largest magnitude of each node, where `rounds` is False
    """

    def __init__(self, program: Program, types: Mapping[str, Any], rounds: bool) -> None:
        self.types, self.rounds = types, rounds
        self.largest: dict[str, float] = {}
        super().__init__(program.graph, program.weights)

    def constant(self, value: Any) -> Any:
        """Casts to the program's own type leave float32, which is rounded or not afterwards."""
        return torch.float32 if isinstance(value, torch.dtype) and value in NARROW else value

    def seen(self, node: Any, value: Any) -> Any:
        if self.rounds and node.op == "call_function":
            return tree_map(_round, value, self.types[node.name])
        value = tree_map(_widen, value)
        if isinstance(value, Tensor) and value.is_floating_point() and value.numel() and node.op == "call_function":
            self.largest[node.name] = float(value.abs().max())
        return value


class Rounded:
    """Calls a program as a half-precision device would: `rounded(*inputs) -> outputs`. Inputs have the program's types."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._types: dict[tuple[torch.Size, ...], Mapping[str, Any]] = {}

    @torch.inference_mode()
    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        sizes = tuple(value.shape for value in inputs)
        if sizes not in self._types:
            self._types[sizes] = shapes(self.program, [value.to("meta") for value in inputs])
        return Float32Run(self.program, self._types[sizes], rounds=True)(*(_widen(value) for value in inputs))


@torch.inference_mode()
def overflowing(program: Program, inputs: Sequence[Tensor], margin: float = 4) -> frozenset[str]:
    """Returns the nodes that read or make values beyond float16's largest divided by `margin`; the rest is safe in it."""
    interpreter = Float32Run(program, {}, rounds=False)
    interpreter(*(_widen(value) for value in inputs))
    large = {name for name, value in interpreter.largest.items() if not value * margin < LARGEST}
    nodes = [node for node in program.graph.nodes if node.op == "call_function"]
    return frozenset(
        n.name for n in nodes if n.name in large or any(source.name in large for source in n.all_input_nodes)
    )


def _round(value: Any, like: Any) -> Any:
    return value.to(like.dtype).float() if isinstance(value, Tensor) and like.dtype in NARROW else value


def _widen(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.dtype in NARROW else value
