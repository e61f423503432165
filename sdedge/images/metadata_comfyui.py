"""ComfyUI's node graphs into Request fields: followed from the saved picture back to its sampler, model and prompts. No torch.

What the nodes on the way do that no field stands for is listed as not honoured, node by node; nodes that the picture does not
depend on are not looked at.
"""

from __future__ import annotations

import re
from typing import Any

from sdedge.controls import Control
from sdedge.errors import InvalidRequest
from sdedge.images.metadata_comfyui_parts import joined_text, loras_of
from sdedge.images.metadata_comfyui_passes import put_passes
from sdedge.images.metadata_compel import unlike_ours
from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.images.metadata_graph import MAX_HOPS, Graph, Link, Node, passes_on
from sdedge.images.metadata_numerics import note_numerics, unipc_options
from sdedge.images.metadata_resources import has_tag
from sdedge.images.naming import last_part
from sdedge.request_fields import MAX_STEPS
from sdedge.text.clean import shown
from sdedge.text.wildcards import escape

_SAVES = re.compile(r"save|preview|image ?output", re.I)
_WEIGHT = re.compile(r"(?<!\\)[()]")
_LOADERS = ("ckpt_name", "base_ckpt_name", "unet_name", "model_name")
_LAYERS = ("stop_at_clip_layer", "clip_skip")
_TEXTS = ("text", "text_g", "prompt", "populated_text", "string", "wildcard_text", "value")
_OWN_TEXTS = {"prompt": ("positive", "text_positive"), "negative": ("negative", "text_negative")}
_SPLITS = {"ConditioningConcat": " BREAK ", "ConditioningCombine": ""}
_SCHEDULES = {"KarrasScheduler": "karras", "ExponentialScheduler": "exponential", "PolyexponentialScheduler": "polyexponential",
              "AlignYourStepsScheduler": "ays", "BetaSamplingScheduler": "beta"}  # fmt: skip
"""Node types that are a schedule of their own, and its name here."""
_HARMLESS = {"control_after_generate", "upload", "return_with_leftover_noise", "filename_prefix", "image", "preview_method",
             "vae_decode"}  # fmt: skip
_PLAIN = {"VAEDecode", "SamplerCustomAdvanced", "BasicGuider", "ConditioningConcat", "LoadImage", "KSampler",
          "CR Apply LoRA Stack"}  # fmt: skip
"""Node types that say nothing besides their links."""
_LARGER, _REGIONS, _AFTER, _FREEU = (
    "A second, larger pass is not carried over.",
    "Regions are not carried over.",
    "The picture was enlarged afterwards.",
    "FreeU is not carried over.",
)
_REASONS = {
    "LatentUpscale": _LARGER,
    "LatentUpscaleBy": _LARGER,
    "ConditioningCombine": "Of two conditions that were combined only the first is carried over.",
    "ConditioningAverage": "Of two conditions that were mixed only the first is carried over.",
    "ConditioningZeroOut": "A condition of zeros is not available; the prompt is empty.",
    "ConditioningSetArea": _REGIONS,
    "ConditioningSetMask": _REGIONS,
    "ConditioningSetAreaPercentage": _REGIONS,
    "FreeU": _FREEU,
    "FreeU_V2": _FREEU,
    "FaceDetailer": "Faces that a detector finds are not drawn again.",
    "ImageScale": _AFTER,
    "ImageScaleBy": _AFTER,
    "ImageUpscaleWithModel": _AFTER,
    "UpscaleModelLoader": _AFTER,
    "PerturbedAttentionGuidance": "Perturbed attention guidance is not carried over.",
    "VAEEncode": "It was drawn from another picture that is not in the file.",
}
_NODE = "This node has no counterpart here."


def read(graph: Graph, text: str, source: str = "ComfyUI") -> Metadata | None:
    """Returns what a graph says of the picture that it saved; None for one without a sampler. Never raises."""
    end, samplers = _path(graph)
    if end is None or not samplers:
        return None
    draft, base = Draft(source, text), samplers[-1]
    _put_numbers(draft, graph, base)
    for field, names in (("prompt", ("positive", "conditioning")), ("negative", ("negative",))):
        _put_text(draft, graph, _conditioned(graph, base), field, names)
    _put_model(draft, graph, base)
    _put_vae(draft, graph, end)
    _put_start(draft, graph, base)
    put_passes(draft, graph, samplers)
    draft.put_preset("sdedge")
    draft.put("noise", "torch")
    note_numerics(draft)
    _leave_out_nodes(draft, graph, end)
    return draft.done()


def _is_sampler(node: Node) -> bool:
    return {"steps", "cfg", "sampler_name"} <= node.inputs.keys() or node.type in (
        "SamplerCustom", "SamplerCustomAdvanced",
    )  # fmt: skip


def _path(graph: Graph) -> tuple[Node | None, list[Node]]:
    """Returns the node that saves the picture, and the samplers on its way, the last first.

    Of several the one with the most samplers counts, a saving one before one that only shows.
    """
    ends = [node for node in graph.nodes.values() if _SAVES.search(node.type)][:20] or list(graph.nodes.values())[-1:]
    ways = [(end, [node for node in graph.upstream(end) if _is_sampler(node)]) for end in ends]
    ways = [way for way in ways if way[1]]
    if not ways:
        samplers = [node for node in graph.nodes.values() if _is_sampler(node)][:1]
        return (samplers[0], samplers) if samplers else (None, [])
    return max(ways, key=lambda way: (len(way[1]), "save" in way[0].type.lower()))


def _conditioned(graph: Graph, sampler: Node) -> Node:
    """Returns the node whose inputs are the conditions: the sampler, or the guider that a custom one has."""
    return graph.source(sampler, "guider") or sampler


def _put_numbers(draft: Draft, graph: Graph, sampler: Node) -> None:
    custom = [sampler, _conditioned(graph, sampler)]
    custom += [node for name in ("sampler", "noise") if (node := graph.source(sampler, name)) is not None]
    sigmas = graph.source(sampler, "sigmas")
    while sigmas is not None and sigmas not in custom:
        custom.append(sigmas)
        sigmas = graph.source(sigmas, "sigmas")

    def said(*names: str) -> Any:
        return next((value for node in custom if (value := graph.value(node, *names)) is not None), None)

    draft.put_seed(said("seed", "noise_seed"))
    draft.put("steps", said("steps"), to_int)
    draft.put("guidance", said("cfg"), to_float)
    draft.put_sampler(_sampler_name(draft, said("sampler_name")))
    draft.put_options(lambda: unipc_options(said("sampler_name"), draft.fields.get("steps", 20)))
    scheduler = said("scheduler") or next((_SCHEDULES[node.type] for node in custom if node.type in _SCHEDULES), None)
    if isinstance(scheduler, str):
        draft.put_schedule(scheduler)
    start, end = said("start_at_step"), said("end_at_step")
    for name, value, neutral in (
        ("start_at_step", start, (0, None)),
        ("add_noise", said("add_noise"), ("enable", True, None)),
    ):
        if value not in neutral:
            draft.leave_out(f"{sampler.type}.{name}", value, "A part of a run is not drawn alone.")
    if isinstance(end, int) and isinstance(steps := draft.fields.get("steps"), int) and end < steps:
        draft.leave_out(f"{sampler.type}.end_at_step", end, "A part of a run is not drawn alone.")


def _sampler_name(draft: Draft, name: Any) -> Any:
    """Returns ComfyUI's name of a sampler as it is known here; the variants of one are listed."""
    if not isinstance(name, str):
        return name
    plain = re.sub(r"_(gpu|alt|bh2|bh1|cfg_pp|pp)$", "", name)
    if plain != name and not name.endswith(("_gpu", "_bh2")):
        draft.leave_out("sampler_name", name, f"The variant {shown(name)} of a sampler is drawn as {shown(plain)}.")
    return plain


def _put_text(draft: Draft, graph: Graph, node: Node, field: str, names: tuple[str, ...]) -> None:
    """Follows a condition to its text, past controls, regions and joined conditions."""
    text = _text(draft, graph, graph.source(node, *names), field, names, MAX_HOPS)
    if text is None and isinstance(said := graph.value(node, *names), str):
        text = _translated(draft, field, said)
    if text is None and field == "prompt":
        draft.leave_out(field, "", "The prompt comes from a node that says it nowhere in the file; give it yourself.")
    draft.put(field, text)
    if skipped := graph.value(_clip_skip(graph, graph.source(node, *names)), *_LAYERS):
        draft.put("clip_skip", skipped, lambda layer: max(1, -to_int(layer)))


def _text(draft: Draft, graph: Graph, node: Node | None, field: str, names: tuple[str, ...], hops: int) -> str | None:
    if node is None or hops <= 0:
        return None
    for name in (*_TEXTS, *_OWN_TEXTS[field]):
        if isinstance(value := graph.value(node, name), str):
            return _translated(draft, field, value)
        if name in ("text", "text_g", "string") and (giver := graph.source(node, name)) is not None:
            return _text(draft, graph, giver, field, names, hops - 1)
    if field == "prompt" and node.type.startswith("ControlNetApply"):
        _put_control(draft, graph, node)
    if (joined := joined_text(graph, node)) is not None:
        return _translated(draft, field, joined)
    if (joint := _SPLITS.get(node.type)) is not None:
        first, second = ("conditioning_to", "conditioning_from") if joint else ("conditioning_1", "conditioning_2")
        parts = [
            _text(draft, graph, graph.source(node, part), field, names, hops // 2)
            for part in ((first, second) if joint else (first,))
        ]
        return joint.join(part for part in parts if part is not None)
    onward = graph.source(node, *names, "conditioning", "conditioning_to", "conditioning_1")
    return _text(draft, graph, onward, field, names, hops - 1)


def _translated(draft: Draft, field: str, text: str) -> str:
    """Returns ComfyUI's prompt in the web UI's language: square brackets, AND and BREAK are words there."""
    if _WEIGHT.search(text):
        draft.leave_out(field, "", "Weights of words act in another way there: towards the empty prompt.", note=False)
    return unlike_ours(escape(re.sub(r"(?<!\\)[][]", r"\\\g<0>", text)))


def _clip_skip(graph: Graph, node: Node | None) -> Node | None:
    for _ in range(MAX_HOPS):
        if node is None or any(name in node.inputs for name in _LAYERS):
            return node
        node = graph.source(node, "clip", "positive", "conditioning", "conditioning_to", "conditioning_1")
    return None


def _put_control(draft: Draft, graph: Graph, node: Node) -> None:
    """Adds a control without its hint, which is no part of the file."""
    name = graph.value(graph.source(node, "control_net"), "control_net_name")
    if not isinstance(name, str):
        draft.leave_out(node.type, "", "Its control model is not named.")
        return
    span = graph.value(node, "start_percent"), graph.value(node, "end_percent")
    try:
        weight = to_float(graph.value(node, "strength"))
        start, end = (float(bound if bound is not None else i) for i, bound in enumerate(span))
        control = Control(last_part(name), weight=weight, span=(start, end))
        draft.fields["controls"] = (control, *draft.fields.get("controls", ()))
        draft.add_resource("control", last_part(name))
    except (ValueError, TypeError, OverflowError, InvalidRequest):
        draft.leave_out(node.type, name, f"The control {shown(name)} has values that cannot be read.")


def _put_model(draft: Draft, graph: Graph, sampler: Node) -> None:
    """Follows the model back to its file; LoRAs on the way become tags of the prompt, the first loaded first."""
    node, loras = graph.source(_conditioned(graph, sampler), "model") or graph.source(sampler, "model"), []
    for _ in range(MAX_HOPS):
        if node is None:
            break
        loras += loras_of(graph, node)
        if isinstance(name := graph.value(node, *_LOADERS), str):
            draft.put("model", last_part(name))
            draft.add_resource("model", last_part(name))
            _put_vae_of(draft, graph.value(node, "vae_name"))
            break
        node = graph.source(node, "model", "basic_pipe", "pipe")
    for name, unet, text in reversed(loras):
        tag = f"<lora:{name}:{unet:g}>" if unet == text else f"<lora:{name}:{text:g}:{unet:g}>"
        if any(char in "<>:\n" for char in name) or has_tag(draft.fields.get("prompt", ""), name):
            draft.leave_out("lora", name, f"The LoRA {shown(name)} is left out: its name is no tag's, or stands twice.")
            continue
        draft.fields["prompt"] = f"{draft.fields.get('prompt', '')} {escape(tag)}".strip()
        draft.add_resource("lora", name, "", unet)


def _put_vae(draft: Draft, graph: Graph, end: Node) -> None:
    decoder = next((node for node in graph.upstream(end) if node.type.startswith("VAEDecode")), None)
    _put_vae_of(draft, graph.value(graph.source(decoder, "vae"), "vae_name"))


def _put_vae_of(draft: Draft, name: Any) -> None:
    if isinstance(name, str) and name.lower() not in ("baked vae", "none", ""):
        draft.put("vae", last_part(name))
        draft.add_resource("vae", last_part(name))


def _put_start(draft: Draft, graph: Graph, sampler: Node) -> None:
    """Sets the size of an empty latent, or says that the picture was drawn from another one."""
    denoise = graph.value(sampler, "denoise") or graph.value(graph.source(sampler, "sigmas"), "denoise")
    node = graph.source(sampler, "latent_image", "samples", "latent")
    for _ in range(MAX_HOPS):
        if node is None:
            return
        if graph.source(node, "mask") is not None:
            draft.leave_out("mask", "", "It was drawn with a mask that is not in the file.")
        width, height = (graph.value(node, name, f"empty_latent_{name}") for name in ("width", "height"))
        if "batch_size" in node.inputs or ("Empty" in node.type and width is not None):
            draft.put_size(width, height)
            if (count := graph.value(node, "batch_size")) not in (None, 1):
                draft.leave_out(
                    "batch_size", count, "Pictures of a batch share one draw of noise; only the first is drawn."
                )
            if isinstance(denoise, int | float) and denoise < 1:
                draft.leave_out("denoise", denoise, "Only a part of the noise was taken away from an empty picture.")
            return
        if "pixels" in node.inputs or node.type.startswith("LoadImage"):
            draft.put("strength", denoise, to_float)
            draft.note_start()
            _put_whole_run(draft)
            return
        node = graph.source(node, "samples", "latent_image", "latent", "image")


def _put_whole_run(draft: Draft) -> None:
    """Sets the steps of the run of which ComfyUI draws the last `steps`, and the strength that leaves just as many."""
    steps, strength = draft.fields.get("steps"), draft.fields.get("strength")
    if steps and strength and steps > 0 and 0 < strength < 1:
        length = int(min(MAX_STEPS, steps / strength))
        draft.fields |= {"steps": length, "strength": min(1.0, steps / length)}


def _leave_out_nodes(draft: Draft, graph: Graph, end: Node) -> None:
    """Lists what nobody read of the nodes that the picture depends on."""
    lost = []
    for node in graph.upstream(end):
        draft.details[f"{node.type} {node.name}"] = {k: v for k, v in node.inputs.items() if not isinstance(v, Link)}
        if node is end or passes_on(node):
            continue
        unseen = {key: value for key, value in graph.unseen(node).items() if key not in _HARMLESS}
        is_read = any((node.name, key) in graph.seen for key in node.inputs)
        if unseen or not (is_read or node.type in _PLAIN):
            draft.leave_out(node.type, unseen or "", _REASONS.get(node.type, _NODE), note=False)
            lost.append(node.type)
    if lost:
        draft.notes.append(f"These nodes are not carried over: {', '.join(sorted(set(lost))[:20])[:600]}.")
