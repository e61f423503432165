"""What a request asks for beside classifier-free guidance: PAG, APG and FreeU, each with its numbers. No torch.

A person writes NAME, NAME:NUMBER,NUMBER… or NAME:KEY=NUMBER,…; several stand in one text apart by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sdedge.errors import InvalidRequest
from sdedge.field_types import TAKES_OFF, FieldType, Float
from sdedge.text.clean import shown
from sdedge.text.names import alike


@dataclass(frozen=True)
class GuideNumber:
    """One of the numbers of a guide."""

    name: str
    default: float
    low: float
    high: float
    help: str


@dataclass(frozen=True)
class GuideInfo:
    """A guide: what it is called, its numbers, and what it does in a sentence."""

    name: str
    numbers: tuple[GuideNumber, ...]
    text: str


_ROWS = (
    GuideInfo("pag", (
        GuideNumber("scale", 3.0, 0, 100, "how far away from the perturbed output"),
    ), "perturbed attention guidance: away from what the model draws where its middle attends to nothing"),
    GuideInfo("apg", (
        GuideNumber("eta", 0.0, 0, 1, "how much of the part along the conditional output stays; 1 is all of it"),
        GuideNumber("norm", 7.5, 0, 1e6, "largest norm of a step's update; 0 is no limit"),
        GuideNumber("momentum", 0.0, -1, 1, "of the updates before; negative takes back what they had in common"),
    ), "adaptive projected guidance: guidance without its part that oversaturates"),
    GuideInfo("freeu", (
        GuideNumber("b1", 1.3, 0, 10, "half of the features of the lowest level on the way up, times this"),
        GuideNumber("b2", 1.4, 0, 10, "the same one level above"),
        GuideNumber("s1", 0.9, 0, 10, "the lowest frequencies of the lowest level's skips, times this"),
        GuideNumber("s2", 0.2, 0, 10, "the same one level above"),
    ), "FreeU: more of what the UNet makes in its depth, less of what its skips pass by it"),
)  # fmt: skip
GUIDES: dict[str, GuideInfo] = {row.name: row for row in _ROWS}
OFF = "none"


@dataclass(frozen=True)
class GuideChoice:
    """A guide with a number for each of its rows in `GUIDES`."""

    name: str
    numbers: tuple[float, ...]

    @property
    def by_name(self) -> dict[str, float]:
        """The numbers by their names."""
        return {row.name: number for row, number in zip(GUIDES[self.name].numbers, self.numbers, strict=True)}


def guide_choice(name: str, /, field: str = "guides", **numbers: float) -> GuideChoice:
    """Returns a guide with its default numbers where none are given. Raises InvalidRequest."""
    if name not in GUIDES:
        near = alike(name, GUIDES)
        advice = f"did you mean {near}?" if near else f"choose one of {', '.join(GUIDES)}."
        raise InvalidRequest(f"There is no guide {shown(name)}; {advice}", field=field)
    info = GUIDES[name]
    known = {row.name: row for row in info.numbers}
    if unknown := [key for key in numbers if key not in known]:
        raise InvalidRequest(f"The guide {name} has no {shown(unknown[0])}; it has {', '.join(known)}.", field=field)
    return _checked(GuideChoice(name, tuple(numbers.get(row.name, row.default) for row in info.numbers)), field)


def chosen(guides: Sequence[GuideChoice], name: str) -> dict[str, float] | None:
    """Returns the numbers of a guide among a request's, by their names; None where it is not among them."""
    return next((guide.by_name for guide in guides if guide.name == name), None)


def _checked(guide: GuideChoice, field: str) -> GuideChoice:
    """Returns the choice with numbers that are floats. Raises InvalidRequest for one that is none, or out of range."""
    rows = guide_rows(guide, field)
    if type(guide.numbers) is not tuple or len(guide.numbers) != len(rows):
        raise InvalidRequest(
            f"The guide {guide.name} has the numbers {shown(guide.numbers)}; give {len(rows)}: "
            f"{', '.join(row.name for row in rows)}.",
            field=field,
        )
    for row, number in zip(rows, guide.numbers, strict=True):
        if type(number) not in (int, float) or not row.low <= number <= row.high:  # NaN is not, either
            raise InvalidRequest(
                f"{guide.name}'s {row.name} is {shown(number)}; choose from {row.low:g} to {row.high:g}, usually "
                f"{row.default:g}.",
                field=field,
            )
    return GuideChoice(guide.name, tuple(map(float, guide.numbers)))


def guide_rows(guide: GuideChoice, field: str) -> tuple[GuideNumber, ...]:
    """Returns the rows of a guide's numbers. Raises InvalidRequest for a name that is none."""
    if not isinstance(guide.name, str) or guide.name not in GUIDES:
        raise InvalidRequest(f"There is no guide {shown(guide.name)}; choose one of {', '.join(GUIDES)}.", field=field)
    return GUIDES[guide.name].numbers


class GuideList(FieldType):
    """Guides: a tuple in a request; in JSON an object of their numbers by guide."""

    annotation: ClassVar[Any] = tuple[GuideChoice, ...]
    expected: ClassVar[str] = "a list of guides"
    example: str = "pag:3"
    repeated: ClassVar[bool] = True

    def check(self, name: str, value: Any) -> tuple[GuideChoice, ...]:
        if type(value) is not tuple or not all(type(guide) is GuideChoice for guide in value):
            raise self.refuse(name, value)
        guides = [_checked(guide, name) for guide in value]
        for guide in guides:
            if sum(each.name == guide.name for each in guides) > 1:
                raise InvalidRequest(f"The guide {guide.name} is given twice; give it once.", field=name)
        return tuple(sorted(guides, key=lambda guide: [*GUIDES].index(guide.name)))

    def parse(self, name: str, text: str) -> tuple[GuideChoice, ...]:
        parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
        return () if text.strip().lower() in TAKES_OFF else tuple(parse_guide(part, name) for part in parts)

    def parse_all(self, name: str, texts: Sequence[str]) -> tuple[GuideChoice, ...]:
        return tuple(guide for text in texts for guide in self.parse(name, text))

    def format(self, value: Sequence[GuideChoice]) -> str:
        number = Float(0, 0).format
        return ";".join(f"{guide.name}:{','.join(map(number, guide.numbers))}" for guide in value) or OFF

    def in_words(self, value: Sequence[GuideChoice]) -> str:
        return "; ".join(self.parts_in_words(value)) or OFF

    def parts_in_words(self, value: Sequence[GuideChoice]) -> list[str]:
        return [
            f"{guide.name} ({', '.join(f'{name} {number:g}' for name, number in guide.by_name.items())})"
            for guide in value
        ]

    def from_json(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return tuple(_from_json(name, numbers) for name, numbers in value.items())

    def to_json(self, value: Sequence[GuideChoice]) -> dict[str, dict[str, float]]:
        return {guide.name: guide.by_name for guide in value}


def _from_json(name: str, numbers: Any) -> GuideChoice:
    """Returns a guide with its numbers by name, in their order, or the first alone. Raises InvalidRequest."""
    if isinstance(numbers, Mapping):
        return guide_choice(name, **{str(key): number for key, number in numbers.items()})
    values = numbers if isinstance(numbers, list) else [numbers]
    default = guide_choice(name)
    return _checked(GuideChoice(name, (*values, *default.numbers[len(values) :])), "guides")


def parse_guide(text: str, field: str = "guides") -> GuideChoice:
    """Returns the guide that a person wrote. Raises InvalidRequest."""
    name, _, rest = (part.strip() for part in text.partition(":"))
    name = name.lower()
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    rows = GUIDES[name].numbers if name in GUIDES else ()
    if rows and len(parts) > len(rows):
        raise InvalidRequest(
            f"The guide {name} takes {', '.join(row.name for row in rows)} and gets {len(parts)} numbers; write {name} for the "
            "usual ones.",
            field=field,
        )
    numbers: dict[str, float] = {}
    for i, part in enumerate(parts):
        key, equals, number = (piece.strip() for piece in part.rpartition("="))
        key = key.lower() if equals else rows[i].name if rows else ""
        if key in numbers:
            raise InvalidRequest(f"{name}'s {key} is given twice; give it once.", field=field)
        try:
            numbers[key] = float(number)
        except ValueError:
            raise InvalidRequest(
                f"{name}'s {key or 'number'} is {shown(number)}, which is not a number; write it as in {name}:"
                f"{','.join(f'{row.default:g}' for row in rows)}.",
                field=field,
            ) from None
    return guide_choice(name, field, **numbers)
