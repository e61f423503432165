"""The UNet in two packages of about the same weight, for devices that cannot load it whole (`UnetChunk1`, `UnetChunk2`).

The second takes what the first made (hidden state, time embedding, skips) beside the inputs both need, by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.ane import Attention
from converters.constants import Weights
from converters.graphs import Graph, GraphStep, Vars, unet, unet_steps
from converters.package import build_program
from sdedge.library.manifest import Port
from sdedge.models.config import UNetConfig


def unet_chunks(
    w: Weights, config: UNetConfig, attend: Attention, size: tuple[int, int], batch: int = 2
) -> tuple[Graph, Graph]:
    """Builds what `unet` does in two graphs."""
    unet_graph, steps = unet(w, config, attend, size, batch), unet_steps(w, config, attend)
    cut = _middle(steps, w)
    first, second = steps[:cut], steps[cut:]
    plain = unet_steps(Weights(w.tensors), config, attend)[:cut]  # shapes need no compressed weights
    between = _boundary(Graph(unet_graph.inputs, {}, lambda inputs: _run(plain, inputs)))
    context = "encoder_hidden_states"
    return (
        Graph(unet_graph.inputs, between, lambda inputs: _run(first, inputs)),
        Graph(
            {context: unet_graph.inputs[context], **between}, unet_graph.outputs, lambda inputs: _run(second, inputs)
        ),
    )


def _run(steps: Sequence[GraphStep], values: Vars) -> Vars:
    for step in steps:
        values = step.run(values)
    return values


def _middle(steps: Sequence[GraphStep], w: Weights) -> int:
    """Returns how many steps are before the cut: where the weights before are nearest to half of all."""
    done = list(accumulate(w.count(step.layers) for step in steps))
    return min(range(1, len(steps)), key=lambda i: abs(done[i - 1] - done[-1] / 2))


def _boundary(first: Graph) -> dict[str, Port]:
    """Returns what is alive at the cut, found by writing the first half once for its shapes alone."""
    made: Vars = {}

    def emit(inputs: Vars) -> Vars:
        made.update(first.emit(inputs))
        return made

    build_program({"main": Graph(first.inputs, {}, emit)}, "macOS13")
    return {name: Port(tuple(value.shape), "float16") for name, value in made.items() if name not in first.inputs}
