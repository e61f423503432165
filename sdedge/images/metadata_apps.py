"""The texts other programs leave in pictures, read into Request fields. Nothing here raises, whatever the text."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any

from sdedge.images import (
    metadata_a1111,
    metadata_a1111_reader,
    metadata_comfyui,
    metadata_graph,
    metadata_infotext,
    metadata_invokeai,
    metadata_others,
)
from sdedge.images.metadata_compel import unlike_ours
from sdedge.images.metadata_fields import MAX_NAME, Draft, Metadata, Unhonoured, is_off, to_float, to_int
from sdedge.images.metadata_resources import put_loras, put_recorded_files
from sdedge.images.metadata_texts import MAX_TEXT, Texts, json_object, literal
from sdedge.request import Request
from sdedge.request_fields import FIELDS
from sdedge.text.clean import clean, shown
from sdedge.text.wildcards import escape

_SEED_MODES = {"Torch CPU Compatible": "torch", "NVIDIA GPU Compatible": "philox"}


def from_texts(texts: Texts) -> Metadata:
    """Returns what the first program that recognises its own texts makes of them; an empty Metadata if none does."""
    texts = {key: clean(text) for key, text in texts.items() if len(text) <= MAX_TEXT}
    for reader in (
        _sdedge,
        metadata_invokeai.read,
        _novelai,
        _draw_things,
        _mochi,
        _a1111,
        _civitai,
        _comfyui,
        metadata_others.read,
        _unread,
    ):
        if (recorded := reader(texts)) is not None:
            return _with_damaged(recorded, texts)
    return _with_damaged(Metadata(), texts)


_RECORDS = ("sdedge", "description", "invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata", "prompt",
            "workflow", "parameters", "Comment", "comment")  # fmt: skip
"""Where programs write JSON."""
_OBJECT = re.compile(r'\s*\{\s*"')


def _with_damaged(recorded: Metadata, texts: Texts) -> Metadata:
    """Returns the same with what is JSON by its beginning, and cannot be read as that, listed."""
    damaged = [key for key in _RECORDS if _OBJECT.match(texts.get(key, "")) and not json_object(texts[key])]
    lost = tuple(
        Unhonoured(key, texts[key][:MAX_NAME], f"The picture's text {shown(key)} is {_DAMAGED}.") for key in damaged
    )
    notes = tuple(each.reason for each in lost)
    return replace(recorded, notes=(*recorded.notes, *notes), unhonoured=(*recorded.unhonoured, *lost))


_DAMAGED = "damaged or too large, and is not read"


def parse_record(text: str) -> Metadata | None:
    """Reads our own JSON; returns None if the text is something else."""
    record = json_object(text)
    if "sdedge" not in record or not isinstance(record.get("request"), dict):
        return None
    draft = Draft("sdedge", text)
    known = set(Request.__dataclass_fields__)
    for name, value in record["request"].items():
        if name in known:
            draft.put(name, value, FIELDS[name].type.from_json)
        else:
            sentence = f"The file's field {shown(name)} is not known here; it was written by another version."
            draft.leave_out(name, value, sentence)
    facts = record.get("facts")
    draft.details = {"sdedge": record["sdedge"], **(facts if isinstance(facts, dict) else {})}
    put_recorded_files(draft)
    return draft.done()


def _sdedge(texts: Texts) -> Metadata | None:
    for key in ("sdedge", "description"):
        if key in texts and (recorded := parse_record(texts[key])) is not None:
            return _compared(recorded, texts.get("parameters", ""))
    return None


def _compared(recorded: Metadata, parameters: str) -> Metadata:
    """Returns what our record says, with a note where the web UI's text beside it says something else: somebody changed one."""
    own = metadata_a1111.write(Request(**recorded.fields), recorded.details)
    if not parameters or parameters == own:
        return recorded
    ours, theirs = metadata_a1111_reader.read(own).fields, metadata_a1111_reader.read(parameters).fields
    differing = sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])
    if not differing:
        return recorded
    names = ", ".join(name.replace("_", " ") for name in differing)
    sentence = f"The picture's own record and its parameters text differ in {names}; the record is used."
    reason = "The picture's own record says another value, which is used."
    lost = tuple(Unhonoured(name, str(theirs[name])[:MAX_NAME], reason) for name in differing)
    return replace(recorded, notes=(sentence, *recorded.notes), unhonoured=(*lost, *recorded.unhonoured))


def _a1111(texts: Texts) -> Metadata | None:
    text = texts.get("parameters", "")
    if not text.strip() and metadata_infotext.parse(texts.get("comment", "")).settings:
        text = texts["comment"]  # of a GIF or JPEG, in which anything may stand
    return None if not text.strip() or json_object(text) else metadata_a1111_reader.read(text)


def _novelai(texts: Texts) -> Metadata | None:
    record = json_object(texts.get("Comment", ""))
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
    if isinstance(schedule := record.get("noise_schedule"), str):
        draft.put_schedule("uniform" if schedule == "native" else schedule)
    _put_novelai_start(draft, record)
    sentence = "NovelAI's own models are not public; another model draws another picture."
    draft.leave_out("model", texts.get("Source", ""), sentence)
    used = {"prompt", "uc", "sampler", "seed", "steps", "scale", "width", "height", "noise_schedule",
            "uncond_scale"}  # fmt: skip
    draft.keep({**record, "Source": texts.get("Source", "")}, used, _NOVELAI_INFORMATIVE)
    return draft.done()


_NOVELAI_INFORMATIVE = {
    "Source", "n_samples", "signed_hash", "request_type", "hide_debug_overlay", "legacy_v3_extend", "v4_prompt",
    "v4_negative_prompt",
    "version", "strength", "noise", "controlnet_strength", "prompt",
}  # fmt: skip
"""What says nothing, says again what another says, or counts only with another one."""


def _put_novelai_start(draft: Draft, record: dict[str, Any]) -> None:
    """Sets what counts of a picture that was drawn from another one, and lists a scale of the undesired content beside 1."""
    if record.get("uncond_scale") not in (None, 1, 0):
        draft.leave_out("uncond_scale", record["uncond_scale"], "The undesired content is not weighed on its own.")
    kind = str(record.get("request_type", ""))
    if "Img2Img" not in kind and "Infill" not in kind:
        return
    draft.put("strength", record.get("strength"), to_float)
    draft.note_start()
    if record.get("noise"):
        draft.leave_out("noise", record["noise"], "Noise is not added to the picture to start from.")
    if "Infill" in kind:
        draft.leave_out("mask", "", "It was drawn with a mask that is not in the file.")


_NOVELAI_WEIGHTS = {"{": "1.05", "[": "0.952"}
_CLOSING = {"}": "{", "]": "["}


def _novelai_prompt(text: Any) -> str:
    """Translates weights: {a} is ×1.05 and [a] ÷1.05 there. Brackets that do not pair, parentheses and words of ours are text."""
    written: list[str] = []
    opened: list[int] = []
    for char in literal(text):
        if char in _NOVELAI_WEIGHTS:
            opened.append(len(written))
        elif opened and text[opened[-1]] == _CLOSING.get(char):
            start = opened.pop()
            written[start], char = "(", f":{_NOVELAI_WEIGHTS[text[start]]})"
        elif char in "()\\]":
            char = f"\\{char}"
        written.append(char)
    for start in opened:
        written[start] = text[start] if text[start] == "{" else r"\["
    return unlike_ours(escape("".join(written)))


_DRAW_THINGS_PASSES = {
    "hiresFix", "upscaler", "faceRestoration", "refinerModel", "tiledDiffusion", "sharpness", "zeroNegativePrompt",
    "imageGuidanceScale",
    "maskBlur", "stochasticSamplingGamma", "preserveOriginalAfterInpaint", "clipWeight", "negativePromptForImagePrior",
    "guidanceEmbed",
    "cfgZeroStar", "teaCache", "causalInference", "separateClipL",
}  # fmt: skip
"""Of its whole configuration, which `v2` repeats, what a v1 picture depends on and nothing here stands for."""


def _draw_things(texts: Texts) -> Metadata | None:
    comment = json_object(texts.get("Comment", "")) or json_object(read_xmp(texts, "exif:UserComment"))
    if not ("c" in comment and "sampler" in comment):
        return None
    draft = Draft("Draw Things", json.dumps(comment, ensure_ascii=False))
    draft.put("prompt", comment["c"], lambda text: escape(literal(text)))
    draft.put("negative", comment.get("uc"), lambda text: escape(literal(text)))
    draft.put_sampler(comment["sampler"])
    draft.put_seed(comment.get("seed"))
    draft.put("steps", comment.get("steps"), to_int)
    draft.put("guidance", comment.get("scale"), to_float)
    draft.put("model", comment.get("model"), literal)
    draft.put_size_text(comment.get("size"))
    mode = comment.get("seed_mode")
    if noise := _SEED_MODES.get(str(mode)):
        draft.put("noise", noise)
    else:
        mode_in_words = "a seed mode that the picture does not tell" if mode is None else f"the seed mode {shown(mode)}"
        sentence = f"Draw Things draws with {mode_in_words}, which is other noise than any generator's here."
        draft.leave_out("seed_mode", mode, sentence)
    if comment.get("strength") not in (None, 1, 1.0):
        draft.put("strength", comment["strength"], to_float)
        draft.note_start()
    v2 = comment.get("v2")
    second: dict[str, Any] = v2 if isinstance(v2, dict) else {}
    put_loras(draft, comment.get("lora") or comment.get("loras") or second.get("loras"))
    if comment.get("control") or second.get("controls"):
        sentence = "The controls of the picture are not carried over."
        draft.leave_out("control", comment.get("control") or second.get("controls"), sentence)
    if isinstance(second.get("clipSkip"), int):
        draft.put("clip_skip", second["clipSkip"], to_int)
    used = {"c", "uc", "sampler", "seed", "steps", "scale", "model", "size"}
    same = {"lora", "loras", "control", "controls", "v2", "seed_mode", "strength", "profile"}
    draft.keep(comment, used, same)
    for key in sorted(set(second) & _DRAW_THINGS_PASSES):
        if not (is_off(second[key]) or second[key] == 0):
            draft.leave_out(key, second[key], "It has no counterpart here.", note=False)
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
        sentence = f"The picture was enlarged afterwards with {shown(values['Upscaler'])}."
        draft.leave_out("Upscaler", values["Upscaler"], sentence)
    draft.put_preset("apple")
    draft.keep(values, set(_MOCHI_KEYS[:7]) | {"Scheduler"}, {"Upscaler", "ML Compute Unit", "Generator"})
    return draft.done()


def _comfyui(texts: Texts) -> Metadata | None:
    """Reads node graphs; where a graph has no sampler that is known, what else the picture says counts."""
    for key, build in (("prompt", metadata_graph.comfyui_prompt), ("workflow", metadata_graph.comfyui_workflow)):
        record = json_object(texts.get(key, ""))
        if record and (recorded := metadata_comfyui.read(build(record), texts[key])) is not None:
            return recorded
    return None


def _civitai(texts: Texts) -> Metadata | None:
    """Reads a graph of Civitai's own generator, which says in `extraMetadata` what it was made of."""
    for key in ("parameters", "prompt", "comment"):
        record = json_object(texts.get(key, ""))
        extra = record.get("extraMetadata")
        inner = json_object(extra) if isinstance(extra, str) else extra
        if isinstance(inner, dict) and inner:
            return metadata_others.read_record(inner, texts[key], "Civitai")
    return None


def _unread(texts: Texts) -> Metadata | None:
    for key in ("prompt", "workflow", "parameters"):
        if record := json_object(texts.get(key, "")):
            draft = Draft("another program", texts[key])
            draft.notes.append("The picture holds a node graph or another program's settings, which are not read.")
            draft.keep(record, (), ())
            return draft.done()
    return None


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
