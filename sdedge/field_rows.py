"""What a row of the table of a request's fields says: its type, and how it stands in each place. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sdedge.field_types import FieldType


class Group(StrEnum):
    """Options that the help lists under one heading, which is the value, in this order."""

    MEASURED = "What is measured"
    PROMPT = "What to draw"
    CANVAS = "Number and size"
    SAMPLING = "Sampling"
    GUIDANCE = "Guidance"
    IMAGE = "Start picture and mask"
    CONTROL = "Control, adapters and regions"
    LARGER = "Larger pictures"
    DETAIL = "Faces and hands"
    MODEL = "Model and engine"
    OUTPUT = "Output"
    RUN = "This run"


class Section(StrEnum):
    """Where the app's form shows a field."""

    PROMPT = "prompt"
    BASICS = "basics"
    SAMPLER = "sampler"
    GUIDANCE = "guidance"
    CONTROL = "control"
    IMAGE = "image"
    MASK = "mask"
    REGIONS = "regions"
    ENLARGE = "enlarge"
    MORE = "more"


@dataclass(frozen=True)
class Without:
    """Says why a field is not offered in one of the places."""

    reason: str


@dataclass(frozen=True)
class CommandLine:
    """How a field is given at a command line. `default` is what the help says of it; None is the default itself."""

    flags: tuple[str, ...]
    help: str
    metavar: str | None = None
    default: str | None = None


@dataclass(frozen=True)
class InfotextKey:
    """A field's key in the web UI's text. It is written where the value is not the default, and `always` where it counts.

    `names` are what the values are called there, a value without one being left out; `write` is used where there are none.
    """

    key: str
    always: bool = False
    also_read: tuple[str, ...] = ()
    names: Mapping[Any, str] = field(default_factory=dict)
    write: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class OptionKeys:
    """The keys of a sampler's options in the web UI's text, by option."""

    keys: Mapping[str, str]


@dataclass(frozen=True)
class NumberedKeys:
    """The key of a field of several values in the web UI's text: each has it with its number behind, from 0 on."""

    key: str


@dataclass(frozen=True)
class FormEntry:
    """How the app's form shows a field. The range is its slider's; what can be typed is the type's.

    `slider_steps` are made for each 1 of the value, and `choices` hold a label and advice by value.
    """

    label: str
    section: Section
    low: float = 0
    high: float = 1
    slider_steps: int = 1
    tip: str = ""
    choices: Mapping[Any, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class RequestField:
    """One field. It means nothing without any of `counts_with`, or beside any of `replaced_by`; `aliases` are its other names
    in JSON and CSV."""

    name: str
    type: FieldType
    default: Any
    group: Group
    command: CommandLine | Without
    infotext: InfotextKey | OptionKeys | NumberedKeys | Without
    form: FormEntry | Without
    aliases: tuple[str, ...] = ()
    always_recorded: bool = False
    counts_with: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()

    @property
    def optional(self) -> bool:
        """Returns whether it may be left open, for the pipeline to fill in."""
        return self.default is None

    def check(self, value: Any) -> Any:
        """Returns the value as a Request holds it. Raises InvalidRequest."""
        if value is None and self.optional:
            return None
        return self.type.check(self.name, value)


@dataclass(frozen=True)
class JointField:
    """One name for several fields that are given together."""

    name: str
    sets: tuple[str, ...]
    command: CommandLine
    key: str
    parse: Callable[[str], tuple[Any, ...]]
