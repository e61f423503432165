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
from sdedge.events import Event, Loading, Notice
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

    def verdict(self, engine: str) -> Verdict | None:
        """Returns what is known of an engine; None where nobody wants to know."""
        ...

    def new_notices(self) -> list[str]:
        """Returns what is to be said and was not."""
        ...


def proved(draw: Draw, prover: Prover, let_go: Callable[[], None]) -> Iterator[Event | Picture]:
    """Yields what `draw` does; where an engine turns out broken, `let_go` drops it and the picture is drawn again by the next.

    Raises EngineError for a picture of one colour by an engine of which nothing is known.
    """
    done, is_noticed = 0, False
    while True:
        is_broken = False
        with closing(draw(done)) as events:
            for event in events:
                yield from map(Notice, prover.new_notices())
                if not isinstance(event, Picture):
                    yield event
                    continue
                picture = yield from _settled(event, prover)
                if picture is None:
                    is_broken = True
                    break
                if "canary" in picture.facts and not is_noticed:
                    is_noticed = True
                    yield Notice(
                        f"Whether {picture.facts['engine']} computes as it should is still being checked on this machine."
                    )
                done = picture.index + 1
                yield picture
        yield from map(Notice, prover.new_notices())
        if not is_broken:
            return
        let_go()


def _settled(picture: Picture, prover: Prover) -> Generator[Event, None, Picture | None]:
    """Returns the picture as it may be handed over; None where its engine is broken."""
    engine = str(picture.facts.get("engine", ""))
    is_flat = not picture.filtered and float(np.std(picture.pixels)) < FLAT
    if asked_engine(engine) != AT_ONCE or is_flat:
        until = time.monotonic() + PATIENCE
        while prover.is_asked(engine) and time.monotonic() < until:
            yield Loading("proving")
            time.sleep(LOOK)
    verdict = prover.verdict(engine)
    if verdict is None or verdict.state is State.PROVED or verdict.trusted:
        return picture
    if verdict.is_switched_off:
        return None
    if is_flat:
        raise EngineError(
            f"The picture by {engine} is of one colour, and this engine is not proved on this machine"
            f"{f' ({verdict.reason})' if verdict.reason else ''}; {Remedy.CPU}.", remedy=Remedy.CPU,
        )  # fmt: skip
    return replace(picture, facts={**picture.facts, "canary": NOT_PROVED})
