"""The stages that learn the picture code: the whole VAE first, its decoder alone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.models.vae import VAE
from sdedge.training.dataset import Dataset
from sdedge.training.fit import Optimisation, TrainingProgress, fit

CROP = 64


def reconstruction_loss(made: Tensor, true: Tensor) -> Tensor:
    """L1 + squared error + half the L1 error of horizontal and vertical differences."""
    error = made - true
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + error.square().mean() + 0.5 * edges


def colour_loss(latents: Tensor, images: Tensor) -> Tensor:
    """Mean squared error left by the best linear map from latents (B, 4, h, w) to the mean colour of each 8x8 cell."""
    cells = F.avg_pool2d(images, images.shape[2] // latents.shape[2]).permute(0, 2, 3, 1).reshape(-1, 3)
    x = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    gram = x.T @ x / len(x) + 1e-4 * torch.eye(x.shape[1], device=x.device)
    rows = torch.linalg.solve(gram, x.T @ cells / len(x))
    return (x @ rows - cells).square().mean()


def train_vae(
    vae: VAE, data: Dataset, optimisation: Optimisation, seed: int, folder: Path
) -> Iterator[TrainingProgress]:
    """Learn to encode and decode crops, small whole pictures, and in the last 15% of the steps whole pictures.

    `colour_loss` spreads colour over the channels early: such latents are easy for a UNet, and preview well without
    the decoder.
    """
    device = next(vae.parameters()).device

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 1, step))
        full_images = step >= 0.85 * optimisation.steps
        images = data.images(rng.integers(len(data), size=2 if full_images else 8))
        if not full_images:
            images = _shrink(images) if step % 4 == 3 else _crop(images, rng)
        images = images.to(device)
        posterior = vae.encode(images)
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step)).to(device)
        made = vae.decode(posterior.sample(noise))
        kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1 - posterior.logvar).mean()
        return reconstruction_loss(made, images) + 2e-4 * kl + colour_loss(posterior.mean, images)

    yield from fit("vae", vae, loss_at, optimisation, folder)


def train_decoder(
    vae: VAE, data: Dataset, latents: Tensor, optimisation: Optimisation, seed: int, folder: Path
) -> Iterator[TrainingProgress]:
    """Sharpen the decoder on the fixed latents (N, 4, h, w) of whole pictures; what the UNet learnt stays valid."""
    device = next(vae.parameters()).device
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    vae.post_quant_conv.requires_grad_(True)

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 4, step))
        indices = rng.integers(len(data), size=3)
        # A sampled latent is never exactly an encoded one: a little noise teaches the decoder to forgive.
        z = latents[indices].float()
        noise = torch.from_numpy(rng.standard_normal(z.shape, dtype=np.float32))
        made = vae.decode((z + 0.03 * latents_std(latents) * noise).to(device))
        return reconstruction_loss(made, data.images(indices).to(device))

    yield from fit("decoder", vae, loss_at, optimisation, folder)


def latents_std(latents: Tensor) -> float:
    """Standard deviation over the first thousand latents; its inverse is the scaling factor."""
    return float(latents[:1000].float().std())


@torch.no_grad()
def encode_all(vae: VAE, data: Dataset, scale: int, batch: int = 32) -> Iterator[Tensor]:
    """Posterior means of every picture shrunk by `scale`, as float16 (b, 4, h, w) batches."""
    device = next(vae.parameters()).device
    for start in range(0, len(data), batch):
        images = data.images(np.arange(start, min(start + batch, len(data))))
        images = _shrink(images) if scale == 2 else images
        yield vae.encode(images.to(device)).mean.half().cpu()


def _shrink(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, 2)


def _crop(images: Tensor, rng: np.random.Generator) -> Tensor:
    B, C, H, W = images.shape
    corners = rng.integers(0, [H - CROP + 1, W - CROP + 1], size=(B, 2))
    # Half of them look at the middle, where the object is: small, but most of what a caption says.
    corners[::2] = corners[::2] // 2 + (H - CROP) // 4
    return torch.stack([image[:, y : y + CROP, x : x + CROP] for image, (y, x) in zip(images, corners, strict=True)])
