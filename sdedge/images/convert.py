"""Between tensors in [-1, 1] and 8-bit pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def to_pixels(images: Tensor, rounding: str = "round") -> np.ndarray:
    """Turns images (B, 3, H, W) in [-1, 1] into uint8 (B, H, W, 3); values outside are clipped.

    `rounding` is "round" as diffusers does, or "truncate" as the CompVis scripts and A1111 do.
    """
    scaled = (images.detach().float().cpu() / 2 + 0.5).clamp(0, 1) * 255
    scaled = scaled.round() if rounding == "round" else scaled
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def from_pixels(pixels: np.ndarray) -> Tensor:
    """Turns pixels, uint8 (B, H, W, 3), into float32 (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).float() / 127.5 - 1
