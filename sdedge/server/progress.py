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
    notices: list[str] = field(default_factory=list)

    def hear(self, event: events.Event) -> None:
        """Takes in what a running job says."""
        match event:
            case events.Loading(phase=phase):
                self.phase = phase
            case events.Step(index=index, total=total, preview=preview):
                self.phase, self.step, self.steps = "denoising", index, total
                self.preview = preview or self.preview
                self.since = self.since or time.monotonic()
            case events.Continued(index=index, total=total):
                self.phase, self.step, self.steps = "denoising", index - 1, total
            case events.ImageDone():
                self.saved += 1
                self.step, self.preview = 0, None
            case events.Notice(message=message):
                self.notices.append(message)
            case events.Failed(kind=kind):
                self.failure = kind

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1."""
        within = self.step / self.steps if self.steps else 0.0
        return min((self.saved + within) / self.count, 1.0)

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
