"""Hires fix in the web UI's text, written and read by the keys of `pass_parts`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.field_rows import InfotextKey
from sdedge.field_types import Choice, Float
from sdedge.images.naming import last_part
from sdedge.pass_parts import HIRES, PARTS, PartSettings, PassPart, read_parts
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request
from sdedge.request_fields import FIELDS, SIZE

FIRST_SIZE = "First pass size"
_STRENGTH = FIELDS["strength"].infotext
STRENGTH_KEY = _STRENGTH.key if isinstance(_STRENGTH, InfotextKey) else ""
PART_KEYS: dict[str, str] = {row.key: name for name, row in PARTS.items() if row.key}
"""Parts of passes by their keys."""

_BY_OTHER_NAMES = {("Hires upscaler", "None"): "Lanczos"}
"""Values that mean another one there: without an upscaler the web UI enlarges by Lanczos."""


def pass_texts(request: Request) -> dict[str, str]:
    """Returns key and text of the settings of hires fix.

    The strength beside them is its own, as in the web UI: that of a picture to start from is in our own record only.
    """
    each = next((each for each in request.passes if HIRES.fits(each)), None)
    if each is None:
        return {}
    texts = {row.key: _text(row, each, request) for row in PARTS.values() if row.role is HIRES and row.key}
    texts[STRENGTH_KEY] = Float(0, 1).format(float(each.changes.get("strength", request.strength)))
    return {key: text for key, text in texts.items() if text}


def _text(row: PassPart, each: Pass, request: Request) -> str | None:
    """Returns a part as it stands behind its key; None where it is the first pass's."""
    value = row.value_in(each)
    if value is None or (row.field == "scale" and each.enlarge is not None and each.enlarge.size is not None):
        return None
    if row.place[0] == "changes" and value == getattr(request, row.field):
        return None
    return part_text(row, value)


def part_text(row: PassPart, value: Any) -> str:
    """Returns a part of a pass as the web UI's text holds it: choices by their labels, and of a model's path its name alone."""
    if row.place in (("enlarge", "by"), ("boxes", "model")) and re.search(r"[/\\]", value):
        return last_part(value)
    return row.type.label(value) if isinstance(row.type, Choice) else row.type.format(value)


def first_pass(settings: Mapping[str, str]) -> tuple[Pass, ...]:
    """Returns the second pass of a picture of before hires fix had its keys: `First pass size` was drawn, and its latents were
    enlarged to `Size`; none where it does not say so."""
    first, size = (re.fullmatch(r"(\d{2,5})x(\d{2,5})", settings.get(key, "")) for key in (FIRST_SIZE, SIZE.key))
    if first is None or size is None or first[0] == size[0]:
        return ()
    try:
        changes = {"strength": float(settings.get(STRENGTH_KEY, ""))}
        return (Pass(Changes(changes), Enlargement("latent", size=(int(size[1]), int(size[2])))),)
    except (InvalidRequest, ValueError):
        return ()


def read_passes(settings: Mapping[str, str]) -> tuple[tuple[Pass, ...], dict[str, str]]:
    """Returns the passes that a picture's settings say, and by key what of them is left out, as a sentence."""
    parts, left_out = PartSettings(), {}
    for key, name in PART_KEYS.items():
        if key not in settings:
            continue
        try:
            text = _BY_OTHER_NAMES.get((key, settings[key]), settings[key])
            parts = PartSettings({**parts, **read_parts({name: text})})
        except InvalidRequest as error:
            left_out[key] = f"{key} is left out: {error}"
    if not parts:
        return (), left_out
    try:
        made = {} if parts.keys() & set(HIRES.makers) else {"hires": 2.0}
        strength = {"hires_strength": settings[STRENGTH_KEY]} if STRENGTH_KEY in settings else {}
        passes = FIELDS["passes"].type.lay((), PartSettings({**made, **parts, **read_parts(strength)}))
        return FIELDS["passes"].check(passes), left_out
    except InvalidRequest as error:
        return (), {**left_out, next(key for key in PART_KEYS if key in settings): f"Hires fix is left out: {error}"}
