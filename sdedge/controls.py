"""Controls: hints that say what goes where in a picture, as a request holds them, and as people write them. No torch.

A person writes MODEL:HINT[:PREPROCESSOR][:WEIGHT[:START-END]], or in the long form model=…,hint=…,preprocess=…,weight=…,
span=START-END,mode=…,resize=…,mask=…. Several stand in one text apart by semicolons or lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from sdedge.errors import InvalidRequest
from sdedge.field_types import FieldType, Float, PathOrName
from sdedge.json_values import read_json
from sdedge.preprocessors import is_preprocessing, parse_preprocessing
from sdedge.text.clean import shown

MAX_CONTROLS = 8
MAX_WEIGHT = 10
_WEIGHT = Float(0, MAX_WEIGHT, "0.8")
_NO_MODEL = "The control has no model; name an installed ControlNet or T2I-Adapter, or give the path of one."
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".jp2", ".qoi")
_SPAN = re.compile(r"(\d*\.?\d+)-(\d*\.?\d+)")
_LONG = re.compile(r",\s*(?=(?:model|hint|preprocess|weight|span|mode|resize|mask)\s*=)")
Member = TypeVar("Member", bound=StrEnum)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


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

    def to_json(self) -> dict[str, Any]:
        """Returns the model, and what differs from the defaults."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {name: value for name, value in record.items() if value != _DEFAULTS.get(name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}


_DEFAULTS = {field.name: field.default for field in fields(Control)}


class ControlList(FieldType):
    """Controls: a tuple in a request, a list of objects in JSON."""

    annotation: ClassVar[Any] = tuple[Control, ...]
    expected: ClassVar[str] = "a list of controls"
    example: str = "canny:edges.png:0.8"
    repeated: ClassVar[bool] = True

    def check(self, name: str, value: Any) -> tuple[Control, ...]:
        if type(value) is not tuple or not all(type(control) is Control for control in value):
            raise self.refuse(name, value)
        if len(value) > MAX_CONTROLS:
            raise InvalidRequest(f"There are {len(value)} controls; give {MAX_CONTROLS} or fewer.", field=name)
        return tuple(_checked(control, name) for control in value)

    def parse(self, name: str, text: str) -> tuple[Control, ...]:
        if text.lstrip().startswith("["):
            return self.check(name, self.from_json(read_json(text, "The list of controls", error=InvalidRequest)))
        return tuple(parse_control(part.strip(), name) for part in re.split(r"[;\n]", text) if part.strip())

    def parse_all(self, name: str, texts: Sequence[str]) -> tuple[Control, ...]:
        return tuple(control for text in texts for control in self.parse(name, text))

    def format(self, value: Sequence[Control]) -> str:
        text = ";".join(map(format_control, value))
        with suppress(InvalidRequest):
            if self.parse("controls", text) == tuple(value):
                return text
        return json.dumps(self.to_json(value))  # where a path holds what parts them

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return tuple(_from_record(record) if isinstance(record, Mapping) else record for record in value)

    def to_json(self, value: Sequence[Control]) -> list[dict[str, Any]]:
        return [control.to_json() for control in value]


def parse_control(text: str, field: str = "controls") -> Control:
    """Returns the control that a person wrote, in the short or the long form. Raises InvalidRequest."""
    if re.match(r"model\s*=", text):
        pairs = [part.partition("=") for part in _LONG.split(text)]
        record = {key.strip(): value.strip() for key, _, value in pairs}
        span = record.pop("span", None)
        try:
            weight = {"weight": float(record.pop("weight"))} if "weight" in record else {}
        except ValueError:
            raise _unreadable(text, field) from None
        return _from_record({**record, **weight, **({} if span is None else {"span": _span(span, text, field)})})
    head, span_text, weight_text = text, None, None
    before, colon, last = head.rpartition(":")
    if colon and _SPAN.fullmatch(last.strip()):
        head, span_text = before, last.strip()
        before, colon, last = head.rpartition(":")
    if colon and _is_number(last) and (":" in before or span_text is not None):
        head, weight_text = before, last
    head, preprocess = _split_preprocessing(head)
    model, hint = _split_path(head)
    control = Control(model.strip(), hint.strip() or None, preprocess=preprocess)
    if weight_text is not None:
        control = replace(control, weight=float(weight_text))
    return control if span_text is None else replace(control, span=_span(span_text, text, field))


def format_control(control: Control) -> str:
    """Returns the text that `parse_control` makes this control of; the short form where that says it all."""
    start, end = control.span
    numbers = f"{control.weight!r}:{start!r}-{end!r}"
    has_more = replace(control, weight=1.0, span=(0.0, 1.0)) != _plain(control)
    if not has_more and (control.hint is not None or control.preprocess is not None):
        preprocess = "" if control.preprocess is None else f":{control.preprocess}"
        short = f"{control.model}:{control.hint or ''}{preprocess}:{numbers}"
        with suppress(InvalidRequest):
            if parse_control(short) == control:
                return short
    parts = {
        "model": control.model, "hint": control.hint, "preprocess": control.preprocess, "weight": repr(control.weight),
        "span": f"{start!r}-{end!r}", "mode": control.mode, "resize": control.resize, "mask": control.mask,
    }  # fmt: skip
    return ",".join(f"{key}={value}" for key, value in parts.items() if value is not None)


def _plain(control: Control) -> Control:
    """Returns a control of which only model, hint and preprocessor are said."""
    return Control(control.model, control.hint, preprocess=control.preprocess)


def _checked(control: Control, field: str) -> Control:
    """Returns a control in its own types. Raises InvalidRequest naming what of it is wrong."""
    path, texts = PathOrName(empty=_NO_MODEL), {"hint": control.hint, "mask": control.mask}
    values = {name: None if text is None else PathOrName().check(field, text) for name, text in texts.items()}
    if isinstance(control.model, str) and control.model.lower().endswith(_PICTURES):
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
    if value is None or value == "none":
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


def _from_record(record: Mapping[str, Any]) -> Control:
    names = [field.name for field in fields(Control)]
    if unknown := [name for name in record if name not in names]:
        raise InvalidRequest(f"A control has no {shown(unknown[0])}; it has {', '.join(names)}.", field="controls")
    if "model" not in record:
        raise InvalidRequest(_NO_MODEL, field="controls")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Control(**values)


def _span(span: str, text: str, field: str) -> tuple[float, float]:
    match = _SPAN.fullmatch(span)
    if match is None:
        raise _unreadable(text, field)
    return float(match[1]), float(match[2])


def _split_path(text: str) -> tuple[str, str]:
    """Returns what stands before and behind the first colon that is no drive's."""
    start = 2 if _DRIVE.match(text) else 0
    at = text.find(":", start)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def _split_preprocessing(text: str) -> tuple[str, str | None]:
    """Returns what stands before a preprocessor at the end of MODEL:HINT:PREPROCESSOR, and the preprocessor."""
    before, colon, last = text.rpartition(":")
    if colon and ":" in before and is_preprocessing(last):
        return before, last.strip()
    return text, None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unreadable(text: str, field: str) -> InvalidRequest:
    return InvalidRequest(
        f"{shown(text)} is no control; write one such as canny:edges.png:0.8:0-0.5, or model=canny,hint=edges.png.",
        field=field,
    )
