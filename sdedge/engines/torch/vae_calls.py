"""How an engine calls its VAE: in whole, or by rows wherever that is faster, or memory asks for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sdedge.machine import memory_plan as memory
from sdedge.models.vae import VAE
from sdedge.models.vae_rows import RowVAE


class VAECalls:
    """Calls a VAE on one device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def encode(self, vae: Any, dtype: torch.dtype, mode: str, images: Tensor, noise: Tensor) -> Tensor:
        """Returns the scaled latents (B, 4, h, w) of images, sampled by `noise`, in float32; computed in `dtype`."""
        posterior = by_rows(vae, self.device, mode).encode(images.to(self.device, dtype))
        return posterior.sample(noise.to(posterior.mean)).float() * vae.config.scaling_factor

    def decode(self, vae: Any, dtype: torch.dtype, mode: str, latents: Tensor) -> Tensor:
        """Returns the images (B, 3, H, W) of scaled latents in float32, computed in `dtype`."""
        z = (latents.to(self.device) / vae.config.scaling_factor).to(dtype)
        return by_rows(vae, self.device, mode).decode(z).float()


def by_rows(vae: Any, device: torch.device, mode: str) -> Any:
    """Returns the VAE as it computes in a memory mode on a device."""
    if not isinstance(vae, VAE) or (mode == "fast" and device.type != "cpu"):
        return vae
    return RowVAE(vae, hold=memory.LARGEST_MAP_IN_MEMORY if memory.is_tight(mode) else None)
