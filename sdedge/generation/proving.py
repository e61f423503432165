"""Pictures by an engine that the canary may find broken: none is handed over that it drew, and the next engine draws it anew.

The canary runs beside. Plain float32 on the CPU is what all others are compared with, so nobody waits for it; a picture that is
there before the verdict says so. Other engines' first picture waits, as they take longer to draw than to be asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Protocol

import numpy as np

from sdedge.errors import EngineError, Remedy
from sdedge.events import Checking, Event, Loading, Notice
from sdedge.generation.save import Picture
from sdedge.machine.canary import State, Verdict, asked_engine

PATIENCE = 180.0
"""Seconds that a picture waits for the verdict on its engine, at most."""
LOOK = 0.1
FLAT = 2.0
"""Standard deviation of pixels (0 to 255) below which a picture of an engine not proved yet is suspect: black, or one grey."""
NOT_PROVED = "not proved yet"
AT_ONCE = "cpu float32"
"""The engine whose pictures wait for no verdict."""

Draw = Callable[[int], Generator[Event | Picture]]
"""From the number of pictures that are done to what happens while the others are drawn."""


class Prover(Protocol):
    """What knows of engines whether they compute as they should, by their descriptions (`process.prover`)."""

    def allows(self, engine: str) -> bool:
        """Returns whether an engine may draw."""
        ...

    def begin(self, engine: str) -> None:
        """Asks an engine beside the work, unless what comes of it is known."""
        ...

    def is_asked(self, engine: str) -> bool:
        """Returns whether an engine is being asked."""
        ...

    def progress(self) -> Checking | None:
        """Returns how far the check is that runs now; None where none does."""
        ...

    def verdict(self, engine: str) -> Verdict | None:
        """Returns what is known of an engine; None where nobody wants to know."""
        ...

    def new_notices(self) -> list[str]:
        """Returns what is to be said and was not."""
        ...


class _Check:
    """How far the check is that runs beside, looked at now and then and told when it got further."""

    def __init__(self, prover: Prover) -> None:
        self._prover, self._due = prover, 0.0
        self._last: Checking | None = None
        self.is_awaited = False
        """Whether somebody waits for it, which is said once."""

    def news(self) -> Iterator[Checking]:
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK
        progress = self._prover.progress()
        if progress is None and self._last is not None and self._last.total:
            progress = replace(self._last, done=self._last.total, result="")
        if progress is not None and progress != self._last:
            self._last = progress
            yield progress

    def so_far(self) -> str:
        """Returns how far it is, in brackets for the end of a clause."""
        progress = self._prover.progress()
        return f" ({progress.done} of {progress.total} results are there)" if progress and progress.total else ""


def proved(draw: Draw, prover: Prover, let_go: Callable[[], None]) -> Iterator[Event | Picture]:
    """Yields what `draw` does; where an engine turns out broken, `let_go` drops it and the picture is drawn again by the next.

    Raises EngineError for a picture of one colour by an engine of which nothing is known.
    """
    done, is_noticed, check = 0, False, _Check(prover)
    while True:
        is_broken = False
        with closing(draw(done)) as events:
            for event in events:
                yield from map(Notice, prover.new_notices())
                yield from check.news()
                if not isinstance(event, Picture):
                    yield event
                    continue
                picture = yield from _settled(event, prover, check)
                if picture is None:
                    is_broken = True
                    break
                if "canary" in picture.facts and not is_noticed:
                    is_noticed = True
                    yield Notice(_open_question(str(picture.facts["engine"]), prover, check))
                done = picture.index + 1
                yield picture
        yield from map(Notice, prover.new_notices())
        if not is_broken:
            return
        let_go()


def _open_question(engine: str, prover: Prover, check: _Check) -> str:
    """Returns what is to be said of a picture whose engine has no verdict: it is still checked, or could not be."""
    verdict = prover.verdict(engine)
    if verdict is not None and verdict.reason and not prover.is_asked(engine):
        reason = verdict.reason.rstrip(".")
        return f"Whether {engine} computes as it should on this machine is not known, as it could not be checked: {reason}."
    return f"Whether {engine} computes as it should is still being checked on this machine{check.so_far()}; {Remedy.SEE_CHECK}."


def _waiting(engine: str, prover: Prover, check: _Check) -> Iterator[Event]:
    """Waits while an engine is checked, and says so once."""
    until = time.monotonic() + PATIENCE
    while prover.is_asked(engine) and time.monotonic() < until:
        if not check.is_awaited:
            check.is_awaited = True
            yield Notice(
                f"The picture is drawn and waits for the check of {engine}{check.so_far()}, {PATIENCE / 60:.0f} minutes at most, "
                "since one by an engine that computes wrongly would be drawn again."
            )
        yield Loading("proving")
        yield from check.news()
        time.sleep(LOOK)


def _settled(picture: Picture, prover: Prover, check: _Check) -> Generator[Event, None, Picture | None]:
    """Returns the picture as it may be handed over; None where its engine is broken."""
    engine = str(picture.facts.get("engine", ""))
    is_flat = not picture.filtered and float(np.std(picture.pixels)) < FLAT
    if asked_engine(engine) != AT_ONCE or is_flat:
        yield from _waiting(engine, prover, check)
    verdict = prover.verdict(engine)
    if verdict is None or verdict.state is State.PROVED or verdict.trusted:
        return picture
    if verdict.is_switched_off:
        return None
    if is_flat:
        raise EngineError(
            f"The picture by {engine} is of one colour, and whether it computes as it should on this machine is not known"
            f"{f' ({verdict.reason})' if verdict.reason else ''}; {Remedy.CPU}.", remedy=Remedy.CPU,
        )  # fmt: skip
    return replace(picture, facts={**picture.facts, "canary": NOT_PROVED})
