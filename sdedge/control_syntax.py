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

from sdedge.controls import MAX_WEIGHT, PICTURE_SUFFIXES, Control, checked_control
from sdedge.errors import InvalidRequest
from sdedge.field_types import TAKES_OFF, FieldType
from sdedge.json_values import read_json
from sdedge.preprocessors import is_no_preprocessing, is_preprocessing, unknown_preprocessor
from sdedge.text.clean import shown
from sdedge.text.names import alike

MAX_CONTROLS = 8
_PARTS = ("model", "hint", "preprocess", "weight", "span", "mode", "resize", "mask")
_SPAN = re.compile(r"(\d*\.?\d+)-(\d*\.?\d+)")
_LONG = re.compile(rf",\s*(?=(?:{'|'.join(_PARTS)})\s*=)")
_KEY = re.compile(r"([A-Za-z_]+)\s*=")
_MORE = re.compile(r"(.*?),\s*([A-Za-z_]+)\s*=", re.S)
_FILE = re.compile(rf"(.*?(?:{'|'.join(map(re.escape, PICTURE_SUFFIXES))})\s*):(.*)", re.I | re.S)
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
        if text.strip().lower() in TAKES_OFF:
            return ()
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

    def in_words(self, value: Sequence[Control]) -> str:
        return "; ".join(self.parts_in_words(value))

    def parts_in_words(self, value: Sequence[Control]) -> list[str]:
        return [control.in_words for control in value]

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return tuple(Control.from_json(record) if isinstance(record, Mapping) else record for record in value)

    def to_json(self, value: Sequence[Control]) -> list[dict[str, Any]]:
        return [control.to_json() for control in value]


def parse_control(text: str, field: str = "controls") -> Control:
    """Returns the control that a person wrote, in the short or the long form. Raises InvalidRequest."""
    key = _KEY.match(text)
    if key and (key[1] in _PARTS or alike(key[1], _PARTS)):
        return _parse_long(text, field)
    head, span_text, weight_text = text, None, None
    before, colon, last = head.rpartition(":")
    if colon and _SPAN.fullmatch(last.strip()):
        head, span_text = before, last.strip()
        before, colon, last = head.rpartition(":")
    if colon and _is_number(last) and (":" in before or span_text is not None):
        head, weight_text = before, last
    head, preprocess = _split_preprocessing(head)
    model, hint = _split_path(head)
    if followed := _FILE.fullmatch(hint):
        raise unread(followed[1], text[text.index(f"{followed[1]}:") + len(followed[1]) + 1 :], field)
    control = Control(model.strip(), hint.strip() or None, preprocess=preprocess)
    if weight_text is not None:
        control = replace(control, weight=float(weight_text))
    return control if span_text is None else replace(control, span=_span(span_text, field))


def unread(hint: str, text: str, field: str) -> InvalidRequest:
    """Returns the error for what stands behind a hint and cannot be read: which part it is, and what may stand there."""
    parts = [word.strip() for word in text.split(":")]
    rest = parts[1:] if is_preprocessing(parts[0]) else parts
    if rest is parts and not _SPAN.fullmatch(parts[0]) and not _is_number(parts[0].replace(",", ".")):
        return unknown_preprocessor(
            parts[0],
            field,
            f", and no weight either, which is a number from 0 to {MAX_WEIGHT}",
            f" for the hint {shown(hint)}",
        )
    if rest and not _SPAN.fullmatch(rest[0]):
        if not _is_number(rest[0]):
            return _no_weight(rest[0], field)
        rest = rest[1:]
    if rest and not _SPAN.fullmatch(rest[0]):
        return _no_span(rest[0], field)
    return InvalidRequest(
        f"Behind the hint {shown(hint)} stands {shown(text)}; write preprocessor, weight and range of steps in this order, "
        f"as in {hint}:canny:0.8:0-0.5.",
        field=field,
    )


def _parse_long(text: str, field: str) -> Control:
    """Returns the control of model=…,hint=… and so on, in any order."""
    record: dict[str, Any] = {}
    for part in _LONG.split(text):
        key, _, value = (piece.strip() for piece in part.partition("="))
        _refuse_unknown(key, value, field)
        if key in record:
            raise InvalidRequest(f"The control's {key} is given twice; give it once.", field=field)
        record[key] = value
    if "weight" in record:
        if not _is_number(record["weight"]):
            raise _no_weight(record["weight"], field)
        record["weight"] = float(record["weight"])
    if "span" in record:
        record["span"] = _span(record["span"], field)
    return Control.from_json(record)


def _refuse_unknown(key: str, value: str, field: str) -> None:
    """Raises InvalidRequest for a part that there is none of, which would pass for the end of a file's name before it."""
    unknown = None if key in _PARTS else key
    if unknown is None and (more := _MORE.match(value)):
        is_whole = key not in ("model", "hint", "mask") or more[1].lower().endswith(PICTURE_SUFFIXES)
        is_name = key == "model" and not re.search(r"[/\\]", more[1])
        unknown = more[2] if is_whole or is_name or alike(more[2], _PARTS) else None
    if unknown is not None:
        near = alike(unknown, _PARTS)
        advice = f"did you mean {near}?" if near else f"the parts of a control are {', '.join(_PARTS)}."
        raise InvalidRequest(f"There is no part {shown(unknown)}; {advice}", field=field)


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


def _span(span: str, field: str) -> tuple[float, float]:
    match = _SPAN.fullmatch(span)
    if match is None:
        raise _no_span(span, field)
    return float(match[1]), float(match[2])


def _split_path(text: str) -> tuple[str, str]:
    """Returns what stands before and behind the first colon that is no drive's."""
    start = 2 if _DRIVE.match(text) else 0
    at = text.find(":", start)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def _split_preprocessing(text: str) -> tuple[str, str | None]:
    """Returns what stands before a preprocessor at the end of MODEL:HINT:PREPROCESSOR, and the preprocessor; None for "none"."""
    before, colon, last = text.rpartition(":")
    if colon and ":" in before and is_preprocessing(last):
        return before, None if is_no_preprocessing(last) else last.strip()
    return text, None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _no_weight(word: str, field: str) -> InvalidRequest:
    point = word.replace(",", ".")
    advice = (
        f"write it with a point, {point}"
        if _is_number(point)
        else f"give a number from 0 to {MAX_WEIGHT}, usually 0.3 to 1.5"
    )
    return InvalidRequest(f"The control's weight is {shown(word)}; {advice}.", field=field)


def _no_span(word: str, field: str) -> InvalidRequest:
    return InvalidRequest(
        f"The control's range of steps is {shown(word)}; write where it begins and where it ends with a dash between, "
        "in fractions such as 0-0.5.",
        field=field,
    )
