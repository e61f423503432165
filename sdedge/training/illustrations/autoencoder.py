"""The stages that learn the picture code: the whole VAE on scenes drawn as it goes, and its decoder alone at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.models.vae import VAE
from sdedge.training.autoencoder import colour_loss, reconstruction_loss
from sdedge.training.fit import Optimisation, TrainingProgress, fit
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import Scene, sample_any

CROP = 64


def images(scenes: list[Scene], size: int) -> Tensor:
    """Scenes drawn: float32 (B, 3, size, size) in [-1, 1], channels last in memory."""
    pixels = torch.from_numpy(np.stack([render(scene, size) for scene in scenes]))
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def train_vae(
    vae: VAE, batch: int, size: int, optimisation: Optimisation, seed: int, folder: Path
) -> Iterator[TrainingProgress]:
    """Learn to encode and decode every scene of the world, those that no caption names among them.

    A step sees `batch` crops of 64 pixels out of half as many pictures, or as many small whole pictures, and in the last
    15% of the steps whole pictures.
    """

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 11, step))
        if step >= 0.85 * optimisation.steps:
            seen = images([sample_any(rng) for _ in range(max(1, batch // 3))], size)
        elif step % 4 == 3:
            seen = images([sample_any(rng) for _ in range(batch)], CROP)
        else:
            seen = crops(images([sample_any(rng) for _ in range(batch // 2)], size), rng)
        posterior = vae.encode(seen)
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step))
        made = vae.decode(posterior.sample(noise))
        kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1 - posterior.logvar).mean()
        return loss_of(made, seen) + 2e-4 * kl + colour_loss(posterior.mean, seen)

    yield from fit("vae", vae, loss_at, optimisation, folder)


def crops(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Two crops of each picture (B, 3, S, S): one anywhere, and that of four in which most happens."""
    cut = []
    for picture in pictures:
        corners = rng.integers(0, picture.shape[-1] - CROP + 1, size=(5, 2))
        candidates = torch.stack([picture[:, y : y + CROP, x : x + CROP] for y, x in corners])
        busy = (candidates - candidates.median(dim=3, keepdim=True).values).abs().mean((1, 2, 3))
        cut += [candidates[0], candidates[1 + int(busy[1:].argmax())]]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def loss_of(made: Tensor, seen: Tensor) -> Tensor:
    """The reconstruction's error, and once more that of the mean colour of each 8x8 cell, which a paint is told by."""
    return reconstruction_loss(made, seen) + F.avg_pool2d(made - seen, 8).abs().mean()


def train_decoder(
    vae: VAE,
    scaling_factor: float,
    batch: int,
    sizes: tuple[int, ...],
    optimisation: Optimisation,
    seed: int,
    folder: Path,
) -> Iterator[TrainingProgress]:
    """Sharpen the decoder on the encoder's fixed latents of whole pictures; what the UNet learnt stays valid."""
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    vae.post_quant_conv.requires_grad_(True)

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 14, step))
        seen = images([sample_any(rng) for _ in range(batch)], sizes[step % len(sizes)])
        with torch.no_grad():
            latents = vae.encode(seen).mean
        # A drawn latent is never exactly an encoded one: a little noise teaches the decoder to forgive.
        noise = torch.from_numpy(rng.standard_normal(latents.shape, dtype=np.float32))
        return loss_of(vae.decode(latents + 0.03 / scaling_factor * noise), seen)

    yield from fit("decoder", vae, loss_at, optimisation, folder)
