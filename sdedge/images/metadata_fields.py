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
from sdedge.request_fields import MAX_SIDE
from sdedge.text.clean import shown as _short

MAX_NAME = 1024  # characters of a model's, sampler's or other name


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
        """Notes down a Request field from `value`, unless it is None, empty or cannot be converted."""
        if value is None or value == "":
            return
        try:
            fit = convert(value)
            if isinstance(fit, str) and name not in ("prompt", "negative") and len(fit) > MAX_NAME:
                raise ValueError(value)
            self.fields[name] = fit
        except (ValueError, TypeError, OverflowError):
            self.notes.append(f"The file's {name.replace('_', ' ')} {_short(value)} cannot be read.")

    def put_seed(self, value: Any) -> None:
        """Notes down the seed; -1 stands for chance in most programs, so such a file does not say it."""
        self.put("seed", value, to_int)
        if self.fields.get("seed") == -1:
            del self.fields["seed"]
            self.notes.append("The file's seed is -1, which means chance, so the picture cannot be drawn again.")

    def put_variation_seed(self, value: Any) -> None:
        """Notes down the seed of variations; -1 stands for chance there, too."""
        self.put("variation_seed", value, to_int)
        if self.fields.get("variation_seed") == -1:
            del self.fields["variation_seed"]
            if self.fields.get("variation_strength"):
                self.notes.append(
                    "The file's variation seed is -1, which means chance, so the picture cannot be drawn again."
                )

    def put_sampler(self, name: Any) -> None:
        """Sets sampler and, where the name includes one, schedule."""
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
        """Sets the schedule; "Automatic" leaves the choice to the sampler."""
        try:
            self.put("schedule", catalog.resolve_schedule(name))
        except InvalidRequest:
            self.notes.append(f"The schedule type {_short(name)} is not known here; the sampler's default is used.")

    def put_options(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """Sets the sampler's options, as far as `read` finds any."""
        try:
            if options := read():
                self.put("options", options)
        except InvalidRequest as error:
            self.notes.append(str(error))

    def put_size(self, width: Any, height: Any) -> None:
        """Sets both sides, or neither: with one alone the proportions would be others.

        A side that is no multiple of 8 is rounded down, as latents are, which is what the picture itself measures.
        """
        if width in (None, "") and height in (None, ""):
            return
        try:
            size = to_int(width), to_int(height)
        except (ValueError, TypeError, OverflowError):
            self.notes.append(
                f"The file's size {_short(width)} x {_short(height)} cannot be read; the model's own is used."
            )
            return
        rounded = tuple(side // 8 * 8 for side in size)
        if not all(64 <= side <= MAX_SIDE for side in rounded):
            text = f"{size[0]}x{size[1]}"
            self.notes.append(f"The file's size {_short(text)} is out of range; the model's own is used.")
            return
        if rounded != size:
            self.notes.append(
                f"The file's size {size[0]}x{size[1]} is read as {rounded[0]}x{rounded[1]}; sides are multiples of 8."
            )
        self.fields["width"], self.fields["height"] = rounded

    def put_size_text(self, size: Any) -> None:
        """Sets both sides from "512x768"."""
        if size:
            width, _, height = str(size)[:40].lower().replace("×", "x").partition("x")
            self.put_size(width.strip() or None, height.strip() or None)

    def put_preset(self, name: str) -> None:
        """Follows that program's numerics if they cover the sampler and the schedule."""
        preset = catalog.PRESETS[name]
        sampler, schedule = self.fields.get("sampler"), self.fields.get("schedule")
        if sampler in preset.samplers and (schedule is None or schedule in preset.schedules):
            self.put("preset", name)
        elif sampler is not None:
            self.notes.append(f"{preset.label}'s numerics are not known for {sampler}; ours are used.")

    def note_start(self) -> None:
        """Says that the picture it was drawn from is needed, too."""
        strength = self.fields.get("strength")
        self.notes.append(
            f"It was drawn from another picture (strength {_short(strength)}) that is not in the file; give it too."
        )

    def keep(self, record: Mapping[str, Any], used: set[str]) -> None:
        """Files what no Request field stands for under `details`."""
        self.details |= {str(key): value for key, value in record.items() if key not in used}

    def done(self) -> Metadata:
        """Returns the result, with the fields that a Request takes, alone and together."""
        fitting: dict[str, Any] = {}
        for name in Request.__dataclass_fields__:  # in this order, what needs an image comes after it
            if name in self.fields:
                try:
                    Request(**fitting, **{name: self.fields[name]})
                except InvalidRequest as error:
                    self.notes.append(str(error))
                else:
                    fitting[name] = self.fields[name]
        return Metadata(fitting, self.text, self.source, tuple(self.notes), self.details)


def resolve_sampler(name: str) -> tuple[str, str | None]:
    """Resolves a name as `catalog.resolve` does, and InvokeAI's and Draw Things' endings. Raises InvalidRequest."""
    try:
        return catalog.resolve(name)
    except InvalidRequest:
        for ending, schedule in (("_k", "karras"), (" AYS", "ays"), (" Trailing", "trailing")):
            if name.endswith(ending):
                return catalog.resolve(name.removesuffix(ending))[0], schedule
        raise


def to_int(value: Any) -> int:
    """Returns an int from a number or its text. Raises ValueError, TypeError or OverflowError."""
    if isinstance(value, str):
        value = int(value) if re.fullmatch(r"\s*[+-]?\d{1,30}\s*", value) else to_float(value)
    if isinstance(value, bool) or value != int(value):
        raise ValueError(value)
    return int(value)


def to_float(value: Any) -> float:
    """Returns a finite float from a number or a text with point or comma. Raises ValueError, TypeError or OverflowError."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,30},\d{1,30}\s*", value):
        value = value.replace(",", ".")
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise ValueError(value)
    return number
