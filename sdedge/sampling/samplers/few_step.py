"""Samplers for distilled models: each step predicts the image at once and adds noise for the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, floats


def lcm(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, c_skip: Sequence[float] | None = None
) -> Steps:
    """Samples latent consistency models, Luo et al. 2023, algorithm 3. Equals diffusers' LCMScheduler.

    `c_skip` holds the boundary scaling of each step (`lcm_boundary`); without it the prediction is taken as it is,
    as k-diffusion style samplers do, which differs by less than 1e-5 above timestep 19.
    """
    sigmas = floats(sigmas)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        if c_skip is not None:
            x0 = (1 - c_skip[i]) ** 0.5 * x0 + c_skip[i] * (1 + sigma**2) ** -0.5 * x
        x = x0 + sigma_next * noise(sigma, sigma_next) if sigma_next > 0 else x0
        yield x, x0


def lcm_boundary(timestep: float, scaling: float = 10.0, sigma_data: float = 0.5) -> float:
    """Returns c_skip of a consistency model; c_out is sqrt(1 - c_skip)."""
    return sigma_data**2 / ((timestep * scaling) ** 2 + sigma_data**2)


def tcd(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, down: Sequence[float]) -> Steps:
    """Samples models of trajectory consistency distillation, Zheng et al. 2024, algorithm 4. Equals diffusers' TCDScheduler.

    `down` is, for each step, the level the model is taken to before noise brings it up to the next one: that of
    timestep floor((1 - eta) t_next). The last step adds no noise.
    """
    sigmas = floats(sigmas)
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        x = x0 + (x - x0) / sigma * down[i]
        if sigma_next > down[i] and i < len(sigmas) - 2:
            x = x + noise(sigma, sigma_next) * (sigma_next**2 - down[i] ** 2) ** 0.5
        yield x, x0
