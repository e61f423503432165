"""Programs that list their settings plainly under names of their own: SwarmUI, Fooocus, Easy Diffusion. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdedge.images.metadata_fields import Draft, Metadata, to_float, to_int
from sdedge.text.wildcards import escape

# By the key that only this program writes: its name, and its names of prompt, negative, seed, steps, guidance, sampler, model.
_PROGRAMS = {
    "swarm_version": ("SwarmUI", ("prompt", "negativeprompt", "seed", "steps", "cfgscale", "sampler", "model")),
    "base_model": (
        "Fooocus",
        ("prompt", "negative_prompt", "seed", "steps", "guidance_scale", "sampler", "base_model"),
    ),
    "num_inference_steps": (
        "Easy Diffusion",
        (
            "prompt",
            "negative_prompt",
            "seed",
            "num_inference_steps",
            "guidance_scale",
            "sampler_name",
            "use_stable_diffusion_model",
        ),
    ),
}
_PAIR = re.compile(r"\D{0,3}(\d{1,6})\D{1,4}(\d{1,6})\D{0,3}")


def read(record: Mapping[str, Any], text: str) -> Metadata | None:
    """Reads settings of one of these programs, or None if the record is of none. Never raises."""
    program = next((each for key, each in _PROGRAMS.items() if key in record and "prompt" in record), None)
    if program is None:
        return None
    name, keys = program
    draft = Draft(name, text)
    prompt, negative, seed, steps, guidance, sampler, model = (record.get(key) for key in keys)
    draft.put("prompt", prompt, _text)
    draft.put("negative", negative, _text)
    draft.put_seed(seed)
    draft.put("steps", steps, to_int)
    draft.put("guidance", guidance, to_float)
    draft.put_sampler(sampler)
    draft.put("model", model, _text)
    if size := _PAIR.fullmatch(str(record.get("resolution"))[:40]):
        draft.put_size(size[1], size[2])
    else:
        draft.put_size(record.get("width"), record.get("height"))
    draft.keep(record, set(keys) | {"width", "height", "resolution"})
    draft.notes.append(
        f"Of {name}'s settings only prompts, seed, steps, guidance, size, sampler and model are carried over."
    )
    return draft.done()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return escape(value)
