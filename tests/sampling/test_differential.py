"""Differential diffusion is its paper's loop: what is kept is the picture, noised to the step, until its grey lets it go."""

from __future__ import annotations

import pytest
import torch

from sdedge.sampling.differential import differential
from sdedge.sampling.noise import Noise
from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.samplers import Denoise

from .conftest import last

SHAPE = (2, 4, 4, 6)


def network(x: torch.Tensor, sigma: float) -> torch.Tensor:
    """A denoiser whose x0 of a pixel depends on all of x, so that what is kept is seen by what is not."""
    return 0.7 * x / (sigma + 1) + 0.3 * x.mean((2, 3), keepdim=True) / (sigma + 1) + 0.1


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def paper(strengths: torch.Tensor, latent: torch.Tensor, noise: torch.Tensor, sigmas: list[float]) -> torch.Tensor:
    """Algorithm 1 of Levin & Fried 2023 with Euler's step, pixel by pixel: the mask of step i keeps what is at most 1 - i / n."""
    n = len(sigmas) - 1
    x = latent + sigmas[0] * noise
    for i in range(n):
        for row in range(SHAPE[2]):
            for column in range(SHAPE[3]):
                if strengths[0, 0, row, column] <= 1 - i / n:
                    x[:, :, row, column] = latent[:, :, row, column] + sigmas[i] * noise[:, :, row, column]
        slope = (x - network(x, sigmas[i])) / sigmas[i]
        x = x + slope * (sigmas[i + 1] - sigmas[i])
    return x


def drawn(sampler: str, strengths: torch.Tensor, denoise: Denoise = network) -> torch.Tensor:
    plan = sampling_plan(sampler, steps=8, strength=0.8)
    latent, noise = normal(0, *SHAPE), normal(1, *SHAPE)
    soft = differential(denoise, latent, strengths, noise, plan.sigmas)
    return last(plan.run(soft, plan.start(noise, latent), Noise([7, 8], SHAPE[1:])))


@pytest.mark.parametrize("sampler", ["euler", "ddim"])
def test_it_is_the_loop_of_the_paper_wherever_the_sampler_is_that_loop_s(sampler):
    strengths = torch.linspace(0, 1, 24).view(1, 1, 4, 6)
    plan = sampling_plan(sampler, steps=8, strength=0.8)
    expected = paper(strengths, normal(0, *SHAPE), normal(1, *SHAPE), [*plan.sigmas])
    ours = drawn(sampler, strengths)
    free = strengths.expand(SHAPE) > 0
    assert torch.allclose(ours[free], expected[free], atol=1e-4)
    assert torch.allclose(ours[~free], normal(0, *SHAPE)[~free], atol=1e-4)
    assert not torch.allclose(ours[free], drawn(sampler, torch.ones(1, 1, 1, 1))[free], atol=1e-2)


@pytest.mark.parametrize("sampler", ["euler_a", "heun", "dpmpp_2m", "dpmpp_2m_sde", "restart", "unipc", "lcm"])
def test_every_sampler_keeps_black_and_changes_the_more_the_lighter(sampler):
    strengths = torch.linspace(0, 1, 6).view(1, 1, 1, 6).expand(1, 1, 4, 6)
    latent, seen = normal(0, *SHAPE), []

    def recorded(x: torch.Tensor, sigma: float) -> torch.Tensor:
        seen.append((sigma, x))
        return network(x, sigma)

    x = drawn(sampler, strengths, recorded)
    assert torch.isfinite(x).all() and torch.allclose(x[..., 0], latent[..., 0], atol=1e-4)
    sigma, first = seen[0]
    assert torch.allclose(first, latent + sigma * normal(1, *SHAPE), atol=1e-4), "at first all of it is the picture"
    assert all(torch.allclose(x[..., 0], (latent + sigma * normal(1, *SHAPE))[..., 0], atol=1e-4) for sigma, x in seen)
    change = (x - latent).abs().mean((0, 1, 2))
    assert change[-1] > change[2] >= change[0]
