"""Ours beside its peers at full v1 size: seconds per step, whole pictures, start and peak memory.

    python -m tests.benchmarks speed
    python -m tests.benchmarks.speed --rounds 3 --only "sdedge bfloat16" "diffusers bfloat16" --folder DIR

A model of random weights is made on the spot. Every figure is taken in a process of its own that does one thing, and
ours and theirs take turns, so that a machine that gets slower gets slower for both. A step is one call of the UNet with
guidance (batch 2) at 512x512; the median of a process counts, with the least and the most, and the median of the rounds.
RSS is VmHWM: mapped pages count, and the parent's do not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sdedge.models.unet_inputs import UNetInputs
from tests.benchmarks.support.openvino_peer import PEER, PEER_INT8, home, openvino_step, prepare
from tests.benchmarks.support.processes import add_clock, check_quiet, child, peak_bytes, seconds
from tests.benchmarks.support.random_models import make_model

Step = Callable[[], object]
SIZE = 512
STEPS = 20
PROMPT = "a red house at night with two trees"
BASE = "diffusers bfloat16"


@dataclass(frozen=True)
class Engine:
    """How one engine is measured: `step(model, size, batch)` readies one guided UNet call, `picture(model, target)`
    draws and saves one picture and calls `began` when the first UNet call begins."""

    step: Callable[[Path, int, int], Step]
    picture: Callable[[Path, Path, Callable[[], None]], None]


def _ours(dtype: str, device: str = "cpu") -> Engine:
    def step(model: Path, size: int, batch: int) -> Step:
        import torch

        from sdedge.engines.open import load_engine

        engine = load_engine(device, dtype, memory="fast")(str(model), None)
        engine.choose_memory(size, size, batch)  # which tells for which maps convolutions are packed
        x, t, context = _inputs(size, batch)
        t = torch.full((2 * batch,), 500.0)
        return lambda: engine.predict(UNetInputs(x, t, context))

    def picture(model: Path, target: Path, began: Callable[[], None]) -> None:
        from sdedge.engines.open import load_engine
        from sdedge.generation.pipeline import Pipeline
        from sdedge.images.output import Output
        from sdedge.request import Request

        pipeline = Pipeline(load_engine(device, dtype))
        request = Request(PROMPT, model=str(model), steps=STEPS, width=SIZE, height=SIZE, seed=1)
        engine: Any = pipeline.engine(request)
        network = engine.network

        def loaded(stage: str) -> Any:
            module = network(stage)
            if stage == "unet":
                engine.network = network
                began()
            return module

        engine.network = loaded
        for _ in pipeline.generate(request, Output(target), last=True):
            pass

    return Engine(step, picture)


def _diffusers(dtype: str) -> Engine:
    def step(model: Path, size: int, batch: int) -> Step:
        import torch
        from diffusers import UNet2DConditionModel

        unet = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=getattr(torch, dtype)).eval()
        x, t, context = (tensor.to(unet.dtype) for tensor in _inputs(size, batch))

        def run() -> object:
            with torch.inference_mode():
                return unet(x, t, context).sample

        return run

    def picture(model: Path, target: Path, began: Callable[[], None]) -> None:
        import torch
        from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

        pipeline = StableDiffusionPipeline.from_pretrained(
            model, torch_dtype=getattr(torch, dtype), safety_checker=None
        )
        pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
        pipeline.set_progress_bar_config(disable=True)

        def first(*_: object) -> None:
            once.remove()
            began()

        once = pipeline.unet.register_forward_pre_hook(first)
        image = pipeline(PROMPT, num_inference_steps=STEPS, generator=torch.Generator().manual_seed(1)).images[0]
        image.save(target / "picture.png")

    return Engine(step, picture)


def _no_picture(model: Path, target: Path, began: Callable[[], None]) -> None:
    raise SystemExit("OpenVINO by itself runs the UNet alone; leave it out of the pictures.")


ENGINES: dict[str, Engine] = {
    "diffusers float32": _diffusers("float32"),
    BASE: _diffusers("bfloat16"),
    "sdedge float32": _ours("float32"),
    "sdedge bfloat16": _ours("bfloat16"),
    "sdedge int8": _ours("int8"),
    **{name: Engine(partial(openvino_step, name), _no_picture) for name in (PEER, PEER_INT8)},
    "sdedge openvino bfloat16": _ours("bfloat16", "openvino"),
    "sdedge openvino int8": _ours("int8", "openvino"),
}
"""By name; other engines add themselves here."""


def _inputs(size: int, batch: int) -> tuple[Any, Any, Any]:
    """Latents, timestep and context of one guided call."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2 * batch, 4, size // 8, size // 8, generator=generator)
    return x, torch.tensor(500.0), torch.randn(2 * batch, 77, 768, generator=generator)


# In a process of its own


def measure_step(name: str, model: Path, size: int = SIZE, batch: int = 1, calls: int = 4) -> dict[str, float]:
    """Seconds of the median of `calls` steps after a first one, of the fastest and the slowest, and the peak RSS in MB."""
    step = ENGINES[name].step(model, size, batch)
    step()
    times = []
    for _ in range(calls):
        start = seconds()
        step()
        times.append(seconds() - start)
    spread = {"least": min(times), "most": max(times)}
    return {"seconds": statistics.median(times), **spread, "rss": peak_bytes() / 1e6}


def measure_picture(name: str, model: Path, started: float) -> dict[str, float]:
    """Seconds from the start of the process to the saved picture and to the first UNet call, and the peak RSS in MB."""
    first: list[float] = []
    with tempfile.TemporaryDirectory() as target:
        ENGINES[name].picture(model, Path(target), lambda: first.append(time.time() - started))
    seconds = time.time() - started
    return {"seconds": seconds, "least": seconds, "most": seconds, "start": first[0], "rss": peak_bytes() / 1e6}


def measure_machine() -> dict[str, float]:
    """Has the processor measured now, and not in the first picture."""
    import torch

    from sdedge.machine.formats import measured

    return {"threads": measured(torch.device("cpu")).threads}


# In the parent


def alternate(names: list[str], rounds: int, *arguments: object) -> dict[str, dict[str, float]]:
    """Every engine once in each round; the median of each figure, the least and the most seconds of all, the largest peak."""
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            settings = (arguments[0], name, *arguments[1:], time.time())
            figures[name].append(child("tests.benchmarks.speed", *settings))
            print(f"  {arguments[0]} {name}: {figures[name][-1]}", file=sys.stderr, flush=True)
    over = {"rss": max, "most": max, "least": min}
    return {
        name: {key: over.get(key, statistics.median)(run[key] for run in runs) for key in runs[0]}
        for name, runs in figures.items()
    }


def table(title: str, figures: dict[str, dict[str, float]], bases: list[str]) -> None:
    """One line per engine: its median, least and most seconds, and its median relative to that of each of the bases."""
    start = any("start" in run for run in figures.values())
    ratios = "".join(f" of {base} |" for base in bases)
    print(f"\n| {title} | s | least | most |{ratios} peak RSS, MB |" + (" first UNet call, s |" if start else ""))
    print("|---|---|---|---|" + "---|" * (len(bases) + 1 + start))
    for name, run in figures.items():
        relative = "".join(f" {run['seconds'] / figures[base]['seconds']:.2f} |" for base in bases)
        print(
            f"| {name} | {run['seconds']:.2f} | {run['least']:.2f} | {run['most']:.2f} |{relative} {run['rss']:.0f} |"
            + (f" {run['start']:.1f} |" if start else "")
        )


def main() -> None:
    """Print the tables of steps and of whole pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--only", nargs="+", default=present(), choices=list(ENGINES), metavar="ENGINE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--what", nargs="+", default=["step", "picture"], choices=["step", "picture"])
    parser.add_argument("--size", type=int, default=SIZE, help="of the steps, in pixels; pictures are of 512x512")
    parser.add_argument("--batch", type=int, default=1, help="pictures at a time, of the steps")
    parser.add_argument("--calls", type=int, default=4, help="steps of a process after a first one")
    parser.add_argument("--folder", type=Path, help="Where the random model is kept; a temporary folder by default.")
    add_clock(parser)
    check_quiet(parser)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_in_child(options.child)))
        return
    if options.by_processor and "picture" in options.what:
        parser.error("pictures are timed by the wall's clock; give --what step beside --by-processor.")
    with tempfile.TemporaryDirectory() as temporary:
        model = make_model(options.folder or Path(temporary))
        if any("openvino" in name for name in options.only):
            prepare(model, options.only)
            os.environ["SDEDGE_HOME"] = str(home(model))  # for the children
        child("tests.benchmarks.speed", "ready")
        bases = [name for name in options.only if not name.startswith("sdedge")]
        for what in options.what:
            rounds = options.rounds if what == "step" else 1
            names = [name for name in options.only if what == "step" or name not in (PEER, PEER_INT8)]
            shape = (options.size, options.batch, options.calls) if what == "step" else ()
            table(what, alternate(names, rounds, what, model, *shape), [base for base in bases if base in names])


def present() -> list[str]:
    """The engines that can be measured here."""
    from sdedge.engines.openvino.engine import installed

    return [name for name in ENGINES if installed() or "openvino" not in name]


def _in_child(arguments: list[str]) -> dict[str, float]:
    if arguments == ["ready"]:
        return measure_machine()
    what, name, model, *more = arguments
    if what == "picture":
        return measure_picture(name, Path(model), float(more[0]))
    return measure_step(name, Path(model), *map(int, more[:-1]))


if __name__ == "__main__":
    main()
