"""Image to image of 4096x4096 in windows, with a model of full v1 size: seconds, peak memory, and what was planned.

    python -m tests.benchmarks tiled
    python -m tests.benchmarks.tiled --side 4096 --steps 2 --window 512 --dtype bfloat16 --memory auto --control --folder DIR
    python -m tests.benchmarks.tiled --model pocket --side 512 --window 128      narrow, to try it

A model of random weights is made on the spot, and the picture to start from, a quarter of the side, is enlarged. Two steps are
drawn, so that a picture of `n` steps takes n / 2 of the seconds of its steps. It is drawn by a process of its own, whose
VmHWM is its peak. `--control` adds a tile ControlNet of full size. The aim: at most 4.0 GB.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import peak_bytes


def draw(settings: dict[str, Any]) -> dict[str, Any]:
    """Draws one picture as the command does; seconds of its parts, and bytes."""
    from sdedge.controls import Control
    from sdedge.engines.open import load_engine
    from sdedge.events import Loading, Step
    from sdedge.generation.pipeline import Pipeline
    from sdedge.images.output import Output
    from sdedge.request import Request
    from sdedge.windows import WindowsType

    pipeline = Pipeline(load_engine("cpu", settings["dtype"], memory=settings["memory"]))
    request = Request(
        "a wide valley", model=settings["model"], image=settings["image"], strength=0.5, steps=2 * settings["steps"],
        width=settings["side"], height=settings["side"], windows=WindowsType().parse("windows", settings["window"]),
        controls=(Control(settings["control"]),) if settings["control"] else (), sampler="euler", seed=1, safety=False,
    )  # fmt: skip
    resolved = pipeline.resolve(request)
    assert resolved.windows is not None
    part = resolved.windows.part_of(resolved.width, resolved.height)
    planned = pipeline.engine(request).choose_memory(resolved.width, resolved.height, 1, False, window=part)
    start, times, mode = time.perf_counter(), dict[str, float](), ""
    for event in pipeline.generate(request, Output(Path(settings["folder"])), last=True):
        if isinstance(event, Step):
            times[f"step {event.index}"] = time.perf_counter() - start
        if isinstance(event, Loading):
            times[event.phase] = time.perf_counter() - start
            mode = event.phase.removeprefix("memory: ") if event.phase.startswith("memory: ") else mode
    peak = peak_bytes()
    return {"mode": mode, "rss": peak, "planned": planned.peak, "all": time.perf_counter() - start, "times": times}


def make_control(folder: Path) -> str:
    """Writes a ControlNet of full size with random weights in half precision, named as the tile kind is."""
    import torch
    from safetensors.torch import save_file

    from sdedge.models.config import ControlNetConfig, UNetConfig
    from sdedge.models.controlnet import ControlNet, HintEmbedding

    path = folder / "control_v11f1e_sd15_tile.safetensors"
    if not path.exists():
        torch.manual_seed(0)
        config = ControlNetConfig(UNetConfig())
        hint = {f"controlnet_cond_embedding.{n}": t for n, t in HintEmbedding(config).half().state_dict().items()}
        save_file({**ControlNet(config).half().state_dict(), **hint}, path)
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--window", default="512:128")
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--memory", default="auto")
    parser.add_argument("--model", help="in place of a random one of full size")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(draw(json.loads(options.job))))
        return
    from PIL import Image

    from tests.benchmarks.support.random_models import make_model

    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        small = max(options.side // 4, 64)
        Image.effect_noise((small, small), 60).convert("RGB").save(folder / "small.png")
        settings = {
            "model": options.model or str(make_model(folder)), "image": str(folder / "small.png"), "folder": str(folder / "out"),
            "control": make_control(folder) if options.control else "", "side": options.side, "steps": options.steps,
            "window": options.window, "dtype": options.dtype, "memory": options.memory,
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.benchmarks.tiled", "--job", json.dumps(settings)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    figures = json.loads(output.stdout.splitlines()[-1])
    print(f"{options.side}x{options.side}, windows {options.window}, {options.steps} steps, mode {figures['mode']}")
    print(
        f"RSS {figures['rss'] / 1e9:.2f} GB, planned {figures['planned'] / 1e9:.2f} GB, {figures['all']:.0f} s in all"
    )
    for name, seconds in figures["times"].items():
        print(f"  {seconds:8.1f} s  {name}")


if __name__ == "__main__":
    main()
