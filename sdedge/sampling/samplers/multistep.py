"""Deterministic samplers that reuse the predictions of earlier steps: one evaluation a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, floats, lagrange, weighted

# Adams-Bashforth weights for equal steps, newest first.
ADAMS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def plms(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, repeat: bool = True) -> Steps:
    """Samples by the pseudo linear multistep method (Liu et al. 2022): one improved Euler step, then Adams-Bashforth up to
    fourth order.

    Costs n + 1 evaluations. Equals LDM's PLMS and diffusers' PNDM with skip_prk_steps. `repeat=False` reproduces what
    diffusers and Apple do in image to image: their list of timesteps then lacks the repeated one, so the second step
    is skipped and the latent is read one level lower than it is.
    """
    sigmas = floats(sigmas)
    past: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        if i == 1 and not repeat:
            x = x * ((1 + sigma_next**2) / (1 + sigma**2)) ** 0.5  # the same numbers in DDPM's variable, one level on
            continue
        x0 = denoise(x, sigma)
        eps = (x - x0) / sigma
        past = [eps, *past[:3]]
        if i == 0 and len(sigmas) > 2:
            ahead = x + eps * (sigma_next - sigma)
            eps_next = (ahead - denoise(ahead, sigma_next)) / sigma_next
            direction = (eps + eps_next) / 2
        else:
            direction = weighted(ADAMS[len(past) - 1], past)
        x0 = x - sigma * direction
        x = x + direction * (sigma_next - sigma)
        yield x, x0


def ipndm(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, order: int = 4) -> Steps:
    """Samples by Adams-Bashforth on eps with the weights of equal steps (Liu et al. 2022, Zhang and Chen 2023)."""
    past: list[Tensor] = []
    for sigma, sigma_next in pairwise(floats(sigmas)):
        x0 = denoise(x, sigma)
        past = [(x - x0) / sigma, *past[: order - 1]]
        x = x + weighted(ADAMS[len(past) - 1], past) * (sigma_next - sigma)
        yield x, x0


def lms(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, order: int = 4) -> Steps:
    """Samples by linear multistep with weights integrated for the actual levels. Equals k-diffusion's sample_lms."""
    sigmas = floats(sigmas)
    past: list[Tensor] = []
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        past = [(x - x0) / sigma, *past[: order - 1]]
        nodes = [sigmas[i - j] for j in range(len(past))]
        x = x + weighted(lms_weights(nodes, sigma, sigma_next), past)
        yield x, x0


def lms_weights(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """Returns the integral from start to end of each Lagrange polynomial; four Gauss points are exact for cubics."""
    points, weights = np.polynomial.legendre.leggauss(4)
    at = (start + end) / 2 + (end - start) / 2 * points
    basis = [np.prod([(at - b) / (a - b) for b in nodes if b != a] or [np.ones(4)], axis=0) for a in nodes]
    return [float((weights * values).sum() * (end - start) / 2) for values in basis]


def dpmpp_2m(denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, first_order: int = 0) -> Steps:
    """Samples by DPM-Solver++(2M), Lu et al. 2022, algorithm 2. Equals k-diffusion's sample_dpmpp_2m.

    A last step to zero is first order; `first_order` makes that many last steps first order whatever their level.
    """
    sigmas = floats(sigmas)
    x0_past: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        if sigma_next == 0:
            x = x0
        else:
            h = math.log(sigma / sigma_next)
            d = x0
            if x0_past is not None and i < len(sigmas) - 1 - first_order:
                r = math.log(sigmas[i - 1] / sigma) / h
                d = (1 + 1 / (2 * r)) * x0 - (1 / (2 * r)) * x0_past
            x = sigma_next / sigma * x - math.expm1(-h) * d
        x0_past = x0
        yield x, x0


def deis(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    order: int = 2,
    lower_order_final: bool = True,
) -> Steps:
    """Samples by DEIS in log rho (Zhang and Chen 2023): eps extrapolated as a polynomial in log sigma, integrated exactly.

    Equals diffusers' DEISMultistepScheduler, which below 15 steps lowers the order at the end (`lower_order_final`).
    """
    sigmas = floats(sigmas)
    past: list[Tensor] = []
    steps = len(sigmas) - 1
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        past = [(x - x0) / sigma, *past[: order - 1]]
        allowed = steps - i if lower_order_final and steps < 15 else order
        used = min(len(past), allowed)
        nodes = [math.log(sigmas[i - j] / sigma) for j in range(used)]
        moments = sigma * _exponential_moments(used, sigma_next / sigma)
        x = x + weighted([float(lagrange(nodes, j) @ moments) for j in range(used)], past)
        yield x, x0


def _exponential_moments(count: int, ratio: float) -> np.ndarray:
    """Returns the integrals of u^k e^u for u from 0 to log(ratio), k = 0 … count - 1; ratio may be 0."""
    moments = [ratio - 1]
    for k in range(1, count):
        moments.append((math.log(ratio) ** k * ratio if ratio > 0 else 0.0) - k * moments[-1])
    return np.array(moments)


def unipc(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    order: int = 2,
    variant: str = "bh2",
    corrector: bool = True,
) -> Steps:
    """Samples by UniPC, Zhao et al. 2023, algorithms 5 to 8, predicting x0. Equals diffusers' UniPCMultistepScheduler.

    The order falls at the end (…, 2, 1), as it rises at the start.
    """
    sigmas = floats(sigmas)
    past: list[Tensor] = []  # x0, newest first
    x_last, used = x, 0
    for i, (sigma, sigma_next) in enumerate(pairwise(sigmas)):
        x0 = denoise(x, sigma)
        if i > 0 and corrector:
            h, nodes = _log_ratios(sigmas, i - 1, used)
            weights, scale = _unipc_weights(h, [*nodes, 1.0], variant)
            differences = [(m - past[0]) / r for m, r in zip(past[1:], nodes)] + [x0 - past[0]]
            x = sigma / sigmas[i - 1] * x_last - math.expm1(-h) * past[0] - scale * weighted(weights, differences)
        past = [x0, *past[: order - 1]]
        used = min(order, len(sigmas) - 1 - i, len(past))
        x_last = x
        if sigma_next == 0:
            x = x0
        else:
            h, nodes = _log_ratios(sigmas, i, used)
            x = sigma_next / sigma * x - math.expm1(-h) * x0
            if nodes:
                weights, scale = _unipc_weights(h, nodes, variant)
                x = x - scale * weighted(weights, [(m - x0) / r for m, r in zip(past[1:], nodes)])
        yield x, x0


def _log_ratios(sigmas: Sequence[float], i: int, order: int) -> tuple[float, list[float]]:
    """Returns (h, nodes): the step from level i in lambda = -log sigma, and the earlier levels in units of it."""
    h = math.log(sigmas[i] / sigmas[i + 1])
    return h, [math.log(sigmas[i] / sigmas[i - j]) / h for j in range(1, order)]


def _unipc_weights(h: float, nodes: Sequence[float], variant: str) -> tuple[list[float], float]:
    """Returns the weights of the differences and the step function B(h) (UniPC, eq. 10 to 12)."""
    hh = -h
    scale = hh if variant == "bh1" else math.expm1(hh)
    phi, factorial, b = math.expm1(hh) / hh - 1, 1, []
    for k in range(1, len(nodes) + 1):
        b.append(phi * factorial / scale)
        factorial *= k + 1
        phi = phi / hh - 1 / factorial
    if len(nodes) == 1:
        return [0.5], scale  # the paper's degenerate case: exact for both variants to second order
    matrix = np.vander(nodes, increasing=True).T
    return np.linalg.solve(matrix, b).tolist(), scale
