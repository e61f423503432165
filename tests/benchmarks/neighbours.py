"""What busy programs beside ours change: the probe's choices, which they must not, and the time of a step.

    python -m tests.benchmarks neighbours
    python -m tests.benchmarks.neighbours --what starts --starts 20 --busy 2
    python -m tests.benchmarks.neighbours --what step --folder DIR --dtype bfloat16 --steps 20
    python -m tests.benchmarks.neighbours --what step --model DIR --side 32 --anyway     (narrow, to try the command)

Each start is a process with an empty data folder that measures this machine as the first full-size model does: once with nothing
beside it, then as often as wanted beside busy processes. The aim: 20 of 20 choose as the quiet one did. Steps are those of one
process each: quiet; with one processor kept busy and threads left alone; and followed. The aim: 1.7 of the quiet step.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import check_quiet, child

CHOICES = "dtype", "layout", "attention", "attention_float32", "threads"


# In a process of its own


def start() -> dict[str, Any]:
    """Measures the CPU; returns what was chosen, how sure that is, and the seconds it took."""
    import torch

    from sdedge.machine.formats import measured

    began = time.perf_counter()
    finding = measured(torch.device("cpu"))
    seconds = time.perf_counter() - began
    return {**{name: getattr(finding, name) for name in CHOICES}, "confidence": finding.confidence, "seconds": seconds}


def draw(model: str, dtype: str, side: int, steps: int) -> dict[str, Any]:
    """Steps with guidance; seconds of each after the first, those of trials included, and whether all gave the same bits."""
    import torch

    from sdedge.engines.open import load_engine
    from sdedge.models.unet_inputs import UNetInputs

    engine: Any = load_engine("cpu", dtype, memory="fast")(model, None)
    engine.choose_memory(side * engine.facts.downscale, side * engine.facts.downscale, 1)
    base, _ = engine.unet_source()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, base.in_channels, side, side, generator=generator)
    context = torch.randn(2, 77, base.cross_attention_dim, generator=generator)
    seconds, results = [], []
    for _ in range(steps + 1):
        began = time.perf_counter()
        results.append(engine.predict(UNetInputs(x, torch.full((1,), 500.0), context)))
        seconds.append(time.perf_counter() - began)
    return {"seconds": seconds[1:], "equal": all(torch.equal(each, results[0]) for each in results)}


# In the parent


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Within: processes that compute all the time, one on each of the last processors where the system lets them be told."""
    code = "import os, sys\nif hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"
    places = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    started = [subprocess.Popen([sys.executable, "-c", code, str(places[-1 - i % len(places)])]) for i in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def afresh(*arguments: object, **environment: str) -> dict[str, Any]:
    """Returns what a fresh process with an empty data folder measures."""
    with tempfile.TemporaryDirectory() as home:
        measured: dict[str, Any] = child(
            "tests.benchmarks.neighbours", *arguments, **{"SDEDGE_HOME": home, **environment}
        )
        return measured


def show_starts(starts: int, count: int) -> None:
    """Prints each start beside busy processes, and how many chose as the quiet one did."""
    quiet = afresh("start")
    print(
        f"\nquiet: {quiet}\n\n| start beside {count} busy | choices | confidence | s | as quiet |\n|---|---|---|---|---|"
    )
    equal = 0
    for number in range(starts):
        with busy(count):
            figures = afresh("start")
        same = all(figures[name] == quiet[name] for name in CHOICES)
        equal += same
        chosen = " ".join(str(figures[name]) for name in CHOICES)
        print(
            f"| {number + 1} | {chosen} | {figures['confidence']:.0%} | {figures['seconds']:.1f} | {same} |", flush=True
        )
    print(f"\n{equal} of {starts} starts beside {count} busy processes chose as the quiet one.")


def show_steps(model: Path, dtype: str, side: int, steps: int) -> None:
    """Prints what steps take beside a busy process, of the quiet step: the whole run, trials included, and its second half."""
    from sdedge.engines.torch.cpu.followed_steps import SETTING

    arguments = "draw", model, dtype, side, steps
    quiet = afresh(*arguments)
    with busy(1):
        alone, followed = afresh(*arguments, **{SETTING: "0"}), afresh(*arguments)
    base = statistics.median(quiet["seconds"])
    print(
        f"\n| {dtype} step | s | least | most | mean of all | of the quiet step | second half of the quiet step | equal bits |"
    )
    print("|---|---|---|---|---|---|---|---|")
    runs = {
        "quiet": quiet,
        "one processor busy, threads left alone": alone,
        "one processor busy, threads follow": followed,
    }
    for name, run in runs.items():
        seconds = run["seconds"]
        mean, half = statistics.mean(seconds), statistics.median(seconds[len(seconds) // 2 :])
        print(
            f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {mean:.2f} | "
            f"{mean / base:.2f} | {half / base:.2f} | {run['equal']} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="+", default=["starts", "step"], choices=["starts", "step"])
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--busy", type=int, default=2, help="processes beside each start")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--side", type=int, default=64, help="of the latents; 64 is a picture of 512x512")
    parser.add_argument("--model", type=Path, help="one of your own; by default a random one of full size is made")
    parser.add_argument("--folder", type=Path, help="where that is made and kept; a temporary folder by default")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    check_quiet(parser)
    options = parser.parse_args()
    if options.child:
        what, *rest = options.child
        print(json.dumps(start() if what == "start" else draw(rest[0], rest[1], int(rest[2]), int(rest[3]))))
        return
    if "starts" in options.what:
        show_starts(options.starts, options.busy)
    if "step" in options.what:
        from tests.benchmarks.support.random_models import make_model

        with tempfile.TemporaryDirectory() as temporary:
            model = options.model or make_model(options.folder or Path(temporary))
            show_steps(model, options.dtype, options.side, options.steps)


if __name__ == "__main__":
    main()
