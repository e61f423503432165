"""Hires fix as A1111's clients ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdedge.errors import InvalidRequest, ModelError
from sdedge.library.upscalers import installed_upscalers
from sdedge.pass_parts import HIRES_STRENGTH, PartSettings, read_parts
from sdedge.passes import ENLARGERS, Pass, enlarger_name
from sdedge.request_fields import FIELDS
from sdedge.server.safe_requests import check_tags
from sdedge.text.clean import shown

READ = {
    "hr_scale", "hr_upscaler", "hr_second_pass_steps", "hr_resize_x", "hr_resize_y", "hr_sampler_name",
    "hr_scheduler",
    "hr_prompt", "hr_negative_prompt", "hr_cfg",
}  # fmt: skip
"""Fields of the body that are read here."""
_TEXTS = {
    "hr_sampler_name": "hires_sampler", "hr_scheduler": "hires_schedule", "hr_prompt": "hires_prompt",
    "hr_negative_prompt": "hires_negative",
}  # fmt: skip


def read_hires(extra: Mapping[str, Any], strength: float | None) -> tuple[Pass, ...]:
    """Returns the pass of a body's fields. Raises InvalidRequest and ModelError."""
    parts: dict[str, Any] = {"hires_strength": HIRES_STRENGTH if strength is None else strength}
    target = _number(extra, "hr_resize_x"), _number(extra, "hr_resize_y")
    if any(target):
        parts["hires_size"] = (int(target[0]), int(target[1]))
    else:
        parts["hires"] = _number(extra, "hr_scale") or 2.0
    if upscaler := extra.get("hr_upscaler"):
        parts["hires_upscaler"] = "lanczos" if upscaler == "None" else upscaler_name(str(upscaler))
    if steps := _number(extra, "hr_second_pass_steps"):
        parts["hires_steps"] = int(steps)
    if guidance := _number(extra, "hr_cfg"):
        parts["hires_guidance"] = guidance
    texts = {ours: text for theirs, ours in _TEXTS.items() if (text := _text(extra, theirs))}
    for name in ("hires_prompt", "hires_negative"):
        check_tags(texts.get(name, ""), "prompt")
    passes = FIELDS["passes"].type.lay((), PartSettings({**parts, **read_parts(texts)}))
    checked: tuple[Pass, ...] = FIELDS["passes"].check(passes)
    return checked


def upscaler_name(text: str) -> str:
    """Returns the way to enlarge that a client names: one that is always there, or an installed upscaler. Raises ModelError."""
    name = enlarger_name(text)
    if name in ENLARGERS:
        return name
    installed = {model.name.casefold(): model.name for model in installed_upscalers()}
    if (known := installed.get(text.strip().casefold())) is None:
        there = ", ".join([*(row.label for row in ENLARGERS.values()), *installed.values()])
        raise ModelError(f"There is no upscaler {shown(text)} here; choose one of {there}.", field="hr_upscaler")
    return known


def _text(extra: Mapping[str, Any], name: str) -> str:
    value = extra.get(name) or ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} is {shown(value)}; give a text.", field=name)
    return value


def _number(extra: Mapping[str, Any], name: str) -> float:
    value = extra.get(name)
    if value is None:
        return 0.0
    if type(value) not in (int, float) or not 0 <= value <= 2**15:
        raise InvalidRequest(f"{name} is {shown(value)}; give a number of 0 or more.", field=name)
    return float(value)
