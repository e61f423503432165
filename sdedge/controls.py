"""Controls: hints that say what goes where in a picture, as a request holds them. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, TypeVar

from sdedge.errors import InvalidRequest
from sdedge.field_types import PathOrName
from sdedge.preprocessors import is_no_preprocessing, parse_preprocessing
from sdedge.text.clean import shown

MAX_WEIGHT = 10
_NO_MODEL = (
    "The control has no model; name an installed ControlNet, T2I-Adapter or IP-Adapter, or give the path of one."
)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jp2", ".qoi")
Member = TypeVar("Member", bound=StrEnum)


class ControlMode(StrEnum):
    """What counts more where prompt and hint disagree, as A1111 has it; in diffusers' preset CONTROL is its guess mode."""

    BALANCED = "balanced"
    PROMPT = "prompt"
    CONTROL = "control"


class HintFit(StrEnum):
    """How a hint of other proportions is brought to the picture's size."""

    CROP = "crop"
    STRETCH = "stretch"
    PAD = "pad"


@dataclass(frozen=True)
class Control:
    """One control model with its hint.

    model   installed control model, or path of one
    hint    path of the picture that says what goes where; None is the picture to start from
    weight  how strongly it acts
    span    fractions of the steps from which to which it acts
    mode    what counts more, prompt or hint
    resize  how a hint of other proportions is fitted
    mask    path of a mask in the hint's shape, or the picture's; the control acts where it is white
    preprocess  what makes the hint of a photograph first, by name, and its settings; None takes the hint as it is
    """

    model: str
    hint: str | None = None
    weight: float = 1.0
    span: tuple[float, float] = (0.0, 1.0)
    mode: ControlMode = ControlMode.BALANCED
    resize: HintFit = HintFit.CROP
    mask: str | None = None
    preprocess: str | None = None

    @property
    def in_words(self) -> str:
        """Returns what acts and how, as in "canny with photo.jpg by canny (weight 0.8, from 0% to 50% of the steps)"."""
        record = self.to_json()
        hint = f" with {self.hint}" if self.hint is not None else " with the picture to start from"
        start, end = self.span
        more = [f"weight {self.weight:g}"] if "weight" in record else []
        more += [f"from {start:.0%} to {end:.0%} of the steps"] if "span" in record else []
        more += [f"{name} {record[name]}" for name in ("mode", "resize", "mask") if name in record]
        made = "" if self.preprocess is None else f" by {self.preprocess}"
        return f"{self.model}{hint}{made}" + (f" ({', '.join(more)})" if more else "")

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Control:
        """Returns the control of an object in JSON; `checked_control` judges the values. Raises InvalidRequest for names."""
        names = [field.name for field in fields(cls)]
        if unknown := [name for name in record if name not in names]:
            raise InvalidRequest(f"A control has no {shown(unknown[0])}; it has {', '.join(names)}.", field="controls")
        if "model" not in record:
            raise InvalidRequest(_NO_MODEL, field="controls")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Returns the model, and what differs from the defaults."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {name: value for name, value in record.items() if value != _DEFAULTS.get(name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}


_DEFAULTS = {field.name: field.default for field in fields(Control)}


def checked_control(control: Control, field: str) -> Control:
    """Returns a control in its own types. Raises InvalidRequest naming what of it is wrong."""
    path, texts = PathOrName(empty=_NO_MODEL), {"hint": control.hint, "mask": control.mask}
    values = {name: None if text is None else PathOrName().check(field, text) for name, text in texts.items()}
    if isinstance(control.model, str) and control.model.lower().endswith(PICTURE_SUFFIXES):
        raise InvalidRequest(
            f"The control {shown(control.model)} is a picture and no control model; write the model before its hint, as in "
            "canny:edges.png.",
            field=field,
        )
    span = control.span
    if type(span) is not tuple or len(span) != 2 or not all(type(bound) in (int, float) for bound in span):
        raise InvalidRequest(f"The control's span is {shown(span)}; give two fractions such as 0-0.5.", field=field)
    if not 0 <= span[0] < span[1] <= 1:  # NaN is not, either
        raise InvalidRequest(
            f"The control acts from {span[0]:g} to {span[1]:g} of the steps, which is no range; give two fractions, the smaller "
            "one first, such as 0-0.5.",
            field=field,
        )
    if type(control.weight) not in (int, float) or not 0 <= control.weight <= MAX_WEIGHT:
        raise InvalidRequest(
            f"The control's weight is {shown(control.weight)}; choose from 0 to {MAX_WEIGHT}, usually 0.3 to 1.5.",
            field=field,
        )
    return Control(
        path.check(field, control.model), values["hint"], float(control.weight), (float(span[0]), float(span[1])),
        _member(ControlMode, "mode", control.mode, field), _member(HintFit, "resize", control.resize, field),
        values["mask"], _preprocess(control.preprocess, field),
    )  # fmt: skip


def _preprocess(value: object, field: str) -> str | None:
    """Returns a preprocessor and its settings in the words that stand for them. Raises InvalidRequest."""
    if value is None or (isinstance(value, str) and is_no_preprocessing(value)):
        return None
    if not isinstance(value, str):
        raise InvalidRequest(
            f"The control's preprocess is {shown(value)}; give the name of a preprocessor, such as canny.", field=field
        )
    return parse_preprocessing(value, field).text


def _member(members: type[Member], what: str, value: object, field: str) -> Member:
    if value not in tuple(members):
        raise InvalidRequest(
            f"The control's {what} is {shown(value)}; choose one of {', '.join(members)}.", field=field
        )
    return members(str(value))
