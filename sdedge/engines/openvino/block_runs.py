"""The canary's blocks as OpenVINO runs a UNet's: traced, heads padded, compiled for one size."""

from __future__ import annotations

import numpy as np
import torch

from sdedge.engines.canary_blocks import BLOCKS as BLOCKS
from sdedge.engines.canary_blocks import filled
from sdedge.engines.openvino import graph
from sdedge.engines.openvino.devices import CPU


@torch.no_grad()
def run_block(name: str, dtype: str, device: str = CPU) -> np.ndarray:
    """Returns what OpenVINO makes of a block in a floating format: (B, C, H, W) in float32. Raises what it raises."""
    module, inputs = filled(name)
    for layer in module.modules():
        graph.pad_block(layer, 1 if dtype == "float32" else graph.TILE)
    model = graph.trace(module, inputs)
    compiled = graph.compile_model(model, [tuple(x.shape) for x in inputs], dtype, device)
    result: np.ndarray = compiled([x.numpy() for x in inputs])[0]
    return np.array(result, np.float32)
