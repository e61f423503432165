"""Types of a request's fields: each checks a value, reads one from text or JSON, and writes the text that it reads. No torch."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any, ClassVar

from sdedge import sampler_options
from sdedge.errors import InvalidRequest
from sdedge.sampler_options import Options
from sdedge.text.clean import clean, shown

MAX_PATH, MAX_NAME = 4096, 255  # bytes of a path and of each part of one
SEPARATORS = re.compile(r"[\s,;]+")
TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

TAKES_OFF = ("", "none", "off")
"""What a person writes for none of what a picture or a file of settings brings along."""


class FieldType:
    """What values a field takes. A field that may be left open has None beside them, which no type ever sees."""

    annotation: ClassVar[Any] = object
    """What the field is annotated with in Request."""
    expected: ClassVar[str] = "a value"
    """What a value is, behind "which is not"."""
    example: str = ""

    def check(self, name: str, value: Any) -> Any:
        """Returns the value in its own type. Raises InvalidRequest, with the field's name as data, for any other."""
        raise NotImplementedError

    def parse(self, name: str, text: str) -> Any:
        """Returns the value that a person wrote. Raises InvalidRequest for text that is none; ranges are left to `check`."""
        raise NotImplementedError

    def spread(self, name: str, text: str) -> dict[str, Any]:
        """Returns the fields that a text sets, which for some types are more than the one it is given for."""
        return {name: self.parse(name, text)}

    def format(self, value: Any) -> str:
        """Returns the text that `parse` makes this value of."""
        return str(value)

    def in_words(self, value: Any) -> str:
        """Returns a value as it is shown to people."""
        return self.format(value)

    def parts_in_words(self, value: Any) -> list[str]:
        """Returns the value as it is shown to people, each part of one that has several by itself."""
        return [self.in_words(value)]

    def from_json(self, value: Any) -> Any:
        """Returns a value as JSON holds it, in the type that `check` takes."""
        return value

    def to_json(self, value: Any) -> Any:
        """Returns what JSON holds of the value."""
        return value

    repeated: ClassVar[bool] = False
    """Whether the field's flag may be given several times."""

    def parse_all(self, name: str, texts: Sequence[str]) -> Any:
        """Returns the value that a repeated flag makes."""
        return self.parse(name, texts[-1])

    def lay(self, below: Any, above: Any) -> Any:
        """Returns the value where one is laid over that of another request."""
        return above

    def refuse(self, name: str, value: object) -> InvalidRequest:
        """Returns the error for something that is no value of this type."""
        such = f"; give it one such as {self.example}." if self.example else f"; give it {self.expected}."
        return InvalidRequest(f"{name} is {shown(value)}, which is not {self.expected}{such}", field=name)


@dataclass(frozen=True)
class Text(FieldType):
    """Words of a person's, cleaned."""

    max_length: int
    annotation: ClassVar[Any] = str
    expected: ClassVar[str] = "text"

    def check(self, name: str, value: Any) -> str:
        if type(value) is not str:
            raise self.refuse(name, value)
        text = clean(value)
        if len(text) > self.max_length:
            raise InvalidRequest(
                f"The {name} has {len(text)} characters; shorten it to {self.max_length} or fewer.", field=name
            )
        return text

    def parse(self, name: str, text: str) -> str:
        return text


@dataclass(frozen=True)
class PathOrName(FieldType):
    """A path, or the name of something installed."""

    annotation: ClassVar[Any] = str
    expected: ClassVar[str] = "a path or name"
    empty: str = ""
    """What is said of an empty one where it means nothing; "" lets it pass."""

    def check(self, name: str, value: Any) -> str:
        if type(value) is not str:
            raise self.refuse(name, value)
        try:  # half surrogates of the lower kind stand for bytes that are no UTF-8
            fits = len(value) <= MAX_PATH and all(
                len(part.encode("utf-8", "surrogateescape")) <= MAX_NAME for part in re.split(r"[/\\]", value)
            )
        except UnicodeEncodeError:
            fits = False
        if not fits or "\0" in value:
            raise InvalidRequest(
                f"The {name} {shown(value)} is not a path or name that a system takes; choose another.", field=name
            )
        if not value and self.empty:
            raise InvalidRequest(self.empty, field=name)
        return value

    def parse(self, name: str, text: str) -> str:
        return text


@dataclass(frozen=True)
class Integer(FieldType):
    """A whole number from `low` to `high`. `chance` is one that stands for a value left open, as -1 does for a seed."""

    low: int
    high: int
    example: str = "20"
    chance: int | None = None
    annotation: ClassVar[Any] = int
    expected: ClassVar[str] = "a whole number"

    def check(self, name: str, value: Any) -> int | None:
        if type(value) is not int:
            raise self.refuse(name, value)
        if value == self.chance:
            return None
        if not self.low <= value <= self.high:
            raise _out_of_range(name, value, self.low, self.high)
        return value

    def parse(self, name: str, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise self.refuse(name, text) from None


@dataclass(frozen=True)
class Side(Integer):
    """Pixels of a picture's side: a multiple of 8, since a latent's cell is 8 wide."""

    def check(self, name: str, value: Any) -> int | None:
        if type(value) is int and not self.low <= value <= self.high:
            raise InvalidRequest(
                f"The {name} {shown(value)} is out of range; choose a multiple of 8 from {self.low} to {self.high}.",
                field=name,
            )
        side = super().check(name, value)
        if side is not None and side % 8:
            below = max(self.low, side // 8 * 8)
            raise InvalidRequest(f"The {name} {side} is not a multiple of 8; try {below} or {below + 8}.", field=name)
        return side


@dataclass(frozen=True)
class Float(FieldType):
    """A finite number from `low` to `high`."""

    low: float
    high: float
    example: str = "0.75"
    annotation: ClassVar[Any] = float
    expected: ClassVar[str] = "a number"

    def check(self, name: str, value: Any) -> float:
        if type(value) not in (int, float):
            raise self.refuse(name, value)
        if not self.low <= value <= self.high:  # NaN is not, either
            raise _out_of_range(name, value, self.low, self.high)
        return float(value)

    def parse(self, name: str, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise self.refuse(name, text) from None

    def format(self, value: float) -> str:
        return str(int(value)) if value == int(value) else repr(value)


@dataclass(frozen=True)
class Flag(FieldType):
    """Yes or no."""

    annotation: ClassVar[Any] = bool
    expected: ClassVar[str] = "true or false"

    def check(self, name: str, value: Any) -> bool:
        if type(value) is not bool:
            raise self.refuse(name, value)
        return value

    def parse(self, name: str, text: str) -> bool:
        if text.strip().lower() not in TRUTH:
            raise InvalidRequest(f"{name} is {shown(text)}; write yes or no.", field=name)
        return TRUTH[text.strip().lower()]

    def format(self, value: bool) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True)
class Choice(FieldType):
    """One of a few names. `resolve` reads other programs' spellings; `label` is how it is written for them."""

    names: tuple[str, ...]
    resolve: Callable[[str], str | None] | None = None
    label: Callable[[str], str] = str
    annotation: ClassVar[Any] = str
    expected: ClassVar[str] = "a name"

    def check(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self.refuse(name, value)
        if value not in self.names:
            raise InvalidRequest(f"Unknown {name} {shown(value)}; choose one of {', '.join(self.names)}.", field=name)
        return value

    def parse(self, name: str, text: str) -> str | None:
        return text if self.resolve is None else self.resolve(text)


@dataclass(frozen=True)
class EnumChoice(Choice):
    """One of an enumeration's values, which a request holds as its member."""

    names: tuple[str, ...] = ()
    members: type[StrEnum] = StrEnum

    @classmethod
    def of(cls, members: type[StrEnum]) -> EnumChoice:
        """Returns the type whose values are all members."""
        return cls(tuple(members), members=members)

    @property
    def annotation(self) -> Any:
        return self.members

    def check(self, name: str, value: Any) -> StrEnum:
        return self.members(super().check(name, value))


@dataclass(frozen=True)
class SamplerName(Choice):
    """A sampler by any of its names, some of which name a schedule, too: "DPM++ 2M Karras"."""

    split: Callable[[str], tuple[str, str | None]] = field(default=lambda text: (text, None))

    def parse(self, name: str, text: str) -> str:
        return self.split(text)[0]

    def spread(self, name: str, text: str) -> dict[str, Any]:
        sampler, schedule = self.split(text)
        return {name: sampler, **({"schedule": schedule} if schedule else {})}


class NumberList(FieldType):
    """Several numbers: a tuple in a request, a list in JSON, parted by spaces, commas or semicolons in a text."""

    kind: ClassVar[type[int] | type[float]] = float

    def check(self, name: str, value: Any) -> tuple[Any, ...]:
        if type(value) is not tuple or not all(type(number) in (int, float) for number in value):
            raise self.refuse(name, value)
        if (fault := self.fault(name, value)) is not None:
            raise InvalidRequest(fault, field=name)
        return tuple(map(self.kind, value))

    def fault(self, name: str, numbers: tuple[float, ...]) -> str | None:
        """Returns what is wrong with numbers that are no value, as a sentence."""
        raise NotImplementedError

    def parse(self, name: str, text: str) -> tuple[Any, ...]:
        try:
            return tuple(self.kind(part) for part in SEPARATORS.split(text.strip()) if part)
        except ValueError:
            raise self.refuse(name, text) from None

    def format(self, value: Sequence[float]) -> str:
        return " ".join(map(repr, value))

    def from_json(self, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Interval(NumberList):
    """A lower and an upper bound of sigma, either of them infinite, which JSON has no number for and null stands for there."""

    example: str = "0.3 9"
    annotation: ClassVar[Any] = tuple[float, float]
    expected: ClassVar[str] = "a list of two numbers"

    def fault(self, name: str, numbers: tuple[float, ...]) -> str | None:
        if len(numbers) == 2 and all(number >= 0 for number in numbers):  # NaN is not
            return None
        name = name.replace("_", " ")
        return f"The {name} {shown(numbers)} is not valid; give two numbers of 0 or more, such as {self.example}."

    def from_json(self, value: Any) -> Any:
        return tuple(math.inf if bound is None else bound for bound in value) if isinstance(value, list) else value

    def to_json(self, value: Sequence[float]) -> list[float | None]:
        return [None if math.isinf(bound) else bound for bound in value]


@dataclass(frozen=True)
class Falling(NumberList):
    """Noise levels chosen by hand: numbers from 0 to `high` that fall, at most `max_length` of them."""

    max_length: int
    high: float
    example: str = "14.6,7,3,1"
    annotation: ClassVar[Any] = tuple[float, ...]
    expected: ClassVar[str] = "a list of numbers"

    def fault(self, name: str, numbers: tuple[float, ...]) -> str | None:
        first = ", ".join(f"{number:g}" for number in numbers[:4]) + (" …" if len(numbers) > 4 else "")
        if not 1 <= len(numbers) <= self.max_length:
            return f"There are {len(numbers)} {name}; list 1 to {self.max_length}."
        if not all(0 <= number <= self.high for number in numbers):  # NaN is not, either
            return f"The {name} {first} are out of range; list numbers from 0 to {self.high}."
        if any(a <= b for a, b in pairwise(numbers)):
            return f"The {name} {first} do not fall; list them from the noisiest to 0."
        return None


@dataclass(frozen=True)
class Edges(NumberList):
    """Pixels at the left, top, right and bottom, not all of them 0."""

    high: int
    example: str = "64,0,64,0"
    kind: ClassVar[type[int] | type[float]] = int
    annotation: ClassVar[Any] = tuple[int, int, int, int]
    expected: ClassVar[str] = "a list of four edges"

    def fault(self, name: str, numbers: tuple[float, ...]) -> str | None:
        if len(numbers) == 4 and any(numbers) and all(type(edge) is int and 0 <= edge <= self.high for edge in numbers):
            return None
        return (
            f"The {name} edges {shown(numbers)} are not valid; give left, top, right and bottom in pixels, "
            f"each 0 to {self.high} and not all 0."
        )


@dataclass(frozen=True)
class SamplerOptions(FieldType):
    """Options of a sampler by name, as `sampler_options` reads them; the request checks them against its sampler."""

    annotation: ClassVar[Any] = Options
    expected: ClassVar[str] = "an object of names and values"
    repeated: ClassVar[bool] = True

    def check(self, name: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self.refuse(name, value)
        return value

    def parse(self, name: str, text: str) -> dict[str, Any]:
        return sampler_options.parse(filter(None, SEPARATORS.split(text)))

    def parse_all(self, name: str, texts: Sequence[str]) -> dict[str, Any]:
        return sampler_options.parse(texts)

    def format(self, value: Mapping[str, Any]) -> str:
        return " ".join(f"{name}={number}" for name, number in value.items())

    def lay(self, below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
        return {**below, **above}


def _out_of_range(name: str, value: float, low: float, high: float) -> InvalidRequest:
    return InvalidRequest(
        f"The {name.replace('_', ' ')} {shown(value)} is out of range; choose from {low} to {high}.", field=name
    )
