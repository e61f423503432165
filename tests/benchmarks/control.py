"""What a ControlNet, a T2I-Adapter and an IP-Adapter (plus, with its ViT-H) add to a picture at full v1 size: time of a step,
time of a picture, peak memory.

    python -m tests.benchmarks control
    python -m tests.benchmarks.control --steps 8 --modes fast stream --dtype bfloat16 --folder DIR

Models of random weights are made on the spot. Every line is measured in a process of its own. The time of a step is the
median of those after the first two; RSS is the process's VmHWM. The aims: a step with a ControlNet at most 1.38 of one
without, peak RSS 3.2 GB in fast and 0.9 GB in stream; a picture with a T2I-Adapter at most 1.03 of one without.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import peak_bytes

KINDS = ("none", "controlnet", "t2i-adapter", "ip-adapter")
VIT_H = {
    "architectures": ["CLIPVisionModelWithProjection"], "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
    "num_attention_heads": 16, "image_size": 224, "patch_size": 14, "projection_dim": 1024, "hidden_act": "gelu",
}  # fmt: skip


def draw(model: str, control: str, hint: str, mode: str, dtype: str, steps: int) -> dict[str, Any]:
    """Draws one guided picture of 512 x 512; returns seconds of a step and of the sampling, peak bytes and what was predicted."""
    from sdedge.controls import Control
    from sdedge.engines.open import load_engine
    from sdedge.events import Loading, Step
    from sdedge.generation.pipeline import Pipeline
    from sdedge.request import Request

    pipeline = Pipeline(load_engine("cpu", dtype, memory=mode))
    controls = (Control(control, hint),) if control else ()
    request = Request("a red house", model=model, steps=steps, width=512, height=512, seed=1, controls=controls)
    times, began, planned = [], 0.0, 0
    for event in pipeline.images(request, last=True):
        if isinstance(event, Loading) and event.phase == "denoising":
            began = time.perf_counter()
            engine = pipeline.engine(request)
            planned = engine.choose_memory(512, 512, 1, is_single=True).peak
        if isinstance(event, Step):
            times.append(time.perf_counter())
    seconds = [after - before for before, after in pairwise(times)]
    return {
        "step": statistics.median(seconds[1:]), "sampling": times[-1] - began,
        "rss": peak_bytes(), "predicted": planned,
    }  # fmt: skip


def make_controls(folder: Path) -> dict[str, str]:
    """Writes control models of full size with random weights in half precision, an image encoder, and a hint."""
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from sdedge.models.config import ControlNetConfig, T2IAdapterConfig, UNetConfig
    from sdedge.models.controlnet import ControlNet, HintEmbedding
    from sdedge.models.t2i_adapter import T2IAdapter

    paths = {"none": "", "controlnet": folder / "controlnet.safetensors", "t2i-adapter": folder / "adapter.safetensors",
             "ip-adapter": folder / "ip-adapter.safetensors"}  # fmt: skip
    torch.manual_seed(0)
    config = ControlNetConfig(UNetConfig())
    if not Path(paths["controlnet"]).exists():
        hint = {f"controlnet_cond_embedding.{n}": t for n, t in HintEmbedding(config).half().state_dict().items()}
        save_file({**ControlNet(config).half().state_dict(), **hint}, paths["controlnet"])
        save_file(T2IAdapter(T2IAdapterConfig()).half().state_dict(), paths["t2i-adapter"])
    if not Path(paths["ip-adapter"]).exists():
        make_ip_adapter(Path(paths["ip-adapter"]))
    Image.effect_noise((512, 512), 80).convert("RGB").save(folder / "hint.png")
    return {name: str(path) for name, path in paths.items()}


def make_ip_adapter(path: Path) -> None:
    """Writes an IP-Adapter plus of full size, and beside it a ViT-H, which is made tensor by tensor."""
    import torch
    from safetensors.torch import save_file

    from sdedge.library.image_encoders import FOLDER
    from sdedge.models.clip_vision import ImageEncoder
    from sdedge.models.config import ImageProjectionKind, IPAdapterConfig, UNetConfig
    from sdedge.models.ip_adapter import IPAdapter
    from sdedge.models.unet_walk import attention_channels, image_numbers

    numbers, channels = tuple(image_numbers(UNetConfig())), tuple(attention_channels(UNetConfig()))
    config = IPAdapterConfig(
        ImageProjectionKind.PERCEIVER, 1280, 768, numbers, channels, tokens=16, width=768, heads=12, inner=3072, depth=4
    )
    adapter = IPAdapter(config)
    for parameter in adapter.parameters():  # some are not filled before a file is read
        torch.nn.init.normal_(parameter, std=0.02)
    save_file(adapter.half().state_dict(), path)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in ImageEncoder(VIT_H).state_dict().items()}
    weights = {name.removeprefix("clip."): torch.empty(shape, dtype=torch.float16) for name, shape in shapes.items()}
    for weight in weights.values():
        weight.normal_(std=0.02)
    folder = path.parent / FOLDER
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(VIT_H))


def lines(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields mode, kind and figures of every run, each of a process of its own."""
    from tests.benchmarks.support.random_models import make_model

    model, controls = make_model(folder), make_controls(folder)
    for mode in options.modes:
        for kind, path in controls.items():
            job = json.dumps([str(model), path, str(folder / "hint.png"), mode, options.dtype, options.steps])
            command = [sys.executable, "-m", "tests.benchmarks.control", "--job", job]
            output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
            yield mode, kind, json.loads(output.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=["fast", "stream"])
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(draw(*json.loads(options.job))))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        print("| mode | control | s/step | of one without | picture | of one without | RSS | predicted |")
        print("|---|---|---|---|---|---|---|---|")
        base: dict[str, dict[str, Any]] = {}
        for mode, kind, figures in lines(options, folder):
            alone = base.setdefault(mode, figures)
            ratios = [f"{figures[key]:.2f} | {figures[key] / alone[key]:.2f}" for key in ("step", "sampling")]
            sizes = [f"{figures[key] / 1e9:.2f} GB" for key in ("rss", "predicted")]
            print(f"| {mode} | {kind} | {' | '.join(ratios)} | {' | '.join(sizes)} |", flush=True)


if __name__ == "__main__":
    main()
