"""How far a job is, from its events: phase, step, and how long it will still take. No Qt."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field

from sdedge.events import Checking, Continued, Event, ImageDone, Loading, Step
from sdedge.library.job_states import Wish

RECENT = 12  # steps whose median counts
PROVING = "proving"
"""The phase in which a picture that is drawn waits for the check of its engine."""
SLOW = 10.0  # seconds of loading after which one wants to know how long it usually takes


@dataclass
class PictureProgress:
    """Hears the events of one attempt. Times are monotonic seconds."""

    count: int = 1
    """Pictures of the job."""
    saved: int = 0
    ending: Wish | None = None
    """How a person has asked to end it."""
    phase: str = "waiting"
    index: int = 0
    total: int = 0
    pass_number: int = 1
    passes: int = 1
    continued: int = 0
    """The step from which the picture went on that an earlier attempt began; 0 for one that was begun now."""
    preview: str | None = None
    check: Checking | None = None
    """How far the check is that runs beside; None when there is none."""
    began: float = field(default_factory=time.monotonic)
    phase_began: float = field(default_factory=time.monotonic)
    _size: int = 1
    _after: int = 0
    """Pictures whose first pass is done and whose next one waits for this picture."""
    _last_step: float | None = None
    _steps: list[float] = field(default_factory=list)

    def hear(self, event: Event, now: float | None = None) -> None:
        """Takes the next event."""
        now = time.monotonic() if now is None else now
        if isinstance(event, Step):
            self._hear_step(event, now)
        elif isinstance(event, Continued):
            self._enter("denoising", now)
            self.continued, self.index, self.total, self._size = event.index, event.index - 1, event.total, event.size
            self.pass_number, self.passes = event.pass_number, event.passes
            self.saved = max(self.saved, event.first)
        elif isinstance(event, Loading):
            self._enter(event.phase, now)
            self.index = 0 if event.phase == "denoising" else self.index  # the first step has only begun
            self._last_step = None  # what comes before the next step is no step
        elif isinstance(event, ImageDone):
            self.saved, self.continued = max(self.saved, event.index + 1), 0
        elif isinstance(event, Checking):
            self.check = event if event.done < event.total or not event.total else None

    def _hear_step(self, step: Step, now: float) -> None:
        if step.pass_number != self.pass_number:
            self._steps = []  # of another size
        if step.pass_number == 1:
            self._after = step.first + step.size
        # The first step of all carries the loading of the networks, and the first of a picture its preparation.
        if self._last_step is not None and step.index > 1:
            self._steps = [*self._steps, now - self._last_step][-RECENT:]
        self._last_step = now
        self._enter("denoising", now)
        self.index, self.total, self._size = step.index, step.total, step.size
        self.pass_number, self.passes = step.pass_number, step.passes
        self.saved = max(self.saved, step.first)
        self.preview = step.preview or self.preview

    def _enter(self, phase: str, now: float) -> None:
        if phase != self.phase:
            self.phase, self.phase_began = phase, now

    @property
    def fraction(self) -> float | None:
        """Of the job that is done, 0 to 1; None before its first step."""
        if not self.total or not self.count:
            return None
        current = 0.0
        if self.saved < self.count:
            drawn = (self.pass_number - 1 + self.index / self.total) / self.passes
            waiting = max(0, self._after - self.saved - 1) if self.pass_number > 1 else 0
            current = drawn * min(self._size, self.count - self.saved) + waiting / self.passes
        return min(1.0, (self.saved + current) / self.count)

    @property
    def share_of_check(self) -> float | None:
        """Of the check that runs beside, 0 to 1; None where nobody knows."""
        return self.check.done / self.check.total if self.check is not None and self.check.total else None

    @property
    def remaining(self) -> float | None:
        """Seconds, by the median of the latest steps; None before two steps are known, and where passes follow whose steps
        take longer or shorter.
        """
        if not self._steps or self.phase != "denoising":
            return None
        if self.pass_number < self.passes or (self.passes > 1 and self.saved + self._size < self.count):
            return None
        batches = -(-max(0, self.count - self.saved - self._size) // self._size)
        return statistics.median(self._steps) * (self.total - self.index + batches * self.total)

    def elapsed(self, now: float | None = None) -> float:
        """Returns the seconds in the present phase."""
        return (time.monotonic() if now is None else now) - self.phase_began


def spoken(seconds: float) -> str:
    """Returns a duration as a person says it: "14 s", "2 min", "1 h 5 min"."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
