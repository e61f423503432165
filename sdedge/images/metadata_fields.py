"""What a picture file says about its making, in the terms of a Request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from typing import Any

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.request import Request
from sdedge.request_fields import MAX_SIDE
from sdedge.text.clean import shown as _short

MAX_NAME = 1024  # characters of a model's, sampler's or other name
MAX_UNHONOURED = 500  # of one picture; what is beyond is counted
MAX_RESOURCES = 100
NO_COUNTERPART = "It has no counterpart here."


@dataclass(frozen=True)
class Unhonoured:
    """A setting of a file that no request stands for: its name there, its value as text, and a sentence that says why."""

    field: str
    value: str
    reason: str


@dataclass(frozen=True)
class Resource:
    """A file that a picture was drawn with: its role ("model", "vae", "lora", "embedding", "control"), the name and the hash
    that the picture gives for it, "" where it gives none, and a LoRA's weight."""

    role: str
    name: str
    hash: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Metadata:
    """`fields` are Request fields that a Request accepts; `details` is what else was said, by the writer's own names.

    `text` is the raw text found, `source` the name of the program that wrote it ("" when nothing was found) and
    `notes` say in whole sentences what could not be carried over. `unhonoured` is the same as data, setting by setting;
    `resources` are the files that it was drawn with, as far as the picture tells more of them than a name.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    unhonoured: tuple[Unhonoured, ...] = ()
    resources: tuple[Resource, ...] = ()


class Draft:
    """Collects fields while a file is read. Whatever does not fit becomes a note, never an error."""

    def __init__(self, source: str, text: str) -> None:
        self.source, self.text = source, text
        self.fields: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.notes: list[str] = []
        self.unhonoured: list[Unhonoured] = []
        self.resources: list[Resource] = []
        self._beyond = 0

    def leave_out(self, name: str, value: Any, reason: str, note: bool = True) -> None:
        """Lists a setting as not honoured, and says so in a note unless another note says it of several."""
        if note:
            self.notes.append(reason)
        if len(self.unhonoured) < MAX_UNHONOURED:
            text = value if isinstance(value, str) else as_text(value) if value is not None else ""
            self.unhonoured.append(Unhonoured(_short(name)[1:-1], text[:MAX_NAME], reason))
        else:
            self._beyond += 1

    def add_resource(self, role: str, name: Any, hash: Any = "", weight: float = 1.0) -> None:
        """Lists a file that the picture was drawn with; one that is listed already only gets the hash that it lacks."""
        name, hash = name if isinstance(name, str) else "", hash.lower() if isinstance(hash, str) else ""
        if not (name or hash) or len(name) > MAX_NAME or len(hash) > MAX_NAME:
            return
        for i, resource in enumerate(self.resources):
            if (resource.role, resource.name) == (role, name):
                self.resources[i] = replace(resource, hash=resource.hash or hash)
                return
        if len(self.resources) < MAX_RESOURCES:
            self.resources.append(Resource(role, name, hash, weight))

    def put(self, name: str, value: Any, convert: Callable[[Any], Any] = lambda value: value) -> None:
        """Notes down a Request field from `value`, unless it is None, empty or cannot be converted."""
        if value is None or value == "":
            return
        try:
            fit = convert(value)
            if isinstance(fit, str) and name not in ("prompt", "negative") and len(fit) > MAX_NAME:
                raise ValueError(value)
            self.fields[name] = fit
        except InvalidRequest as error:  # of a field that is a list of parts, each with names of its own
            self.leave_out(name, value, str(error))
        except (LookupError, ValueError, TypeError, OverflowError):
            self.leave_out(name, value, f"The file's {name.replace('_', ' ')} {_short(value)} cannot be read.")

    def put_seed(self, value: Any) -> None:
        """Notes down the seed; -1 stands for chance in most programs, so such a file does not say it."""
        self.put("seed", value, to_int)
        if self.fields.get("seed") == -1:
            del self.fields["seed"]
            self.leave_out(
                "seed", "-1", "The file's seed is -1, which means chance, so the picture cannot be drawn again."
            )

    def put_variation_seed(self, value: Any) -> None:
        """Notes down the seed of variations; -1 stands for chance there, too."""
        self.put("variation_seed", value, to_int)
        if self.fields.get("variation_seed") == -1:
            del self.fields["variation_seed"]
            if self.fields.get("variation_strength"):
                sentence = "The file's variation seed is -1, which means chance, so the picture cannot be drawn again."
                self.leave_out("variation_seed", "-1", sentence)

    def put_sampler(self, name: Any) -> None:
        """Sets sampler and, where the name includes one, schedule."""
        if not isinstance(name, str) or not name.strip():
            return
        try:
            sampler, schedule = resolve_sampler(name)
        except InvalidRequest:
            self.leave_out("sampler", name, f"The sampler {_short(name)} is not known here; the default is used.")
            return
        self.put("sampler", sampler)
        self.put("schedule", schedule)

    def put_schedule(self, name: str) -> None:
        """Sets the schedule; "Automatic" leaves the choice to the sampler."""
        try:
            self.put("schedule", catalog.resolve_schedule(name))
        except InvalidRequest:
            sentence = f"The schedule type {_short(name)} is not known here; the sampler's default is used."
            self.leave_out("schedule", name, sentence)

    def put_options(self, read: Callable[[], Mapping[str, Any]]) -> None:
        """Sets the sampler's options, as far as `read` finds any."""
        try:
            if options := read():
                self.put("options", options)
        except InvalidRequest as error:
            self.leave_out("options", "", str(error))

    def put_size(self, width: Any, height: Any) -> None:
        """Sets both sides, or neither: with one alone the proportions would be others.

        A side that is no multiple of 8 is rounded down, as latents are, which is what the picture itself measures.
        """
        if width in (None, "") and height in (None, ""):
            return
        try:
            size = to_int(width), to_int(height)
        except (ValueError, TypeError, OverflowError):
            sentence = f"The file's size {_short(width)} x {_short(height)} cannot be read; the model's own is used."
            self.leave_out("size", f"{width}x{height}"[:80], sentence)
            return
        rounded = tuple(side // 8 * 8 for side in size)
        if not all(64 <= side <= MAX_SIDE for side in rounded):
            text = f"{size[0]}x{size[1]}"
            self.leave_out("size", text, f"The file's size {_short(text)} is out of range; the model's own is used.")
            return
        if rounded != size:
            text = f"{size[0]}x{size[1]}"
            sentence = f"The file's size {text} is read as {rounded[0]}x{rounded[1]}; sides are multiples of 8."
            self.leave_out("size", text, sentence)
        self.fields["width"], self.fields["height"] = rounded

    def put_size_text(self, size: Any) -> None:
        """Sets both sides from "512x768"."""
        if size:
            width, _, height = str(size)[:40].lower().replace("×", "x").partition("x")
            self.put_size(width.strip() or None, height.strip() or None)

    def put_preset(self, name: str) -> None:
        """Follows that program's numerics if they cover the sampler and the schedule; a schedule that none take is listed."""
        preset = catalog.PRESETS[name]
        sampler, schedule = self.fields.get("sampler"), self.fields.get("schedule")
        if sampler is None:
            return
        valid = catalog.schedules_of(sampler, name)
        if valid and (schedule is None or schedule in valid):
            self.put("preset", name)
            return
        pair = f"{sampler} with {schedule}" if valid else sampler
        self.leave_out("preset", name, f"{preset.label}'s numerics are not known for {pair}; ours are used.")
        if schedule is not None and schedule not in catalog.schedules_of(sampler, catalog.DEFAULT_PRESET):
            self.leave_out("schedule", schedule, untaken(sampler, self.fields.pop("schedule")))

    def note_start(self) -> None:
        """Says that the picture it was drawn from is needed, too."""
        strength = self.fields.get("strength")
        strength_in_words = "" if strength is None else f" (strength {_short(strength)})"
        sentence = f"It was drawn from another picture{strength_in_words} that is not in the file; give it too."
        self.leave_out("image", "", sentence)

    def keep(
        self, record: Mapping[str, Any], used: Collection[str], informative: Collection[str] | None = None
    ) -> None:
        """Files what no Request field stands for under `details`.

        What is neither `used`, nor among the `informative` names, which say nothing that a picture depends on, nor switched off
        is listed as not honoured, unless no informative names are given.
        """
        left = {str(key): value for key, value in record.items() if key not in used}
        self.details |= left
        if informative is None:
            return
        lost = {key: value for key, value in left.items() if key not in informative and not is_off(value)}
        for key, value in lost.items():
            self.leave_out(key, value, NO_COUNTERPART, note=False)
        if lost:
            self.notes.append(f"These settings are not carried over: {', '.join(sorted(lost)[:20])[:600]}.")

    def done(self) -> Metadata:
        """Returns the result, with the fields that a Request takes, alone and together."""
        fitting: dict[str, Any] = {}
        for name in Request.__dataclass_fields__:  # in this order, what needs an image comes after it
            if name in self.fields:
                try:
                    Request(**fitting, **{name: self.fields[name]})
                except InvalidRequest as error:
                    self.leave_out(name, self.fields[name], str(error))
                else:
                    fitting[name] = self.fields[name]
        if self._beyond:
            self.unhonoured.append(Unhonoured("…", str(self._beyond), "So many further settings are not listed."))
        return Metadata(
            fitting,
            self.text,
            self.source,
            tuple(self.notes),
            self.details,
            tuple(self.unhonoured),
            tuple(self.resources),
        )


def untaken(sampler: str, schedule: str) -> str:
    """Returns a sentence on a schedule that a sampler does not take."""
    return f"The sampler {sampler} does not take the schedule {schedule} here; its own is used."


def as_text(value: Any) -> str:
    """Returns a foreign value as people read it: JSON, in which the parts of a request are objects too."""
    return json.dumps(value, ensure_ascii=False, default=_parts)


def _parts(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


def is_off(value: Any) -> bool:
    """Returns whether a setting's value says that it was not used: nothing, false, or an empty text, list or object."""
    return value is None or value is False or value in ("", [], {}, "None", "False", "false", "none")


def resolve_sampler(name: str) -> tuple[str, str | None]:
    """Resolves a name as `catalog.resolve` does, and InvokeAI's and Draw Things' endings. Raises InvalidRequest."""
    name = {"kdpm_2": "dpm2", "kdpm_2_a": "dpm2_a", "kdpm_2_k": "dpm2_k"}.get(name, name)  # InvokeAI's
    try:
        return catalog.resolve(name)
    except InvalidRequest:
        if name.endswith("_gpu"):  # ComfyUI's and Fooocus': the noise of the steps comes from the graphics card
            return resolve_sampler(name.removesuffix("_gpu"))
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
