"""What a ControlNet of full size takes to load out of every container in which people have it.

    python -m tests.benchmarks control_loading
    python -m tests.benchmarks.control_loading [--width narrow] [--folder DIR]

Files of random weights in half precision are made one after the other and removed again, the largest of 3 GB. Each is loaded in a
process of its own into a network in float16; peaks are VmHWM, so mapped pages count. The aim: own weights and a tenth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NARROW = {"block_out_channels": (64, 128, 256, 256), "cross_attention_dim": 64}


def unet_config(width: str) -> Any:
    from sdedge.models.config import UNetConfig

    return UNetConfig(**NARROW) if width == "narrow" else UNetConfig()


def make_controlnet(width: str) -> dict[str, Any]:
    """Returns the weights of a ControlNet in half precision, by diffusers' names."""
    import torch

    from sdedge.models.config import ControlNetConfig
    from sdedge.models.controlnet import ControlNet, HintEmbedding

    torch.manual_seed(0)
    config = ControlNetConfig(unet_config(width))
    hint = {f"controlnet_cond_embedding.{n}": t for n, t in HintEmbedding(config).half().state_dict().items()}
    return {**ControlNet(config).half().state_dict(), **hint}


def ldm_names(state: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns weights under the names of the authors."""
    from sdedge.weights import keys

    table = keys.invert(keys.control_table(keys.unet_layout(state)))
    return {f"{prefix}{keys.rename(name, table)}": tensor for name, tensor in state.items()}


def whole_model(width: str) -> dict[str, Any]:
    """Returns what the authors' first files hold beside the ControlNet: a Stable Diffusion model, as large as it is."""
    import torch

    size = 860_000_000 if width == "full" else 4_000_000
    chunk = 1280 * 1280
    return {
        f"model.diffusion_model.block.{i}.weight": torch.zeros(1280, 1280, dtype=torch.float16)
        for i in range(size // chunk + 1)
    }


def write_pth(path: Path, state: dict[str, Any]) -> Path:
    import torch

    torch.save(state, path)
    return path


def write_safetensors(path: Path, state: dict[str, Any]) -> Path:
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


def write_folder(path: Path, state: dict[str, Any], width: str) -> Path:
    path.mkdir()
    write_safetensors(path / "diffusion_pytorch_model.safetensors", state)
    config = unet_config(width)
    record = {
        "_class_name": "ControlNetModel", "block_out_channels": config.block_out_channels,
        "cross_attention_dim": config.cross_attention_dim, "attention_head_dim": 8, "layers_per_block": 2,
        "conditioning_embedding_out_channels": [16, 32, 96, 256],
    }  # fmt: skip
    (path / "config.json").write_text(json.dumps(record))
    return path


CONTAINERS: dict[str, Callable[[Path, dict[str, Any], str], Path]] = {
    "v1.0 .pth, a whole model inside": lambda folder, state, width: write_pth(
        folder / "control_sd15_canny.pth", {**whole_model(width), **ldm_names(state, "control_model.")}
    ),
    "v1.1 .pth": lambda folder, state, width: write_pth(folder / "v11p_canny.pth", ldm_names(state, "control_model.")),
    ".safetensors": lambda folder, state, width: write_safetensors(folder / "canny.safetensors", ldm_names(state)),
    "diffusers folder": lambda folder, state, width: write_folder(folder / "canny", state, width),
    "difference .safetensors": lambda folder, state, width: write_safetensors(
        folder / "diff.safetensors", {**ldm_names(state), "difference": _nothing()}
    ),
}


def _nothing() -> Any:
    import torch

    return torch.tensor([])


def load(path: str, width: str) -> dict[str, Any]:
    """Loads a ControlNet into networks in float16; returns seconds, and bytes at most above those before, and its own."""
    import torch

    from sdedge.models.controlnet import ControlNet, HintEmbedding
    from sdedge.weights.checkpoint import load_into
    from sdedge.weights.control import open_control

    config = unet_config(width)
    base = _base(Path(path), config)
    before, start = _status("VmRSS"), time.perf_counter()
    model = open_control(Path(path))
    own = model.controlnet_config(config)
    networks = []
    for name, kind in (("encoder", ControlNet), ("hint", HintEmbedding)):
        with torch.device("meta"):
            network = kind(own)
        load_into(network, model.component(name, base), torch.float16)
        networks.append(network)
    for network in networks:
        for parameter in network.parameters():  # mapped pages come when they are read
            parameter.detach().flatten().view(torch.uint8)[::512].sum()
    weights = sum(p.numel() * p.itemsize for network in networks for p in network.parameters())
    return {"seconds": time.perf_counter() - start, "peak": _status("VmHWM") - before, "weights": weights}


def _base(path: Path, config: Any) -> Any:
    """Returns the tensors of the model's own UNet, which a difference is added to: zeros in a file beside it."""
    import torch
    from safetensors.torch import save_file

    from sdedge.models.unet import UNet
    from sdedge.weights.files import open_tensors

    if not path.name.startswith("diff"):
        return {}
    place = path.parent / "base.safetensors"
    if not place.exists():
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in UNet(config).state_dict().items()}
        save_file({name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}, place)
        return {"written": True}
    return open_tensors(place)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", choices=("full", "narrow"), default="full")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        verb, place, width = options.child
        if verb == "load":
            print(json.dumps(load(place, width)))
            return
        folder, name = place.split("::")
        made = CONTAINERS[name](Path(folder), make_controlnet(width), width)
        _base(made, unet_config(width))
        print(json.dumps(str(made)))
        return
    print("| container | s | own weights, MB | peak above them, MB | of them |\n|---|---|---|---|---|")
    for name in CONTAINERS:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            path = _run("make", f"{folder}::{name}", options.width)
            figures = _run("load", path, options.width)
        weights, above = figures["weights"] / 1e6, (figures["peak"] - figures["weights"]) / 1e6
        print(
            f"| {name} | {figures['seconds']:.1f} | {weights:.0f} | {above:.0f} | {above / weights:.0%} |", flush=True
        )


def _run(*child: str) -> Any:
    command = [sys.executable, "-m", "tests.benchmarks.control_loading", "--child", *child]
    output = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    return json.loads(output.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
