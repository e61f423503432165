"""The scale of latents that every package speaks: 0.18215, whatever the model's own.

Apps built on Apple's package divide latents by Stable Diffusion's factor before they decode and multiply by it after they
encode. For a model of another factor the ratio is folded into the 1x1 convolutions at the decoder's and encoder's edges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sdedge.errors import ModelError
from sdedge.weights.held import HeldTensor

FACTOR = 0.18215


def fold_factor(tensors: Mapping[str, Any], factor: float) -> Mapping[str, Any]:
    """Returns a VAE's tensors by name, so that `z * factor / FACTOR` is decoded as z was, and encoded to that.

    Raises ModelError.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ModelError(f"The VAE's scaling_factor is {factor}, which must be above 0; correct its config.json.")
    if factor == FACTOR:
        return tensors
    ratio = factor / FACTOR
    made = {"post_quant_conv.weight": _float(tensors, "post_quant_conv.weight") / ratio}
    for part in ("weight", "bias"):
        mean, logvar = _float(tensors, f"quant_conv.{part}").chunk(2)
        shift = 2 * math.log(ratio) if part == "bias" else 0
        made[f"quant_conv.{part}"] = torch.cat([mean * ratio, logvar + shift])
    return {**tensors, **{name: HeldTensor(tensor.float()) for name, tensor in made.items()}}


def _float(tensors: Mapping[str, Any], name: str) -> Tensor:
    return tensors[name].copy(torch.float64)
