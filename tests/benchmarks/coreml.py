"""Core ML conversion at full v1 size, from random weights: seconds and peak memory of every component; and what compression
costs the embedded model. How near the packages come to torch is measured by `tests.benchmarks.mil`.

    python -m tests.benchmarks.coreml [--folder DIR] [--part time|compress] [--attention NAME …]

The model takes 3 GB of disk and 4 GB of memory to make, each package as much disk again; both are kept in the folder.
Every conversion runs in a process of its own; peaks are VmHWM, so mapped pages count.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from converters.recipe import ATTENTIONS
from tests.benchmarks.support.processes import peak_bytes

TIMESTEPS = (1, 261, 501, 741, 981)


# The model


def make_model(folder: Path) -> Path:
    """A diffusers folder of full-size random networks in half precision, safety checker included."""
    import torch
    from safetensors.torch import save_file

    from sdedge.engines.open import EMBEDDED, locate
    from sdedge.engines.protocol import Component
    from sdedge.engines.torch.networks import NETWORKS
    from sdedge.models.safety import SafetyChecker
    from tests.benchmarks.loading import published_config, weights_name

    if (folder / "model_index.json").exists():
        return folder
    torch.manual_seed(0)
    for name in (Component.TEXT_ENCODER, Component.UNET, Component.VAE):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(published_config(name, {})))
        save_file(_halved(NETWORKS[name]({})), folder / name / weights_name(name, "safetensors"))
        gc.collect()
    (folder / "safety_checker").mkdir(exist_ok=True)
    config = {"vision_config": VISION, "projection_dim": 768}
    (folder / "safety_checker" / "config.json").write_text(json.dumps(config))
    save_file(_halved(SafetyChecker(config)), folder / "safety_checker" / "model.safetensors")
    shutil.copytree(locate(EMBEDDED) / "tokenizer", folder / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }
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
    from converters.recipe import PackageRecipe

    names = None if components == "all" else tuple(components.split(","))
    width, height = map(int, size.split("x"))
    for _ in convert(str(model), out, PackageRecipe(((width, height),), attention, components=names)):
        pass
    return {"seconds": time.perf_counter() - start, "gb": peak_bytes() / 1e9}


def time_all(model: Path, work: Path, attentions: list[str]) -> None:
    print("| component | attention | seconds | peak GB | MB |\n|---|---|---:|---:|---:|")
    for attention in attentions:
        for components in ("unet", "text_encoder", "vae_decoder", "vae_encoder", "safety_checker", "all"):
            if components not in ("unet", "all") and attention != attentions[0]:
                continue
            out = work / "timed"
            shutil.rmtree(out, ignore_errors=True)
            done = _apart("--one", str(model), str(out), components, attention, "512x512")
            size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file()) / 1e6
            print(f"| {components} | {attention} | {done['seconds']:.0f} | {done['gb']:.2f} | {size:.0f} |", flush=True)
            shutil.rmtree(out)


# Compression of the embedded model


def compress_all(work: Path, pictures: int) -> None:
    """Size of each variant's UNet, its PSNR by the portable runner, and the facts its weights get right, drawn by torch."""
    from converters.coreml import convert
    from converters.recipe import COMPRESSIONS, NEWER, PackageRecipe
    from sdedge.engines.open import EMBEDDED, locate
    from sdedge.library.manifest import Manifest

    print(
        "| weights | bits | UNet MB | PSNR dB | facts right % | all facts % | lost % |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    reference = None
    for scheme in (*COMPRESSIONS, "mixed-45"):
        out = work / "compressed" / scheme
        shutil.rmtree(out, ignore_errors=True)
        target = "macOS15" if scheme in NEWER else "macOS13"
        recipe = PackageRecipe(((128, 128),), "original", target, compress=scheme, components=("text_encoder", "unet"))
        for _ in convert(EMBEDDED, out, recipe):
            pass
        fractions = _obeyed(_unpacked(locate(EMBEDDED), out, work / "unpacked"), pictures)
        reference = reference or fractions["mean"]
        part = Manifest.read(out).components["unet"]
        size = (out / part.file / "Data/com.apple.CoreML/weights/weight.bin").stat().st_size
        bits = 8 * size / _numbers(locate(EMBEDDED) / "unet")
        facts = (f"{100 * x:.1f}" for x in (fractions["mean"], fractions["all"], reference - fractions["mean"]))
        print(f"| {scheme} | {bits:.1f} | {size / 1e6:.2f} | {_worst(out):.1f} | {' | '.join(facts)} |", flush=True)


def _numbers(folder: Path) -> int:
    from safetensors.torch import load_file

    return sum(tensor.numel() for tensor in load_file(next(folder.glob("*.safetensors"))).values())


def _unpacked(model: Path, bundle: Path, folder: Path) -> Path:
    """The model with the weights that a bundle's packages hold, as a diffusers folder."""
    import torch
    from safetensors.torch import load_file, save_file

    from sdedge.engines.coreml.portable.package import Package
    from sdedge.engines.coreml.portable.runner import decode

    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model, folder)
    for component, package in (("unet", "Unet"), ("text_encoder", "TextEncoder")):
        path = next((folder / component).glob("*.safetensors"))
        state = load_file(path)
        opened = Package.open(bundle / f"{package}.mlpackage")
        held = decode(opened, opened.function())
        for name, tensor in state.items():
            if (value := held.get(name.replace(".", "_"))) is not None and value.size == tensor.numel():
                state[name] = torch.tensor(value).reshape(tensor.shape)
        save_file(state, path)
    return folder


def _obeyed(model: Path, pictures: int) -> dict[str, float]:
    from sdedge.engines.open import load_engine
    from sdedge.evaluation.obedience import obedience
    from sdedge.evaluation.tally import Tally
    from sdedge.generation.pipeline import Pipeline
    from sdedge.request import Request

    tally, seeds = Tally(), (1, 2)
    request = Request(prompt="", model=str(model), steps=12, width=128, height=128)
    for drawn in obedience(Pipeline(load_engine("cpu", "float32")), request, pictures // len(seeds), seeds):
        tally.add(drawn.answers)
    return tally.fractions()


def _worst(bundle: Path) -> float:
    """The lowest PSNR of the UNet over the timesteps."""
    import torch

    from converters.psnr import psnr
    from sdedge.engines.coreml.portable.engine import MILEngine
    from sdedge.engines.open import EMBEDDED, locate
    from sdedge.engines.torch.engine import TorchEngine
    from sdedge.models.unet_inputs import UNetInputs

    theirs, ours = TorchEngine.load(locate(EMBEDDED), "cpu", "float32"), MILEngine(bundle, "float16")
    torch.manual_seed(2)
    rows = []
    for t in TIMESTEPS:
        x, context, steps = torch.randn(2, 4, 16, 16), torch.randn(2, 77, 128), torch.full((2,), float(t))
        rows.append(psnr(theirs.predict(UNetInputs(x, steps, context)), ours.predict(UNetInputs(x, steps, context))))
    return min(rows)


def _apart(*arguments: str) -> dict[str, float]:
    """What this benchmark prints when it runs in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.coreml", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--part", choices=("time", "compress"))
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--attention", nargs="*", default=list(ATTENTIONS))
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
        if options.part in (None, "compress"):
            compress_all(folder, options.pictures)
        if options.part == "compress":
            return
        _apart("--make", str(folder / "model"))
        time_all(folder / "model", folder, options.attention)


if __name__ == "__main__":
    main()
