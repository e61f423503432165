"""What a conversion tells while it runs: lines for people, or one JSON event per line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sdedge.commands.terminal import echo, note
from sdedge.errors import SdedgeError
from sdedge.events import Event, Failed, Finished, Loading, Notice, Progress, to_json


@contextmanager
def show(made: str, progress: Callable[[Progress], None], as_json: bool) -> Iterator[Callable[[Event], None]]:
    """Yield a function that shows an event; `made` is the word for what is counted at the end.

    `progress` shows a Progress to people. In JSON a refusal is an event too, before it is raised.
    """
    if not as_json:
        yield lambda event: _as_text(event, made, progress)
        return
    try:
        yield _as_json
    except SdedgeError as error:
        _as_json(Failed(type(error).__name__, str(error)))
        raise


def _as_json(event: Event) -> None:
    echo(to_json(event))


def _as_text(event: Event, made: str, progress: Callable[[Progress], None]) -> None:
    if isinstance(event, Progress) and event.done < event.total:
        progress(event)
    elif isinstance(event, Loading):
        echo(f"{event.phase.capitalize()} …", err=True)
    elif isinstance(event, Notice):
        note(event.message)
    elif isinstance(event, Finished):
        echo(f"{event.count} {made} in {event.seconds:.0f} s", err=True)
