"""Orders of convergence on a problem with a known solution; `tests.benchmarks.convergence` draws the plot."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from sdedge.catalog import SAMPLERS as CATALOG
from sdedge.sampling.samplers import SAMPLERS
from sdedge.sampling.samplers.sde import restart_sigmas
from tests.benchmarks.convergence import HIGH, LOW, UNMEASURED, counts, error, mixture_x0, order, solution, start

from .conftest import last


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - set(UNMEASURED)))
def test_error_falls_with_the_stated_order(name):
    steps = counts(name, (24, 48, 96))
    errors = [error(name, n) for n in steps]
    assert order(errors, steps) == pytest.approx(CATALOG[name].order, abs=0.4), errors
    assert errors[-1] < 0.03


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("deis", {"order": 1}, 1),
        ("deis", {"order": 3}, 3),
        ("lms", {"order": 2}, 2),
        ("lms", {"order": 3}, 3),
        # One order more than the predictor's, for the corrector; a first-order last step holds the higher ones at two.
        ("unipc", {"order": 1}, 2),
        ("unipc", {"order": 3}, 2),
        ("unipc", {"order": 3, "variant": "bh1"}, 2),
    ],
)
def test_options_change_the_order(name, options, expected):
    errors = [error(name, n, **options) for n in (24, 48, 96)]
    assert order(errors, (24, 48, 96)) == pytest.approx(expected, abs=0.35), errors


def test_adaptive_keeps_its_tolerance():
    """A tenth of the tolerance: more evaluations, and an error that follows."""
    errors, calls = [], []
    for rtol in (0.05, 0.0005):
        counted = []

        def denoise(x, sigma, counted=counted):
            counted.append(sigma)
            return mixture_x0(x, sigma)

        x = last(SAMPLERS["dpm_adaptive"](denoise, start(), [HIGH, LOW], None, rtol=rtol, atol=rtol / 6))
        errors.append(float((x - solution()).square().mean().sqrt()))
        calls.append(len(counted))
    assert calls[0] < calls[1] and errors[1] < 0.1 * errors[0]


@pytest.mark.parametrize(
    "name", ["ddpm", "euler_a", "dpmpp_2s_a", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde", "sa_solver", "restart"]
)
def test_stochastic_samplers_draw_from_the_data(name):
    """Started from the mixture at sigma 40, they end on the mixture: mean and deviation within sampling error."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda *_: torch.randn(1, 1, 64, 128, generator=generator, dtype=torch.float64)  # noqa: E731
    x = HIGH * draw()
    sigmas = torch.logspace(torch.log10(torch.tensor(HIGH)), -1.5, 161, dtype=torch.float64).tolist()
    x = last(SAMPLERS[name](mixture_x0, x, [*sigmas, 0.0], draw))
    assert float(x.mean()) == pytest.approx(-0.2, abs=0.05)
    assert float(x.std()) == pytest.approx((0.5**2 + 0.8**2) ** 0.5, rel=0.04)


def test_restart_sigmas():
    """Down to 0.1, up to 2 and down again, in as many steps as asked: Xu et al. 2023, algorithm 1."""
    sigmas = [*torch.logspace(1.16, -1.5, 20, dtype=torch.float64).tolist(), 0.0]
    pairs = restart_sigmas(sigmas)
    assert len(pairs) == 20
    (jump,) = [i for i in range(1, 20) if pairs[i][0] > pairs[i - 1][1]]
    assert pairs[jump - 1][1] == pytest.approx(0.1, rel=0.6) and pairs[jump][0] == pytest.approx(2, rel=0.6)
    assert all(high > low for high, low in pairs) and pairs[-1][1] == 0
    assert restart_sigmas(sigmas[10:]) == list(pairwise(sigmas[10:]))  # few steps: none to spare
    own = restart_sigmas(sigmas, [(0.5, 3.0, 4, 3)])
    assert len(own) == 20 + 12


def test_restart_adds_the_variance_of_the_climb():
    """In the jump the level rises by noise alone: a mixture sampled at the low level is one at the high level."""
    seen = []

    def draw(low, high):
        seen.append((low, high))
        return torch.zeros(1, 1, 4, 8, dtype=torch.float64)

    sigmas = [*torch.logspace(1.16, -1.5, 20, dtype=torch.float64).tolist(), 0.0]
    for _ in SAMPLERS["restart"](mixture_x0, start(), sigmas, draw):
        pass
    assert len(seen) == 1 and seen[0][0] < seen[0][1]
