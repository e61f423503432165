"""Measures the order of convergence of every sampler and draws docs/convergence.svg.

    python -m tests.benchmarks.convergence

The problem has a known solution: data drawn elementwise from a mixture of two Gaussians, whose denoiser is exact, so
the probability-flow ODE has one solution per start, computed here to 1e-12. A deterministic sampler's error at the
last level must fall as n^-order with the number of evaluations. Stochastic samplers are measured at eta 0, where
they solve the same ODE. Levels are even in log sigma from 40 to 0.2, and there is no final step to zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from sdedge.catalog import SAMPLERS as CATALOG
from sdedge.sampling.samplers import SAMPLERS

MEANS, DEVIATION = (-1.0, 0.6), 0.5
HIGH, LOW = 40.0, 0.2
STEPS = (24, 48, 96, 192)

# What makes a sampler solve the ODE, and runs that differ only in the steps they choose.
OPTIONS = {
    "euler_a": {"eta": 0.0},
    "dpm2_a": {"eta": 0.0},
    "dpmpp_2s_a": {"eta": 0.0},
    "dpmpp_sde": {"eta": 0.0},
    "dpmpp_2m_sde": {"eta": 0.0},
    "dpmpp_2m_sde_heun": {"eta": 0.0},
    "dpmpp_3m_sde": {"eta": 0.0},
    "sa_solver": {"tau": 0.0},
    "restart": {"segments": ()},
}
UNMEASURED = {
    "ddpm": "random at every step; DDIM is its deterministic form",
    "lcm": "solves for a distilled model, not the ODE",
    "tcd": "solves for a distilled model, not the ODE",
    "dpm_adaptive": "chooses its own steps; measured against its tolerance",
}


def mixture_x0(x: Tensor, sigma: float) -> Tensor:
    """E[x0 | x] for the mixture, elementwise."""
    variance = DEVIATION**2 + sigma**2
    a, b = (-((x - mean) ** 2) / (2 * variance) for mean in MEANS)
    fraction = torch.sigmoid(b - a)
    mean = MEANS[0] + fraction * (MEANS[1] - MEANS[0])
    return mean + DEVIATION**2 / variance * (x - mean)


def start() -> Tensor:
    return HIGH * torch.linspace(-2, 2, 32, dtype=torch.float64).view(1, 1, 4, 8)


@cache
def solution(low: float = LOW) -> Tensor:
    def slope(log_sigma, x):
        sigma = math.exp(log_sigma)
        return x - mixture_x0(torch.from_numpy(x), sigma).numpy()  # dx / d log sigma

    solved = solve_ivp(
        slope, (math.log(HIGH), math.log(low)), start().flatten().numpy(), method="DOP853", rtol=1e-12, atol=1e-12
    )
    return torch.from_numpy(solved.y[:, -1]).view(1, 1, 4, 8)


def error(name: str, n: int, **options) -> float:
    """Root mean square error at the last level after n steps."""
    sigmas = np.geomspace(HIGH, LOW, n + 1).tolist()
    silent = torch.zeros_like(start())
    steps = SAMPLERS[name](mixture_x0, start(), sigmas, lambda *_: silent, **{**OPTIONS.get(name, {}), **options})
    *_, (x, _) = steps
    return float((x - solution()).square().mean().sqrt())


def order(errors: Sequence[float], steps: Sequence[int] = STEPS) -> float:
    """The slope of the last doubling."""
    return math.log(errors[-2] / errors[-1]) / math.log(steps[-1] / steps[-2])


def counts(name: str, steps: Sequence[int] = STEPS) -> list[int]:
    """Steps to measure a sampler with. dpm_fast goes in groups of three; one less makes the last group second order."""
    return [n - 1 for n in steps] if name == "dpm_fast" else list(steps)


def measure() -> dict[str, list[float]]:
    return {name: [error(name, n) for n in counts(name)] for name in SAMPLERS if name not in UNMEASURED}


# The plot.

COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 900, 560, 80, 30, 250, 60


def draw(measured: dict[str, list[float]]) -> str:
    """An SVG of error over evaluations, both logarithmic."""
    evaluations = {name: [n * CATALOG[name].calls_per_step for n in counts(name)] for name in measured}
    xs = [v for values in evaluations.values() for v in values]
    decades = range(math.floor(math.log10(min(map(min, measured.values())))), 1)
    x_span = math.log10(min(xs)), math.log10(max(xs))

    def at(n: float, err: float) -> tuple[float, float]:
        x = LEFT + (math.log10(n) - x_span[0]) / (x_span[1] - x_span[0]) * (WIDTH - LEFT - RIGHT)
        y = TOP + (decades[-1] - math.log10(err)) / (decades[-1] - decades[0]) * (HEIGHT - TOP - BOTTOM)
        return x, y

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    ]
    for decade in decades:
        _, y = at(min(xs), 10.0**decade)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">1e{decade}</text>'
        )
    for n in sorted({n * k for n in STEPS for k in (1, 2)}):
        x, y = at(n, 10.0 ** decades[0])
        parts.append(f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{n:g}</text>')
    for i, (name, errors) in enumerate(sorted(measured.items(), key=lambda item: -item[1][-1])):
        colour, dash = COLOURS[i % len(COLOURS)], "" if i < len(COLOURS) else ' stroke-dasharray="6 3"'
        points = " ".join("{:.1f},{:.1f}".format(*at(*point)) for point in zip(evaluations[name], errors))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>')
        y = TOP + 12 + 22 * i
        parts.append(
            f'<path d="M{WIDTH - RIGHT + 15} {y - 4}h24" stroke="{colour}" stroke-width="2"{dash}/>'
            f'<text x="{WIDTH - RIGHT + 46}" y="{y}">{CATALOG[name].label}: {order(errors):.1f}</text>'
        )
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">evaluations of the '
        "network (legend: measured order, last doubling)</text>"
        f'<text x="{LEFT}" y="{TOP - 10}">root mean square error</text></svg>'
    )
    return "\n".join(parts) + "\n"


def main() -> None:
    measured = measure()
    for name, errors in measured.items():
        print(
            f"{name:18} stated {CATALOG[name].order}  measured {order(errors):5.2f}  "
            + "  ".join(f"{err:.2e}" for err in errors)
        )
    path = Path(__file__).parents[2] / "docs" / "convergence.svg"
    path.write_text(draw(measured), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
