"""FreeU (Si et al. 2023): in the first two up blocks half of the features are raised and the skips' low frequencies lowered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from sdedge.models.unet import UNet, joined
from sdedge.models.unet_inputs import FreeU
from sdedge.models.unet_walk import Layer


@contextmanager
def reweighted(unet: UNet, freeu: FreeU) -> Iterator[None]:
    """Within: the way up of `unet` (plain, fused, streamed or int8) joins features and skips as FreeU does; after: plainly."""
    unet.join = lambda layer, x, skip: _join(freeu, layer, x, skip)
    try:
        yield
    finally:
        unet.join = joined


def _join(freeu: FreeU, layer: Layer, x: Tensor, skip: Tensor) -> Tensor:
    factors = {0: (freeu.b1, freeu.s1), 1: (freeu.b2, freeu.s2)}.get(-1 if layer.up_block is None else layer.up_block)
    if factors is None:
        return joined(layer, x, skip)
    raise_by = x.new_ones(x.shape[1], 1, 1)
    raise_by[: x.shape[1] // 2] = factors[0]
    return joined(layer, x * raise_by, scale_lowest(skip, factors[1]))


def scale_lowest(x: Tensor, scale: float) -> Tensor:
    """Returns a map (B, C, H, W) with its lowest frequencies times `scale`: the 2x2 box about the middle of its spectrum.

    The box is shifted, as in the reference: it holds the frequencies 0 and -1 of either side. The real part of scaling them
    is the mean and the cosines and sines of three waves, projected and added; no complex numbers are needed.
    """
    B, C, H, W = x.shape
    basis = _waves(H, W, x.device)
    pixels = x.permute(0, 2, 3, 1).reshape(B, H * W, C).float()
    change = (basis.T @ (basis @ pixels)) * ((scale - 1) / (H * W))  # (B, H W, C)
    return x + change.to(x.dtype).view(B, H, W, C).permute(0, 3, 1, 2)


@lru_cache(maxsize=16)
def _waves(height: int, width: int, device: torch.device) -> Tensor:
    """Returns the mean, and the cosine and sine of each wave of the box, as rows (n, H W) in float32."""
    y, x = torch.arange(height)[:, None] / height, torch.arange(width) / width
    waves = []
    for down in range(min(height, 2)):
        for across in range(min(width, 2)):
            angle = (2 * math.pi * (down * y + across * x)).flatten()
            waves += [angle.cos(), angle.sin()] if down or across else [angle.cos()]
    return torch.stack(waves).to(device)
