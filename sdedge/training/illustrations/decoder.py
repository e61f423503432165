"""The stage that sharpens the decoder against a discriminator, which tells its pictures from renders (Esser et al. 2021).

Errors of pixels are least for a blur between all places where an edge may be. A discriminator knows that renders have no blur.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from sdedge.models.vae import VAE
from sdedge.training.fit import Optimisation, TrainingProgress, fit, hash_of
from sdedge.training.illustrations.autoencoder import images, loss_of
from sdedge.training.illustrations.world import sample_any

CELL = 8  # pixels of a latent
NOISE = 0.03
"""Of the latents' spread: a drawn latent is never exactly an encoded one, and the decoder learns to forgive."""


@dataclass(frozen=True)
class DecoderStage:
    """How long, on pictures of which `sizes` in turn, and what the loss asks for.

    `colours` and `edges` weigh what they do in the autoencoder's stages; `adversarial` weighs the discriminator's score, and
    `features` the difference of its features (feature matching, Larsen et al. 2016). Steps see two windows of `window` latents
    in each of `batch` pictures for the fraction `windowed` of them, then one whole picture.
    """

    name: str
    optimisation: Optimisation
    sizes: tuple[int, ...]
    colours: float = 0.2
    edges: float = 1.5
    adversarial: float = 0.02
    features: float = 0.3
    batch: int = 2
    window: int = 12
    windowed: float = 0.8


class Discriminator(nn.Module):
    """Tells patches of renders from patches of decoded pictures: one score for each, higher for renders (Isola et al. 2017)."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 96)) -> None:
        super().__init__()
        first, second, third = widths
        self.layers = nn.ModuleList(
            (nn.Conv2d(3, first, 4, 2, 1), nn.Conv2d(first, second, 4, 2, 1), nn.Conv2d(second, third, 3, 1, 1))
        )
        self.score = nn.Conv2d(third, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Pictures (B, 3, H, W) in [-1, 1] -> scores (B, 1, H / 4, W / 4), and the features that they come from."""
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.score(x), features


class DecoderAndDiscriminator(nn.Module):
    """The two networks, which learn at once: neither moves by the other's loss."""

    def __init__(self, vae: VAE) -> None:
        super().__init__()
        self.vae, self.discriminator = vae, Discriminator().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def discriminator_loss(self, made: Tensor, seen: Tensor) -> Tensor:
        """Returns what the discriminator is to make small: the hinge loss of its scores."""
        return F.relu(1 + self.discriminator(made.detach())[0]).mean() + F.relu(1 - self.discriminator(seen)[0]).mean()

    def decoder_losses(self, made: Tensor, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what the decoder is to make small: minus the scores of its pictures, and how far their features are."""
        still = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        score, features = functional_call(self.discriminator, still, (made,))
        with torch.no_grad():
            _, wanted = self.discriminator(seen)
        apart = [(a - b).abs().mean() / (b.abs().mean() + 0.05) for a, b in zip(features, wanted, strict=True)]
        return -score.mean(), torch.stack(apart).mean()


def train_decoder(
    vae: VAE, scaling_factor: float, stage: DecoderStage, seed: int, folder: Path
) -> Iterator[TrainingProgress]:
    """Sharpen the decoder on the encoder's fixed latents; what the UNet learnt stays valid."""
    torch.manual_seed(seed)
    vae.requires_grad_(False)
    vae.decoder.requires_grad_(True)
    vae.post_quant_conv.requires_grad_(True)
    both, cropped = DecoderAndDiscriminator(vae), round(stage.windowed * stage.optimisation.steps)

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, hash_of(stage.name), step))
        scenes = [sample_any(rng) for _ in range(stage.batch if step < cropped else 1)]
        seen = images(scenes, stage.sizes[step % len(stage.sizes)])
        with torch.no_grad():
            latents = vae.encode(seen).mean
        latents = latents + NOISE / scaling_factor * torch.from_numpy(
            rng.standard_normal(latents.shape, dtype=np.float32)
        )
        if step < cropped:
            latents, seen = matching_windows(latents, seen, stage.window, rng)
        made = vae.decode(latents)
        if step < cropped:  # a window's outer cells would need what is beyond them
            made, seen = (x[..., CELL:-CELL, CELL:-CELL] for x in (made, seen))
        score, features = both.decoder_losses(made, seen)
        asked = loss_of(made, seen, stage.colours, stage.edges) + stage.adversarial * score + stage.features * features
        return asked + both.discriminator_loss(made, seen)

    yield from fit(stage.name, both, loss_at, stage.optimisation, folder)


def matching_windows(latents: Tensor, pictures: Tensor, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Returns two windows (2B, 4, size, size) of each of the latents, one anywhere and one near the middle, where things are,
    and the pictures that belong to them."""
    B, C, H, W = latents.shape
    size = min(size, H, W)
    cut, shown = [], []
    for latent, picture in zip(latents, pictures, strict=True):
        for middle in (0.0, 0.5):
            y, x = (
                int(middle * room / 2 + rng.integers(int((1 - middle) * room) + 1)) for room in (H - size, W - size)
            )
            cut.append(latent[:, y : y + size, x : x + size])
            shown.append(picture[:, CELL * y : CELL * (y + size), CELL * x : CELL * (x + size)])
    return _channels_last(cut), _channels_last(shown)


def _channels_last(pieces: list[Tensor]) -> Tensor:
    return torch.stack(pieces).contiguous(memory_format=torch.channels_last)
