"""Controls as people write them, on the command line, in CSV and in the form. No torch.

A person writes MODEL:HINT[:PREPROCESSOR][:WEIGHT[:START-END]], or in the long form model=…,hint=…,preprocess=…,weight=…,
span=START-END,mode=…,resize=…,mask=…. Several stand in one text apart by semicolons or lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from sdedge.controls import Control, checked_control
from sdedge.errors import InvalidRequest
from sdedge.field_types import FieldType
from sdedge.json_values import read_json
from sdedge.preprocessors import is_preprocessing
from sdedge.text.clean import shown

MAX_CONTROLS = 8
_SPAN = re.compile(r"(\d*\.?\d+)-(\d*\.?\d+)")
_LONG = re.compile(r",\s*(?=(?:model|hint|preprocess|weight|span|mode|resize|mask)\s*=)")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


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
        return tuple(checked_control(control, name) for control in value)

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
        return tuple(Control.from_json(record) if isinstance(record, Mapping) else record for record in value)

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
        return Control.from_json({**record, **weight, **({} if span is None else {"span": _span(span, text, field)})})
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
