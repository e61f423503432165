"""OpenVINO beside torch on a CPU: a small UNet of v1's widths at 512x512, timed on both, once per machine.

The result is kept in the CPU's finding, beside what the probe of `sdedge.machine` found of torch alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from sdedge.engines.openvino import graph
from sdedge.engines.openvino.graph import compile_model
from sdedge.engines.torch.cpu import fused_unet, kernels
from sdedge.machine import findings, formats
from sdedge.machine.findings import GAIN, DeviceFinding
from sdedge.machine.formats import dtype_name, measured
from sdedge.machine.memory import available_memory
from sdedge.machine.picture_memory import NARROW
from sdedge.machine.probe import DTYPES, OWN
from sdedge.models.attention import set_attention
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet

CONFIG = UNetConfig(block_out_channels=(320, 640), layers_per_block=1)
SIDE = 64  # of the latent
CALLS = 4
FREE = 6 * 10**9
"""Bytes that must be free before OpenVINO is considered: it takes more than twice of what torch does."""


def prefers_openvino(width: int) -> bool:
    """Returns whether a UNet of `width` channels is clearly faster by OpenVINO on this machine's CPU."""
    if width < NARROW or not findings.openvino_version() or available_memory()[0] <= FREE:
        return False
    finding = with_openvino(measured(torch.device("cpu")))
    return 0 < finding.openvino * GAIN < 1


def with_openvino(finding: DeviceFinding) -> DeviceFinding:
    """Returns a finding with OpenVINO's time in it, which is measured now, and kept as `formats.keep` does, if it never was.

    Nothing is measured on other devices, where OpenVINO is not installed, for float16, or where too little memory is free.
    """
    usual = finding.device == "cpu" and finding.dtype != "float16"
    if finding.openvino or not usual or not findings.openvino_version() or available_memory()[0] <= FREE:
        return finding
    ratio = ratio_to_torch(DTYPES[finding.dtype], finding.attention_in(finding.dtype) == OWN)
    timed = replace(finding, openvino=ratio, reason=f"{finding.reason} OpenVINO takes {ratio:.2f} of torch's time.")
    formats.keep(timed)
    return timed


@torch.inference_mode()
def ratio_to_torch(dtype: torch.dtype, own_attention: bool) -> float:
    """Returns how long OpenVINO takes in a format, as a ratio to torch as the engine runs it.

    That takes some seconds, half of them for the conversion.
    """
    torch.manual_seed(0)
    unet = UNet(CONFIG).eval()
    x, t, context = torch.randn(2, 4, SIDE, SIDE), torch.tensor([500.0]), torch.randn(2, 77, CONFIG.cross_attention_dim)
    ours = UNet(CONFIG).to(dtype).eval()
    if fused_unet.available(dtype):
        fused_unet.fuse(ours)
    if own_attention and kernels.attends(dtype):
        set_attention(ours, kernels.attention)
    half = x.to(dtype), t, context.to(dtype)
    torchs, theirs = _fastest(lambda: ours(*half), _openvino(unet, dtype, x, t.repeat(2), context))
    return theirs / torchs


def _openvino(unet: UNet, dtype: torch.dtype, x: Tensor, t: Tensor, context: Tensor) -> Callable[[], object]:
    models = graph.convert(unet, 1 if dtype == torch.float32 else graph.TILE)
    name = dtype_name(dtype)
    projected = list(compile_model(models["prompt"], [tuple(context.shape)], name)([context.numpy()]).values())
    inputs = [x.numpy(), t.numpy(), *(array.copy() for array in projected)]
    compiled = compile_model(models["whole"], [array.shape for array in inputs], name)
    return lambda: compiled(inputs, share_inputs=True)


def _fastest(*runs: Callable[[], object]) -> list[float]:
    """Returns the seconds of the fastest call of each, which take turns, so that a neighbour does not slow one of them alone."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(CALLS + 1):
        for run, own in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            own.append(time.perf_counter() - start)
    return [min(own[1:]) for own in times]
