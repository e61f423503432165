"""Small programs for the tests of passes, planner and lint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.export import export

from converters.graph_passes import Setting
from converters.graph_trace import plain
from sdedge.engines.graph.program import Program


class Function(nn.Module):
    """A function, with weights where it reads them as `self.name`."""

    def __init__(self, function, **weights: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, weight in weights.items():
            self.register_buffer(name, weight)

    def forward(self, *inputs: Tensor):
        return self.function(self, *inputs)


def program_of(module: nn.Module, *inputs: Tensor) -> Program:
    with torch.no_grad():
        return plain(export(module.eval(), inputs).module(check_guards=False))


def setting_of(inputs: Sequence[Tensor], budget: int = 2**28, dtype: torch.dtype = torch.float32) -> Setting:
    shapes = tuple(tensor.to("meta") for tensor in inputs)
    return Setting(shapes, shapes, budget, dtype)


def operators(program: Program) -> Counter[str]:
    """How often each operator is called, by its name without namespace and overload."""
    calls = [node for node in program.graph.nodes if node.op == "call_function"]
    return Counter(
        str(node.target).split(".")[1] if "." in str(node.target) else node.target.__name__ for node in calls
    )


@torch.inference_mode()
def run(program: Program, *inputs: Tensor) -> tuple[Tensor, ...]:
    return program.module()(*inputs)
