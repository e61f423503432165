"""Run the recipe with a line of log for every 50 steps, until done or told to stop: `python -m … FOLDER`."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from sdedge.machine.threads import use_threads
from sdedge.training.illustrations.recipe import TrainingRecipe, train


def main(folder: Path) -> None:
    """Train in a folder; SIGTERM and SIGINT save and end it."""
    use_threads()
    stops: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stops.append(number))
    run, start, losses = train(TrainingRecipe(), folder), time.monotonic(), []
    for done in run:
        losses.append(done.loss)
        if done.step % 50 == 0 or done.exported:
            clock, mean = time.strftime("%H:%M:%S"), sum(losses) / len(losses)
            state = "model written" if done.exported else f"loss {mean:.5f}"
            print(f"{clock} {done.stage} {done.step}/{done.steps} {state} {time.monotonic() - start:.0f} s", flush=True)
            losses = []
        if stops:
            run.close()
            print("stopped; saved", flush=True)
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
