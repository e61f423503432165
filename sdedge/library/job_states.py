"""What a job of the queue is doing, and what a person may ask of one that runs. Both are stored as these words."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """State of a job; `PAUSED` ones were put off, `INTERRUPTED` ones lost their process."""

    WAITING = "waiting"
    PAUSED = "paused"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


OPEN = (JobState.WAITING, JobState.PAUSED, JobState.RUNNING)
ENDED = (JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.INTERRUPTED)


class Wish(StrEnum):
    """What a person asks of a running job, in rising order."""

    PAUSE = "pause"  # put it off after this picture
    PICTURE = "picture"  # end it after this picture
    NOW = "now"  # end it after this step
    KILL = "kill"  # end its process at once


class PausedBy(StrEnum):
    """Who or what paused the queue."""

    PERSON = "person"
    FAILURE = "failure"
    INTERRUPTION = "interruption"


def state_wished(wish: str) -> JobState | None:
    """Returns the state that a running job ends in as a person asked, however it ends; None where nothing was asked."""
    if wish == Wish.PAUSE:
        return JobState.PAUSED
    return JobState.CANCELLED if wish in list(Wish) else None
