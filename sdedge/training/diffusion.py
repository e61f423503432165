"""The stages that learn to denoise: text encoder and UNet together, in latents of a trained VAE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sdedge.models.clip import CLIPText
from sdedge.models.unet import UNet
from sdedge.text.tokenizer import Tokenizer
from sdedge.training.dataset import Dataset, tokens
from sdedge.training.fit import Optimisation, TrainingProgress, fit

GAMMA = 5.0  # min-SNR loss weighting (Hang et al. 2023)


def alphas_cumprod() -> Tensor:
    """The v1 schedule: float64 (1000,)."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)


class Conditioned(nn.Module):
    """The two networks that learn together."""

    def __init__(self, text_encoder: CLIPText, unet: UNet) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        return self.unet(x, t, self.text_encoder(ids))


@dataclass(frozen=True)
class DiffusionStage:
    """One line of the model card: at which resolution, how long, and how many captions are dropped."""

    name: str
    scale: int
    batch: int
    drop: float
    optimisation: Optimisation


def train_stage(
    model: Conditioned,
    tokenizer: Tokenizer,
    data: Dataset,
    latents: Tensor,
    stage: DiffusionStage,
    seed: int,
    folder: Path,
) -> Iterator[TrainingProgress]:
    """Learn eps prediction on scaled latents (N, 4, h, w), with stratified timesteps and min-SNR weights."""
    device = next(model.parameters()).device
    alphas = alphas_cumprod().float()
    snr = alphas / (1 - alphas)
    weights = snr.clamp(max=GAMMA) / snr

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, 2, hash_of(stage.name), step))
        indices = rng.integers(len(data), size=stage.batch)
        x0 = latents[indices].float()
        eps = torch.from_numpy(rng.standard_normal(x0.shape, dtype=np.float32))
        # Stratified: one timestep in each of `batch` equal parts of the range.
        t = torch.from_numpy((1000 * (np.arange(stage.batch) + rng.random(stage.batch)) / stage.batch).astype(int))
        a = alphas[t][:, None, None, None]
        ids = tokens(tokenizer, data.captions(indices, rng, stage.drop))
        x = a.sqrt() * x0 + (1 - a).sqrt() * eps
        error = (model(x.to(device), t.to(device), ids.to(device)) - eps.to(device)).square().mean((1, 2, 3))
        return (weights[t].to(device) * error).mean()

    yield from fit(stage.name, model, loss_at, stage.optimisation, folder)


def hash_of(name: str) -> int:
    """A number for a stage name that is the same in every process."""
    return int.from_bytes(name.encode(), "big") % 2**32
