"""Samplers that step below the next level and add fresh noise to come back up to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, ancestral, floats, log_mean


def euler_a(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """Samples by Euler steps with renewed noise. Equals k-diffusion's sample_euler_ancestral."""
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        down, up = ancestral(sigma, sigma_next, eta)
        x = x + (x - x0) / sigma * (down - sigma)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x, x0


def ddim(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    eta: float = 0.0,
    always_draw: bool = False,
) -> Steps:
    """Samples by DDIM, Song et al. 2021, eq. 12 and 16; in this variable it is an Euler step with DDIM's share of noise.

    LDM draws noise even at eta 0 (`always_draw`), which matters where a masked run draws from the same stream.
    """
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        down, up = ancestral(sigma, sigma_next, eta)
        x = x0 + (x - x0) * (down / sigma)
        if up > 0 or always_draw:
            x = x + noise(sigma, sigma_next) * up
        yield x, x0


def ddpm(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise) -> Steps:
    """Samples ancestrally as Ho et al. 2020 do, with the smaller variance: DDIM at eta 1."""
    return ddim(denoise, x, sigmas, noise, eta=1.0)


def dpm2_a(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """Samples by DPM-Solver-2 midpoint steps with renewed noise. Equals k-diffusion's sample_dpm_2_ancestral."""
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        down, up = ancestral(sigma, sigma_next, eta)
        d = (x - x0) / sigma
        if down == 0:
            x = x + d * (down - sigma)
        else:
            sigma_mid = log_mean(sigma, down)
            middle = x + d * (sigma_mid - sigma)
            d_mid = (middle - denoise(middle, sigma_mid)) / sigma_mid
            x = x + d_mid * (down - sigma)
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x, x0


def dpmpp_2s_a(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """Samples by DPM-Solver++(2S), Lu et al. 2022, with renewed noise. Equals k-diffusion's sample_dpmpp_2s_ancestral."""
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        down, up = ancestral(sigma, sigma_next, eta)
        if down == 0:
            x = x + (x - x0) / sigma * (down - sigma)
        else:
            h = math.log(sigma / down)
            sigma_mid = log_mean(sigma, down)
            middle = sigma_mid / sigma * x - math.expm1(-h / 2) * x0
            x = down / sigma * x - math.expm1(-h) * denoise(middle, sigma_mid)
        if sigma_next > 0:
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x, x0
