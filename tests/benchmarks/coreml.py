"""Core ML conversion at full v1 size, from random weights: seconds and peak memory of every component, and how near the
packages come to the float32 model under the portable runner with every result rounded to half precision.

    python -m tests.benchmarks.coreml [--folder DIR] [--part time|psnr] [--attention NAME …] [--size WxH …]

The model takes 3 GB of disk and 4 GB of memory to make, each package as much disk again; both are kept in the folder.
Every conversion runs in a process of its own; peaks are ru_maxrss, so mapped pages count.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from converters.recipe import ATTENTIONS

TIMESTEPS = (1, 261, 501, 741, 981)
SIZES = ("512x512", "640x640", "512x768")


# The model


def make_model(folder: Path) -> Path:
    """A diffusers folder of full-size random networks in half precision, safety checker included."""
    import torch
    from safetensors.torch import save_file

    from sdedge.backends.torch import NETWORKS
    from sdedge.engines import EMBEDDED, locate
    from sdedge.models.safety import SafetyChecker
    from tests.benchmarks.loading import _file, _whole

    if (folder / "model_index.json").exists():
        return folder
    torch.manual_seed(0)
    for name, build in NETWORKS.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(_whole(name, {})))
        save_file(_halved(build({})), folder / name / _file(name, "safetensors"))
        gc.collect()
    (folder / "safety_checker").mkdir(exist_ok=True)
    config = {"vision_config": VISION, "projection_dim": 768}
    (folder / "safety_checker" / "config.json").write_text(json.dumps(config))
    save_file(_halved(SafetyChecker(config)), folder / "safety_checker" / "model.safetensors")
    shutil.copytree(locate(EMBEDDED) / "tokenizer", folder / "tokenizer")
    index = {"_class_name": "StableDiffusionPipeline", "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


VISION = {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14,
}  # fmt: skip


def _halved(network: Any) -> dict[str, Any]:
    state = {name: tensor for name, tensor in network.half().state_dict().items() if not name.endswith("position_ids")}
    return {name: tensor.contiguous() for name, tensor in state.items()}


# Time and memory


def convert_one(model: Path, out: Path, components: str, attention: str, size: str) -> dict[str, float]:
    """In this process: seconds and peak memory of a conversion, imports included."""
    start = time.perf_counter()
    from converters.coreml import convert
    from converters.recipe import Recipe

    names = None if components == "all" else tuple(components.split(","))
    width, height = map(int, size.split("x"))
    for _ in convert(str(model), out, Recipe(((width, height),), attention, components=names)):
        pass
    return {"seconds": time.perf_counter() - start, "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def time_all(model: Path, work: Path, attentions: list[str]) -> None:
    print("| component | attention | seconds | peak GB | MB |\n|---|---|---:|---:|---:|")
    for attention in attentions:
        for components in ("unet", "text_encoder", "vae_decoder", "vae_encoder", "safety_checker", "all"):
            if components in ("text_encoder", "safety_checker") and attention != attentions[0]:
                continue
            out = work / "timed"
            shutil.rmtree(out, ignore_errors=True)
            done = _apart("--one", str(model), str(out), components, attention, "512x512")
            size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
            print(f"| {components} | {attention} | {done['seconds']:.0f} | {done['gb']:.2f} | {size:.0f} |", flush=True)
            shutil.rmtree(out)


# Numbers


def compare(model: Path, work: Path, size: str, attentions: list[str]) -> None:
    """Rows of a table for one size: PSNR at each timestep with half-precision results, at the last one with float32 results,
    and the two chunks against the whole.
    """
    from converters.psnr import psnr
    from sdedge.backends.mil.package import Package
    from sdedge.backends.mil.runner import Runner

    inputs, references = _references(model, size)
    width, height = map(int, size.split("x"))
    for attention in attentions:
        out = work / f"compared-{size}-{attention}"
        whole = _convert(model, out / "whole", (width, height), attention, chunk=False)
        run = Runner(Package.open(whole / "Unet.mlpackage"))
        outputs = [run(given)["noise_pred"] for given in inputs]
        figures = [f"{psnr(reference, output):.1f}" for reference, output in zip(references, outputs, strict=True)]
        exact = Runner(Package.open(whole / "Unet.mlpackage"), precision="float32")(inputs[-1])["noise_pred"]
        halves = _convert(model, out / "halves", (width, height), attention, chunk=True)
        chunked = psnr(references[-1], _through_chunks(halves, inputs[-1]))
        print(f"| {size} | {attention} | {' | '.join(figures)} | {psnr(references[-1], exact):.1f} | {chunked:.1f} |", flush=True)
        shutil.rmtree(out)


def _references(model: Path, size: str) -> tuple[list[dict[str, Any]], list[Any]]:
    """Inputs by timestep, and what the float32 network makes of them."""
    import torch

    from sdedge.backends.torch import TorchEngine

    engine = TorchEngine.load(model, "cpu", "float32")
    width, height = (int(side) // engine.facts.downscale for side in size.split("x"))
    torch.manual_seed(1)
    inputs, references = [], []
    for t in TIMESTEPS:
        x, context, timestep = torch.randn(1, 4, height, width), torch.randn(1, 77, 768), torch.tensor([float(t)])
        references.append(engine.predict(x, timestep, context))
        inputs.append({"sample": x, "timestep": timestep, "encoder_hidden_states": context.transpose(1, 2)[:, :, None]})
    return inputs, references


def _convert(model: Path, out: Path, size: tuple[int, int], attention: str, chunk: bool) -> Path:
    from converters.coreml import convert
    from converters.recipe import Recipe

    for _ in convert(str(model), out, Recipe((size,), attention, batch=1, chunk=chunk, components=("unet",))):
        pass
    return out


def _through_chunks(out: Path, inputs: dict[str, Any]) -> Any:
    from sdedge.backends.mil.package import Package
    from sdedge.backends.mil.runner import Runner

    between = Runner(Package.open(out / "UnetChunk1.mlpackage"))(inputs)
    given = {"encoder_hidden_states": inputs["encoder_hidden_states"], **between}
    return Runner(Package.open(out / "UnetChunk2.mlpackage"))(given)["noise_pred"]


def _apart(*arguments: str) -> dict[str, float]:
    """What this benchmark prints when it runs in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.coreml", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", choices=("time", "psnr"))
    parser.add_argument("--attention", nargs="*", default=list(ATTENTIONS))
    parser.add_argument("--size", nargs="*", default=list(SIZES))
    parser.add_argument("--one", nargs=5)
    parser.add_argument("--make", type=Path)
    options = parser.parse_args()
    if options.make:
        make_model(options.make)
        print("{}")
        return
    if options.one:
        model, out, components, attention, size = options.one
        print(json.dumps(convert_one(Path(model), Path(out), components, attention, size)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        _apart("--make", str(folder / "model"))
        if options.part != "psnr":
            time_all(folder / "model", folder, options.attention)
        if options.part != "time":
            columns = [f"t = {t}" for t in TIMESTEPS]
            print(f"\n| size | attention | {' | '.join(columns)} | float32, t = 981 | in two chunks, t = 981 |")
            print("|---" * (len(columns) + 4) + "|", flush=True)
            for size in options.size:
                compare(folder / "model", folder, size, options.attention)


if __name__ == "__main__":
    main()
