"""One attempt at a job: how long it may take, how far it is, and what its end means for job and queue. No torch."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sdedge.events import Cancelled, Event, Failed, Finished, Loading, Step
from sdedge.library.job_states import JobState, state_wished
from sdedge.library.jobs import Job

PHASES = {
    "model": "loading the model",
    "first load": "loading the model for the first time",
    "text": "reading the prompt",
    "decoding": "decoding",
    "enlarging": "enlarging",
    "proving": "checking the engine",
    "saving": "saving",
}

PAUSING = ("output", "database", "crash", "hung")
"""The kinds of `Failed` after which the queue pauses."""
_WISHED = {JobState.PAUSED: "You paused it.", JobState.CANCELLED: "You cancelled it."}
GOES_ON = "The picture goes on where it was."
FOR_CANCEL = "cancel"
"""`Attempt.ended_for` of one whose process was ended because a person cancelled the job."""


@dataclass(frozen=True)
class Limits:
    """Seconds."""

    tick: float = 0.1
    """Between looks at what other processes ask."""
    beat: float = 1.0
    silence: float = 30.0
    """Without any message the process counts as hung."""
    start: float = 300.0
    """Until a started process must be ready: the first import of torch on a cold disk."""
    stall: float = 3600.0
    """Without an event of the job: the first compilation for a Neural Engine takes minutes."""
    grace: float = 60.0
    """For a cancel "now" to be answered, before the process is ended; one step on a slow CPU is shorter."""
    close: float = 2.0
    """For the process to leave when the app does."""
    power: float = 10.0
    """Between looks at battery and heat."""
    lock: float = 1.0
    """For another process's database lock, before other work goes on."""


@dataclass
class Attempt:
    """One attempt at a job, from the order to the engine process until its last event."""

    job: Job
    phase: str = "starting"
    progressed: float = field(default_factory=time.monotonic)
    """When it last got further (monotonic seconds)."""
    wish_sent: str = ""
    """The wish that the worker has been told."""
    deadline: float | None = None
    """When a cancel "now" must have been answered (monotonic seconds), if one was sent."""
    ended_for: str = ""
    """Why we ended the process, if we did: `FOR_CANCEL`, or a sentence for people."""

    def note_progress(self, event: Event) -> None:
        """The worker tells how far it is."""
        self.progressed = time.monotonic()
        if isinstance(event, Loading):
            self.phase = PHASES.get(event.phase, event.phase)
        elif isinstance(event, Step):
            in_pass = f", pass {event.pass_number} of {event.passes}" if event.passes > 1 else ""
            self.phase = f"drawing step {event.index} of {event.total}{in_pass}"


@dataclass(frozen=True)
class Outcome:
    """The job's new state and why; `pause` is why the queue stops, if it does."""

    state: str
    reason: str = ""
    pause: str | None = None
    crashed: bool = False


def outcome(event: Event, attempt: Attempt, closing: bool, goes_on: bool = False) -> Outcome:
    """Returns what the last event of an attempt means. `closing`: the app is being closed. `goes_on`: the picture that was
    drawn goes on by itself where it was.
    """
    if isinstance(event, Finished):
        return Outcome(JobState.DONE)
    if isinstance(event, Cancelled):
        crashed = bool(attempt.ended_for)
        if closing:
            return Outcome(JobState.WAITING, "sdedge was closed; it goes on from here.", crashed=crashed)
        state = state_wished(attempt.wish_sent) or JobState.CANCELLED
        return Outcome(state, _WISHED[state], crashed=crashed)
    assert isinstance(event, Failed)
    crashed = event.kind in ("crash", "hung")
    wished = state_wished(attempt.wish_sent)
    if wished == JobState.CANCELLED or (wished and crashed):  # a pause asks for a picture that is whole
        return Outcome(wished, _WISHED[wished], crashed=crashed)
    reason = " ".join(filter(None, (event.message, event.hint)))
    if goes_on:
        return Outcome(JobState.WAITING, f"{reason} {GOES_ON}", crashed=True)
    # After these the next job would meet the same, or a person should look first.
    pause = f"Job {attempt.job.id} failed: {reason}" if event.kind in PAUSING else None
    return Outcome(JobState.FAILED, reason, pause, crashed=crashed)
