"""One-step solvers of the probability-flow ODE dx/dsigma = (x - x0) / sigma (Karras et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, floats, log_mean


def euler(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = float("inf"),
    s_noise: float = 1.0,
    always_draw: bool = False,
) -> Steps:
    """Samples by Euler steps, Karras et al. 2022, algorithm 2 without the correction. Equals k-diffusion's sample_euler."""
    sigmas = floats(sigmas)
    for sigma, sigma_next in pairwise(sigmas):
        gamma = _gamma(sigma, len(sigmas) - 1, s_churn, s_tmin, s_tmax)
        x, sigma_hat = _churn(x, sigma, sigma_next, gamma, noise, s_noise, always_draw)
        x0 = denoise(x, sigma_hat)
        x = x + (x - x0) / sigma_hat * (sigma_next - sigma_hat)
        yield x, x0


def heun(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = float("inf"),
    s_noise: float = 1.0,
    always_draw: bool = False,
) -> Steps:
    """Samples by Heun steps, Karras et al. 2022, algorithm 2. Equals k-diffusion's sample_heun."""
    sigmas = floats(sigmas)
    for sigma, sigma_next in pairwise(sigmas):
        gamma = _gamma(sigma, len(sigmas) - 1, s_churn, s_tmin, s_tmax)
        x, sigma_hat = _churn(x, sigma, sigma_next, gamma, noise, s_noise, always_draw)
        x, x0 = heun_step(denoise, x, sigma_hat, sigma_next)
        yield x, x0


def heun_step(denoise: Denoise, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    x0 = denoise(x, sigma)
    d = (x - x0) / sigma
    if sigma_next == 0:
        return x + d * (sigma_next - sigma), x0
    ahead = x + d * (sigma_next - sigma)
    d_next = (ahead - denoise(ahead, sigma_next)) / sigma_next
    return x + (d + d_next) / 2 * (sigma_next - sigma), x0


def dpm2(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = float("inf"),
    s_noise: float = 1.0,
    always_draw: bool = False,
) -> Steps:
    """Samples by midpoint steps in log sigma (DPM-Solver-2, Lu et al. 2022). Equals k-diffusion's sample_dpm_2."""
    sigmas = floats(sigmas)
    for sigma, sigma_next in pairwise(sigmas):
        gamma = _gamma(sigma, len(sigmas) - 1, s_churn, s_tmin, s_tmax)
        x, sigma_hat = _churn(x, sigma, sigma_next, gamma, noise, s_noise, always_draw)
        x, x0 = midpoint_step(denoise, x, sigma_hat, sigma_next)
        yield x, x0


def midpoint_step(denoise: Denoise, x: Tensor, sigma: float, sigma_next: float) -> tuple[Tensor, Tensor]:
    x0 = denoise(x, sigma)
    d = (x - x0) / sigma
    if sigma_next == 0:
        return x + d * (sigma_next - sigma), x0
    sigma_mid = log_mean(sigma, sigma_next)
    middle = x + d * (sigma_mid - sigma)
    d_mid = (middle - denoise(middle, sigma_mid)) / sigma_mid
    return x + d_mid * (sigma_next - sigma), x0


def _gamma(sigma: float, steps: int, s_churn: float, s_tmin: float, s_tmax: float) -> float:
    return min(s_churn / steps, 2**0.5 - 1) if s_tmin <= sigma <= s_tmax else 0.0


def _churn(
    x: Tensor, sigma: float, sigma_next: float, gamma: float, noise: StepNoise, s_noise: float, always_draw: bool
) -> tuple[Tensor, float]:
    """Raise x to the level sigma (1 + gamma). k-diffusion draws the noise even where gamma is 0: `always_draw`."""
    eps = noise(sigma, sigma_next) if gamma > 0 or always_draw else None
    if gamma > 0 and eps is not None:
        sigma_hat = sigma * (1 + gamma)
        return x + eps * s_noise * (sigma_hat**2 - sigma**2) ** 0.5, sigma_hat
    return x, sigma
