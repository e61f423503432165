"""ControlNet as A1111's clients ask for it: the extension's units, each a control, and what of them is not honoured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, ImageOps

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.errors import InvalidRequest
from sdedge.images.source import flatten
from sdedge.library.hints import keep_hint
from sdedge.server import pictures
from sdedge.server.a1111_modules import is_inpainting, module_of, preprocessing
from sdedge.server.safe_requests import control_name
from sdedge.text.clean import shown

SCRIPT = "controlnet"
MAX_UNITS = 10
NO_MODULE = ("", "none", "None")
_FITS = {0: HintFit.STRETCH, 1: HintFit.CROP, 2: HintFit.PAD, "Just Resize": HintFit.STRETCH,
         "Scale to Fit (Inner Fit)": HintFit.CROP,
         "Crop and Resize": HintFit.CROP, "Envelope (Outer Fit)": HintFit.PAD, "Resize and Fill": HintFit.PAD}  # fmt: skip
_MODES = {0: ControlMode.BALANCED, 1: ControlMode.PROMPT, 2: ControlMode.CONTROL, "Balanced": ControlMode.BALANCED,
          "My prompt is more important": ControlMode.PROMPT, "ControlNet is more important": ControlMode.CONTROL}  # fmt: skip
_READ = {
    "enabled", "model", "module", "image", "input_image", "mask", "mask_image", "effective_region_mask", "weight",
    "guidance_start", "guidance_end", "control_mode", "resize_mode", "threshold_a", "threshold_b",
}  # fmt: skip
_SILENT = {
    "pixel_perfect", "low_vram", "lowvram", "save_detected_map", "is_ui", "type_filter", "generated_image",
}  # fmt: skip
"""These are about memory, another page or pictures beside the picture; hints are always made pixel perfect."""
_NOTHING: tuple[Any, ...] = (False, "", [], {})
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "processor_res": (-1, 0, 512), "hr_option": (0, "Both", "HiResFixOption.BOTH"), "inpaint_crop_input_image": (True,),
    "union_control_type": ("Unknown", "All", ""), "pulid_mode": ("Fidelity", ""), "input_mode": ("simple", ""), "guidance": (1,),
}  # fmt: skip
"""Of fields that are not honoured, what asks for nothing; of others `_NOTHING` does."""
BLACK = (0, 0, 0)
_DARK, _BRIGHT = 5, 250  # up to and from which the extension takes a mask for empty


def read_controlnet(arguments: Any) -> tuple[tuple[Control, ...], list[str]]:
    """Returns the controls that the script's arguments ask for, and what of them is not honoured. Keeps their pictures.

    Raises InvalidRequest, ModelError and PictureTooLarge.
    """
    controls: list[Control] = []
    ignored: list[str] = []
    for unit in _units(arguments):
        module = _module(unit)
        if str(unit.get("model") or "None") != "None":
            hint, unread = _hint_of(unit)
            controls.append(_control(unit, hint))
            ignored += [said for said in (module_of(module)[1], unread) if said]
            ignored += _not_honoured(unit)
        elif module not in NO_MODULE:
            ignored.append(f"ControlNet's {module[:40]}, which has no model")
    return tuple(controls), list(dict.fromkeys(ignored))


def _units(arguments: Any) -> list[dict[str, Any]]:
    """Returns the units that are switched on. Raises InvalidRequest."""
    units = arguments if isinstance(arguments, list) else [arguments]
    if len(units) > MAX_UNITS:
        raise InvalidRequest(f"There are {len(units)} ControlNet units; send {MAX_UNITS} or fewer.", field="controls")
    for unit in units:
        if not isinstance(unit, dict):
            raise InvalidRequest(f"A ControlNet unit is {shown(unit)}; send an object.", field="controls")
    return [unit for unit in units if unit.get("enabled", True)]


def _module(unit: Mapping[str, Any]) -> str:
    return str(unit.get("module") or "none")


def _control(unit: Mapping[str, Any], hint: str | None) -> Control:
    chosen = preprocessing(_module(unit), _number(unit, "threshold_a"), _number(unit, "threshold_b"))
    span = (_number(unit, "guidance_start") or 0.0, 1.0 if (end := _number(unit, "guidance_end")) is None else end)
    weight = _number(unit, "weight")
    return Control(
        control_name(str(unit["model"])), hint, 1.0 if weight is None else weight, span,
        _choice(_MODES, unit, "control_mode", ControlMode.BALANCED), _choice(_FITS, unit, "resize_mode", HintFit.CROP),
        _region(unit.get("effective_region_mask")), None if chosen is None else chosen.text,
    )  # fmt: skip


# ---- Pictures -----------------------------------------------------------------------------------------------------


def _hint_of(unit: Mapping[str, Any]) -> tuple[str | None, str]:
    """Returns the reference to a unit's hint, and what is to be said of its mask.

    The mask is the hole that an inpaint module leaves in the unit's picture, which is transparent there. A black one asks for
    nothing, and nor does a white one beside another module, as in the extension.
    """
    image: Any = unit.get("image") or unit.get("input_image")
    mask: Any = unit.get("mask") or unit.get("mask_image")
    if isinstance(image, dict):
        image, mask = image.get("image"), image.get("mask") or mask
    inpaints = is_inpainting(_module(unit))
    data, hole = _bytes_of(image, "hint"), _hole(mask, inpaints)
    if hole is None:
        return None if data is None else keep_hint(pictures.keep(data)), ""
    if data is None or not inpaints:
        said = "ControlNet's mask, which an inpaint module reads beside a picture of its unit"
        return None if data is None else keep_hint(pictures.keep(data)), said
    picture = flatten(pictures.read(data, "controls"))
    picture.putalpha(ImageOps.invert(hole.resize(picture.size, Image.Resampling.NEAREST)))
    return keep_hint(pictures.keep(picture)), ""


def _hole(mask: Any, inpaints: bool) -> Image.Image | None:
    """Returns where a unit's mask is white, as black and white; None without a mask, and for one that asks for nothing."""
    data = _bytes_of(mask, "mask")
    if data is None:
        return None
    image = pictures.read(data, "controls")
    hole = pictures.mask_of(image)
    if inpaints:
        return hole if hole.getbbox() else None
    low, high = pictures.brightness(image)
    return None if high <= _DARK or low >= _BRIGHT else hole


def _region(mask: Any) -> str | None:
    """Returns the reference to the mask of where a control acts. Raises InvalidRequest for one that is black everywhere."""
    data = _bytes_of(mask, "effective_region_mask")
    if data is None:
        return None
    if flatten(pictures.read(data, "controls"), BLACK).convert("L").getbbox() is None:  # as it is read when it is drawn
        raise InvalidRequest(
            "The control's effective_region_mask is black everywhere; paint white where the control should act.",
            field="controls",
        )
    return keep_hint(pictures.keep(data))


def _bytes_of(text: Any, what: str) -> bytes | None:
    """Returns the bytes of a picture in base64; None where there is none. Raises InvalidRequest and PictureTooLarge."""
    if not text:
        return None
    if not isinstance(text, str):
        raise InvalidRequest(f"The control's {what} is {shown(text)}; send its bytes in base64.", field="controls")
    return pictures.decode(text, "controls")


# ---- Values -------------------------------------------------------------------------------------------------------


def _not_honoured(unit: Mapping[str, Any]) -> Iterator[str]:
    """Yields the fields of a unit that ask for something which is not done here."""
    makes_hint = module_of(_module(unit))[0] is not None and unit.get("pixel_perfect") is not True
    for name, value in unit.items():
        asks = value is not None and value not in _NEUTRAL.get(name, _NOTHING)
        if asks and name not in _READ and name not in _SILENT and (makes_hint or name != "processor_res"):
            yield f"ControlNet's {name[:60]}"


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
