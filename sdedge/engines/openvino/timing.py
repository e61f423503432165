"""OpenVINO beside torch on a CPU: a small UNet of v1's widths at 512x512, timed on both. Part of the probe where it is there."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from sdedge.engines.openvino import graph
from sdedge.engines.openvino.engine import PRECISIONS, compile_model
from sdedge.engines.torch.cpu import fused_unet, kernels
from sdedge.models.attention import set_attention
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet

CONFIG = UNetConfig(block_out_channels=(320, 640), layers_per_block=1)
SIDE = 64  # of the latent
CALLS = 4


@torch.inference_mode()
def share_of_openvino(dtype: torch.dtype, own_attention: bool) -> float:
    """How long OpenVINO takes in a format, of torch's time as the engine runs it. Some seconds, half of them converting."""
    torch.manual_seed(0)
    unet = UNet(CONFIG).eval()
    x, t, context = torch.randn(2, 4, SIDE, SIDE), torch.tensor([500.0]), torch.randn(2, 77, CONFIG.cross_attention_dim)
    ours = UNet(CONFIG).to(dtype).eval()
    if fused_unet.available(dtype):
        fused_unet.fuse(ours)
    if own_attention and dtype == torch.bfloat16:
        set_attention(ours, kernels.attention)
    half = x.to(dtype), t, context.to(dtype)
    torchs = _fastest(lambda: ours(*half))
    return _fastest(_openvino(unet, dtype, x, t.repeat(2), context)) / torchs


def _openvino(unet: UNet, dtype: torch.dtype, x: Tensor, t: Tensor, context: Tensor) -> Callable[[], object]:
    name = str(dtype).removeprefix("torch.")
    models = graph.convert(unet, 1 if dtype == torch.float32 else graph.TILE)
    precision = PRECISIONS[name]
    given = list(compile_model(models["prompt"], [tuple(context.shape)], precision)([context.numpy()]).values())
    inputs = [x.numpy(), t.numpy(), *(array.copy() for array in given)]
    compiled = compile_model(models["whole"], [array.shape for array in inputs], precision)
    return lambda: compiled(inputs, share_inputs=True)


def _fastest(run: Callable[[], object]) -> float:
    times = []
    for _ in range(CALLS + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times[1:])
