"""Events as a progress bar, as plain lines, or as JSON."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

from sdedge.commands.terminal import echo, note, one_line
from sdedge.events import Continued, Event, ImageDone, Loading, Notice, Progress, Step, to_json


@contextlib.contextmanager
def show(total: int, as_json: bool = False, quiet: bool = False) -> Iterator[Callable[[Event], None]]:
    """Yield a function that shows an event. Paths go to stdout, everything else to stderr."""
    if as_json:
        yield lambda event: echo(to_json(event))
    elif quiet or not sys.stderr.isatty():
        yield lambda event: _plain(event, quiet)
    else:
        with _bar(total) as tell:
            yield tell


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", style="bold", markup=False), BarColumn(bar_width=32), MofNCompleteColumn(),
        TextColumn("steps, about"), TimeRemainingColumn(compact=True), TextColumn("left"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Loading", total=None)

        def tell(event: Event) -> None:
            if isinstance(event, Loading):
                progress.update(task, description=event.phase.capitalize())
            elif isinstance(event, Step):
                named = f"Picture {event.first + 1} of {total}" if total > 1 else "Denoising"
                if event.passes > 1:  # whose steps take unequally long
                    named += f", pass {event.pass_number} of {event.passes}"
                    progress.update(task, description=named, completed=event.index, total=event.total)
                    return
                done = (event.first * event.total) + event.index * event.size
                progress.update(task, description=named, completed=done, total=total * event.total)
            elif isinstance(event, Continued):
                console.print(
                    f"note: {where_it_goes_on(event)}", style="dim", markup=False, highlight=False, emoji=False
                )
            elif isinstance(event, ImageDone):
                console.file.flush()
                echo(event.path)
            elif isinstance(event, Notice):
                console.print(
                    f"note: {one_line(event.message)}", style="dim", markup=False, highlight=False, emoji=False
                )

        yield tell
