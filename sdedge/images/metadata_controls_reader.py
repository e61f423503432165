"""Controls out of the web UI's text, in the spelling of any version of its ControlNet extension. Hints are not in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from sdedge.control_syntax import ControlList
from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.images.metadata_controls import FITS, KEY, MODES
from sdedge.images.metadata_infotext import pairs_of
from sdedge.images.naming import last_part
from sdedge.preprocessors import named, settled
from sdedge.text.clean import shown

_OLD_SPAN = re.compile(r"starting/ending:\s*\(\s*([\d.]{1,20})\s*,\s*([\d.]{1,20})\s*\)", re.I)
_HASH = re.compile(r"\[[0-9a-f]{6,64}\]$", re.I)
_KEY = re.compile(rf"{KEY} (\d{{1,3}})")


def is_control_key(key: str) -> bool:
    """Returns whether a key of the text is a control's."""
    return _KEY.fullmatch(key) is not None


def read_controls(settings: Mapping[str, str]) -> tuple[tuple[Control, ...], dict[str, str]]:
    """Returns the controls that a picture's settings say, whose hints they do not hold, and why the others are left out, by
    their keys."""
    controls, left_out = [], {}
    for key, text in settings.items():
        if not is_control_key(key):
            continue
        try:
            controls.append(_control(text))
        except InvalidRequest as error:
            left_out[key] = f"{key} is left out: {error}"
    return tuple(controls), left_out


def _control(text: str) -> Control:
    """Returns a control from the extension's text, in the spelling of any of its versions. Raises InvalidRequest."""
    values = {pair.key.lower(): pair.value for pair in pairs_of(text)}
    model = _HASH.sub("", values.get("model", "")).strip()
    if not model or model == "None":
        raise InvalidRequest(
            f"it used {shown(values.get('module', 'a preprocessor'))} without a model, which is not available."
        )
    record: dict[str, object] = {"model": last_part(model)}
    with suppress(ValueError):
        record["weight"] = float(values.get("weight", "1"))
    span = (values.get("guidance start", "0"), values.get("guidance end", "1"))
    if old := _OLD_SPAN.search(text):
        span = (old[1], old[2])
    with suppress(ValueError):
        record["span"] = (float(span[0]), float(span[1]))
    mode, fit = values.get("control mode", "").lower(), values.get("resize mode", "").lower()
    record["mode"] = next((member for member, name in MODES.items() if name.lower() in mode), ControlMode.BALANCED)
    record["resize"] = next((member for member, name in FITS.items() if name.lower() in fit), HintFit.CROP)
    record["preprocess"] = _preprocess(values)
    (control,) = ControlList().check("controls", (Control(**record),))  # type: ignore[arg-type]
    return control


def _preprocess(values: Mapping[str, str]) -> str | None:
    """Returns the preprocessor that the extension used, where it is one of ours; its hint is brought otherwise."""
    preprocessor = named(values.get("module", values.get("preprocessor", "none")))
    if preprocessor is None:
        return None
    settings: dict[str, float] = {}
    for row in preprocessor.settings:
        with suppress(ValueError):
            if row.a1111 and (text := values.get(row.a1111.lower())) is not None:
                settings[row.name] = float(text)
    with suppress(InvalidRequest):  # -1 there is a value that does not count
        return settled(preprocessor, settings).text
    return preprocessor.name
