"""The texts other programs leave in pictures, read into Request fields. Nothing here raises, whatever the text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

from sdedge.errors import ModelError
from sdedge.images import metadata_a1111_reader, metadata_compel, metadata_infotext, metadata_others
from sdedge.images.metadata_fields import MAX_NAME, Draft, Metadata, to_float, to_int
from sdedge.images.naming import last_part
from sdedge.json_values import read_json
from sdedge.request import Request
from sdedge.request_fields import FIELDS
from sdedge.text.clean import clean, clean_json, shown
from sdedge.text.wildcards import escape

Texts = Mapping[str, str]
"""By PNG key, or "description" (EXIF), "iptc", "parameters" (also EXIF UserComment and comments)."""

MAX_TEXT = 2_000_000  # characters; what is longer is not read
MAX_LORAS = 20
_DRAW_THINGS_LORA = re.compile(r"(?:_lora)?_(?:f16|f32|q8p|q6p)$")  # how it names the LoRAs it converts
_TRIGGER = re.compile(r"<([^<>:\n]{1,100})>")
_SEED_MODES = {"Torch CPU Compatible": "torch", "NVIDIA GPU Compatible": "philox"}


def from_texts(texts: Texts) -> Metadata:
    """Returns what the first program that recognises its own texts makes of them; an empty Metadata if none does."""
    texts = {key: clean(text) for key, text in texts.items() if len(text) <= MAX_TEXT}
    for reader in (_sdedge, _invokeai, _invokeai_2, _novelai, _draw_things, _mochi, _a1111, _others, _comfyui):
        if (recorded := reader(texts)) is not None:
            return recorded
    return Metadata()


def parse_record(text: str) -> Metadata | None:
    """Reads our own JSON; returns None if the text is something else."""
    record = _object(text)
    if "sdedge" not in record or not isinstance(record.get("request"), dict):
        return None
    draft = Draft("sdedge", text)
    known = set(Request.__dataclass_fields__)
    for name, value in record["request"].items():
        if name in known:
            draft.put(name, value, FIELDS[name].type.from_json)
        else:
            draft.notes.append(f"The file's field {shown(name)} is not known here; it was written by another version.")
    facts = record.get("facts")
    draft.details = {"sdedge": record["sdedge"], **(facts if isinstance(facts, dict) else {})}
    return draft.done()


def _sdedge(texts: Texts) -> Metadata | None:
    for key in ("sdedge", "description"):
        if key in texts and (recorded := parse_record(texts[key])) is not None:
            return recorded
    return None


def _a1111(texts: Texts) -> Metadata | None:
    text = texts.get("parameters", "")
    if not text.strip() and metadata_infotext.parse(texts.get("comment", "")).settings:
        text = texts["comment"]  # of a GIF or JPEG, in which anything may stand
    return None if not text.strip() or _object(text) else metadata_a1111_reader.read(text)


def _invokeai(texts: Texts) -> Metadata | None:
    text = texts.get("invokeai_metadata", "")
    record = _object(text)
    if not record:
        return None
    draft = Draft("InvokeAI", text)
    for name, key in (("prompt", "positive_prompt"), ("negative", "negative_prompt")):
        draft.put(name, record.get(key), lambda text: _translated(draft, text))
    _put_loras(draft, record.get("loras"))
    draft.put("clip_skip", record.get("clip_skip"), lambda skipped: to_int(skipped) + 1)
    draft.put("noise", {"cpu": "torch", "cuda": "philox"}.get(str(record.get("rand_device"))))
    draft.put_sampler(record.get("scheduler"))
    for key, name in (("model", "model"), ("vae", "vae")):
        info = record.get(key)
        draft.put(name, (info.get("name") or info.get("model_name")) if isinstance(info, dict) else info, _literal)
    used = {"positive_prompt", "negative_prompt", "clip_skip", "rand_device", "scheduler", "vae"}
    _common_numbers(draft, record, used)
    for key, what in (("controlnets", "ControlNets"), ("ipAdapters", "IP adapters")):
        if record.get(key):
            draft.notes.append(f"The {what} of the picture are not carried over.")
    return draft.done()


def _translated(draft: Draft, text: Any) -> str:
    """Translates InvokeAI's prompt: compel's weights, and embeddings in angle brackets, which here are words without them."""
    prompt, notes = metadata_compel.translate(_TRIGGER.sub(r"\1", _literal(text)))
    draft.notes += [note for note in notes if note not in draft.notes]
    return prompt


def _put_loras(draft: Draft, entries: Any) -> None:
    """LoRAs listed beside the prompt become tags in it, by the names of their files; a note says so."""
    if not entries:
        return
    tags, lost = [], 0
    for entry in entries[:MAX_LORAS] if isinstance(entries, list) else [entries]:
        tag = _lora_tag(entry)
        tags += [tag] if tag else []
        lost += tag is None
    if tags:
        draft.put("prompt", f"{draft.fields.get('prompt', '')} {' '.join(tags)}".strip())
        draft.notes.append(f"Its LoRAs are written into the prompt by their names: {shown(' '.join(tags), 200)}.")
    if lost or (isinstance(entries, list) and len(entries) > MAX_LORAS):
        draft.notes.append("Some LoRAs of the picture cannot be read and are not carried over.")


def _lora_tag(entry: Any) -> str | None:
    """Returns `<lora:name:weight>` of an entry as InvokeAI 3 to 6 and Draw Things write it; None for anything else."""
    if not isinstance(entry, dict):
        return None
    model = next((entry[key] for key in ("model", "lora", "file", "name") if entry.get(key)), None)
    name = (model.get("name") or model.get("model_name")) if isinstance(model, dict) else model
    try:
        weight = to_float(entry.get("weight", 1))
        name = _DRAW_THINGS_LORA.sub("", last_part(_literal(name)))
    except (ValueError, TypeError, OverflowError):
        return None
    if not name or len(name) > MAX_NAME or any(char in "<>:\n" for char in name):
        return None
    return escape(f"<lora:{name}:{weight:g}>") if abs(weight) < 1e6 else None


def _common_numbers(draft: Draft, record: Mapping[str, Any], used: set[str]) -> None:
    draft.put_seed(record.get("seed"))
    draft.put("steps", record.get("steps"), to_int)
    draft.put("guidance", record.get("cfg_scale"), to_float)
    draft.put_size(record.get("width"), record.get("height"))
    if record.get("init_image"):
        draft.put("strength", record.get("strength"), to_float)
        draft.note_start()
    draft.put_preset("diffusers")
    draft.keep(record, used | {"seed", "steps", "cfg_scale", "width", "height", "strength"})


def _invokeai_2(texts: Texts) -> Metadata | None:
    """Reads the form of its version 2: `sd-metadata`, with the negative prompt in brackets inside the prompt."""
    text = texts.get("sd-metadata", "")
    record = _object(text)
    image = record.get("image")
    if not isinstance(image, dict):
        return None
    draft = Draft("InvokeAI", text)
    parts = image.get("prompt")
    entries = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else [{"prompt": parts}]
    prompt = " ".join(str(part.get("prompt") or "") for part in entries)
    draft.put("negative", ", ".join(re.findall(r"\[([^\[\]]*)\]", prompt)), lambda text: _translated(draft, text))
    draft.put("prompt", re.sub(r"\[[^\[\]]*\]", "", prompt).strip(), lambda text: _translated(draft, text))
    draft.put_sampler(image.get("sampler"))
    draft.put("model", record.get("model_weights"), _literal)
    draft.put("noise", "philox")
    _common_numbers(draft, image, {"prompt", "sampler"})
    draft.keep(record, {"image", "model_weights"})
    return draft.done()


def _novelai(texts: Texts) -> Metadata | None:
    record = _object(texts.get("Comment", ""))
    if texts.get("Software") != "NovelAI" or not record:
        return None
    draft = Draft("NovelAI", texts["Comment"])
    draft.put("prompt", texts.get("Description") or record.get("prompt"), _novelai_prompt)
    draft.put("negative", record.get("uc"), _novelai_prompt)
    draft.put_sampler(record.get("sampler"))
    draft.put_seed(record.get("seed"))
    draft.put("steps", record.get("steps"), to_int)
    draft.put("guidance", record.get("scale"), to_float)
    draft.put_size(record.get("width"), record.get("height"))
    draft.keep({**record, "Source": texts.get("Source", "")}, {"uc", "sampler", "seed", "steps", "scale"})
    draft.notes.append("NovelAI's own models are not public; another model draws another picture.")
    return draft.done()


def _novelai_prompt(text: Any) -> str:
    """Translates weights: {a} is ×1.05 and [a] ÷1.05 there, and parentheses are plain text."""
    marks = {"(": r"\(", ")": r"\)", "{": "(", "}": ":1.05)", "[": "(", "]": ":0.952)", "\\": r"\\"}
    return "".join(marks.get(char, char) for char in _literal(text))


def _draw_things(texts: Texts) -> Metadata | None:
    comment = _object(texts.get("Comment", "")) or _object(read_xmp(texts, "exif:UserComment"))
    if not ("c" in comment and "sampler" in comment):
        return None
    draft = Draft("Draw Things", json.dumps(comment, ensure_ascii=False))
    draft.put("prompt", comment["c"], lambda text: escape(_literal(text)))
    draft.put("negative", comment.get("uc"), lambda text: escape(_literal(text)))
    draft.put_sampler(comment["sampler"])
    draft.put_seed(comment.get("seed"))
    draft.put("steps", comment.get("steps"), to_int)
    draft.put("guidance", comment.get("scale"), to_float)
    draft.put("model", comment.get("model"), _literal)
    draft.put_size_text(comment.get("size"))
    mode = comment.get("seed_mode")
    if noise := _SEED_MODES.get(str(mode)):
        draft.put("noise", noise)
    else:
        draft.notes.append(f"Draw Things' seed mode {shown(mode)} draws other noise than any generator here.")
    if comment.get("strength") not in (None, 1, 1.0):
        draft.put("strength", comment["strength"], to_float)
        draft.note_start()
    v2 = comment.get("v2")
    second: dict[str, Any] = v2 if isinstance(v2, dict) else {}
    _put_loras(draft, comment.get("lora") or comment.get("loras") or second.get("loras"))
    if comment.get("control") or second.get("controls"):
        draft.notes.append("The controls of the picture are not carried over.")
    draft.keep(comment, {"c", "uc", "sampler", "seed", "steps", "scale", "model", "size"})
    return draft.done()


_MOCHI_KEYS = (
    "Include in Image", "Exclude from Image", "Model", "Steps", "Guidance Scale", "Seed", "Size", "Upscaler",
    "Scheduler", "ML Compute Unit", "Generator",
)  # fmt: skip
_MOCHI_SPLIT = re.compile(rf"; *(?=(?:{'|'.join(_MOCHI_KEYS)}): )")


def _mochi(texts: Texts) -> Metadata | None:
    places = [texts.get(key, "") for key in ("description", "iptc", "Description")] + [
        read_xmp(texts, "dc:description")
    ]
    text = next((text for text in places if text.startswith("Include in Image:")), None)
    if text is None:
        return None
    # Only before a known key is "; " a separator, so prompts may hold it.
    values = dict(part.split(":", 1) for part in _MOCHI_SPLIT.split(text) if ":" in part)
    values = {key.strip(): value.strip().rstrip(";") for key, value in values.items()}
    draft = Draft("Mochi Diffusion", text)
    draft.put("prompt", values.get("Include in Image"), escape)
    draft.put("negative", values.get("Exclude from Image"), escape)
    draft.put("model", values.get("Model"))
    draft.put("steps", values.get("Steps"), to_int)
    draft.put("guidance", values.get("Guidance Scale"), to_float)
    draft.put_seed(values.get("Seed"))
    draft.put_sampler(values.get("Scheduler"))
    draft.put_size_text(values.get("Size"))
    if values.get("Upscaler"):
        draft.notes.append(f"The picture was enlarged afterwards with {shown(values['Upscaler'])}.")
    draft.put_preset("apple")
    draft.keep(values, set(_MOCHI_KEYS[:7]) | {"Scheduler"})
    return draft.done()


def _others(texts: Texts) -> Metadata | None:
    record = _object(texts.get("parameters", "")) or _object(texts.get("comment", ""))
    inner = record.get("sui_image_params")
    if isinstance(inner, dict):
        return metadata_others.read({"swarm_version": None, **inner}, texts.get("parameters", ""))
    return metadata_others.read(record, texts.get("parameters", "")) or metadata_others.read(
        texts, texts.get("prompt", "")
    )


def _comfyui(texts: Texts) -> Metadata | None:
    if not any(_object(texts.get(key, "")) for key in ("prompt", "workflow", "parameters")):
        return None
    text = next(texts[key] for key in ("prompt", "workflow", "parameters") if _object(texts.get(key, "")))
    note = "The picture holds a node graph or another program's settings, which are not read."
    return Metadata(text=text, source="another program", notes=(note,))


def read_xmp(texts: Texts, tag: str) -> str:
    """Reads the text of the first item of an XMP property, or its value as an attribute, without an XML parser's dangers."""
    packet = texts.get("XML:com.adobe.xmp", "")
    if (start := packet.find(f"<{tag}")) >= 0:
        start = packet.find("<rdf:li", start, packet.find(f"</{tag}>", start))
        start = packet.find(">", start) + 1 if start >= 0 else 0
        end = packet.find("<", start)
        value = packet[start:end] if start and packet.startswith("</rdf:li>", end) else ""
    elif (start := packet.find(f'{tag}="')) >= 0:
        start += len(tag) + 2
        value = packet[start : packet.find('"', start)]
    else:
        return ""
    try:
        return clean(html.unescape(value))
    except ValueError:  # a character reference of thousands of digits
        return ""


def _object(text: str) -> dict[str, Any]:
    """Reads a JSON object, its texts cleaned; anything else, too many values and too deep nesting give an empty one."""
    if not text.lstrip().startswith("{"):
        return {}
    try:
        record = clean_json(read_json(text, "The text", MAX_TEXT))
    except (ValueError, ModelError):
        return {}
    return record if isinstance(record, dict) else {}


def _literal(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
