"""From the body of `POST /api/jobs` to a request: any field and part of a pass by its name in the table, without a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sdedge.controls import Control
from sdedge.errors import InvalidRequest
from sdedge.library.hints import keep_hint
from sdedge.library.pass_models import with_models
from sdedge.pass_parts import PARTS, read_parts
from sdedge.passes import Pass
from sdedge.request import Request
from sdedge.request_fields import FIELDS
from sdedge.server import pictures
from sdedge.server.a1111_detailer import detector_name
from sdedge.server.a1111_hires import upscaler_name
from sdedge.server.plain_requests import plain_request
from sdedge.server.safe_requests import check_tags, control_name
from sdedge.text.clean import shown

PICTURES = ("image", "mask")
NOT_THEIRS = ("safety",)  # whoever runs the server decides it
MAX_PARTS = 20  # controls, passes or regions of a request


def request_of(values: Mapping[str, Any]) -> tuple[Request, str]:
    """Returns the request that a body's values make, and a sentence of what suits a few-step model.

    Pictures are data URIs, those of controls too. Raises InvalidRequest and ModelError.
    """
    asked = {name: value for name, value in values.items() if value is not None}
    image, mask = (asked.pop(name, None) for name in PICTURES)
    parts = {name: asked.pop(name) for name in list(asked) if name in PARTS}
    fields = {name: _value(name, value) for name, value in asked.items()}
    if parts:
        fields["passes"] = FIELDS["passes"].type.lay(fields.get("passes") or (), read_parts(parts))
    if "passes" in fields:
        fields["passes"] = tuple(map(_installed_only, FIELDS["passes"].check(fields["passes"])))
    return plain_request(
        fields,
        None if image is None else pictures.decode(_text("image", image)),
        None if mask is None else _mask(_text("mask", mask), bool(fields.get("soft_mask"))),
    )


def _mask(text: str, soft: bool) -> Any:
    return pictures.mask_of(pictures.read(pictures.decode(text, "mask"), "mask"), soft=soft)


def _value(name: str, value: Any) -> Any:
    """Returns a field's value as a request takes it."""
    if name not in FIELDS or name in NOT_THEIRS:
        known = ", ".join((*(each for each in FIELDS if each not in NOT_THEIRS), *PARTS, "count"))
        raise InvalidRequest(f"A job has no field {shown(name)}; it has {known}.", field=name[:60])
    if name == "controls":
        return tuple(map(_control, _list(name, value)))
    type = FIELDS[name].type
    if type.repeated and isinstance(value, str):
        return type.parse_all(name, [value])
    if type.repeated and isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return type.parse_all(name, value[:MAX_PARTS])
    return type.from_json(value)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MAX_PARTS:
        raise InvalidRequest(f"{name} is {shown(value)}; send a list of {MAX_PARTS} or fewer.", field=name)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} is {shown(value)}; send its bytes in base64.", field=name)
    return value


def _control(record: Any) -> Control:
    if not isinstance(record, dict):
        raise InvalidRequest(
            f'A control is {shown(record)}; send an object such as {{"model": "canny", "hint": "data:image/png;base64,…"}}.',
            field="controls",
        )
    control = Control.from_json(record)
    model = control_name(_text("controls", control.model))
    return replace(control, model=model, hint=_stored(control.hint), mask=_stored(control.mask))


def _stored(picture: Any) -> str | None:
    """Returns a hint or mask that was sent as a request names it."""
    if picture is None:
        return None
    return keep_hint(pictures.keep(pictures.decode(_text("controls", picture), "controls")))


def _installed_only(each: Pass) -> Pass:
    """Returns a pass whose upscaler, detector and LoRAs are installed ones. Raises InvalidRequest and ModelError."""
    for name in ("prompt", "negative"):
        check_tags(str(each.changes.get(name) or ""), "passes")
    return with_models(each, upscaler_name, detector_name)
