"""Differential diffusion (Levin & Fried 2023): a mask of greys, each of which is how strongly its pixel is drawn anew."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sdedge.sampling.reuse import step_finder
from sdedge.sampling.samplers import Denoise


def differential(
    denoise: Denoise, latent: Tensor, strengths: Tensor, initial_noise: Tensor, sigmas: Sequence[float]
) -> Denoise:
    """Begins step i of n with the noised latent wherever a strength is at most 1 - i / n, and denoises what is above.

    latent and initial_noise (B, 4, h, w), strengths (1, 1, h, w) in 0 … 1, sigmas falling to the last, which is the run's end.
    What is kept enters the model as the latent with the initial noise of that sigma. The x0 that is returned is the latent
    where the next step keeps it too, so that a sampler carries it along at its own noise, and the model's where it is let go;
    at the end only black is kept. The step is found from sigma, so that samplers may ask twice, and between two sigmas.
    """
    steps = len(sigmas) - 1
    step = step_finder(sigmas[:-1])

    def denoise_differential(x: Tensor, sigma: float) -> Tensor:
        i = max(step(sigma), 0)
        x0 = denoise(torch.where(strengths <= 1 - i / steps, latent + sigma * initial_noise, x), sigma)
        return torch.where(strengths <= 1 - (i + 1) / steps, latent, x0)

    return denoise_differential
