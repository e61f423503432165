"""Further samplers of a ComfyUI graph as passes: the latent enlarged, and drawn again with the rest of the noise. No torch."""

from __future__ import annotations

from typing import Any

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.images.metadata_fields import Draft, resolve_sampler, to_float, to_int
from sdedge.images.metadata_graph import MAX_HOPS, Graph, Link, Node
from sdedge.images.metadata_numerics import unipc_options
from sdedge.passes import Changes, Enlargement, Pass

_METHODS = {"nearest-exact": "latent-nearest-exact", "bilinear": "latent", "bicubic": "latent-bicubic"}
"""ComfyUI's ways to enlarge a latent, and ours."""
_NOISE = "The noise of its second pass comes from a seed of its own."


def put_passes(draft: Draft, graph: Graph, samplers: list[Node]) -> None:
    """Sets the passes that the samplers after the first are, `samplers` being the last first; others are listed."""
    passes: list[Pass] = []
    for sampler in samplers[-2::-1]:
        settings = {key: value for key, value in sampler.inputs.items() if not isinstance(value, Link)}
        try:
            passes.append(Pass(Changes(_changes(graph, sampler)), _enlargement(graph, sampler)))
        except (InvalidRequest, ValueError, TypeError, OverflowError):
            draft.leave_out(sampler.type, settings, "A second pass over the drawn picture is not carried over.")
            continue
        draft.leave_out("noise of a pass", graph.value(sampler, "seed", "noise_seed"), _NOISE, note=False)
        for name in ("model", "positive", "negative"):
            if graph.source(sampler, name) != graph.source(samplers[-1], name):
                draft.leave_out(f"{name} of a pass", "", f"The second pass has another {name} than the first there.")
    if passes:
        draft.put("passes", tuple(passes))


def _changes(graph: Graph, sampler: Node) -> dict[str, Any]:
    denoise = graph.value(sampler, "denoise")
    if denoise is None or graph.value(sampler, "start_at_step", "end_at_step") is not None:
        raise ValueError("a part of a run")
    named, steps = str(graph.value(sampler, "sampler_name")), to_int(graph.value(sampler, "steps"))
    name, attached = resolve_sampler(named.removesuffix("_bh2"))
    schedule = catalog.resolve_schedule(str(graph.value(sampler, "scheduler") or "")) or attached
    changes = {
        "steps": steps, "strength": to_float(denoise), "sampler": name,
        "guidance": to_float(graph.value(sampler, "cfg")),
    }  # fmt: skip
    options = unipc_options(named, steps)
    return changes | ({"schedule": schedule} if schedule else {}) | ({"options": options} if options else {})


def _enlargement(graph: Graph, sampler: Node) -> Enlargement | None:
    """Returns how the latent is enlarged on its way to a sampler. Raises ValueError for a way that is none of ours."""
    node = graph.source(sampler, "latent_image", "samples")
    enlargement = None
    for _ in range(MAX_HOPS):
        if node is None or "sampler_name" in node.inputs:
            return enlargement
        if node.type not in ("LatentUpscale", "LatentUpscaleBy") or enlargement is not None:
            raise ValueError(node.type)
        by = _METHODS.get(str(graph.value(node, "upscale_method")))
        if by is None or graph.value(node, "crop") not in (None, "disabled"):
            raise ValueError(node.type)
        if node.type == "LatentUpscaleBy":
            enlargement = Enlargement(by, to_float(graph.value(node, "scale_by")))
        else:
            size = to_int(graph.value(node, "width")), to_int(graph.value(node, "height"))
            enlargement = Enlargement(by, size=size)
        node = graph.source(node, "samples", "latent_image")
    return enlargement
