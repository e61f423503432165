"""The stages that learn the picture code: the whole VAE on scenes drawn as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.models.layers import Downsample2D, ResnetBlock2D, Upsample2D
from sdedge.models.vae import VAE
from sdedge.training.fit import Optimisation, TrainingProgress, fit, hash_of
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import Scene, sample_any

CROP = 64
LARGEST = 3  # times the size that is learned at first: twice the sides of the largest pictures that are drawn natively


def images(scenes: list[Scene], size: int) -> Tensor:
    """Scenes drawn: float32 (B, 3, size, size) in [-1, 1], channels last in memory."""
    pixels = torch.from_numpy(np.stack([render(scene, size) for scene in scenes]))
    return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


@dataclass(frozen=True)
class AutoencoderStage:
    """One stage of the autoencoder: how long, and what its loss asks for.

    `colours` weighs the mean colours of cells, in the reconstruction and as a linear reading of the latents; `edges` weighs
    the differences of neighbouring pixels.
    """

    name: str
    optimisation: Optimisation
    colours: float
    edges: float
    batch: int = 6


def train_vae(vae: VAE, stage: AutoencoderStage, size: int, seed: int, folder: Path) -> Iterator[TrainingProgress]:
    """Learn to encode and decode every scene of the world, those that no caption names among them.

    A step sees `batch` crops of 64 pixels out of half as many pictures, or as many small whole pictures, and in the last
    15% of the steps whole pictures.
    """
    steps = stage.optimisation.steps

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((seed, hash_of(stage.name), step))
        if step >= 0.85 * steps:
            seen = images([sample_any(rng) for _ in range(max(1, stage.batch // 3))], size)
        else:
            seen = parts(step, stage.batch, size, rng)
        posterior = vae.encode(seen)
        noise = torch.randn(posterior.mean.shape, generator=torch.Generator().manual_seed(step))
        made = vae.decode(posterior.sample(noise))
        kl = 0.5 * (posterior.mean.square() + posterior.logvar.exp() - 1 - posterior.logvar).mean()
        linear = colour_loss(posterior.mean, opponents(seen))
        return loss_of(made, seen, stage.colours, stage.edges) + 2e-4 * kl + stage.colours * linear

    yield from fit(stage.name, vae, loss_at, stage.optimisation, folder)


def parts(step: int, batch: int, size: int, rng: np.random.Generator) -> Tensor:
    """Returns what a step sees of scenes (`batch`, 3, 64, 64): in turn crops of pictures of `size`, twice, and of one of up to
    three times that, and small whole pictures.

    Without the large ones a picture that was enlarged comes back with other colours: nothing in it is as small as was learned.
    """
    if step % 4 == 3:
        return images([sample_any(rng) for _ in range(batch)], CROP)
    drawn = round(size * rng.uniform(1, LARGEST)) if step % 4 == 1 else size
    return crops(images([sample_any(rng) for _ in range(batch // 2)], drawn), rng)


def crops(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Two crops of each picture (B, 3, S, S): one anywhere, and that of four in which most happens."""
    cut = []
    for picture in pictures:
        corners = rng.integers(0, picture.shape[-1] - CROP + 1, size=(5, 2))
        candidates = torch.stack([picture[:, y : y + CROP, x : x + CROP] for y, x in corners])
        busy = (candidates - candidates.median(dim=3, keepdim=True).values).abs().mean((1, 2, 3))
        cut += [candidates[0], candidates[1 + int(busy[1:].argmax())]]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def opponents(colours: Tensor) -> Tensor:
    """RGB (B, 3, h, w) as lightness, red against green, and blue against yellow, each about as spread over the scenes.

    Few pixels are told apart by red and green alone, so an error there weighs little in RGB: an autoencoder that has not seen
    many pictures yet does without, and every paint comes out orange or blue.
    """
    red, green, blue = colours.unbind(1)
    return torch.stack([(red + green + blue) / 3, 3 * (red - green), 1.5 * (blue - (red + green) / 2)], dim=1)


def colour_loss(latents: Tensor, images: Tensor) -> Tensor:
    """Mean squared error left by the best linear map from latents (B, 4, h, w) to the mean colour of each 8x8 cell."""
    cells = F.avg_pool2d(images, images.shape[2] // latents.shape[2]).permute(0, 2, 3, 1).reshape(-1, 3)
    x = latents.permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    x = torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
    gram = x.T @ x / len(x) + 1e-4 * torch.eye(x.shape[1], device=x.device)
    rows = torch.linalg.solve(gram, x.T @ cells / len(x))
    return (x @ rows - cells).square().mean()


def loss_of(made: Tensor, seen: Tensor, colours: float, edges: float) -> Tensor:
    """L1 and squared error, and by their weights the error of edges and of the mean colours of 8x8 cells, as opponents."""
    error = made - seen
    steepness = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    cells = opponents(F.avg_pool2d(error, 8)).abs().mean()
    return error.abs().mean() + error.square().mean() + edges * steepness + colours * cells


@torch.no_grad()
def start_direct(vae: VAE) -> None:
    """Let fresh residual branches and attention add nothing, and everything else pass on what comes in.

    The first latents are then mixtures of the mean colours of their cells, from which both halves learn at once.
    """
    for name, module in vae.named_modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.zero_()
            if module.conv_shortcut is not None:
                _pass_on(module.conv_shortcut.weight, slice(0, 1), 1.0)
        elif isinstance(module, Downsample2D):
            module.conv.weight.zero_()
            _pass_on(module.conv.weight, slice(0, 2), 0.25)
        elif isinstance(module, Upsample2D):
            module.conv.weight.mul_(0.2)
            _pass_on(module.conv.weight, slice(1, 2), 1.0)
        elif name.endswith("to_out.0"):
            module.weight.zero_()


def _pass_on(weight: Tensor, area: slice, value: float) -> None:
    for channel in range(min(weight.shape[:2])):
        weight[channel, channel, area, area] = value
