"""When the engine process must be ended: it says nothing, gets no further, or does not obey a cancel. No torch."""

from __future__ import annotations

import time

from sdedge.process.attempt import FOR_CANCEL, Attempt, Limits
from sdedge.process.spawn import WorkerProcess


class Watchdog:
    """Looks at the process regularly. A long gap between two looks is our own sleep, and no silence of the process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._last_look = time.monotonic()

    def reason_to_end(self, worker: WorkerProcess | None, attempt: Attempt | None, now: float) -> str:
        """Returns a sentence for people, `FOR_CANCEL`, or "" while all is well. `now` is in monotonic seconds."""
        gap, self._last_look = now - self._last_look, now
        if worker is None:
            return ""
        if gap > max(
            5.0, 10 * self._limits.tick
        ):  # we were stopped, or the computer slept: nobody was waited for so long
            worker.heard = now
            if attempt is not None:
                attempt.progressed = min(now, attempt.progressed + gap)
                attempt.deadline = None if attempt.deadline is None else attempt.deadline + gap
        silence = now - worker.heard
        if silence > (self._limits.silence if worker.ready else self._limits.start):
            return f"The engine did not answer for {silence:.0f} seconds and was ended."
        if attempt is None:
            return ""
        if now - attempt.progressed > self._limits.stall:
            return f"The engine got no further while {attempt.phase} and was ended."
        return FOR_CANCEL if attempt.deadline is not None and now > attempt.deadline else ""
