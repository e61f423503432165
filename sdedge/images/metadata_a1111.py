"""The A1111 web UI's `parameters` text as it is written (processing.py and infotext_utils.py of its version 1.9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath

import sdedge
from sdedge import catalog, sampler_options
from sdedge.errors import ModelError
from sdedge.json_values import read_json
from sdedge.request import Request

NEGATIVE = "Negative prompt:"
OPTIONS = {
    "s_churn": "Sigma churn", "s_tmin": "Sigma tmin", "s_tmax": "Sigma tmax", "s_noise": "Sigma noise",
    "order": "UniPC order", "variant": "UniPC variant",
}  # fmt: skip
"""Options of samplers that have a key there; those of UniPC are no other sampler's."""
_RNG = {"torch": "CPU", "philox": "NV"}


def quote(value: object) -> str:
    """JSON-quoted where the text would break the list: at a comma, a newline or a colon."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",\n:") else text


def unquote(text: str) -> str:
    """The inverse of `quote`; text that only looks quoted stays as it is."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return str(read_json(text, "The text"))
    except ModelError:
        return text


def plain(number: float | None) -> str | None:
    """7.0 as "7", 7.5 as "7.5"."""
    return None if number is None else str(int(number)) if number == int(number) else repr(number)


def write(request: Request, facts: Mapping[str, object]) -> str:
    """Prompt, negative prompt and one line of settings, as that program would write them for this request.

    `facts` may hold `model_name`, `model_hash`, `vae_hash`, `lora_hashes` and `version`.
    """
    settings = ", ".join(f"{key}: {quote(value)}" for key, value in _settings(request, facts) if value is not None)
    negative = f"\n{NEGATIVE} {request.negative}" if request.negative else ""
    return f"{request.prompt}{negative}\n{settings}".strip()


def _settings(request: Request, facts: Mapping[str, object]) -> list[tuple[str, object]]:
    varied = request.variation_strength > 0
    return [
        ("Steps", request.steps),
        ("Sampler", catalog.SAMPLERS[request.sampler].label),
        ("Schedule type", None if request.schedule is None else catalog.SCHEDULES[request.schedule].label),
        ("CFG scale", plain(request.guidance)),
        ("Seed", request.seed),
        ("Size", f"{request.width}x{request.height}" if request.width and request.height else None),
        ("Model hash", facts.get("model_hash")),
        ("Model", facts.get("model_name") or PurePath(request.model).stem),
        ("VAE hash", facts.get("vae_hash") if request.vae else None),
        ("VAE", PurePath(request.vae).name if request.vae else None),
        ("Variation seed", request.variation_seed if varied else None),
        ("Variation seed strength", plain(request.variation_strength) if varied else None),
        ("Denoising strength", None if request.task == "txt2img" else plain(request.strength)),
        ("Clip skip", request.clip_skip if request.clip_skip > 1 else None),
        ("RNG", _RNG.get(request.noise or "")),
        ("Tiling", True if request.tiling else None),
        ("Eta", plain(request.eta)),
        *(
            (OPTIONS[name], _number(value))
            for name, value in request.options.items()
            if _has_key(request.sampler, name)
        ),
        *(_inpaint_settings(request) if request.task == "inpaint" else []),
        ("Lora hashes", facts.get("lora_hashes")),
        ("Version", f"sdedge {facts.get('version') or sdedge.__version__}"),
    ]


def _has_key(sampler: str, option: str) -> bool:
    return option in OPTIONS and (sampler == "unipc" or not OPTIONS[option].startswith("UniPC"))


def _number(value: float | int | str) -> str | None:
    return value if isinstance(value, str) else plain(value)


def read_options(settings: Mapping[str, str]) -> dict[str, float | int | str]:
    """The options that a picture's settings say, as far as they are values. Raises InvalidRequest."""
    unipc = settings.get("Sampler") == "UniPC"
    given = {name: settings[key] for name, key in OPTIONS.items() if key in settings}
    return {
        name: sampler_options.read(name, value)
        for name, value in given.items()
        if unipc or "UniPC" not in OPTIONS[name]
    }


def _inpaint_settings(request: Request) -> list[tuple[str, object]]:
    return [
        ("Mask blur", plain(request.mask_blur)),
        ("Inpaint area", "Only masked" if request.mask_only else None),
        ("Masked area padding", request.mask_padding if request.mask_only else None),
    ]
