"""A LoRA put into a converted UNet: seconds, and memory above the start, by the form of its weights and how much it touches.

    python -m tests.benchmarks.lora_bundle [--folder DIR] [--model full|pocket] [--compress none int8 6bit] [--check]
        [--attention original split-einsum …] [--chunk]

A random LoRA of rank 16 on the attention layers, and one on every convolution and linear layer. Each runs in a process of its
own; memory is by how much the resident set at its largest (VmHWM on Linux) is over that after everything was imported. With
`--check` the copy is compared with a conversion with the LoRA, byte for byte. The aim at full size: 10 s and 0.3 GB above
the start.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.benchmarks.support.processes import peak_bytes

RANK = 16
TOUCHED = {"attention": ("attn1.", "attn2."), "all": ("",)}


def make_lora(model: Path, path: Path, parts: tuple[str, ...]) -> Path:
    import torch
    from safetensors.torch import save_file

    from sdedge.weights.checkpoint import open_checkpoint

    tensors, generator = {}, torch.Generator().manual_seed(0)
    for name, tensor in open_checkpoint(model).components["unet"].items():
        if len(tensor.shape) > 1 and name.endswith(".weight") and any(part in name for part in parts):
            out, inside, *kernel = tensor.shape
            stem = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
            down = torch.randn(RANK, inside, *kernel, generator=generator) * 0.01
            up = torch.randn(out, RANK, *[1] * len(kernel), generator=generator) * 0.01
            tensors |= {f"{stem}.lora_down.weight": down.half(), f"{stem}.lora_up.weight": up.half()}
    save_file(tensors, path)
    return path


def convert_unet(model: Path, out: Path, loras: tuple[tuple[Path, float], ...] = (), **choices: Any) -> Path:
    from converters.coreml import convert, native_size
    from converters.recipe import PackageRecipe

    recipe = PackageRecipe((native_size(str(model)),), components=("unet",), loras=loras, **choices)
    for _ in convert(str(model), out, recipe):
        pass
    return out


def apply_one(bundle: str, lora: str, model: str) -> dict[str, Any]:
    """In this process: what it takes, and which weights there are then."""
    from sdedge.engines.coreml.lora_packages import adapt_bundle
    from sdedge.engines.protocol import LoraUse
    from sdedge.library.manifest import Manifest

    manifest = Manifest.read(bundle)
    _forget_peak()
    before, start = peak_bytes(), time.perf_counter()
    made = adapt_bundle(Path(bundle), manifest, [LoraUse(Path(lora), 1.0, 1.0)], lambda name: Path(model))
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds, "gb": (peak_bytes() - before) / 1e9, "notices": made.notices,
        "packages": {name: str(path) for name, path in made.packages.items()},
    }  # fmt: skip


def _forget_peak() -> None:
    """Lets the peak begin anew at what is resident now; only Linux can, elsewhere what imports took may hide a part."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def measure(folder: Path, name: str, schemes: list[str], attentions: list[str], chunk: bool, check: bool) -> None:
    from sdedge.engines.open import EMBEDDED, locate
    from tests.benchmarks.coreml import make_model

    model = locate(EMBEDDED) if name == "pocket" else make_model(folder / "model")
    print("| weights | attention | touched | seconds | GB above the start | |\n|---|---|---|---:|---:|---|")
    for scheme, attention in itertools.product(schemes, attentions):
        choices = {"compress": scheme, "attention": attention, "chunk": chunk}
        bundle = convert_unet(model, folder / f"bundle-{scheme}-{attention}-{chunk}", **choices)
        for touched, parts in TOUCHED.items():
            lora = make_lora(model, folder / f"{touched}.safetensors", parts)
            done = _apart(folder, str(bundle), str(lora), str(model))
            said = " ".join(done["notices"])
            if check:
                said = f"{_comparison(model, folder / 'fused', done['packages'], lora, choices)} {said}"
            cells = f"{scheme} | {attention}{', chunks' if chunk else ''} | {touched} | {done['seconds']:.1f} | {done['gb']:.2f}"
            print(f"| {cells} | {said} |", flush=True)


def _comparison(model: Path, out: Path, packages: dict[str, str], lora: Path, choices: dict[str, Any]) -> str:
    """Whether the weights of the copies are byte for byte those of a conversion with the LoRA."""
    from sdedge.library.manifest import Manifest

    shutil.rmtree(out, ignore_errors=True)
    fused = convert_unet(model, out, ((lora, 1.0),), **choices)
    parts = Manifest.read(fused).components
    pairs = [(Path(ours), fused / parts[name].file) for name, ours in packages.items()]
    are_equal = [a.read_bytes() == b.read_bytes() for a, b in (map(_weights, pair) for pair in pairs)]
    shutil.rmtree(out)
    return "equal" if all(are_equal) and packages.keys() == parts.keys() else "DIFFERENT"


def _weights(package: Path) -> Path:
    return next(package.rglob("weight.bin"))


def _apart(home: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.lora_bundle", "--one", *arguments]
    environment = {**os.environ, "SDEDGE_HOME": str(home / "home")}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--model", choices=("full", "pocket"), default="full")
    parser.add_argument("--compress", nargs="+", default=["none", "int8", "6bit"])
    parser.add_argument("--attention", nargs="+", default=["split-einsum"])
    parser.add_argument("--chunk", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(apply_one(*options.one)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder, options.model, options.compress, options.attention, options.chunk, options.check)


if __name__ == "__main__":
    main()
