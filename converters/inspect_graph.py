"""What is in a graph bundle: interface, operators, weights, and the memory that the planner predicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from converters.graph_planner import ActivationPlan, activation_plan
from sdedge.engines.graph.bundle import (
    COMPONENTS,
    check_program,
    input_shapes,
    open_weights,
    port_dtype,
    read_bundle,
    stored_dtype,
)
from sdedge.engines.graph.bundle import open_program as read_program
from sdedge.engines.graph.operators import name_of
from sdedge.engines.graph.program import Program
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import InvalidRequest
from sdedge.library.manifest import BundleComponent, Manifest
from sdedge.text.tokenizer import LENGTH

MB = 2**20
WIDTH, HEIGHT, MARGIN = 900, 320, 50  # of the plot


@dataclass(frozen=True)
class GraphInspection:
    """One network of a bundle. Bytes of weights, peak activation bytes by side in pixels, calls by operator."""

    inputs: Mapping[str, tuple[int | None, ...]]
    outputs: Mapping[str, tuple[int | None, ...]]
    operators: Mapping[str, int]
    weights: int
    peaks: Mapping[int, int]
    largest: Mapping[str, int | None]


def inspect_bundle(bundle: Path) -> dict[str, GraphInspection]:
    """Returns the networks of a bundle by name. Raises ModelError."""
    manifest, facts = read_bundle(bundle)
    return {name: _inspect(bundle, manifest, facts, name) for name in manifest.components if name in COMPONENTS}


def _inspect(bundle: Path, manifest: Manifest, facts: ModelFacts, name: str) -> GraphInspection:
    part = manifest.components[name]
    program = open_program(bundle, part)
    calls = [name_of(node.target) for node in program.graph.nodes if node.op == "call_function"]
    least, most = manifest.sizes[0][0], manifest.sizes[-1][0]
    sizes = sorted({least, most, *(side for side in (512, 768) if least < side < most)})
    return GraphInspection(
        {key: port.shape for key, port in part.inputs.items()},
        {key: port.shape for key, port in part.outputs.items()},
        dict(Counter(call.split(".")[1] for call in calls).most_common()),
        sum(weight.nbytes for weight in program.weights.values()),
        {side: plan_at(manifest, facts, name, program, side).peak for side in sizes},
        part.figures["largest"],
    )


def open_program(bundle: Path, part: BundleComponent) -> Program:
    """Returns the program of a component on the meta device: no weight is read."""
    tensors = open_weights(bundle, part)
    weights = {name: torch.empty(t.shape, dtype=t.dtype, device="meta") for name, t in tensors.items()}
    return read_program(bundle, part, weights)


def plan_at(manifest: Manifest, facts: ModelFacts, name: str, program: Program, side: int) -> ActivationPlan:
    """Returns the memory of a component's program at a square size in pixels. Raises ModelError for one that cannot run."""
    batch, dtype = int(manifest.recipe["batch"]), stored_dtype(manifest)
    check_program(name, program, facts, dtype, batch, side, side)
    shapes = input_shapes(name, facts, batch, side, side, LENGTH)
    dtypes = map(port_dtype, manifest.components[name].inputs.values())
    return activation_plan(
        program, [torch.zeros(shape, dtype=kind, device="meta") for shape, kind in zip(shapes.values(), dtypes)]
    )


def inspection_lines(name: str, inspection: GraphInspection) -> str:
    """Returns an inspection in a few lines of text."""
    peaks = ", ".join(f"{side}x{side} {peak / MB:.1f} MB" for side, peak in inspection.peaks.items())
    largest = ", ".join(
        f"{memory} GB: {f'{side}x{side}' if side else 'none'}" for memory, side in inspection.largest.items()
    )
    return "\n".join([
        name,
        *(f"  takes {key}: {_shape(shape)}" for key, shape in inspection.inputs.items()),
        *(f"  gives {key}: {_shape(shape)}" for key, shape in inspection.outputs.items()),
        f"  weights: {inspection.weights / MB:.1f} MB",
        f"  activations at most: {peaks}",
        f"  largest size for a Mac with {largest}",
        f"  operators: {', '.join(f'{count} {kind}' for kind, count in inspection.operators.items())}",
    ])  # fmt: skip


def _shape(shape: tuple[int | None, ...]) -> str:
    return " x ".join("?" if n is None else str(n) for n in shape)


def plot(bundle: Path, component: str, side: int) -> str:
    """Returns an SVG of the live activation bytes over a component's operators at a square size.

    Raises InvalidRequest for a component the bundle does not have.
    """
    manifest, facts = read_bundle(bundle)
    if component not in COMPONENTS:
        raise InvalidRequest(f"The bundle {bundle} has no graph {component!r}; choose one of {', '.join(COMPONENTS)}.")
    program = open_program(bundle, manifest.components[component])
    memory_plan = plan_at(manifest, facts, component, program, side)
    return _svg(memory_plan, f"{component.replace('_', ' ')}, {side}x{side}")


def _svg(memory_plan: ActivationPlan, title: str) -> str:
    count, peak = len(memory_plan.live), memory_plan.peak
    step = max(1, count // WIDTH)  # the highest of each group, so that no peak is lost
    heights = [max(memory_plan.live[i : i + step]) for i in range(0, count, step)]
    across, up = (WIDTH - 2 * MARGIN) / max(1, len(heights) - 1), (HEIGHT - 2 * MARGIN) / max(1, peak)
    line = " ".join(f"{MARGIN + i * across:.1f},{HEIGHT - MARGIN - h * up:.1f}" for i, h in enumerate(heights))
    base = HEIGHT - MARGIN
    label: Any = 'font-family="sans-serif" font-size="12" fill="#555"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<title>Memory of the {title} over its operators</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        f'<polygon points="{MARGIN},{base} {line} {WIDTH - MARGIN},{base}" fill="#cfe0f5" stroke="#2f6fb5"/>\n'
        f'<text x="{MARGIN}" y="{MARGIN - 12}" {label}>{title}: peak {peak / MB:.1f} MB at {memory_plan.where}</text>\n'
        f'<text x="{MARGIN}" y="{base + 20}" {label}>operator 1</text>\n'
        f'<text x="{WIDTH - MARGIN}" y="{base + 20}" text-anchor="end" {label}>operator {count}</text>\n</svg>\n'
    )
