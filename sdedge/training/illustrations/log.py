"""A training run that writes a line for every 50 steps, and saves and ends when it is told to."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

from sdedge.machine.threads import use_threads
from sdedge.training.illustrations.recipe import TrainingRecipe, train

EVERY = 50  # steps


def run_with_log(recipe: TrainingRecipe, folder: Path, write: Callable[[str], None]) -> None:
    """Run a recipe in a folder until it is done, or until SIGINT or SIGTERM.

    Each line tells the time, the stage and its step, the mean loss since the last line, about how many samples the stage has
    seen, and the seconds since the start.
    """
    use_threads()
    signals: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: signals.append(number))
    batches = {stage.name: stage.batch for stage in recipe.stages}
    losses: list[float] = []
    start, run = time.monotonic(), train(recipe, folder)
    for done in run:
        losses.append(done.loss)
        if done.exported or done.step % EVERY == 0 or done.step == done.steps:
            state = "model written" if done.exported else f"loss {sum(losses) / len(losses):.5f}"
            seen = f", {round(done.step * batches[done.stage])} samples" if done.stage in batches else ""
            clock, seconds = time.strftime("%H:%M:%S"), round(time.monotonic() - start)
            write(f"{clock} {done.stage} {done.step}/{done.steps} {state}{seen}, {seconds} s")
            losses = []
        if signals:
            run.close()  # which saves
            write("stopped, saved")
            return
