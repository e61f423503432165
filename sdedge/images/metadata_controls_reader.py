"""Controls out of the web UI's text, in the spelling of any version of its ControlNet extension. Hints are not in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

from sdedge.control_syntax import ControlList
from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.images.metadata_controls import FITS, KEY, MODES
from sdedge.images.metadata_fields import NO_COUNTERPART, Unhonoured
from sdedge.images.metadata_infotext import pairs_of
from sdedge.images.naming import last_part
from sdedge.preprocessors import named, settled
from sdedge.text.clean import shown

_OLD_SPAN = re.compile(r"starting/ending:\s*\(\s*([\d.]{1,20})\s*,\s*([\d.]{1,20})\s*\)", re.I)
_HASH = re.compile(r"\[[0-9a-f]{6,64}\]$", re.I)
_KEY = re.compile(rf"{KEY} (\d{{1,3}})")
_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{0,30})?|\.\d{1,30})")
_NUMBERS = ("weight", "guidance start", "guidance end")
_CHOICES = {"control mode": tuple(MODES.values()), "resize mode": tuple(FITS.values())}
_READ = {*_NUMBERS, *_CHOICES, "model", "module", "preprocessor", "starting/ending"}
_NO_HINT = ("none", "ip-adapter_clip_sd15")
"""What takes a picture as it is."""
_OF_HINTS = ("threshold", "processor res", "preprocessor ", "pixel perfect")
"""Beginnings of the settings of preprocessors: what matters of them is in the hint."""
_OFF = ("", "false", "none")
_NEUTRAL = {"hr option": ("both", "hiresfixoption.both"), "low vram": ("false", "true"), "save detected map": ("false", "true"),
            "enabled": ("true",)}  # fmt: skip
"""Values with which a setting does nothing to a picture, where there are others than those of `_OFF`."""


def is_control_key(key: str) -> bool:
    """Returns whether a key of the text is a control's."""
    return _KEY.fullmatch(key) is not None


def read_controls(settings: Mapping[str, str]) -> tuple[tuple[Control, ...], dict[str, str], list[Unhonoured]]:
    """Returns the controls that a picture's settings say, whose hints they do not hold, why the others are left out, by their
    keys, and what of those that are read is not honoured."""
    controls: list[Control] = []
    left_out: dict[str, str] = {}
    lost: list[Unhonoured] = []
    for key, text in settings.items():
        if not is_control_key(key):
            continue
        values = {pair.key.lower(): pair.value for pair in pairs_of(text)}
        try:
            controls.append(_control(text, values))
            lost += _lost(key, values)
        except InvalidRequest as error:
            left_out[key] = f"{key} is left out: {error}"
    return tuple(controls), left_out, lost


def _lost(control: str, values: Mapping[str, str]) -> Iterator[Unhonoured]:
    """Yields what a control's text says and the control that was made of it does not."""
    for name, value in values.items():
        field = f"{control} {name}"
        if name in _NUMBERS and not _NUMBER.fullmatch(value):
            yield Unhonoured(
                field, value, f"The {name} {shown(value)} of a control is no number; its usual one is used."
            )
        elif name in _CHOICES and not any(word.lower() in value.lower() for word in _CHOICES[name]):
            yield Unhonoured(
                field, value, f"The {name} {shown(value)} of a control is not known here; the usual one is used."
            )
        elif name in ("module", "preprocessor") and value.lower() not in _NO_HINT and named(value) is None:
            yield Unhonoured(field, value, f"The preprocessor {shown(value)} is not available; give the finished hint.")
        elif name not in _READ and not name.startswith(_OF_HINTS) and value.lower() not in _NEUTRAL.get(name, _OFF):
            yield Unhonoured(field, value, NO_COUNTERPART)


def _control(text: str, values: Mapping[str, str]) -> Control:
    """Returns a control from the extension's text, in the spelling of any of its versions. Raises InvalidRequest."""
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
