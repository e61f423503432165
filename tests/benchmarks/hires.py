"""Hires fix at full size, 2048² from 512², two steps in each pass: seconds and peak memory in the default mode and streaming.

    python -m tests.benchmarks hires
    python -m tests.benchmarks.hires --by latent lanczos --modes auto --folder DIR
    python -m tests.benchmarks.hires --model pocket --side 192 --by lanczos    (tries it out in a minute)

A model of random weights is made on the spot, and for `--by random-x4` a Real-ESRGAN x4 of 23 blocks. Every line is measured
in a process of its own, from its first line to the saved file; RSS is its VmHWM, mapped pages included, and behind it stand the
peaks of its parts. The aims for 2048 x 2048: 4.0 GB in the default mode and 1.6 GB streaming.

`--guidance 1` leaves out one half of every step. The halves of a large picture run one after the other, so that this takes half
the time and the same memory.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import child, peak_of_part

BENCHMARK = "tests.benchmarks.hires"
AIMS = {"auto": 4.0, "stream": 1.6}
RANDOM = "random-x4"


def draw(model: str, by: str, mode: str, dtype: str, side: int, steps: int, guidance: float) -> dict[str, Any]:
    """Draws a picture of `side` and enlarges it four times; returns seconds and peak bytes of its parts, and what was said.

    A part is named by the event that ends it.
    """
    start = time.perf_counter()
    from sdedge.engines.open import load_engine
    from sdedge.events import Loading, Notice, Step
    from sdedge.generation.pipeline import Pipeline
    from sdedge.images.output import Output
    from sdedge.passes import Changes, Enlargement, Pass
    from sdedge.request import Request

    pipeline = Pipeline(load_engine("cpu", None if dtype == "auto" else dtype, memory=mode))
    again = Pass(Changes(strength=0.5, steps=steps), Enlargement(by, 4.0))
    request = Request(
        "a red house",
        model=model,
        steps=steps,
        width=side,
        height=side,
        seed=1,
        passes=(again,),
        guidance=guidance,
        safety=False,
    )
    times, peaks, said, last = {}, dict[str, int](), [], start
    with tempfile.TemporaryDirectory() as folder:
        for event in pipeline.generate(request, Output(Path(folder)), last=True):
            now = time.perf_counter()
            part = f"to {event.phase if isinstance(event, Loading) else type(event).__name__}"
            if isinstance(event, Step):
                part = f"pass {event.pass_number} step {event.index}"
                times[part] = now - last
            elif isinstance(event, Notice):
                said.append(event.message)
            elif isinstance(event, Loading) and event.phase.startswith("memory"):
                said.append(event.phase)
            peaks[part] = max(peak := peak_of_part(), peaks.get(part, 0))
            print(f"{now - start:8.1f} s {peak / 1e9:6.2f} GB  {part}", file=sys.stderr, flush=True)
            last = now
    rss = max(*peaks.values(), peak_of_part())
    return {"seconds": time.perf_counter() - start, "rss": rss, "peaks": peaks, "said": said, "times": times}


def make_upscaler(folder: Path) -> str:
    """Writes a Real-ESRGAN x4 of random weights; returns its path."""
    import torch

    from sdedge.models.upscaler_config import RRDBConfig
    from sdedge.models.upscalers import upscaler

    torch.manual_seed(0)
    file = folder / "random-x4.pth"
    torch.save(upscaler(RRDBConfig(blocks=23)).state_dict(), file)
    return str(file)


def run_child(verb: str, arguments: list[str]) -> Any:
    if verb == "make":
        from tests.benchmarks.support.random_models import make_model

        return str(make_model(Path(arguments[0])))
    if verb == "upscaler":
        return make_upscaler(Path(arguments[0]))
    model, by, mode, dtype, side, steps, guidance = arguments
    return draw(model, by, mode, dtype, int(side), int(steps), float(guidance))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="in place of one of random weights")
    parser.add_argument("--by", nargs="+", default=["latent", RANDOM], help="enlargers, or files of upscalers")
    parser.add_argument("--modes", nargs="+", default=list(AIMS))
    parser.add_argument("--dtype", default="bfloat16", help="auto is what was measured on this machine")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--guidance", type=float, default=7.5)
    parser.add_argument("--folder", type=Path, help="where the model is made and kept; a temporary folder by default")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(run_child(options.child[0], options.child[1:])))
        return
    with tempfile.TemporaryDirectory() as temporary:
        model = options.model or child(BENCHMARK, "make", options.folder or temporary)
        print(
            "\n| hires fix | mode | s | peak RSS GB | aim GB | steps s | parts GB | said |\n|---|---|---|---|---|---|---|---|"
        )
        for by in options.by:
            file = child(BENCHMARK, "upscaler", temporary) if by == RANDOM else by
            for mode in options.modes:
                job = (model, file, mode, options.dtype, options.side, options.steps, options.guidance)
                figures = child(BENCHMARK, "draw", *job)
                steps = " ".join(f"{seconds:.1f}" for seconds in figures["times"].values())
                peaks = ", ".join(f"{name} {peak / 1e9:.2f}" for name, peak in figures["peaks"].items())
                print(
                    f"| {options.side} to {4 * options.side}, {by}, {options.dtype} | {mode} | {figures['seconds']:.1f} | "
                    f"{figures['rss'] / 1e9:.2f} | {AIMS.get(mode, '')} | {steps} | {peaks} | {' '.join(figures['said'])} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
