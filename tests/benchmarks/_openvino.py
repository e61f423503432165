"""The peer "OpenVINO by itself": diffusers' UNet converted as it is, and what both sides convert before the clock runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

PEER = "openvino bfloat16"


def home(model: Path) -> Path:
    """Where our converted networks of the benchmark's model are kept."""
    return model.parent / "home"


def prepare(model: Path, engines: Collection[str]) -> None:
    """Convert what these engines need and is not there yet, each in a process of its own, so that no peak counts for a run."""
    needed = {PEER: "peer", "sdedge openvino bfloat16": "bfloat16", "sdedge openvino int8": "int8"}
    for what in [kind for engine, kind in needed.items() if engine in engines]:
        environment = {**os.environ, "SDEDGE_HOME": str(home(model))}
        command = [sys.executable, "-m", "tests.benchmarks._openvino", what, str(model)]
        subprocess.run(command, check=True, env=environment)


def openvino_step(model: Path, size: int, batch: int) -> Callable[[], object]:
    """One guided call of diffusers' UNet: static shapes, bfloat16, the hint for latency."""
    import torch

    from sdedge.backends.openvino_graph import load_openvino

    ov = load_openvino()

    network = ov.Core().read_model(_peer(model))
    inputs = [torch.randn(2 * batch, 4, size // 8, size // 8), torch.full((2 * batch,), 500.0), torch.randn(2 * batch, 77, 768)]
    network.reshape({port: list(tensor.shape) for port, tensor in zip(network.inputs, inputs, strict=True)})
    compiled = ov.Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"})
    arrays = [tensor.numpy() for tensor in inputs]
    return lambda: compiled(arrays)


def _peer(model: Path) -> Path:
    return model.parent / "peer" / "unet.xml"


def _convert_peer(model: Path) -> None:
    import torch
    from diffusers import UNet2DConditionModel

    from sdedge.backends.openvino_graph import load_openvino

    ov = load_openvino()

    class Plain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unet = UNet2DConditionModel.from_pretrained(model / "unet", torch_dtype=torch.float32).eval()

        def forward(self, x: torch.Tensor, t: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
            return self.unet(x, t, context, return_dict=False)[0]

    example = torch.zeros(2, 4, 8, 8), torch.full((2,), 500.0), torch.zeros(2, 77, 768)
    with torch.no_grad():
        traced = torch.jit.trace(Plain(), example, check_trace=False)
        ov.save_model(ov.convert_model(traced, example_input=example), _peer(model), compress_to_fp16=True)


def _convert_ours(model: Path, precision: str) -> None:
    from sdedge.backends import openvino_int8
    from sdedge.backends.openvino import OpenVINOEngine

    # Random weights have no quality to lose: ranges of one picture of two steps.
    openvino_int8.PROMPTS, openvino_int8.STEPS = openvino_int8.PROMPTS[:1], 2
    OpenVINOEngine.open(model, precision).convert_once()


if __name__ == "__main__":
    what, path = sys.argv[1], Path(sys.argv[2])
    if what != "peer":
        _convert_ours(path, what)
    elif not _peer(path).is_file():
        _peer(path).parent.mkdir(parents=True, exist_ok=True)
        _convert_peer(path)
