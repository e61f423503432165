"""The canary's blocks as OpenVINO runs a UNet's: traced, heads padded, compiled for one size."""

from __future__ import annotations

import numpy as np
import torch

from sdedge.engines.canary_blocks import BLOCKS as BLOCKS
from sdedge.engines.canary_blocks import filled
from sdedge.engines.openvino import graph


@torch.no_grad()
def run_block(name: str, precision: str) -> np.ndarray:
    """Returns what OpenVINO makes of a block in "float32" or "bfloat16": (B, C, H, W) in float32. Raises what it raises."""
    module, inputs = filled(name)
    for layer in module.modules():
        graph.pad_block(layer, 1 if precision == "float32" else graph.TILE)
    model = graph.trace(module, inputs)
    compiled = graph.compile_model(model, [tuple(x.shape) for x in inputs], graph.PRECISIONS[precision])
    result: np.ndarray = compiled([x.numpy() for x in inputs])[0]
    return np.array(result, np.float32)
