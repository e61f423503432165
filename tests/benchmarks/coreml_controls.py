"""How near a converted ControlNet and the UNet that takes it come to diffusers in float32, by the portable runner, at v1's size.

    python -m tests.benchmarks.coreml_controls [--folder DIR] [--attention NAME …] [--size WxH] [--timestep N …] [--narrow]

Prints dB for every result rounded to half precision, which has to be 60 or more: of all residuals together, and of the noise that
is predicted. Weights are random. The model and its ControlNet take 4 GB of disk and stay there; diffusers' networks 5 GB of
memory, one after the other. `--narrow` does the same with networks of a few channels, to try the command.
"""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from converters.coreml import build_graphs
from converters.graphs import Graph
from converters.package import write_package
from converters.psnr import psnr
from converters.recipe import ATTENTIONS, PackageRecipe
from converters.source import open_source
from converters.verify import TIMESTEPS
from converters.verify_floors import floor
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from tests.benchmarks.coreml import make_model
from tests.conftest import write_tiny_model
from tests.control_models import random_controlnet

Values = Mapping[str, Tensor]
Referee = Callable[[Any, Values], dict[str, Tensor]]


def make_models(folder: Path, narrow: bool) -> tuple[Path, Path]:
    """A model of random weights and a ControlNet for it, whose residuals are not zero."""
    model, net = folder / "model", folder / "controlnet"
    if narrow and not model.exists():
        write_tiny_model(model, layers=2)
    elif not narrow:
        make_model(model)
    if not net.exists():
        unet = json.loads((model / "unet" / "config.json").read_text())
        widths = (4, 6, 8, 10) if narrow else (16, 32, 96, 256)
        random_controlnet(unet, 1, 0.02, widths).half().save_pretrained(net)
        gc.collect()
    return model, net


def values_for(graph: Graph, timestep: int) -> dict[str, Tensor]:
    """Random inputs of a graph; the hint is in 0 … 1, residuals are of a tenth of the skips' size."""
    torch.manual_seed(timestep)
    made = {name: torch.randn(port.shape) for name, port in graph.inputs.items()}
    made = {name: value / 10 if name.startswith("additional_") else value for name, value in made.items()}
    if "controlnet_cond" in made:
        made["controlnet_cond"] = torch.rand_like(made["controlnet_cond"])
    return {**made, "timestep": torch.full_like(made["timestep"], float(timestep))}


@torch.no_grad()
def residuals_of(network: Any, values: Values) -> dict[str, Tensor]:
    """What diffusers' ControlNet gives, under the package's names."""
    context = values["encoder_hidden_states"].squeeze(2).transpose(1, 2)
    down, middle = network(values["sample"], values["timestep"], context, values["controlnet_cond"], return_dict=False)
    return {f"additional_residual_{i}": residual for i, residual in enumerate([*down, middle])}


@torch.no_grad()
def noise_of(network: Any, values: Values) -> dict[str, Tensor]:
    """What diffusers' UNet predicts with these residuals."""
    context = values["encoder_hidden_states"].squeeze(2).transpose(1, 2)
    *down, middle = (values[f"additional_residual_{i}"] for i in range(len(values) - 3))
    more = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
    return {"noise_pred": network(values["sample"], values["timestep"], context, **more).sample}


def compare(
    graph: Graph, load: Callable[[], Any], referee: Referee, path: Path, timesteps: list[int]
) -> tuple[list[float], float]:
    """dB at each timestep, and the seconds of a call of the portable runner."""
    inputs = [values_for(graph, t) for t in timesteps]
    network = load()
    expected = [referee(network, values) for values in inputs]
    del network
    gc.collect()
    shutil.rmtree(path, ignore_errors=True)
    write_package({"main": graph}, path, "macOS13")
    runner, start = Runner(Package.open(path)), time.perf_counter()
    made = [runner(values) for values in inputs]
    seconds = (time.perf_counter() - start) / len(inputs)
    shutil.rmtree(path)
    return [_psnr(wanted, outputs) for wanted, outputs in zip(expected, made, strict=True)], seconds


def _psnr(wanted: Values, made: Values) -> float:
    """dB of all outputs together, as the UNet gets residuals."""
    return psnr(torch.cat([y.flatten() for y in wanted.values()]), torch.cat([made[name].flatten() for name in wanted]))


def main() -> None:
    from diffusers import ControlNetModel, UNet2DConditionModel

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--attention", nargs="*", default=["split-einsum", "original"], choices=ATTENTIONS)
    parser.add_argument("--size", default="")
    parser.add_argument("--timestep", type=int, nargs="*", default=list(TIMESTEPS))
    parser.add_argument("--narrow", action="store_true")
    options = parser.parse_args()
    width, height = map(int, (options.size or ("64x64" if options.narrow else "512x512")).split("x"))
    good = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        model, net = make_models(folder, options.narrow)
        source = open_source(str(model), (), (str(net),))
        (component,) = source.controls
        referees = {
            component: (lambda: ControlNetModel.from_pretrained(net, torch_dtype=torch.float32).eval(), residuals_of),
            "controlled_unet": (
                lambda: UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32).eval(), noise_of,
            ),
        }  # fmt: skip
        print(f"| network | attention | {' | '.join(f't = {t}' for t in options.timestep)} | s a call |")
        for attention in options.attention:
            recipe = PackageRecipe(((width, height),), attention)
            for name, (load, referee) in referees.items():
                graph = build_graphs(source, recipe, name)[name]["main"]
                figures, seconds = compare(graph, load, referee, folder / "made.mlpackage", options.timestep)
                cells = " | ".join(f"{db:.1f}" for db in figures)
                print(f"| {name} | {attention} | {cells} | {seconds:.1f} |", flush=True)
                good &= min(figures) >= floor(16)["float16"]
    sys.exit(0 if good else "Some come under the floor.")


if __name__ == "__main__":
    main()
