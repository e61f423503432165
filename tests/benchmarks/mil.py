"""How near converted UNets come to torch in float32, by the portable runner: every attention layout, chunked and not, at several
sizes, for the embedded model and for a full-size one of random weights.

    python -m tests.benchmarks.mil [--model embedded|full] [--folder DIR] [--attention NAME …] [--size WxH …]
                                  [--timestep N …] [--whole-only]

"float16" rounds every half-precision result, as the programs say, and is what has to reach 60 dB at every timestep; "float32"
rounds none, at the last one. One latent per call. The full-size model takes 3 GB of disk and is kept in the folder.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from converters.psnr import psnr
from converters.recipe import ATTENTIONS, PackageRecipe
from converters.verify import TIMESTEPS
from converters.verify_floors import floor
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.open import EMBEDDED, locate
from sdedge.engines.protocol import Engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.unet_inputs import UNetInputs
from tests.benchmarks.coreml import make_model

SIZES = ("512x512", "640x640", "512x768")


class Inputs(NamedTuple):
    """Latent (1, 4, h, w), context (1, 77, D) and timestep (1,)."""

    x: Tensor
    context: Tensor
    t: Tensor

    def through(self, engine: Engine) -> Tensor:
        return engine.predict(UNetInputs(self.x, self.t, self.context))


def convert_unet(model: Path, out: Path, attention: str, size: str, chunk: bool) -> Path:
    """In a process of its own, so that its memory dies with it."""
    shutil.rmtree(out, ignore_errors=True)
    choices = map(str, (model, out, attention, size, int(chunk)))
    command = [sys.executable, "-m", "tests.benchmarks.mil", "--one", *choices]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out


def _convert_here(model: str, out: str, attention: str, size: str, chunk: str) -> None:
    from converters.coreml import convert

    width, height = map(int, size.split("x"))
    recipe = PackageRecipe(((width, height),), attention, batch=1, chunk=bool(int(chunk)), components=("unet",))
    for _ in convert(model, Path(out), recipe):
        pass


def inputs_for(engine: TorchEngine, size: str, timesteps: Sequence[int]) -> list[Inputs]:
    """What the UNet is asked at each timestep."""
    W, H = (int(side) // engine.facts.downscale for side in size.split("x"))
    torch.manual_seed(1)
    return [
        Inputs(torch.randn(1, 4, H, W), torch.randn(1, 77, engine.facts.context_width), torch.tensor([float(t)]))
        for t in timesteps
    ]


def compare(
    model: Path, work: Path, attentions: Sequence[str], sizes: Sequence[str], timesteps: Sequence[int], chunks: Sequence[bool]
) -> bool:  # fmt: skip
    """Print a row for each package; whether all reach the floor."""
    engine = TorchEngine.load(model, "cpu", "float32")
    good = True
    for size in sizes:
        inputs = inputs_for(engine, size, timesteps)
        expected = [network_inputs.through(engine) for network_inputs in inputs]
        engine.release("unet")
        for attention in attentions:
            for chunk in chunks:
                bundle = convert_unet(model, work / "bundle", attention, size, chunk)
                good &= _row(bundle, f"| {attention} | {size} | {'two' if chunk else 'whole'} |", inputs, expected)
                shutil.rmtree(bundle)
    return good


def _row(bundle: Path, label: str, inputs: list[Inputs], expected: list[Tensor]) -> bool:
    half = MILEngine(bundle)
    start = time.perf_counter()
    figures = [psnr(y, network_inputs.through(half)) for network_inputs, y in zip(inputs, expected, strict=True)]
    seconds = (time.perf_counter() - start) / len(inputs)
    half.release("unet")
    wide = psnr(expected[-1], inputs[-1].through(MILEngine(bundle, "float32")))
    cells = " | ".join(f"{db:.1f}" for db in figures)
    print(f"{label} {cells} | {wide:.1f} | {seconds:.1f} |", flush=True)
    return min(figures) >= floor(16)["float16"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", choices=("embedded", "full"), nargs="*", default=["embedded", "full"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--attention", nargs="*", default=list(ATTENTIONS))
    parser.add_argument("--size", nargs="*", default=list(SIZES))
    parser.add_argument("--timestep", type=int, nargs="*", default=list(TIMESTEPS))
    parser.add_argument("--whole-only", action="store_true")
    parser.add_argument("--one", nargs=5)
    options = parser.parse_args()
    if options.one:
        _convert_here(*options.one)
        return
    good = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        for name in options.model:
            model = locate(EMBEDDED) if name == "embedded" else make_model(folder / "model")
            columns = " | ".join(f"t = {t}" for t in options.timestep)
            print(f"\n{name}\n\n| attention | size | chunks | {columns} | float32 | s |", flush=True)
            print("|---|---|---|" + "---:|" * (len(options.timestep) + 2), flush=True)
            chunks = (False,) if options.whole_only else (False, True)
            good.append(compare(model, folder, options.attention, options.size, options.timestep, chunks))
    if not all(good):
        raise SystemExit(f"A figure is under {floor(16)['float16']:g} dB.")


if __name__ == "__main__":
    main()
