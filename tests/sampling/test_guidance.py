"""How outputs under several conditions become one, and that another way of guidance needs no change but its own value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from sdedge.models.unet_inputs import Edit, TokenMerging, UNetInputs
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.guidance import (
    COND,
    UNCOND,
    Branch,
    ClassifierFreeGuidance,
    State,
    prompt_branches,
    rescale_guidance,
)
from sdedge.sampling.schedule import NoiseSchedule
from sdedge.text.conditioning import Context

SCHEDULE = NoiseSchedule()
STATE = State(torch.zeros(2, 4, 8, 8), 2.5, "epsilon")


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Network:
    """A predictor that remembers its inputs; each row of its output is its context's mean, and the channels' if any."""

    def __init__(self) -> None:
        self.inputs: list[UNetInputs] = []

    def __call__(self, inputs: UNetInputs) -> Tensor:
        self.inputs.append(inputs)
        means = inputs.context.mean((1, 2)) + (0 if inputs.channels is None else inputs.channels.mean((1, 2, 3)))
        return means.view(-1, 1, 1, 1) * inputs.x


def outputs(weights: Tensor | None, count: int) -> dict[Branch, Tensor]:
    """Those of uncond and `count` conds, by branches as a prompt has them."""
    context = Context(normal(0, 2 * count, 3, 4), normal(1, 2, 3, 4), weights)
    branches = prompt_branches(lambda sigma: context)(STATE.x, STATE.sigma)
    assert [branch.name for branch in branches] == [UNCOND] + [COND] * count
    return {branch: normal(10 + i, 2, 4, 8, 8) for i, branch in enumerate(branches)}


@pytest.mark.parametrize("rescale", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("scale", [1.5, 7.5])
def test_classifier_free_guidance_is_diffusers(scale, rescale):
    diffusers = pytest.importorskip("diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion")
    made = outputs(None, 1)
    uncond, cond = made.values()
    expected = uncond + scale * (cond - uncond)  # as its pipeline writes it
    if rescale:
        expected = diffusers.rescale_noise_cfg(expected, cond, guidance_rescale=rescale)
    assert torch.allclose(ClassifierFreeGuidance(scale, rescale)(made, STATE), expected, atol=1e-5)
    assert torch.allclose(rescale_guidance(expected, cond, 0.7), diffusers.rescale_noise_cfg(expected, cond, 0.7))


def test_parts_of_an_and_are_weighed_for_each_picture():
    """Liu et al. 2022, equation 11, written out; a weight of 0 leaves a part out."""
    weights = torch.tensor([[1.0, 0.4], [-0.5, 1.2], [0.0, 0.7]])
    made = outputs(weights, 3)
    uncond, *conds = made.values()
    for picture in range(2):
        expected = uncond[picture].clone()
        for weight, cond in zip(weights[:, picture], conds, strict=True):
            expected += 3.0 * weight * (cond[picture] - uncond[picture])
        assert torch.allclose(ClassifierFreeGuidance(3.0)(made, STATE)[picture], expected, atol=1e-4)
    plain = ClassifierFreeGuidance(3.0)(outputs(None, 1), STATE)
    assert torch.allclose(ClassifierFreeGuidance(3.0)(outputs(torch.ones(1, 2), 1), STATE), plain, atol=1e-5)


def test_weighed_prompts_keep_their_unconditional_branch_outside_the_interval():
    guide = ClassifierFreeGuidance(5.0, interval=(1.0, 6.0))
    for count, weights, outside in ((1, None, [COND]), (2, torch.ones(2, 2), [UNCOND, COND, COND])):
        made = outputs(weights, count)
        assert list(guide.choose(list(made), 3.0)) == list(made)
        chosen = {branch: made[branch] for branch in guide.choose(list(made), 0.5)}
        assert [branch.name for branch in chosen] == outside
        uncond, *conds = made.values()
        expected = conds[0] if count == 1 else uncond + sum(cond - uncond for cond in conds)
        assert torch.allclose(guide(chosen, replace(STATE, sigma=0.5)), expected, atol=1e-5)


# Another way of guidance, from here alone.


@dataclass(frozen=True)
class OneRow(Edit):
    """An edit of the rows of its branch."""

    rows: tuple[int, ...] = ()

    def on(self, rows: range) -> OneRow:
        return OneRow(tuple(rows))


@dataclass(frozen=True)
class TwoScales:
    """InstructPix2Pix's two scales (Brooks et al. 2023), as an example of a guide that is not ours."""

    text: float
    image: float

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        return branches

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        out = {branch.name: output for branch, output in outputs.items()}
        image, cond = out["image"] - out[UNCOND], out[COND] - out["image"]
        return out[UNCOND] + self.image * image + self.text * cond


def test_a_new_guidance_and_a_new_branch_need_no_change_elsewhere():
    network, x, picture = Network(), normal(3, 2, 4, 8, 8), normal(4, 2, 4, 8, 8)
    empty, prompt, merging = normal(5, 2, 3, 4), normal(6, 2, 3, 4), TokenMerging(0.5)
    none = torch.zeros_like(picture)
    branches = (
        Branch(UNCOND, empty, channels=none, edits=(merging,)),
        Branch("image", empty, channels=picture, edits=(OneRow(), merging)),
        Branch(COND, prompt, channels=picture, embedding=torch.ones(1, 8), edits=(merging,)),
    )
    branches = tuple(replace(branch, embedding=torch.ones(1, 8)) for branch in branches)
    denoise = Denoiser(network, lambda x, sigma: branches, TwoScales(7.5, 1.5), SCHEDULE)
    x0 = [denoise(x, sigma) for sigma in (5.0, 2.5)][1]

    each = {branch.name: Network() for branch in branches}
    t = torch.full((2,), SCHEDULE.timestep(2.5))
    u, i, c = (
        each[branch.name](UNetInputs(x * (2.5**2 + 1) ** -0.5, t, branch.context, channels=branch.channels))
        for branch in branches
    )
    assert torch.allclose(x0, x - 2.5 * (u + 1.5 * (i - u) + 7.5 * (c - i)), atol=1e-4)
    before, inputs = network.inputs
    assert inputs.sample.shape == (6, 8, 8, 8) and inputs.embedding.shape == (6, 8)
    assert set(inputs.edits) == {merging, OneRow((2, 3))} and len(inputs.edits) == 2 and inputs.merge_ratio == 0.5
    assert inputs.context is before.context  # engines cache what they make of it
