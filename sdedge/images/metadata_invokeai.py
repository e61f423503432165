"""InvokeAI's settings, of its versions 1 to 6: metadata, node graphs, and the command lines of the first. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdedge.controls import Control
from sdedge.images import metadata_compel
from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.images.metadata_graph import MAX_HOPS, Graph, Link, Node, invokeai_graph
from sdedge.images.metadata_numerics import note_numerics
from sdedge.images.metadata_resources import put_loras
from sdedge.images.metadata_texts import Texts, json_object, literal
from sdedge.images.naming import last_part

_TRIGGER = re.compile(r"<([^<>:\n]{1,100})>")
_WEIGHT = re.compile(r":-?\d[\d.]{0,20}\)")
_USED = {"positive_prompt", "negative_prompt", "clip_skip", "rand_device", "scheduler", "vae", "model", "loras", "seamless_x",
         "seamless_y", "cfg_rescale_multiplier", "seed", "steps", "cfg_scale", "width", "height"}  # fmt: skip
_INFORMATIVE = {
    "app_version", "generation_mode", "_canvas_objects", "seed_behaviour", "board", "positive_style_prompt",
    "negative_style_prompt",
    "type", "id", "is_intermediate", "use_cache", "hrf_method", "hrf_strength", "refiner_cfg_scale", "refiner_steps",
    "refiner_scheduler", "refiner_positive_aesthetic_score", "refiner_negative_aesthetic_score", "refiner_start",
}  # fmt: skip
"""Names that nothing of a v1 picture depends on, or that count only with another one, which is listed."""
_REASONS = {
    "controlnets": "Its controls need hints that are not in the file.",
    "ipAdapters": "Its IP-Adapters need pictures that are not in the file.",
    "t2iAdapters": "Its T2I-Adapters need hints that are not in the file.",
    "ref_images": "Its reference pictures are not in the file.",
    "hrf_enabled": "A second, larger pass (high resolution fix) is not carried over.",
    "refiner_model": "A second model for the last steps is not available.",
    "control_layers": "Layers and regions of its canvas are not carried over.",
    "canvas_v2_metadata": "Layers and regions of its canvas are not carried over.",
    "regions": "Regions are not carried over.",
    "init_image": "It was drawn from another picture that is not in the file.",
}
_DENOISERS = {"denoise_latents", "denoise_latents_meta", "l2l", "t2l", "tiled_multi_diffusion_denoise_latents"}


def read(texts: Texts) -> Metadata | None:
    """Returns what a picture of any of its versions says; None where it is no picture of InvokeAI's."""
    metadata, graph = json_object(texts.get("invokeai_metadata", "")), json_object(texts.get("invokeai_graph", ""))
    if metadata and not {"positive_prompt", "seed", "steps"} & metadata.keys():  # version 3.0 beta nests it
        metadata = next(
            (metadata[key] for key in ("core_metadata", "metadata") if isinstance(metadata.get(key), dict)), metadata
        )
    if metadata:
        return _read_metadata(metadata, texts["invokeai_metadata"])
    workflow = json_object(texts.get("invokeai_workflow", ""))
    for record, text in ((graph, texts.get("invokeai_graph", "")), (workflow, texts.get("invokeai_workflow", ""))):
        if record and (settings := _metadata_of(invokeai_graph(record))):
            return _read_metadata(settings, text)
    return _read_version_2(texts) or _read_version_1(texts)


def _read_metadata(record: Mapping[str, Any], text: str) -> Metadata:
    draft = Draft("InvokeAI", text)
    for name, key in (("prompt", "positive_prompt"), ("negative", "negative_prompt")):
        draft.put(name, record.get(key), lambda text: _translated(draft, text))
    put_loras(draft, record.get("loras"))
    draft.put("clip_skip", record.get("clip_skip"), lambda skipped: to_int(skipped) + 1)
    draft.put("noise", {"cpu": "torch", "cuda": "philox"}.get(str(record.get("rand_device"))))
    draft.put_sampler(record.get("scheduler"))
    _put_models(draft, record)
    if rescale := record.get("cfg_rescale_multiplier"):
        draft.put("guidance_rescale", rescale, to_float)
    seamless = [bool(record.get(key)) for key in ("seamless_x", "seamless_y")]
    if all(seamless):
        draft.put("tiling", True)
    elif any(seamless):
        draft.leave_out("seamless_x", seamless[0], "Edges that continue in one direction only are not available.")
    _put_common(draft, record)
    note_numerics(draft)
    _put_controls(draft, record.get("controlnets"))
    for key, reason in _REASONS.items():
        if record.get(key) and key != "init_image":
            draft.leave_out(key, record[key], reason)
    draft.keep(record, _USED | {"strength"}, _INFORMATIVE | _REASONS.keys())
    return draft.done()


def _translated(draft: Draft, text: Any) -> str:
    """Translates InvokeAI's prompt: compel's weights, and embeddings in angle brackets, which here are words without them."""
    prompt, notes = metadata_compel.translate(_TRIGGER.sub(r"\1", literal(text)))
    for note in notes:
        if note not in draft.notes:
            draft.leave_out("prompt", text, note)
    if _WEIGHT.search(prompt):
        draft.leave_out("prompt", "", "Weighted words keep the mean of their prompt here, and not there.", note=False)
    return prompt


def _put_models(draft: Draft, record: Mapping[str, Any]) -> None:
    for key in ("model", "vae"):
        info = record.get(key)
        name = (info.get("name") or info.get("model_name")) if isinstance(info, dict) else info
        hash = info.get("hash") if isinstance(info, dict) else ""
        draft.put(key, name, literal)
        draft.add_resource(key, draft.fields.get(key, ""), hash)


def _put_controls(draft: Draft, entries: Any) -> None:
    """Adds its control nets without their hints, which are no part of the file."""
    controls = []
    for entry in entries[:20] if isinstance(entries, list) else ():
        model = entry.get("control_model") if isinstance(entry, dict) else None
        name = (model.get("name") or model.get("model_name")) if isinstance(model, dict) else None
        if not isinstance(name, str):
            continue
        ends = ("control_weight", 1), ("begin_step_percent", 0), ("end_step_percent", 1)
        try:
            weight, start, end = (to_float(entry.get(key, default)) for key, default in ends)
        except (ValueError, TypeError, OverflowError):
            continue  # the list as a whole is among what is not honoured
        controls.append(Control(last_part(name), weight=weight, span=(start, end)))
        draft.add_resource("control", last_part(name), model.get("hash") if isinstance(model, dict) else "")
    if controls:
        draft.put("controls", tuple(controls))


def _put_common(draft: Draft, record: Mapping[str, Any]) -> None:
    draft.put_seed(record.get("seed"))
    draft.put("steps", record.get("steps"), to_int)
    draft.put("guidance", record.get("cfg_scale"), to_float)
    draft.put_size(record.get("width"), record.get("height"))
    if record.get("init_image") or "img2img" in str(record.get("generation_mode", "")):
        draft.put("strength", record.get("strength"), to_float)
        draft.note_start()
    draft.put_preset("diffusers")


def _read_version_2(texts: Texts) -> Metadata | None:
    """Reads the form of its version 2: `sd-metadata`, with the negative prompt in brackets inside the prompt."""
    text = texts.get("sd-metadata", "")
    record = json_object(text)
    image = record.get("image")
    if not isinstance(image, dict):
        return None
    draft = Draft("InvokeAI", text)
    parts = image.get("prompt")
    entries = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else [{"prompt": parts}]
    _put_old_prompt(draft, " ".join(str(part.get("prompt") or "") for part in entries))
    draft.put_sampler(image.get("sampler"))
    draft.put("model", record.get("model_weights"), literal)
    draft.add_resource("model", draft.fields.get("model", ""), record.get("model_hash", ""))
    draft.put("noise", "philox")
    _put_common(draft, image)
    informative = {"app_id", "app_version", "model", "model_hash", "model_id", "type", "extra", "postprocessing"}
    draft.keep(
        image,
        {"prompt", "sampler", "seed", "steps", "cfg_scale", "width", "height"},
        informative | {"strength", "init_image"},
    )
    draft.keep(record, {"image", "model_weights"}, informative)
    return draft.done()


def _put_old_prompt(draft: Draft, prompt: str) -> None:
    negative = ", ".join(re.findall(r"\[([^\[\]]*+)\]", prompt))
    draft.put("negative", negative, lambda text: _translated(draft, text))
    draft.put("prompt", re.sub(r"\[[^\[\]]*+\]", "", prompt).strip(), lambda text: _translated(draft, text))


_DREAM = re.compile(r'\s*"((?:[^"\\]|\\.)*+)"(.*+)', re.S)
_OPTIONS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler", "f": "strength"}


def _read_version_1(texts: Texts) -> Metadata | None:
    """Reads the command line of its version 1: `Dream: "a cat" -s 50 -S 42 -W512 -H512 -C7.5 -Ak_lms`."""
    match = _DREAM.fullmatch(texts.get("Dream", ""))
    if match is None:
        return None
    draft, record, lost = Draft("InvokeAI", texts["Dream"]), {}, {}
    _put_old_prompt(draft, re.sub(r"\\(.)", r"\1", match[1]))
    for option in re.findall(r"(?:^|\s)-([^\s].*?)(?=\s-|$)", match[2][:2000], re.S):
        name, value = option[:1], option[1:].strip()
        if name in _OPTIONS:
            record[_OPTIONS[name]] = value
        else:
            lost[f"-{option.split()[0]}"[:60]] = value
    draft.put_sampler(record.get("sampler"))
    draft.put("noise", "philox")
    _put_common(draft, record)
    draft.keep(lost, (), ("-G", "-U"))
    return draft.done()


def _metadata_of(graph: Graph) -> dict[str, Any]:
    """Returns a graph's settings under the metadata's names: of its metadata node, else of what leads to its last denoiser."""
    for node in graph.nodes.values():
        if node.type.startswith("core_metadata"):
            return {key: said for key in node.inputs if (said := graph.value(node, key)) is not None}
    denoisers = [node for node in graph.nodes.values() if node.type in _DENOISERS]
    fed = {
        link.node
        for node in denoisers
        for up in graph.upstream(node)
        for link in up.inputs.values()
        if isinstance(link, Link)
    }
    last = next((node for node in denoisers if node.name not in fed), None)
    if last is None:
        return {}
    record: dict[str, Any] = {
        key: graph.value(last, key) for key in ("steps", "cfg_scale", "scheduler", "cfg_rescale_multiplier")
    }
    noise = graph.source(last, "noise")
    record |= {key: graph.value(noise, key) for key in ("seed", "width", "height")}
    record["rand_device"] = {"True": "cpu", "False": "cuda"}.get(str(graph.value(noise, "use_cpu")))
    for name in ("positive", "negative"):
        record[f"{name}_prompt"] = graph.value(graph.source(last, f"{name}_conditioning"), "prompt")
    _add_models(graph, last, record)
    _add_start(graph, last, record)
    return {key: value for key, value in record.items() if value is not None}


def _add_models(graph: Graph, denoiser: Node, record: dict[str, Any]) -> None:
    """Adds model, LoRAs and skipped layers, along the denoiser's network and the prompt's text encoder."""
    ways = list(graph.upstream(denoiser))
    loras = [node for node in ways if node.type.startswith("lora") and graph.value(node, "lora") is not None]
    record["loras"] = [
        {"model": graph.value(node, "lora"), "weight": graph.value(node, "weight")} for node in loras[::-1]
    ] or None
    loaders = (graph.value(node, "model") for node in ways if node.type.endswith("model_loader"))
    record["model"] = next((model for model in loaders if model is not None), None)
    node = graph.source(graph.source(denoiser, "positive_conditioning"), "clip")
    for _ in range(MAX_HOPS):
        if node is None or node.type == "clip_skip":
            record["clip_skip"] = graph.value(node, "skipped_layers")
            break
        node = graph.source(node, "clip")
    for node in graph.nodes.values():
        if node.type == "vae_loader":
            record["vae"] = graph.value(node, "vae_model")


def _add_start(graph: Graph, denoiser: Node, record: dict[str, Any]) -> None:
    start = graph.value(denoiser, "denoising_start")
    if graph.source(denoiser, "latents") is not None:
        record["init_image"] = "latents"
        record["strength"] = 1 - start if isinstance(start, int | float) else None
    for node in graph.upstream(denoiser):
        if node.type in ("controlnet", "t2i_adapter", "ip_adapter"):
            record.setdefault(
                {"controlnet": "controlnets", "t2i_adapter": "t2iAdapters"}.get(node.type, "ipAdapters"), []
            ).append({key: value for key in node.inputs if (value := graph.value(node, key)) is not None})
