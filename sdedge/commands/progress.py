"""Events as a progress bar, as plain lines, or as JSON."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo, note, one_line
from sdedge.events import Checking, Continued, Event, ImageDone, Loading, Notice, Progress, Step, to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as BarProgress
    from rich.progress import ProgressColumn, TaskID


@contextlib.contextmanager
def show(total: int, as_json: bool = False, quiet: bool = False) -> Iterator[Callable[[Event], None]]:
    """Yield a function that shows an event. Paths go to stdout, everything else to stderr, a notice once."""
    if as_json:
        yield lambda event: echo(to_json(event))
    elif quiet or not sys.stderr.isatty():
        yield _once(lambda event: _plain(event, quiet))
    else:
        with _bar(total) as tell:
            yield _once(tell)


def _once(tell: Callable[[Event], None]) -> Callable[[Event], None]:
    """Returns a function that passes on events, but no notice that was told before, as each picture of a folder has the same."""
    noticed: set[str] = set()

    def tell_news(event: Event) -> None:
        if isinstance(event, Notice):
            if event.message in noticed:
                return
            noticed.add(event.message)
        tell(event)

    return tell_news


@contextlib.contextmanager
def counting(phase: str, as_json: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function of (done, total): a bar on a terminal, at most ten JSON lines a second, or nothing."""
    if as_json:
        yield _progress_lines(phase)
    elif not sys.stderr.isatty():
        yield None
    else:
        with click.progressbar(length=1000, label=phase, file=sys.stderr) as bar:
            yield lambda done, total: bar.update(1000 * done // max(total, 1) - bar.pos)


def _progress_lines(phase: str) -> Callable[[int, int], None]:
    last = 0.0

    def show_progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last > 0.1:
            last = now
            echo(to_json(Progress(phase, done, total)))

    return show_progress


def _plain(event: Event, quiet: bool) -> None:
    if isinstance(event, ImageDone):
        echo(event.path)
    elif isinstance(event, Notice) and not quiet:
        note(event.message)
    elif isinstance(event, Continued) and not quiet:
        note(where_it_goes_on(event))


def where_it_goes_on(event: Continued) -> str:
    """Returns the words for a picture that goes on where an earlier attempt ended."""
    return f"Continued at step {event.index} of {event.total}."


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Event], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(*_columns(), console=console, transient=True) as progress:
        yield _Bar(total, console, progress)


def _columns() -> Iterator[ProgressColumn]:
    """Yields what a line of the bar shows: what is done, how far it is in its own unit, and the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    yield TextColumn("{task.description}", style="bold", markup=False)
    yield BarColumn(bar_width=24)
    yield MofNCompleteColumn()
    yield TextColumn("{task.fields[unit]}", markup=False)
    yield TimeRemainingColumn(compact=True)
    yield TextColumn("{task.fields[end]}", markup=False)


class _Bar:
    """Shows events on a bar: a line for the pictures, and below it one for the check of an engine while that runs."""

    def __init__(self, total: int, console: Console, progress: BarProgress) -> None:
        self._total, self._console, self._progress = total, console, progress
        self._pictures = progress.add_task("Loading", total=None, unit="", end="")
        self._check: TaskID | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case Loading(phase="proving"):
                self._progress.update(self._pictures, description="Waiting for the check")
            case Loading(phase=phase):
                self._progress.update(self._pictures, description=phase.capitalize())
            case Step():
                self._step(event)
            case Checking():
                self._show_check(event)
            case Continued():
                self._note(where_it_goes_on(event))
            case ImageDone(path=path):
                self._console.file.flush()
                echo(path)
            case Notice(message=message):
                self._note(one_line(message))

    def _step(self, event: Step) -> None:
        named = f"Picture {event.first + 1} of {self._total}" if self._total > 1 else "Denoising"
        if event.passes > 1:  # whose steps take unequally long
            named += f", pass {event.pass_number} of {event.passes}"
            self._count(named, event.index, event.total)
            return
        done = (event.first * event.total) + event.index * event.size
        self._count(named, done, self._total * event.total)

    def _count(self, named: str, done: int, total: int) -> None:
        self._progress.update(
            self._pictures, description=named, completed=done, total=total, unit="steps, about", end="left"
        )

    def _show_check(self, event: Checking) -> None:
        """The note above says why an engine is checked, and that it is once; this says which, and how far it is."""
        if event.done == event.total > 0:
            if self._check is not None:
                self._progress.remove_task(self._check)
            self._check = None
            return
        if self._check is None:
            self._check = self._progress.add_task("", total=None, unit="results, about", end="left")
        self._progress.update(
            self._check, description=f"Checking {event.engine}, once", completed=event.done, total=event.total or None
        )

    def _note(self, text: str) -> None:
        self._console.print(f"note: {text}", style="dim", markup=False, highlight=False, emoji=False)
