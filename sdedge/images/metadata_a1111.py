"""The A1111 web UI's `parameters` text as it is written (processing.py and infotext_utils.py of its version 1.9)."""

from __future__ import annotations

import json
from collections.abc import Mapping

import sdedge
from sdedge import sampler_options
from sdedge.errors import ModelError
from sdedge.field_rows import InfotextKey, OptionKeys
from sdedge.field_types import Choice, Float
from sdedge.images.metadata_controls import control_texts
from sdedge.images.metadata_detailer import detail_texts
from sdedge.images.metadata_passes import pass_texts
from sdedge.json_values import read_json
from sdedge.request import Request
from sdedge.request_fields import FIELDS, SIZE, counts

NEGATIVE = "Negative prompt:"
KEYS: dict[str, InfotextKey] = {
    row.name: row.infotext for row in FIELDS.values() if isinstance(row.infotext, InfotextKey)
}
"""The keys of the fields that have one, by field."""
OPTIONS: dict[str, str] = (
    dict(FIELDS["options"].infotext.keys) if isinstance(FIELDS["options"].infotext, OptionKeys) else {}
)
"""Options of samplers that have a key there; those of UniPC are no other sampler's."""
_ORDER = (
    "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "VAE hash", "VAE", "Variation seed",
    "Variation seed strength", "Denoising strength", "Clip skip", "RNG", "Tiling", "Eta", *OPTIONS.values(), "Mask blur",
    "Inpaint area", "Masked area padding", "Masked content", "Hires CFG Scale", "Hires sampler", "Hires schedule type",
    "Hires prompt", "Hires negative prompt", "Hires upscale", "Hires resize", "Hires steps", "Hires upscaler",
)  # fmt: skip
"""As that program writes them; keys that it does not have come after these."""


def quote(value: object) -> str:
    """Quotes a text as JSON where it would break the list: at a comma, a newline or a colon."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",\n:") else text


def unquote(text: str) -> str:
    """Undoes `quote`; text that only looks quoted stays as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return str(read_json(text, "The text"))
    except ModelError:
        return text


def write(request: Request, facts: Mapping[str, object], longest: int | None = None) -> str:
    """Returns prompt, negative prompt and one line of settings, as that program would write them for this request.

    `facts` may hold `model_name`, `model_hash`, `vae_hash`, `lora_hashes`, `embedding_hashes` and `version`. The two prompts are
    cut to `longest` characters where that is given.
    """
    settings = ", ".join(f"{key}: {quote(value)}" for key, value in _settings(request, facts).items())
    negative = f"\n{NEGATIVE} {request.negative[:longest]}" if request.negative else ""
    return f"{request.prompt[:longest]}{negative}\n{settings}".strip()


def _settings(request: Request, facts: Mapping[str, object]) -> dict[str, object]:
    texts = {
        **{key.key: _field_text(request, name) for name, key in KEYS.items()},
        **_option_texts(request),
        SIZE.key: f"{request.width}x{request.height}" if request.width and request.height else None,
        "Model hash": facts.get("model_hash"),
        "VAE hash": facts.get("vae_hash") if request.vae else None,
        **pass_texts(request),
        **detail_texts(request),
    }
    if facts.get("model_name"):
        texts[KEYS["model"].key] = str(facts["model_name"])
    place = {key: i for i, key in enumerate(_ORDER)}
    ordered = {key: texts[key] for key in sorted(texts, key=lambda key: place.get(key, len(place)))}
    ordered |= {
        **control_texts(request.controls),
        "Lora hashes": facts.get("lora_hashes"),
        "TI hashes": facts.get("embedding_hashes"),
        "Version": f"sdedge {facts.get('version') or sdedge.__version__}",
    }
    return {key: value for key, value in ordered.items() if value is not None}


def _field_text(request: Request, name: str) -> str | None:
    """Returns a field's value as it stands behind its key; None where it is left out."""
    row, key, value = FIELDS[name], KEYS[name], getattr(request, name)
    if value is None or not counts(request, name) or (value == row.default and not key.always):
        return None
    if key.names:
        return key.names.get(value)
    if key.write is not None:
        return key.write(value)
    return row.type.label(value) if isinstance(row.type, Choice) else row.type.format(value)


def _option_texts(request: Request) -> dict[str, str | None]:
    unipc = request.sampler == "unipc"
    return {
        OPTIONS[name]: value if isinstance(value, str) else Float(0, 0).format(value)
        for name, value in request.options.items()
        if name in OPTIONS and (unipc or not OPTIONS[name].startswith("UniPC"))
    }


def read_options(settings: Mapping[str, str]) -> dict[str, float | int | str]:
    """Returns the options that a picture's settings say, as far as they are values. Raises InvalidRequest."""
    unipc = settings.get("Sampler") == "UniPC"
    texts = {name: settings[key] for name, key in OPTIONS.items() if key in settings}
    return {
        name: sampler_options.read(name, text)
        for name, text in texts.items()
        if unipc or not OPTIONS[name].startswith("UniPC")
    }
