"""What a running generation says. Frozen and JSON-serialisable: the command line, the worker's pipe and the window
all read the same values. No torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Loading:
    """A phase before or between pictures: "model", "safety checker", "text", "denoising", "decoding",
    "saving"."""

    phase: str


@dataclass(frozen=True)
class Step:
    """Denoising step `index` of `total` is done for the pictures `first` to `first + size - 1` of the job.

    `preview` is a PNG data URI of the predicted picture at latent resolution, or None. A picture is drawn in `passes` passes,
    of which this is `pass_number`, counted from 1.
    """

    index: int
    total: int
    first: int = 0
    size: int = 1
    preview: str | None = None
    pass_number: int = 1
    passes: int = 1


@dataclass(frozen=True)
class Continued:
    """The pictures `first` to `first + size - 1` go on where an earlier attempt ended: step `index` of `total` is drawn next.

    The steps before it, of this pass and of those before it, come from a journal and are not told again.
    """

    index: int
    total: int
    first: int = 0
    size: int = 1
    pass_number: int = 1
    passes: int = 1


@dataclass(frozen=True)
class Checking:
    """Beside the drawing an engine that is new on this machine is checked: `done` of `total` results are there, and the one
    named `result` is computed now. At the end all are; a total of 0 is unknown."""

    engine: str
    done: int
    total: int
    result: str = ""


@dataclass(frozen=True)
class Progress:
    """Work on files rather than pictures, such as copying a model: `done` of `total` in any unit; a total of 0 is unknown."""

    phase: str
    done: int
    total: int


@dataclass(frozen=True)
class Notice:
    """Something the user should know that does not stop the work, such as a stage redone in a wider dtype."""

    message: str
    about: str = ""
    """ "queue" when it says why the queue is paused, "power" when it rests for battery or heat; its state says so too."""


@dataclass(frozen=True)
class ImageDone:
    """Picture `index` of the job is complete on disk at `path`."""

    path: str
    seed: int
    index: int = 0
    filtered: bool = False


@dataclass(frozen=True)
class Finished:
    """All pictures are done."""

    count: int
    seconds: float


@dataclass(frozen=True)
class Failed:
    """The job ended early: what kind of failure, in words, and what to do."""

    kind: str
    message: str
    hint: str = ""
    remedy: str = ""
    """Name of an `sdedge.errors.Remedy` that the message speaks of."""


@dataclass(frozen=True)
class Cancelled:
    """Stopped by the user after `count` finished pictures."""

    count: int


Event = Loading | Step | Continued | Checking | Progress | Notice | ImageDone | Finished | Failed | Cancelled
KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (Loading, Step, Continued, Checking, Progress, Notice, ImageDone, Finished, Failed, Cancelled)
}


def to_record(event: Event) -> dict[str, Any]:
    """Returns what JSON holds of an event: its fields, with the class name under "event"."""
    return {"event": type(event).__name__, **vars(event)}


def from_record(record: Any) -> Event:
    """Returns the event of such a record. Raises ValueError for an unknown event or field."""
    fields = dict(record) if isinstance(record, dict) else {}
    kind = KINDS.get(str(fields.pop("event", "")))
    if kind is None:
        raise ValueError(f"Unknown event in {str(record)[:80]!r}.")
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"Bad event {str(record)[:80]!r}: {error}.") from error


def to_json(event: Event) -> str:
    """Returns one line of JSON with the class name under "event"."""
    return json.dumps(to_record(event))


def from_json(line: str) -> Event:
    """Returns the event of such a line. Raises ValueError for an unknown event or field."""
    return from_record(json.loads(line))
