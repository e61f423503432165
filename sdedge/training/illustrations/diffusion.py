"""The stages that learn to denoise: text encoder and UNet together, on latents that come in as training goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdedge.text.tokenizer import Tokenizer
from sdedge.training.fit import Optimisation, TrainingProgress, fit, hash_of
from sdedge.training.halves import Halves
from sdedge.training.illustrations.captions import caption
from sdedge.training.illustrations.latents import Latents
from sdedge.training.illustrations.reading import token_ids
from sdedge.training.networks import Conditioned

GAMMA = 5.0  # signal-to-noise ratio from which on the loss is that of min-SNR (Hang et al. 2023)
NOISY_SHARE = (
    0.35  # of the timesteps: drawn with a density of t squared, for relations and counts are decided at high noise
)


def alphas_cumprod() -> Tensor:
    """The v1 schedule: float64 (1000,)."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return (1 - betas).cumprod(0)


@dataclass(frozen=True)
class Part:
    """A picture size that a stage learns, in steps of `batch`, on a `fraction` of its steps.

    Where pictures are `drawn` larger than `size`, it learns parts of them, at timesteps `below` a bound: by then it is settled
    what lies where, as when windows go over a picture that was enlarged.
    """

    size: int
    batch: int
    fraction: float = 1.0
    drawn: int = 0
    """0 is `size`."""
    below: int = 1000
    scenes: int = 0
    """How many it meets, since large ones are slow to encode; 0 is as many as the stage does."""

    @property
    def picture(self) -> int:
        """The size of the pictures that are encoded."""
        return self.drawn or self.size


@dataclass(frozen=True)
class DiffusionStage:
    """One line of the model card: at which sizes, how long, how many captions are dropped, and how many scenes it meets.

    Scenes begin at `scenes`, and 250 new ones come in every `renewal` steps.
    """

    name: str
    parts: tuple[Part, ...]
    drop: float
    optimisation: Optimisation
    scenes: int
    renewal: int

    @property
    def batch(self) -> float:
        """Samples in a step, on average."""
        return sum(part.fraction * part.batch for part in self.parts)

    def part(self, draw: float) -> Part:
        """The size that a step learns, by a random number below 1."""
        for part in self.parts:
            draw -= part.fraction
            if draw < 0:
                return part
        return self.parts[-1]


def timesteps(rng: np.random.Generator, batch: int, below: int = 1000) -> np.ndarray:
    """Timesteps (B,) below a bound: stratified over the range, and a share of them towards high noise."""
    places = (rng.permutation(batch) + rng.random(batch)) / batch
    noisy = np.arange(batch) < round(NOISY_SHARE * batch)
    count = int(noisy.sum())
    even = (np.arange(batch - count) + rng.random(batch - count)) / max(1, batch - count)
    return (below * np.concatenate([places[:count] ** (1 / 3), even])).astype(int)


def windows(latents: Tensor, size: int, rng: np.random.Generator) -> Tensor:
    """Returns a square part (B, 4, size, size), anywhere, of each of the latents (B, 4, h, w), which are no smaller."""
    B, C, H, W = latents.shape
    corners = zip(rng.integers(H - size + 1, size=B), rng.integers(W - size + 1, size=B), strict=True)
    return torch.stack([each[:, y : y + size, x : x + size] for each, (y, x) in zip(latents, corners, strict=True)])


def loss_weights(snr: Tensor) -> Tensor:
    """Weights (T,) of the squared error of eps at each timestep, by its signal-to-noise ratio: min(sqrt(snr), sqrt(GAMMA)) / snr.

    Plain eps prediction hardly asks for what is decided at high noise, since its error is small there whatever is drawn;
    1 / sqrt(snr) undoes that in part (Yu et al. 2023), and the cap keeps low noise from being all that is learned.
    """
    return snr.sqrt().clamp(max=GAMMA**0.5) / snr


def train_stage(
    model: Conditioned,
    tokenizer: Tokenizer,
    latents: dict[int, Latents],
    stage: DiffusionStage,
    seed: int,
    folder: Path,
) -> Iterator[TrainingProgress]:
    """Learn eps prediction on scaled latents, with more weight at high noise and captions worded anew at every step."""
    alphas = alphas_cumprod().float()
    snr = alphas / (1 - alphas)
    weights = loss_weights(snr)

    def loss_at(step: int) -> Halves:
        rng = np.random.default_rng((seed, 15, hash_of(stage.name), step))
        part = stage.part(rng.random())
        pool, count = latents[part.picture], part.scenes or stage.scenes + 250 * (step // stage.renewal)
        pool.ensure(count)
        indices = rng.integers(count, size=part.batch)
        x0 = pool.take(indices)
        if part.picture != part.size:
            x0 = windows(x0, part.size // 8, rng)
        eps = torch.from_numpy(rng.standard_normal(x0.shape, dtype=np.float32))
        t = torch.from_numpy(timesteps(rng, part.batch, part.below))
        a = alphas[t][:, None, None, None]
        said = ["" if rng.random() < stage.drop else caption(pool.scenes[i], rng) for i in indices]
        x, ids = a.sqrt() * x0 + (1 - a).sqrt() * eps, token_ids(tokenizer, said)

        def half(number: int) -> Tensor:
            rows = slice(number, None, 2)
            noisy = x[rows].contiguous(memory_format=torch.channels_last)
            error = (model(noisy, t[rows], ids[rows]) - eps[rows]).square().mean((1, 2, 3))
            return (weights[t[rows]] * error).sum() / part.batch

        return Halves(half)

    yield from fit(stage.name, model, loss_at, stage.optimisation, folder)
