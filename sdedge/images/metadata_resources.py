"""The files a picture was drawn with, by the hashes that programs and sites write beside its settings. No torch.

Lora hashes: "name: 0123456789ab, …"        A1111; TI hashes alike
Hashes: {"model": "…", "lora:name": "…", "embed:name": "…", "vae": "…"}       Civitai's extension for it
Civitai resources: [{"type": "lora", "weight": 0.8, "modelName": "…", "modelVersionId": 1}, …]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdedge.errors import ModelError
from sdedge.images.metadata_fields import MAX_NAME, MAX_RESOURCES, Draft, to_float
from sdedge.images.metadata_texts import literal
from sdedge.images.naming import last_part
from sdedge.json_values import read_json
from sdedge.text.clean import clean_json, shown
from sdedge.text.wildcards import escape

KEYS = frozenset(
    ("Model hash", "VAE hash", "Lora hashes", "TI hashes", "Hashes", "Civitai resources", "Civitai metadata")
)
"""The settings of the web UI's text that are read here."""
_HASH = re.compile(r"[0-9a-f]{8,64}")
MAX_LORAS = 20
_DRAW_THINGS_LORA = re.compile(r"(?:_lora)?_(?:f16|f32|q8p|q6p)$")  # how it names the LoRAs it converts
_ROLES = {
    "checkpoint": "model", "model": "model", "lora": "lora", "locon": "lora", "lycoris": "lora", "dora": "lora",
    "embed": "embedding",
    "textualinversion": "embedding", "embedding": "embedding", "ti": "embedding", "vae": "vae", "controlnet": "control",
    "upscaler": "upscaler", "hypernet": "hypernetwork", "hypernetwork": "hypernetwork",
}  # fmt: skip


def put_resources(draft: Draft, settings: Mapping[str, str]) -> None:
    """Lists the files that a web UI's settings name, with their hashes."""
    draft.add_resource("model", draft.fields.get("model", ""), settings.get("Model hash", ""))
    draft.add_resource("vae", draft.fields.get("vae", ""), settings.get("VAE hash", ""))
    for key, kind in (("Lora hashes", "lora"), ("TI hashes", "embedding")):
        for name, hash in named_hashes(settings.get(key, "")):
            draft.add_resource(kind, name, hash)
    hashes = _parsed(settings.get("Hashes", ""))
    if isinstance(hashes, dict):
        for key, hash in list(hashes.items())[:MAX_RESOURCES]:
            kind, _, name = str(key).partition(":")
            if (role := _ROLES.get(kind.lower())) is not None:
                draft.add_resource(role, name or draft.fields.get(role, ""), hash)
    _put_civitai(draft, _parsed(settings.get("Civitai resources", "")))


def put_recorded_files(draft: Draft) -> None:
    """Lists the files that our own record names, by the facts among the draft's details."""
    for role in ("model", "vae"):
        draft.add_resource(role, draft.fields.get(role, ""), draft.details.get(f"{role}_hash", ""))
    for role in ("lora", "embedding", "control"):
        text = draft.details.get(f"{role}_hashes", "")
        for name, hash in named_hashes(text if isinstance(text, str) else ""):
            draft.add_resource(role, name, hash)


def named_hashes(text: str) -> list[tuple[str, str]]:
    """Returns name and hash of each file of a list such as "a: 0123456789ab, b: ba9876543210"."""
    pairs = [part.rpartition(":")[::2] for part in text.split(",")[:MAX_RESOURCES]]
    return [
        (name.strip(), digits)
        for name, hash in pairs
        if name.strip() and _HASH.fullmatch(digits := hash.strip().lower())
    ]


def _parsed(text: str) -> Any:
    """Returns what a JSON value says, its texts cleaned; None for anything else."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return clean_json(read_json(text, "The text"))
    except (ValueError, ModelError):
        return None


def _put_civitai(draft: Draft, entries: Any) -> None:
    """Lists Civitai's resources. A LoRA there stands beside the prompt, not in it: it becomes a tag by its name."""
    for entry in entries[:MAX_RESOURCES] if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        kind, name = str(entry.get("type", "")).lower(), entry.get("modelName") or entry.get("name") or ""
        name = name if isinstance(name, str) else ""
        role, hash = _ROLES.get(kind, "other"), entry.get("hash", "")
        try:
            weight = to_float(entry.get("weight", 1))
        except (ValueError, TypeError, OverflowError):
            weight = 1.0
        draft.add_resource(role, name or f"version {entry.get('modelVersionId')}", hash, weight)
        if role == "model" and name:
            draft.fields.setdefault("model", name)
        elif role == "lora" and name and not has_tag(draft.fields.get("prompt", ""), name):
            put_lora_tag(draft, name, weight)
        elif role not in ("model", "vae", "lora", "embedding"):
            sentence = f"Its {shown(kind or 'resource')} {shown(name)} of Civitai's list is not carried over."
            draft.leave_out("Civitai resources", f"{kind} {name}", sentence)


def put_lora_tag(draft: Draft, name: str, weight: float) -> None:
    """Writes a LoRA into the prompt, where it stands here, by its name."""
    if not any(char in "<>:\n" for char in name) and abs(weight) < 1e6:
        tag = escape(f"<lora:{name}:{weight:g}>")
        draft.fields["prompt"] = f"{draft.fields.get('prompt', '')} {tag}".strip()
        draft.notes.append(f"Its LoRA is written into the prompt by its name: {tag}.")
    else:
        draft.leave_out("lora", name, f"Its LoRA {shown(name)} has a name that no tag takes; it is left out.")


def has_tag(prompt: str, name: str) -> bool:
    """Returns whether a prompt has a LoRA's tag of this name."""
    return f":{name.lower()}:" in prompt.lower() or f":{name.lower()}>" in prompt.lower()


def put_loras(draft: Draft, entries: Any) -> None:
    """LoRAs listed beside the prompt become tags in it, by the names of their files; a note says so."""
    if not entries:
        return
    tags, lost = [], 0
    for entry in entries[:MAX_LORAS] if isinstance(entries, list) else [entries]:
        tag = _lora_tag(draft, entry)
        tags += [tag] if tag else []
        lost += tag is None
    if tags:
        draft.put("prompt", f"{draft.fields.get('prompt', '')} {' '.join(tags)}".strip())
        draft.notes.append(f"Its LoRAs are written into the prompt by their names: {shown(' '.join(tags), 200)}.")
    if lost or (isinstance(entries, list) and len(entries) > MAX_LORAS):
        draft.leave_out("loras", entries, "Some LoRAs of the picture cannot be read and are not carried over.")


def _lora_tag(draft: Draft, entry: Any) -> str | None:
    """Returns `<lora:name:weight>` of an entry as InvokeAI 3 to 6 and Draw Things write it; None for anything else."""
    if not isinstance(entry, dict):
        return None
    model = next((entry[key] for key in ("model", "lora", "file", "name") if entry.get(key)), None)
    name = (model.get("name") or model.get("model_name")) if isinstance(model, dict) else model
    try:
        weight = to_float(entry.get("weight", 1))
        name = _DRAW_THINGS_LORA.sub("", last_part(literal(name)))
    except (ValueError, TypeError, OverflowError):
        return None
    if not name or len(name) > MAX_NAME or any(char in "<>:\n" for char in name) or abs(weight) >= 1e6:
        return None
    draft.add_resource("lora", name, model.get("hash") if isinstance(model, dict) else entry.get("hash"), weight)
    return escape(f"<lora:{name}:{weight:g}>")
