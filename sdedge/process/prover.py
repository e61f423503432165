"""What a drawing process knows of its engines' canaries: which may be used, which are being asked, and what is to be said."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

from sdedge.events import Checking
from sdedge.machine import canary
from sdedge.machine.canary import State, Verdict
from sdedge.process.canary import start

AGAIN = 3600.0
"""Seconds after which a canary that could not run is tried again."""


_BEGUN = (
    "The engine {engine} is used on this machine for the first time, or since an update: beside the drawing it is checked, once, "
    "that it computes as it should, which takes a minute or two and slows pictures for so long."
)


class CanaryProver:
    """Answers `generation.proving.Prover` for one process. Each engine is asked once, and each notice given once."""

    def __init__(self, begin: Callable[[str], subprocess.Popen[bytes] | None] | None = None) -> None:
        self._begin = begin or start
        self._processes: dict[str, subprocess.Popen[bytes] | None] = {}
        self._said: set[str] = set()
        self._notices: list[str] = []

    def allows(self, engine: str) -> bool:
        """Returns whether an engine may draw; one that is switched off is said so, once."""
        if canary.is_usable(engine):
            return True
        sentence = canary.verdict(engine).sentence
        if sentence not in self._said:
            self._said.add(sentence)
            self._notices.append(sentence)
        return False

    def begin(self, engine: str) -> None:
        """Asks an engine, in a process beside this one, unless what comes of it is known."""
        asked = canary.asked_engine(engine)
        if self._is_due(asked):
            self._processes[asked] = self._begin(asked)
            if self._processes[asked] is not None:
                self._say_begun(asked)

    def foretell(self, engine: str) -> None:
        """Says what `begin` would, and begins nothing."""
        asked = canary.asked_engine(engine)
        if self._is_due(asked):
            self._say_begun(asked)

    def _is_due(self, asked: str) -> bool:
        """Returns whether an engine is to be asked: nothing is known of it, and this process does not ask it already."""
        if not canary.is_heeded() or asked in self._processes:
            return False
        known = canary.verdict(asked)
        return known.state is State.UNKNOWN and not known.trusted and time.time() - known.time > AGAIN

    def _say_begun(self, asked: str) -> None:
        sentence = _BEGUN.format(engine=asked)
        if sentence not in self._said:
            self._said.add(sentence)
            self._notices.append(sentence)

    def is_asked(self, engine: str) -> bool:
        """Returns whether the process that asks an engine is still at work."""
        process = self._processes.get(canary.asked_engine(engine))
        return process is not None and process.poll() is None

    def progress(self) -> Checking | None:
        """Returns how far the check is that runs beside this process."""
        running = [engine for engine in self._processes if self.is_asked(engine)]
        return next(filter(None, map(canary.progress, running)), None)

    def verdict(self, engine: str) -> Verdict | None:
        """Returns what is known of an engine; None where nobody wants to know."""
        return canary.verdict(engine) if canary.is_heeded() else None

    def new_notices(self) -> list[str]:
        """Returns what is to be said and was not."""
        notices, self._notices = self._notices, []
        return notices
