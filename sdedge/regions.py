"""Regions: areas of a picture with prompts of their own, as a request holds them and as people write them. No torch.

A person writes AREA[ weight=…][ base=…][ by=…]: PROMPT, where AREA is x0,y0,x1,y1 in fractions of the picture, one of the words
of `NAMED`, or the path of a mask. Several stand in one text on lines of their own, or as a list in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar

from sdedge.controls import PICTURE_SUFFIXES
from sdedge.errors import InvalidRequest
from sdedge.field_types import TAKES_OFF, FieldType, PathOrName, Text
from sdedge.json_values import read_json
from sdedge.text.clean import shown
from sdedge.text.prompt import parse
from sdedge.text.tags import extract_loras

MAX_REGIONS = 16
MAX_PROMPT = 20_000  # characters
MAX_WEIGHT = 10
FIELD = "regions"

Area = tuple[float, float, float, float]
"""Left, top, right and bottom, in fractions of the picture's width and height."""
EVERYWHERE: Area = (0.0, 0.0, 1.0, 1.0)
NAMED: Mapping[str, Area] = {
    "left": (0.0, 0.0, 0.5, 1.0), "right": (0.5, 0.0, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.5), "bottom": (0.0, 0.5, 1.0, 1.0),
}  # fmt: skip
_EXAMPLE = "0,0,0.5,1: a red house"
_OPTION = re.compile(r"(.*?)[\s,;]+([A-Za-z_]+)\s*=\s*([^\s,;=]*)\s*", re.S)
_NUMBERS = re.compile(r"[-+\d.,;%\s]+")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_OPTIONS = ("weight", "base", "by")


class RegionMethod(StrEnum):
    """How a region's prompt reaches its area and no other."""

    ATTENTION = "attention"
    """Cross attention reads each region's prompt in its area (attention couple): costs next to nothing."""
    PREDICTION = "prediction"
    """The UNet predicts for each region's prompt and the predictions are blended: costs half a step more each."""
    WINDOW = "window"
    """As prediction, but the UNet sees the region's own part of the canvas alone, as a picture by itself."""


@dataclass(frozen=True)
class Region:
    """An area of the picture with a prompt of its own.

    prompt  what the area shows
    area    rectangle, in fractions of the picture
    mask    path of a mask of the picture's shape in place of the rectangle; white is the area, grey a part of it
    weight  against other regions where they overlap
    base    fraction that the request's own prompt has in the area, 0 to 1
    by      how the prompt reaches it
    """

    prompt: str
    area: Area = EVERYWHERE
    mask: str | None = None
    weight: float = 1.0
    base: float = 0.0
    by: RegionMethod = RegionMethod.ATTENTION

    @property
    def in_words(self) -> str:
        """Returns what it shows and where, as in "a red house, in the left half"."""
        named = {area: f"in the {name} half" for name, area in NAMED.items()}
        left, top, right, bottom = self.area
        edges = f"from {left:.0%} to {right:.0%} across and {top:.0%} to {bottom:.0%} down"
        where = f"where {self.mask} is white" if self.mask is not None else named.get(self.area, edges)
        numbers = {name: getattr(self, name) for name in ("weight", "base") if getattr(self, name) != _DEFAULTS[name]}
        more = [f"{name} {number:g}" for name, number in numbers.items()]
        more += [f"by {self.by}"] if self.by != _DEFAULTS["by"] else []
        return f"{self.prompt}, {where}" + (f" ({', '.join(more)})" if more else "")

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Region:
        """Returns the region of an object in JSON; `checked_region` judges the values. Raises InvalidRequest for names."""
        names = [field.name for field in fields(cls)]
        if unknown := [name for name in record if name not in names]:
            raise InvalidRequest(f"A region has no {shown(unknown[0])}; it has {', '.join(names)}.", field=FIELD)
        if "prompt" not in record:
            raise InvalidRequest(f"The region has no prompt; write one, as in {_EXAMPLE}.", field=FIELD)
        values: dict[str, Any] = {
            name: tuple(each) if isinstance(each, list) else each for name, each in record.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Returns the prompt, and what differs from the defaults."""
        record = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {name: value for name, value in record.items() if name == "prompt" or value != _DEFAULTS[name]}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}


_DEFAULTS = {field.name: field.default for field in fields(Region)}


class RegionList(FieldType):
    """Regions: a tuple in a request, a list of objects in JSON."""

    annotation: ClassVar[Any] = tuple[Region, ...]
    expected: ClassVar[str] = "a list of regions"
    example: str = _EXAMPLE
    repeated: ClassVar[bool] = True

    def check(self, name: str, value: Any) -> tuple[Region, ...]:
        if type(value) is not tuple or not all(type(region) is Region for region in value):
            raise self.refuse(name, value)
        if len(value) > MAX_REGIONS:
            raise InvalidRequest(f"There are {len(value)} regions; give {MAX_REGIONS} or fewer.", field=name)
        return tuple(checked_region(region, name) for region in value)

    def parse(self, name: str, text: str) -> tuple[Region, ...]:
        if text.strip().lower() in TAKES_OFF:
            return ()
        if text.lstrip().startswith("["):
            return self.check(name, self.from_json(read_json(text, "The list of regions", error=InvalidRequest)))
        return tuple(parse_region(line, name) for line in text.splitlines() if line.strip())

    def parse_all(self, name: str, texts: Sequence[str]) -> tuple[Region, ...]:
        return tuple(region for text in texts for region in self.parse(name, text))

    def format(self, value: Sequence[Region]) -> str:
        return json.dumps(self.to_json(value), ensure_ascii=False)

    def in_words(self, value: Sequence[Region]) -> str:
        return "; ".join(self.parts_in_words(value))

    def parts_in_words(self, value: Sequence[Region]) -> list[str]:
        return [region.in_words for region in value]

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return tuple(Region.from_json(record) if isinstance(record, Mapping) else record for record in value)

    def to_json(self, value: Sequence[Region]) -> list[dict[str, Any]]:
        return [region.to_json() for region in value]


def parse_region(text: str, field: str = FIELD) -> Region:
    """Returns the region that a person wrote. Raises InvalidRequest."""
    start = 2 if _DRIVE.match(text.lstrip()) else 0
    at = text.find(":", start + len(text) - len(text.lstrip()))
    if at < 0:
        raise InvalidRequest(
            f"The region {shown(text)} has no prompt; write its area or its mask, a colon and the prompt, as in {_EXAMPLE}.",
            field=field,
        )
    place, options = _split_options(text[:at].strip(), field)
    return checked_region(Region(text[at + 1 :].strip(), **_place(place, field), **options), field)


def _split_options(head: str, field: str) -> tuple[str, dict[str, Any]]:
    """Returns what stands before the options at the end of an area, and the options by name."""
    options: dict[str, Any] = {}
    while match := _OPTION.fullmatch(head):
        head, name, value = match.groups()
        if name not in _OPTIONS:
            raise InvalidRequest(f"A region has no {shown(name)}; it has {', '.join(_OPTIONS)}.", field=field)
        if name in options:
            raise InvalidRequest(f"The region's {name} is given twice; give it once.", field=field)
        options[name] = value if name == "by" else _number(name, value, field)
    return head, options


def _number(name: str, text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(
            f"The region's {name} is {shown(text)}, which is not a number; give one such as 0.3.", field=field
        ) from None


def _place(text: str, field: str) -> dict[str, Any]:
    """Returns the area or the mask that a text says. Raises InvalidRequest for neither."""
    if text.lower() in NAMED:
        return {"area": NAMED[text.lower()]}
    if _NUMBERS.fullmatch(text):
        return {"area": _area(text, field)}
    if text.lower().endswith(PICTURE_SUFFIXES):
        return {"mask": text}
    raise InvalidRequest(
        f"The region's area {shown(text)} is neither four fractions of the picture, nor one of {', '.join(NAMED)}, nor a mask's "
        f"file; write it before the prompt, as in {_EXAMPLE}.",
        field=field,
    )


def _area(text: str, field: str) -> Area:
    parts = [part for part in re.split(r"[\s,;]+", text) if part]
    try:
        left, top, right, bottom = (float(part.rstrip("%")) / (100 if part.endswith("%") else 1) for part in parts)
    except ValueError:
        raise InvalidRequest(
            f"The region's area {shown(text)} is not four numbers; give left, top, right and bottom in fractions of the "
            f"picture, as in {_EXAMPLE}.",
            field=field,
        ) from None
    return left, top, right, bottom


def checked_region(region: Region, field: str = FIELD) -> Region:
    """Returns a region in its own types. Raises InvalidRequest naming what of it is wrong."""
    prompt = Text(MAX_PROMPT).check(field, region.prompt)
    if not prompt.strip():
        raise InvalidRequest(f"The region has no prompt; write one behind its area, as in {_EXAMPLE}.", field=field)
    mask = None if region.mask is None else PathOrName(empty=_NO_MASK).check(field, region.mask)
    area = _checked_area(region.area, field)
    if mask is not None and area != EVERYWHERE:
        raise InvalidRequest(
            f"The region has the area {_spoken(area)} and the mask {shown(mask)}; give one of them.", field=field
        )
    weight = _checked_number("weight", region.weight, MAX_WEIGHT, field)
    if weight == 0:
        raise InvalidRequest("The region's weight is 0, so that it would act nowhere; leave it out.", field=field)
    if region.by not in tuple(RegionMethod):
        raise InvalidRequest(
            f"The region's by is {shown(region.by)}; choose one of {', '.join(RegionMethod)}.", field=field
        )
    base = _checked_number("base", region.base, 1, field)
    return Region(prompt, area, mask, weight, base, RegionMethod(str(region.by)))


_NO_MASK = "The region's mask is empty; give the path of a picture, or leave it out."


def _checked_number(name: str, value: object, high: float, field: str) -> float:
    if type(value) not in (int, float) or not 0 <= value <= high:  # type: ignore[operator]  # NaN is not, either
        raise InvalidRequest(f"The region's {name} is {shown(value)}; choose from 0 to {high:g}.", field=field)
    return float(value)  # type: ignore[arg-type]


def _checked_area(area: object, field: str) -> Area:
    if type(area) is not tuple or len(area) != 4 or not all(type(edge) in (int, float) for edge in area):
        raise InvalidRequest(
            f"The region's area is {shown(area)}; give left, top, right and bottom in fractions of the picture.",
            field=field,
        )
    if not all(0 <= edge <= 1 for edge in area):  # NaN is not, either
        raise InvalidRequest(
            f"The region {_spoken(area)} reaches outside of the picture; give fractions of it from 0 to 1, or percents.",
            field=field,
        )
    left, top, right, bottom = map(float, area)
    if left >= right or top >= bottom:
        raise InvalidRequest(
            f"The region {_spoken(area)} has no area; give left and top first, then right and bottom.", field=field
        )
    return left, top, right, bottom


def _spoken(area: Sequence[float]) -> str:
    return ",".join(f"{edge:g}" for edge in area)


def check_prompts(prompt: str, regions: Sequence[Region]) -> None:
    """Raises InvalidRequest for what cannot act in a region alone: a LoRA that the request's prompt does not have, and AND."""
    everywhere = extract_loras(prompt)[1] if regions else ()
    for region in regions:
        taken_apart = parse(region.prompt)
        if absent := [lora for lora in taken_apart.loras if lora not in everywhere]:
            raise InvalidRequest(
                f"The LoRA {absent[0].name} stands in a region, and it changes the whole network; write it with the same "
                "weight in the prompt itself, where it acts on all of the picture.",
                field=FIELD,
            )
        if len(taken_apart.parts) > 1:
            raise InvalidRequest(
                f"The region {shown(region.prompt)} joins prompts by AND, which a region cannot; make each a region of its own.",
                field=FIELD,
            )
