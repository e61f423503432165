"""Which calls of the network are whole: by step, whatever the sampler asks between; never across contexts or runs."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdedge.models.unet_inputs import UNetInputs
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.guidance import ClassifierFreeGuidance, prompt_branches
from sdedge.sampling.noise import initial
from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.reuse import reused

from .conftest import Prompt


class Network:
    """Predicts zero; remembers the timestep of each whole call and, for the others, whose features they were given."""

    def __init__(self) -> None:
        self.full: list[float] = []
        self.partial: list[tuple[float, float]] = []

    def __call__(self, inputs, features=None):
        x, t = inputs.x, inputs.t
        if features is None:
            self.full.append(float(t[0]))
            return torch.zeros_like(x), t.clone()
        self.partial.append((float(t[0]), float(features[0])))
        return torch.zeros_like(x), features


def _run(sampler: str, steps: int, every: int, preset: str = "sdedge") -> tuple[Network, list[float]]:
    chosen = sampling_plan(sampler, None, steps, preset=preset)
    network, timesteps = Network(), [chosen.timestep(sigma) for sigma in chosen.sigmas[:-1]]
    context = Prompt(torch.zeros(1, 2, 4), None)
    denoise = Denoiser(
        reused(network, timesteps, every), prompt_branches(lambda sigma: context), ClassifierFreeGuidance(1.0), chosen
    )
    for _ in chosen.run(denoise, initial([1], (4, 4, 4)) * chosen.sigmas[0], chosen.step_noise([1], (4, 4, 4))):
        pass
    return network, timesteps


@given(steps=st.integers(2, 30), every=st.integers(2, 6))
def test_one_call_a_step_is_whole_every_so_many(steps, every):
    network, timesteps = _run("euler", steps, every)
    assert network.full == pytest.approx(timesteps[::every], rel=1e-6)
    assert len(network.partial) == steps - len(network.full)


@pytest.mark.parametrize("sampler", ["heun", "dpm2", "dpmpp_sde", "dpmpp_2s_a", "plms", "restart", "dpm_fast", "unipc"])
def test_features_are_of_the_same_steps_and_never_from_later_ones(sampler):
    every = 3
    network, timesteps = _run(sampler, 12, every)
    assert network.partial

    def block(t: float) -> int:
        return sum(level >= t * (1 - 1e-6) for level in timesteps[::every])

    assert all(block(now) == block(then) and then >= now * (1 - 1e-6) for now, then in network.partial)
    assert len(network.full) < (len(network.full) + len(network.partial)) / 2


def test_another_context_starts_anew():
    network = Network()
    predict = reused(network, [900.0, 800.0, 700.0], 3)
    x, first, second = torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 4), torch.zeros(2, 2, 4)
    predict(UNetInputs(x, torch.tensor([900.0]), first))
    predict(UNetInputs(x, torch.tensor([800.0]), first))
    predict(UNetInputs(x.repeat(2, 1, 1, 1), torch.tensor([700.0, 700.0]), second))
    assert network.full == [900.0, 700.0]


def test_runs_share_nothing():
    network, context, x = Network(), torch.zeros(1, 2, 4), torch.zeros(1, 4, 2, 2)
    for _ in range(2):  # the second picture of a series begins with the context of the first
        reused(network, [900.0, 800.0], 2)(UNetInputs(x, torch.tensor([900.0]), context))
    assert network.full == [900.0, 900.0]
