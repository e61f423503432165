"""The peer "OpenVINO by itself": diffusers' UNet converted as it is, and what both sides convert before the clock runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

PEER, PEER_INT8 = "openvino bfloat16", "openvino int8"


def home(model: Path) -> Path:
    """Where our converted networks of the benchmark's model are kept."""
    return model.parent / "home"


def prepare(model: Path, engines: Collection[str]) -> None:
    """Convert what these engines need and is not there yet, each in a process of its own, so that no peak counts for a run."""
    needed = {
        PEER: "peer",
        PEER_INT8: "peer_int8",
        "sdedge openvino bfloat16": "bfloat16",
        "sdedge openvino int8": "int8",
    }
    for what in [kind for engine, kind in needed.items() if engine in engines]:
        environment = {**os.environ, "SDEDGE_HOME": str(home(model))}
        command = [sys.executable, "-m", "tests.benchmarks.support.openvino_peer", what, str(model)]
        subprocess.run(command, check=True, env=environment)


def openvino_step(name: str, model: Path, size: int, batch: int) -> Callable[[], object]:
    """One guided call of diffusers' UNet: static shapes, the hint for latency, bfloat16 or int8 beside what is faster of bfloat16
    and float32."""
    from sdedge.engines.openvino.devices import CPU, precision
    from sdedge.engines.openvino.graph import load_openvino

    ov = load_openvino()
    network = ov.Core().read_model(_peer(model, "int8" if name == PEER_INT8 else "unet"))
    inputs = _inputs(2 * batch, size // 8)
    network.reshape({port: list(array.shape) for port, array in zip(network.inputs, inputs, strict=True)})
    hint = precision(CPU, "int8" if name == PEER_INT8 else "bfloat16")
    compiled = ov.Core().compile_model(network, CPU, {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"})
    return lambda: compiled(inputs)


def _inputs(rows: int, side: int) -> list[Any]:
    import torch

    return [
        x.numpy() for x in (torch.randn(rows, 4, side, side), torch.full((rows,), 500.0), torch.randn(rows, 77, 768))
    ]


def _peer(model: Path, name: str) -> Path:
    return model.parent / "peer" / f"{name}.xml"


def _quantize_peer(model: Path) -> None:
    """As NNCF's guide does it for a transformer. Random weights have no quality to lose: ranges of two calls."""
    import nncf

    from sdedge.engines.openvino.graph import load_openvino

    ov = load_openvino()
    full = ov.Core().read_model(_peer(model, "unet"))
    calls = [_inputs(2, 64) for _ in range(2)]
    made = nncf.quantize(full, nncf.Dataset(calls), subset_size=len(calls), model_type=nncf.ModelType.TRANSFORMER)
    ov.save_model(made, _peer(model, "int8"), compress_to_fp16=True)


def _convert_peer(model: Path) -> None:
    import torch
    from diffusers import UNet2DConditionModel

    from sdedge.engines.openvino.graph import load_openvino

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
        ov.save_model(ov.convert_model(traced, example_input=example), _peer(model, "unet"), compress_to_fp16=True)


def _convert_ours(model: Path, precision: str) -> None:
    from sdedge.engines.openvino import int8
    from sdedge.engines.openvino.engine import OpenVINOEngine

    # Random weights have no quality to lose: ranges of one picture of two steps.
    int8.PROMPTS, int8.STEPS = int8.PROMPTS[:1], 2
    OpenVINOEngine.open(model, precision).convert_once()


def _convert(what: str, model: Path) -> None:
    if what in ("bfloat16", "int8"):
        _convert_ours(model, what)
    elif what == "peer" and not _peer(model, "unet").is_file():
        _peer(model, "unet").parent.mkdir(parents=True, exist_ok=True)
        _convert_peer(model)
    elif what == "peer_int8" and not _peer(model, "int8").is_file():
        prepare(model, [PEER])
        _quantize_peer(model)


if __name__ == "__main__":
    _convert(sys.argv[1], Path(sys.argv[2]))
