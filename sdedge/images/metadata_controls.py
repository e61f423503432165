"""Controls in the web UI's text, as its ControlNet extension writes them: `ControlNet 0: "Module: …, Model: …"`."""

from __future__ import annotations

from pathlib import PurePath

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.field_rows import NumberedKeys
from sdedge.field_types import Float
from sdedge.preprocessors import parse_preprocessing
from sdedge.request_fields import FIELDS

MODES = {
    ControlMode.BALANCED: "Balanced", ControlMode.PROMPT: "My prompt is more important",
    ControlMode.CONTROL: "ControlNet is more important",
}  # fmt: skip
FITS = {HintFit.STRETCH: "Just Resize", HintFit.CROP: "Crop and Resize", HintFit.PAD: "Resize and Fill"}
_ROW = FIELDS["controls"].infotext
_IMAGE_PROMPT = "ip-adapter_clip_sd15"
"""What the extension calls the reading of a picture for an IP-Adapter, without which it would not use one."""
KEY = _ROW.key if isinstance(_ROW, NumberedKeys) else ""


def control_texts(controls: tuple[Control, ...]) -> dict[str, str]:
    """Returns key and text of each control, as the extension would write it."""
    return {f"{KEY} {i}": _text(control) for i, control in enumerate(controls)}


def _module(control: Control) -> tuple[str, dict[str, str]]:
    """Returns the extension's name of a control's preprocessor and its settings there; "none" for one that it has not."""
    if control.preprocess is None:
        is_ip_adapter = "ip-adapter" in PurePath(control.model).stem.lower().replace("_", "-")
        return (_IMAGE_PROMPT if is_ip_adapter else "none"), {}
    preprocessing = parse_preprocessing(control.preprocess)
    preprocessor, number = preprocessing.preprocessor, Float(0, 1).format
    if not preprocessor.a1111:
        return "none", {}
    thresholds = {row.a1111: number(preprocessing.values[row.name]) for row in preprocessor.settings if row.a1111}
    return preprocessor.a1111, thresholds


def _text(control: Control) -> str:
    number = Float(0, 1).format
    module, thresholds = _module(control)
    settings = {
        "Module": module, "Model": PurePath(control.model).stem, "Weight": number(control.weight),
        "Resize Mode": FITS[control.resize], **thresholds, "Guidance Start": number(control.span[0]),
        "Guidance End": number(control.span[1]), "Pixel Perfect": str(module != "none"),
        "Control Mode": MODES[control.mode],
    }  # fmt: skip
    return ", ".join(f"{key}: {value}" for key, value in settings.items())
