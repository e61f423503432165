"""Solvers of the reverse diffusion SDE: a deterministic part of higher order and noise from one path or fresh draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, ancestral, floats, lagrange, weighted
from sdedge.sampling.samplers.ode import heun_step
from sdedge.sampling.schedule import sigmas_karras


def dpmpp_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
) -> Steps:
    """Samples by two-stage DPM-Solver++ SDE. Equals k-diffusion's sample_dpmpp_sde, given the same Brownian path."""
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        if sigma_next == 0:
            x = x + (x - x0) / sigma * (sigma_next - sigma)
        else:
            h = math.log(sigma / sigma_next)
            sigma_mid = sigma * math.exp(-r * h)
            down, up = ancestral(sigma, sigma_mid, eta)
            middle = down / sigma * x - math.expm1(math.log(down / sigma)) * x0
            middle = middle + noise(sigma, sigma_mid) * (s_noise * up)
            x0_mid = denoise(middle, sigma_mid)

            fraction = 1 / (2 * r)
            down, up = ancestral(sigma, sigma_next, eta)
            d = (1 - fraction) * x0 + fraction * x0_mid
            x = down / sigma * x - math.expm1(math.log(down / sigma)) * d
            x = x + noise(sigma, sigma_next) * (s_noise * up)
        yield x, x0


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver: str = "midpoint",
) -> Steps:
    """Samples by DPM-Solver++(2M) SDE, Lu et al. 2022. Equals k-diffusion's sample_dpmpp_2m_sde."""
    x0_past: Tensor | None = None
    h_past = 0.0
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        if sigma_next == 0:
            x = x0
        else:
            h = math.log(sigma / sigma_next)
            gain = -math.expm1(-h * (1 + eta))
            x = sigma_next / sigma * math.exp(-eta * h) * x + gain * x0
            if x0_past is not None:
                slope = gain / (-h * (1 + eta)) + 1 if solver == "heun" else 0.5 * gain
                x = x + slope * (h / h_past) * (x0 - x0_past)
            x = _renew(x, sigma, sigma_next, noise, eta, s_noise)
            h_past = h
        x0_past = x0
        yield x, x0


def dpmpp_2m_sde_heun(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """Samples by DPM-Solver++(2M) SDE with the Heun form of the second-order term."""
    return dpmpp_2m_sde(denoise, x, sigmas, noise, eta=eta, s_noise=s_noise, solver="heun")


def dpmpp_3m_sde(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 1.0, s_noise: float = 1.0
) -> Steps:
    """Samples by DPM-Solver++(3M) SDE. Equals k-diffusion's sample_dpmpp_3m_sde."""
    past: list[Tensor] = []
    steps: list[float] = []  # earlier h, newest first
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        if sigma_next == 0:
            x = x0
        else:
            h = math.log(sigma / sigma_next)
            g = h * (1 + eta)
            phi_2 = math.expm1(-g) / g + 1
            x = math.exp(-g) * x - math.expm1(-g) * x0
            if len(past) == 2:
                r0, r1 = steps[0] / h, steps[1] / h
                d10, d11 = (x0 - past[0]) / r0, (past[0] - past[1]) / r1
                d1 = d10 + (d10 - d11) * (r0 / (r0 + r1))
                d2 = (d10 - d11) / (r0 + r1)
                x = x + phi_2 * d1 - (phi_2 / g - 0.5) * d2
            elif past:
                x = x + phi_2 * ((x0 - past[0]) / (steps[0] / h))
            x = _renew(x, sigma, sigma_next, noise, eta, s_noise)
            steps = [h, *steps[:1]]
        past = [x0, *past[:1]]
        yield x, x0


def _renew(x: Tensor, sigma: float, sigma_next: float, noise: StepNoise, eta: float, s_noise: float) -> Tensor:
    if eta == 0:
        return x
    scale = sigma_next * (-math.expm1(-2 * eta * math.log(sigma / sigma_next))) ** 0.5
    return x + noise(sigma, sigma_next) * (scale * s_noise)


def sa_solver(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    tau: float | Sequence[float] = 1.0,
    predictor_order: int = 2,
    corrector_order: int = 2,
) -> Steps:
    """Samples by SA-Solver, Xue et al. 2023, predicting x0. Equals diffusers' SASolverScheduler.

    `tau` scales the noise of each step (one value, or one per step); 0 gives Adams' method for the ODE.
    """
    sigmas = floats(sigmas)
    steps = len(sigmas) - 1
    taus = [float(tau)] * steps if isinstance(tau, (int, float)) else floats(tau)
    lambdas = [-math.log(sigma) if sigma > 0 else math.inf for sigma in sigmas]
    past: list[Tensor] = []  # x0, newest first
    x_last, eps_last, order_last = x, x, 0
    for i in range(steps):
        x0 = denoise(x, sigmas[i])
        if i > 0:
            weights = _adams_moulton(lambdas, i, order_last, taus[i - 1])
            x = _sa_step(x_last, weights, [x0, *past], sigmas[i - 1], sigmas[i], taus[i - 1], eps_last)
        past = [x0, *past[: max(predictor_order, corrector_order - 1) - 1]]
        order = min(predictor_order, steps - i, i + 1)
        order_last = min(corrector_order, steps - i + 1, i + 2)
        x_last, eps_last = x, noise(sigmas[i], sigmas[i + 1])
        if sigmas[i + 1] == 0:
            x = x0
        else:
            weights = _adams_bashforth(lambdas, i, order, taus[i])
            x = _sa_step(x_last, weights, past, sigmas[i], sigmas[i + 1], taus[i], eps_last)
        yield x, x0


def _sa_step(
    x: Tensor, weights: Sequence[float], x0s: Sequence[Tensor], sigma: float, sigma_next: float, tau: float, eps: Tensor
) -> Tensor:
    h = math.log(sigma / sigma_next)
    x = math.exp(-(tau**2) * h) * (sigma_next / sigma) * x + weighted(weights, x0s)
    return x + sigma_next * (-math.expm1(-2 * tau**2 * h)) ** 0.5 * eps


def _adams_bashforth(lambdas: Sequence[float], i: int, order: int, tau: float) -> list[float]:
    h, c = lambdas[i + 1] - lambdas[i], 1 + tau**2
    weights = _sa_weights([lambdas[i - j] - lambdas[i + 1] for j in range(order)], h, c)
    if order == 2:  # the authors' second-order predictor replaces the integral by h^2 / 2
        change = c * (h**2 / 2 - (h * c - 1 + math.exp(-c * h)) / c**2) / (lambdas[i] - lambdas[i - 1])
        weights = [weights[0] + change, weights[1] - change]
    return weights


def _adams_moulton(lambdas: Sequence[float], i: int, order: int, tau: float) -> list[float]:
    h, c = lambdas[i] - lambdas[i - 1], 1 + tau**2
    weights = _sa_weights([lambdas[i - j] - lambdas[i] for j in range(order)], h, c)
    if order == 2:
        change = c * (h / 2 - (h * c - 1 + math.exp(-c * h)) / (c**2 * h))
        weights = [weights[0] + change, weights[1] - change]
    return weights


def _sa_weights(nodes: Sequence[float], h: float, c: float) -> list[float]:
    """Returns c times the integral over v in [-h, 0] of e^(c v) times each Lagrange polynomial of `nodes`."""
    moments = [-math.expm1(-c * h)]
    for k in range(1, len(nodes)):
        moments.append(-((-h) ** k) * math.exp(-c * h) - k / c * moments[-1])
    return [float(lagrange(nodes, j) @ np.array(moments)) for j in range(len(nodes))]


def restart(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    s_noise: float = 1.0,
    segments: Sequence[tuple[float, float, int, int]] | None = None,
) -> Steps:
    """Samples with restarts, Xu et al. 2023, algorithm 1, by Heun steps.

    Each segment (sigma_low, sigma_high, steps, times) says: on reaching sigma_low, `times` times add noise up to
    sigma_high and come down again in `steps` Karras steps; both ends snap to the nearest level. Without segments the
    A1111 choice is made, which spends the same number of steps: see `restart_sigmas`.
    """
    eps_level = None
    for sigma, sigma_next in restart_sigmas(floats(sigmas), segments):
        if eps_level is not None and sigma > eps_level:
            x = x + noise(eps_level, sigma) * (s_noise * (sigma**2 - eps_level**2) ** 0.5)
        x, x0 = heun_step(denoise, x, sigma, sigma_next)
        eps_level = sigma_next
        yield x, x0


def restart_sigmas(
    sigmas: Sequence[float], segments: Sequence[tuple[float, float, int, int]] | None = None
) -> list[tuple[float, float]]:
    """Returns the (from, to) pairs of a restart run. Where to is below the next from, noise is added between them.

    By default: nothing below 20 steps; one restart of 9 steps from 20 on; two of a quarter of the steps from 36 on,
    between sigma 0.1 and 2, taken from the number asked, the rest spread as Karras does.
    """
    steps = len(sigmas) - 1
    if segments is None:
        inner, times = (steps // 4, 2) if steps >= 36 else (9, 1) if steps >= 20 else (0, 0)
        segments = [(0.1, 2.0, inner, times)] if times else []
        if times:
            sigmas = [*sigmas_karras(steps - inner * times, sigmas[-2], sigmas[0]), 0.0]
    plan: dict[int, tuple[float, float, int, int]] = {
        _nearest(sigmas, low): (low, high, n, k) for low, high, n, k in segments
    }
    pairs = []
    for i, pair in enumerate(pairwise(sigmas)):
        pairs.append(pair)
        if i + 1 in plan:
            _, high, inner, times = plan[i + 1]
            top = _nearest(sigmas, high)
            if top < i + 1:
                pairs += list(pairwise(sigmas_karras(inner + 1, sigmas[i + 1], sigmas[top]))) * times
    return pairs


def _nearest(sigmas: Sequence[float], sigma: float) -> int:
    return min(range(len(sigmas)), key=lambda i: abs(sigmas[i] - sigma))
