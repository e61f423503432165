"""DPM-Solver (Lu et al. 2022) with mixed orders: a fixed budget of evaluations, or steps of its own choosing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdedge.sampling.samplers.contract import Denoise, StepNoise, Steps, ancestral, floats

Eps = Callable[[Tensor, float], Tensor]  # (x, t) -> eps, with t = -log sigma


def dpm_fast(
    denoise: Denoise, x: Tensor, sigmas: Sequence[float], noise: StepNoise, *, eta: float = 0.0, s_noise: float = 1.0
) -> Steps:
    """Samples by DPM-Solver-fast, appendix C. Equals k-diffusion's sample_dpm_fast: n evaluations in groups of three.

    Only the number and the ends of `sigmas` count, a final zero apart; it stops at the last positive one.
    """
    sigmas = floats(sigmas)
    steps, t_end = len(sigmas) - 1, -math.log(_last_positive(sigmas))
    orders = dpm_fast_orders(steps)
    grid = np.linspace(-math.log(sigmas[0]), t_end, len(orders) + 1).tolist()
    for order, (t, t_next) in zip(orders, pairwise(grid)):
        t_down, up = _ancestral_time(t, t_next, t_end, eta)
        eps = _eps(denoise)
        eps_t = eps(x, t)
        x0 = x - math.exp(-t) * eps_t
        x = _SOLVERS[order](eps, x, eps_t, t, t_down)
        if eta:
            x = x + noise(math.exp(-t), math.exp(-t_next)) * (s_noise * up)
        yield x, x0


def dpm_fast_orders(steps: int) -> list[int]:
    groups = steps // 3 + 1
    return [3] * (groups - 2) + [2, 1] if steps % 3 == 0 else [3] * (groups - 1) + [steps % 3]


def dpm_adaptive(
    denoise: Denoise,
    x: Tensor,
    sigmas: Sequence[float],
    noise: StepNoise,
    *,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> Steps:
    """Samples by DPM-Solver-12 and -23 with a PID step controller. Equals k-diffusion's sample_dpm_adaptive.

    The step follows from the error over the whole latent, so a batch would change its images: takes one image only.
    Only the ends of `sigmas` count. Yields accepted steps. Raises ValueError for a batch.
    """
    if x.shape[0] != 1:
        raise ValueError("dpm_adaptive takes one image at a time")
    sigmas = floats(sigmas)
    t, t_end = -math.log(sigmas[0]), -math.log(_last_positive(sigmas))
    step = _StepSize(h_init, pcoeff, icoeff, dcoeff, 1.5 if eta else order, accept_safety)
    x_low_last = x
    while t < t_end - 1e-5:
        t_next = min(t_end, t + step.h)
        t_down, up = _ancestral_time(t, t_next, t_end, eta)
        eps = _eps(denoise)
        eps_t = eps(x, t)
        if order == 2:
            x_low, x_high = _first(eps, x, eps_t, t, t_down), _second(eps, x, eps_t, t, t_down)
        else:
            x_low, x_high = _third(eps, x, eps_t, t, t_down, both=True)
        scale = torch.clamp(rtol * torch.maximum(x_low.abs(), x_low_last.abs()), min=atol)
        error = float(torch.linalg.vector_norm((x_low - x_high) / scale)) / x.numel() ** 0.5
        if step.accepts(error):
            x0, x_low_last = x - math.exp(-t) * eps_t, x_low
            x = x_high + noise(math.exp(-t), math.exp(-t_next)) * (s_noise * up) if eta else x_high
            t = t_next
            yield x, x0


class _StepSize:
    """Söderlind's PID controller of the step h in log sigma."""

    def __init__(self, h: float, p: float, i: float, d: float, order: float, accept_safety: float):
        self.h = h
        self.powers = (p + i + d) / order, -(p + 2 * d) / order, d / order
        self.accept_safety = accept_safety
        self.inverses: list[float] = []

    def accepts(self, error: float) -> bool:
        """Changes h for the next trial; True if this one was good enough."""
        inverse = 1 / (error + 1e-8)
        past = self.inverses or [inverse, inverse]
        factor = math.prod(value**power for value, power in zip([inverse, *past], self.powers))
        factor = 1 + math.atan(factor - 1)
        accept = factor >= self.accept_safety
        self.inverses = [inverse, past[0]] if accept else past
        self.h *= factor
        return accept


def _eps(denoise: Denoise) -> Eps:
    def eps(x: Tensor, t: float) -> Tensor:
        sigma = math.exp(-t)
        return (x - denoise(x, sigma)) / sigma

    return eps


def _first(eps: Eps, x: Tensor, eps_t: Tensor, t: float, t_next: float) -> Tensor:
    return x - math.exp(-t_next) * math.expm1(t_next - t) * eps_t


def _second(eps: Eps, x: Tensor, eps_t: Tensor, t: float, t_next: float, r: float = 1 / 2) -> Tensor:
    h = t_next - t
    return _second_from(x, eps_t, eps(_first(eps, x, eps_t, t, t + r * h), t + r * h), t, t_next, r)


def _second_from(x: Tensor, eps_t: Tensor, eps_r: Tensor, t: float, t_next: float, r: float) -> Tensor:
    gain = math.exp(-t_next) * math.expm1(t_next - t)
    return x - gain * eps_t - gain / (2 * r) * (eps_r - eps_t)


def _third(
    eps: Eps,
    x: Tensor,
    eps_t: Tensor,
    t: float,
    t_next: float,
    r1: float = 1 / 3,
    r2: float = 2 / 3,
    both: bool = False,
) -> Any:
    """Takes a step of DPM-Solver-3; with `both` also the second-order result embedded in it, as (low, high)."""
    h = t_next - t
    s1, s2 = t + r1 * h, t + r2 * h
    eps_1 = eps(_first(eps, x, eps_t, t, s1), s1)
    curve = math.exp(-s2) * (r2 / r1) * (math.expm1(r2 * h) / (r2 * h) - 1)
    u2 = _first(eps, x, eps_t, t, s2) - curve * (eps_1 - eps_t)
    eps_2 = eps(u2, s2)
    high = _first(eps, x, eps_t, t, t_next) - math.exp(-t_next) / r2 * (math.expm1(h) / h - 1) * (eps_2 - eps_t)
    return (_second_from(x, eps_t, eps_1, t, t_next, r1), high) if both else high


_SOLVERS: dict[int, Callable[..., Tensor]] = {1: _first, 2: _second, 3: _third}


def _ancestral_time(t: float, t_next: float, t_end: float, eta: float) -> tuple[float, float]:
    if not eta:
        return t_next, 0.0
    down, _ = ancestral(math.exp(-t), math.exp(-t_next), eta)
    t_down = min(t_end, -math.log(down)) if down > 0 else t_end
    return t_down, max(math.exp(-2 * t_next) - math.exp(-2 * t_down), 0.0) ** 0.5


def _last_positive(sigmas: Sequence[float]) -> float:
    return sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
