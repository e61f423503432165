"""What a picture file says about its making, in the terms of a Request."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.request import Request


@dataclass(frozen=True)
class Metadata:
    """`fields` are Request fields that a Request accepts; `details` is what else was said, by the writer's own names.

    `text` is the raw text found, `source` the name of the program that wrote it ("" when nothing was found) and
    `notes` say in whole sentences what could not be carried over.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Draft:
    """Collects fields while a file is read. Whatever does not fit becomes a note, never an error."""

    def __init__(self, source: str, text: str) -> None:
        self.source, self.text = source, text
        self.fields: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.notes: list[str] = []

    def put(self, name: str, value: Any, convert: Callable[[Any], Any] = lambda value: value) -> None:
        """Note down a Request field from `value`, unless it is None, empty or cannot be converted."""
        if value is None or value == "":
            return
        try:
            self.fields[name] = convert(value)
        except (ValueError, TypeError, OverflowError):
            self.notes.append(f"The file's {name.replace('_', ' ')} {_short(value)} cannot be read.")

    def put_sampler(self, name: Any) -> None:
        """Set sampler and, where the name includes one, schedule."""
        if not isinstance(name, str) or not name.strip():
            return
        try:
            sampler, schedule = resolve_sampler(name)
        except InvalidRequest:
            self.notes.append(f"The sampler {_short(name)} is not known here; the default is used.")
            return
        self.put("sampler", sampler)
        self.put("schedule", schedule)

    def put_schedule(self, name: str) -> None:
        """Set the schedule; "Automatic" leaves the choice to the sampler."""
        try:
            self.put("schedule", catalog.resolve_schedule(name))
        except InvalidRequest:
            self.notes.append(f"The schedule type {_short(name)} is not known here; the sampler's default is used.")

    def put_options(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """Set the sampler's options, as far as `read` finds any."""
        try:
            if options := read():
                self.put("options", options)
        except InvalidRequest as error:
            self.notes.append(str(error))

    def put_size(self, width: Any, height: Any) -> None:
        """Set both sides."""
        self.put("width", width, whole)
        self.put("height", height, whole)

    def keep(self, record: Mapping[str, Any], used: set[str]) -> None:
        """File what no Request field stands for under `details`."""
        self.details |= {str(key): value for key, value in record.items() if key not in used}

    def done(self) -> Metadata:
        """The result, with the fields that a Request takes, alone and together."""
        kept: dict[str, Any] = {}
        for name in Request.__dataclass_fields__:  # in this order, what needs an image comes after it
            if name in self.fields:
                try:
                    Request(**kept, **{name: self.fields[name]})
                except InvalidRequest as error:
                    self.notes.append(str(error))
                else:
                    kept[name] = self.fields[name]
        return Metadata(kept, self.text, self.source, tuple(self.notes), self.details)


def resolve_sampler(name: str) -> tuple[str, str | None]:
    """`catalog.resolve`, and InvokeAI's and Draw Things' endings. Raises InvalidRequest."""
    try:
        return catalog.resolve(name)
    except InvalidRequest:
        for ending, schedule in (("_k", "karras"), (" AYS", "ays"), (" Trailing", "trailing")):
            if name.endswith(ending):
                return catalog.resolve(name.removesuffix(ending))[0], schedule
        raise


def whole(value: Any) -> int:
    """An int from a number or its text. Raises ValueError, TypeError or OverflowError."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*[+-]?\d{1,30}\s*", value) else real(value)
    if isinstance(value, bool) or value != int(value):
        raise ValueError(value)
    return int(value)


def real(value: Any) -> float:
    """A finite float from a number or its text. Raises ValueError, TypeError or OverflowError."""
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise ValueError(value)
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
