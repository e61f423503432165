"""What journals cost, and that a killed picture goes on to the same pixels: `python -m tests.benchmarks journal`.

`--kills 3` ends a process by SIGKILL at so many random calls of each sampler and resumes it; `--samplers` chooses some.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from sdedge import catalog
from sdedge.engines.open import EMBEDDED, load_engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.events import Continued
from sdedge.generation import journal_file, journals
from sdedge.generation.journaled import journaled
from sdedge.generation.journals import Journal, Journals
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.request import Request


class SameEngine:
    """An engine that never falls back."""

    numerics = ""


def measure_cost(folder: Path, side: int, calls: int = 400, pause: float = 0.01) -> float:
    """Returns the processor time of journaling one call, in seconds, of all threads, beyond the same loop without.

    The loop waits as a network would take, so that the thread writes as it does then.
    """
    x = torch.randn(1, 4, side, side)
    seconds = []
    for recorded in (False, True):
        journal = Journal(folder / f"{side}.journal", {}, None)
        denoise = journaled(plain, journal, SameEngine()) if recorded else plain
        before = time.process_time()
        for call in range(calls):
            denoise(x, float(calls - call))
            time.sleep(pause)
        journal.close()
        seconds.append(time.process_time() - before)
    return max(seconds[1] - seconds[0], 0.0) / calls


def step_seconds(model: str, size: int | None = None) -> float:
    """Returns the processor time of a step of a model, in seconds: of a picture of 12 steps without the first two."""
    request = Request("a red house", model=model, steps=12, sampler="euler", seed=1, width=size, height=size)
    marks = [
        time.process_time() for event in Pipeline(load_engine("cpu")).images(request) if "Step" in repr(type(event))
    ]
    return float(np.median(np.diff(marks)[2:]))


def plain(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """The cheapest denoiser."""
    return x.clone()


@contextmanager
def unhurried() -> Iterator[None]:
    """Quick pictures are written, too."""
    before = journal_file.WRITE_EVERY, journals.RATE
    journal_file.WRITE_EVERY, journals.RATE = 0.0, None  # type: ignore[assignment]
    try:
        yield
    finally:
        journal_file.WRITE_EVERY, journals.RATE = before


def request_of(model: str, sampler: str) -> Request:
    return Request("a red house", "trees", model, steps=8, sampler=sampler, seed=5, guidance=3.0)


def die(model: str, sampler: str, folder: str, call: int) -> None:
    """Draws in this process, which ends by SIGKILL at a call of the network."""
    real, counted = TorchEngine.predict, [0]

    def predict(self: TorchEngine, inputs: object) -> torch.Tensor:
        counted[0] += 1
        if counted[0] == call:
            time.sleep(0.05)  # the network has just begun
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, inputs)  # type: ignore[arg-type]

    TorchEngine.predict = predict  # type: ignore[method-assign]
    with unhurried():
        for _ in Pipeline(load_engine("cpu"), Journals(Path(folder))).images(request_of(model, sampler)):
            pass


def count_calls(model: str, sampler: str, folder: Path | None) -> tuple[np.ndarray, int, int]:
    """Returns the pixels of a picture, how often the network was called for it, and the step that it went on from (0: none)."""
    real, calls, went_on = TorchEngine.predict, 0, 0
    pixels: np.ndarray | None = None

    def predict(self: TorchEngine, inputs: object) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return real(self, inputs)  # type: ignore[arg-type]

    TorchEngine.predict = predict  # type: ignore[method-assign]
    try:
        own = None if folder is None else Journals(folder)
        for event in Pipeline(load_engine("cpu"), own).images(request_of(model, sampler)):
            went_on = event.index if isinstance(event, Continued) else went_on
            pixels = event.pixels if isinstance(event, Picture) else pixels
    finally:
        TorchEngine.predict = real  # type: ignore[method-assign]
    assert pixels is not None
    return pixels, calls, went_on


def measure_kills(model: str, samplers: Sequence[str], kills: int, seed: int, folder: Path) -> dict[str, str]:
    """Returns for each sampler how many killed pictures went on to equal pixels, and at which calls they were killed."""
    chance, result = random.Random(seed), {}
    processes = multiprocessing.get_context("forkserver")  # each begins with torch loaded, and nothing else
    processes.set_forkserver_preload([__name__ if __name__ != "__main__" else "tests.benchmarks.journal"])
    for sampler in samplers:
        expected, calls, _ = count_calls(model, sampler, None)
        at = [chance.randint(2, calls) for _ in range(kills)]
        equal = 0
        for call in at:
            process = processes.Process(target=die, args=(model, sampler, str(folder), call))
            process.start()
            process.join()
            pixels, drawn, went_on = count_calls(model, sampler, folder)
            resumed = went_on > 0 and drawn < calls
            equal += process.exitcode == -signal.SIGKILL and resumed and np.array_equal(pixels, expected)
        result[sampler] = f"{equal} of {kills} equal, killed at call {', '.join(map(str, at))} of {calls}"
        print(f"{sampler}: {result[sampler]}", file=sys.stderr, flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samplers", nargs="*", default=list(catalog.SAMPLERS))
    parser.add_argument("--model", default=EMBEDDED)
    parser.add_argument("--full", help="a model of v1's size, whose step at 512x512 is timed as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sdedge-journal-") as name:
        folder = Path(name)
        steps = {"a pocket step": (step_seconds(EMBEDDED), 16)}
        if options.full:
            steps["a full-size step at 512x512"] = (step_seconds(options.full, 512), 64)
        costs = {}
        for what, (seconds, side) in steps.items():
            cost = measure_cost(folder, side)
            costs[what] = f"{1e6 * cost:.0f} us of {1e3 * seconds:.1f} ms: {cost / seconds:.2%}"
        costs["latents of 512x512"] = f"{1e6 * measure_cost(folder, 64):.0f} us a call"
        print(json.dumps({"processor time of journaling": costs}, indent=2), flush=True)
        kills = measure_kills(options.model, options.samplers, options.kills, options.seed, folder)
        print(json.dumps({"SIGKILL": kills}, indent=2), flush=True)


if __name__ == "__main__":
    main()
