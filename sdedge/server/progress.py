"""What the server knows of a job: how far it is, and how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sdedge import events
from sdedge.library.gallery import GalleryEntry
from sdedge.library.jobs import Job


@dataclass(frozen=True)
class Bounds:
    """How many jobs may wait, of all callers and of one; and pictures of one request."""

    jobs: int = 1000
    jobs_of_caller: int = 200
    pictures: int = 100


@dataclass
class JobProgress:
    """How far a job is. `preview` is a PNG data URI; `since` monotonic seconds of the first step."""

    caller: str | None
    count: int
    group: int = 0
    """The first of the jobs that were submitted together."""
    position: int = 0
    """Its own place among those."""
    together: int = 1
    """How many those are."""
    phase: str = "waiting"
    step: int = 0
    steps: int = 0
    saved: int = 0
    preview: str | None = None
    since: float | None = None
    failure: str = ""
    looks: int = 0
    """How often it was looked at since it failed."""
    notices: list[str] = field(default_factory=list)
    fraction: float = 0.0
    """How much is done, 0 to 1; what is drawn again after a crash makes it no smaller."""
    begun_at: float = 0.0
    """The fraction at `since`."""
    _first_passes: int = 0
    """Pictures whose first pass is done."""

    def __post_init__(self) -> None:
        self._reach(self.saved)

    def hear(self, event: events.Event) -> None:
        """Takes in what a running job says."""
        match event:
            case events.Loading(phase=phase):
                self.phase = phase
            case events.Step():
                self._hear_step(event)
            case events.Continued(index=index, total=total):
                self.phase, self.step, self.steps = "denoising", index - 1, total
                self._reach(self._drawn(event, index - 1))
            case events.ImageDone(index=index):
                self.saved = max(self.saved, index + 1)
                self.step, self.preview = 0, None
                self._reach(self.saved)
            case events.Notice(message=message):
                self.notices.append(message)
            case events.Failed(kind=kind):
                self.failure = kind

    def _hear_step(self, step: events.Step) -> None:
        self.phase, self.step, self.steps = "denoising", step.index, step.total
        self.preview = step.preview or self.preview
        self._reach(self._drawn(step, step.index))
        if self.since is None:  # the first step carries the loading of the networks
            self.since, self.begun_at = time.monotonic(), self.fraction

    def _drawn(self, at: events.Step | events.Continued, index: int) -> float:
        """Returns how many pictures that is: a batch all at a time in the first pass, one after another in those behind it."""
        within = index / at.total if at.total else 0.0
        if at.pass_number == 1:
            self._first_passes = at.first + at.size
            return at.first + at.size * within / at.passes
        waiting = max(self._first_passes - at.first - 1, 0)
        return at.first + (at.pass_number - 1 + within + waiting) / at.passes

    def _reach(self, pictures: float) -> None:
        self.fraction = max(self.fraction, min(pictures / self.count, 1.0))

    @property
    def fraction_together(self) -> float:
        """How much of the jobs that were submitted together is done, 0 to 1; those before it are."""
        return (self.position + self.fraction) / self.together


@dataclass(frozen=True)
class EndedJob:
    """A job that has ended, what was to be said of it, and its pictures."""

    job: Job
    notices: tuple[str, ...]
    pictures: tuple[GalleryEntry, ...]
