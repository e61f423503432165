"""Ours beside diffusers with torch.compile on a CUDA card, at full v1 size: pictures per second at batch 1 and 4.

    python -m tests.benchmarks cuda
    python -m tests.benchmarks.cuda --folder DIR --batches 1 4 --rounds 3

512x512, 20 steps of DPM++ 2M with guidance, half precision. Each figure is taken in a process of its own, ours and theirs in
turns; the first group of pictures, in which kernels are chosen, compiled and recorded, is drawn before the clock runs, and its
seconds stand in a column of their own. Memory is what torch held on the card at most.

`--device cpu --size 64 --steps 2` only shows that it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.support.processes import child
from tests.benchmarks.support.random_models import make_model

PROMPT = "a red house at night with two trees"
BASE = "diffusers compiled"
Draw = Callable[[], object]


def _ours(options: argparse.Namespace) -> Draw:
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.request import Request

    pipeline = Pipeline(load_engine(options.device, "float16", memory="fast"))
    request = Request(
        PROMPT, model=str(options.folder), steps=options.steps, width=options.size, height=options.size, seed=1
    )
    return lambda: list(pipeline.images(request, options.batch, options.batch))


def _compiled(options: argparse.Namespace) -> Draw:
    os.environ["SDEDGE_COMPILE"] = "1"
    return _ours(options)


def _diffusers(options: argparse.Namespace) -> Draw:
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(options.folder, torch_dtype=torch.float16, safety_checker=None)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.to(options.device)
    pipeline.unet.to(memory_format=torch.channels_last).compile(mode="max-autotune", fullgraph=True)
    pipeline.vae.to(memory_format=torch.channels_last)
    shape = {"width": options.size, "height": options.size, "num_inference_steps": options.steps}
    return lambda: pipeline([PROMPT] * options.batch, generator=torch.Generator().manual_seed(1), **shape).images


ENGINES: dict[str, Callable[[argparse.Namespace], Draw]] = {
    BASE: _diffusers, "sdedge": _ours, "sdedge compiled": _compiled,
}  # fmt: skip


def measure(options: argparse.Namespace) -> dict[str, float]:
    """In a process of its own: pictures per second, seconds of the first group, MB on the card at most."""
    import torch

    start = time.perf_counter()
    draw = ENGINES[options.child](options)
    draw()
    first, times = time.perf_counter() - start, []
    for _ in range(options.groups):
        start = time.perf_counter()
        draw()  # whose pictures are on the host when it returns
        times.append(time.perf_counter() - start)
    held = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else 0.0
    return {"rate": options.batch / min(times), "first": first, "held": held}


def flags_of(options: argparse.Namespace) -> list[object]:
    """Returns the options that a child is told."""
    names = ("device", "size", "steps", "groups", "folder")
    return [each for name in names for each in (f"--{name}", getattr(options, name))]


def main() -> None:
    """Print one table per batch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--groups", type=int, default=3, help="timed in each process")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--folder", type=Path, help="where the random model is kept; a temporary folder by default")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options)))
        return
    import torch

    if options.device != "cpu" and not torch.cuda.is_available():
        print("There is no CUDA card here; nothing was measured.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        options.folder = make_model(options.folder or Path(temporary))
        for batch in options.batches:
            _table(batch, options)


def _table(batch: int, options: argparse.Namespace) -> None:
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name in options.only:
            runs[name].append(child("tests.benchmarks.cuda", name, "--batch", batch, *flags_of(options)))
    rates = {name: statistics.median(run["rate"] for run in runs_of) for name, runs_of in runs.items()}
    print(
        f"\n| batch {batch} | pictures per second | of {BASE} | first group, s | MB on the card |\n|---|---|---|---|---|"
    )
    for name, runs_of in runs.items():
        ratio = f"{rates[name] / rates[BASE]:.2f}" if BASE in rates else ""
        first, held = (statistics.median(run[key] for run in runs_of) for key in ("first", "held"))
        print(f"| {name} | {rates[name]:.3f} | {ratio} | {first:.1f} | {held:.0f} |", flush=True)


if __name__ == "__main__":
    main()
