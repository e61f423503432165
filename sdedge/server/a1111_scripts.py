"""What A1111's clients ask for among `alwayson_scripts`: ControlNet and ADetailer; other scripts are named as not honoured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.library.hints import keep_hint
from sdedge.passes import Pass
from sdedge.preprocessors import Preprocessing, settled
from sdedge.server import a1111_detailer, pictures
from sdedge.server.a1111_modules import module_of
from sdedge.server.safe_requests import control_name
from sdedge.text.clean import shown

MAX_UNITS = 10
NO_MODULE = ("", "none", "None")
_FITS = {0: HintFit.STRETCH, 1: HintFit.CROP, 2: HintFit.PAD, "Just Resize": HintFit.STRETCH,
         "Scale to Fit (Inner Fit)": HintFit.CROP,
         "Crop and Resize": HintFit.CROP, "Envelope (Outer Fit)": HintFit.PAD, "Resize and Fill": HintFit.PAD}  # fmt: skip
_MODES = {0: ControlMode.BALANCED, 1: ControlMode.PROMPT, 2: ControlMode.CONTROL, "Balanced": ControlMode.BALANCED,
          "My prompt is more important": ControlMode.PROMPT, "ControlNet is more important": ControlMode.CONTROL}  # fmt: skip


@dataclass(frozen=True)
class Scripts:
    """What is run of a client's scripts, and the names of what is asked for and not run here."""

    controls: tuple[Control, ...] = ()
    passes: tuple[Pass, ...] = ()
    ignored: tuple[str, ...] = ()


def read_scripts(scripts: Mapping[str, Any] | None) -> Scripts:
    """Returns the controls and passes among the scripts. Raises InvalidRequest and ModelError."""
    controls: list[Control] = []
    passes: list[Pass] = []
    ignored: list[str] = []
    for name, script in (scripts or {}).items():
        arguments = script.get("args") if isinstance(script, dict) else script
        if name.casefold() == "controlnet":
            units = [unit for unit in _units(arguments) if unit.get("enabled", True)]
            controls += [_control(unit) for unit in units if _has_model(unit)]
            ignored += [said for unit in units if _has_model(unit) if (said := module_of(_module(unit))[1])]
            modules = [_module(unit)[:40] for unit in units if not _has_model(unit)]
            ignored += [f"ControlNet's {module}, which has no model" for module in modules if module not in NO_MODULE]
        elif name.casefold() == a1111_detailer.SCRIPT:
            details, unread = a1111_detailer.read_detailer(arguments)
            passes += details
            ignored += unread
        elif _is_on(arguments):
            ignored.append(f"alwayson_scripts.{name[:60]}")
    return Scripts(tuple(controls), tuple(passes), tuple(ignored))


def preprocessing(module: str, a: float | None, b: float | None) -> Preprocessing | None:
    """Returns a module of the web UI with its two thresholds, or None for "none". Raises InvalidRequest."""
    preprocessor, _ = module_of(module)
    if preprocessor is None:
        return None
    thresholds = {"Threshold A": a, "Threshold B": b}
    values = {
        row.name: float(value) for row in preprocessor.settings
        if (value := thresholds.get(row.a1111)) is not None and value >= 0 and row.low <= value <= row.high
    }  # fmt: skip
    return settled(preprocessor, values)


def _is_on(arguments: Any) -> bool:
    """Returns whether a script that clients always send is switched on: its first argument or `enabled` says so."""
    if isinstance(arguments, dict):
        return bool(arguments.get("enabled", arguments.get("ad_model", bool(arguments))))
    if not isinstance(arguments, list) or not arguments:
        return False
    first = arguments[0]
    return _is_on(first) if isinstance(first, dict | list) else first not in (False, None, "None", 0)


def _units(arguments: Any) -> list[dict[str, Any]]:
    units = arguments if isinstance(arguments, list) else [arguments]
    if len(units) > MAX_UNITS:
        raise InvalidRequest(f"There are {len(units)} ControlNet units; send {MAX_UNITS} or fewer.", field="controls")
    for unit in units:
        if not isinstance(unit, dict):
            raise InvalidRequest(f"A ControlNet unit is {shown(unit)}; send an object.", field="controls")
    return units


def _has_model(unit: Mapping[str, Any]) -> bool:
    return str(unit.get("model") or "None") != "None"


def _module(unit: Mapping[str, Any]) -> str:
    return str(unit.get("module") or "none")


def _control(unit: Mapping[str, Any]) -> Control:
    image: Any = unit.get("image") or unit.get("input_image")
    mask = unit.get("mask") or unit.get("mask_image")
    if isinstance(image, dict):
        image, mask = image.get("image"), image.get("mask") or mask
    chosen = preprocessing(_module(unit), _number(unit, "threshold_a"), _number(unit, "threshold_b"))
    span = (_number(unit, "guidance_start") or 0.0, 1.0 if (end := _number(unit, "guidance_end")) is None else end)
    weight = _number(unit, "weight")
    return Control(
        control_name(str(unit["model"])), _hint(image, "hint"), 1.0 if weight is None else weight, span,
        _choice(_MODES, unit, "control_mode", ControlMode.BALANCED), _choice(_FITS, unit, "resize_mode", HintFit.CROP),
        _hint(mask, "mask"), None if chosen is None else chosen.text,
    )  # fmt: skip


def _hint(text: Any, what: str) -> str | None:
    if not text:
        return None
    if not isinstance(text, str):
        raise InvalidRequest(f"The control's {what} is {shown(text)}; send its bytes in base64.", field="controls")
    return keep_hint(pictures.keep(pictures.decode(text, "controls")))


def _number(unit: Mapping[str, Any], name: str) -> float | None:
    value = unit.get(name)
    if value is None or type(value) in (int, float):
        return None if value is None else float(value)
    raise InvalidRequest(f"The control's {name} is {shown(value)}; give a number.", field="controls")


def _choice(choices: Mapping[Any, Any], unit: Mapping[str, Any], name: str, default: Any) -> Any:
    value = unit.get(name)
    if value is None:
        return default
    if isinstance(value, dict | list) or value not in choices:
        raise InvalidRequest(f"The control's {name} is {shown(value)}; give 0, 1 or 2.", field="controls")
    return choices[value]
