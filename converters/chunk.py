"""The UNet in two packages of about the same weight, for devices that cannot load it whole (`UnetChunk1`, `UnetChunk2`).

The second takes what the first made (hidden state, time embedding, skips) beside the inputs both need, by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.ane import Attention
from converters.constants import Weights
from converters.graphs import Graph, GraphStep, Vars, run_steps, unet, unet_steps
from converters.package import build_program
from sdedge.library.manifest import Port
from sdedge.models.config import UNetConfig


def unet_chunks(
    w: Weights,
    config: UNetConfig,
    attend: Attention,
    size: tuple[int, int],
    batch: int = 2,
    is_controlled: bool = False,
) -> tuple[Graph, Graph]:
    """Builds what `unet` does in two graphs. Each takes those of the inputs that it reads."""
    unet_graph, steps = unet(w, config, attend, size, batch, is_controlled), unet_steps(w, config, attend)
    cut = _middle(steps, w)
    first, second = steps[:cut], steps[cut:]
    plain = unet_steps(Weights(w.tensors), config, attend)[:cut]  # shapes need no compressed weights
    alive = _alive(Graph(unet_graph.inputs, {}, lambda inputs: run_steps(plain, inputs)))
    between = {name: port for name, port in alive.items() if name not in unet_graph.inputs}
    context = "encoder_hidden_states"
    early = {name: port for name, port in unet_graph.inputs.items() if name == context or name not in alive}
    late = {name: port for name, port in unet_graph.inputs.items() if name in alive}
    return (
        Graph(early, between, lambda inputs: run_steps(first, inputs)),
        Graph({**late, **between}, unet_graph.outputs, lambda inputs: run_steps(second, inputs)),
    )


def _middle(steps: Sequence[GraphStep], w: Weights) -> int:
    """Returns how many steps are before the cut: where the weights before are nearest to half of all."""
    done = list(accumulate(w.count(step.layers) for step in steps))
    return min(range(1, len(steps)), key=lambda i: abs(done[i - 1] - done[-1] / 2))


def _alive(first: Graph) -> dict[str, Port]:
    """Returns what is alive at the cut, found by writing the first half once for its shapes alone."""
    made: Vars = {}

    def emit(inputs: Vars) -> Vars:
        made.update(first.emit(inputs))
        return made

    build_program({"main": Graph(first.inputs, {}, emit)}, "macOS13")
    return {name: Port(tuple(value.shape), "float16") for name, value in made.items()}
