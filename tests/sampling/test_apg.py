"""Adaptive projected guidance is its paper's algorithm, whatever the network predicts and however a sampler asks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sdedge.sampling.apg import AdaptiveProjectedGuidance
from sdedge.sampling.guidance import COND, UNCOND, Branch, ClassifierFreeGuidance, State, rescale_guidance
from sdedge.sampling.prediction import to_x0

SHAPE = (2, 4, 6, 5)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or SHAPE, generator=torch.Generator().manual_seed(seed))


class PaperMomentum:
    """Algorithm 1 of Sadat et al. 2024, written out."""

    def __init__(self, momentum: float) -> None:
        self.momentum, self.running_average = momentum, torch.zeros(())

    def update(self, difference: Tensor) -> Tensor:
        self.running_average = difference + self.momentum * self.running_average
        return self.running_average


def paper(cond: Tensor, uncond: Tensor, scale: float, buffer: PaperMomentum, eta: float, limit: float) -> Tensor:
    """The guided prediction of x0 for each picture, by loops."""
    average = buffer.update(cond - uncond)
    guided = torch.empty_like(cond)
    for i in range(cond.shape[0]):
        update = average[i].double()
        if limit > 0:
            update = update * min(1.0, limit / float((update**2).sum().sqrt()))
        direction = cond[i].double() / (cond[i].double() ** 2).sum().sqrt()
        parallel = (update * direction).sum() * direction
        guided[i] = cond[i] + (scale - 1) * ((update - parallel) + eta * parallel)
    return guided


def outputs(seed: int, weight: Tensor | None = None) -> dict[Branch, Tensor]:
    context = torch.zeros(2, 3, 4)
    return {Branch(UNCOND, context): normal(seed), Branch(COND, context, weight): normal(seed + 100)}


@pytest.mark.parametrize("kind", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize(("eta", "limit", "momentum"), [(0.0, 7.5, -0.75), (1.0, 0.0, 0.0), (0.4, 2.0, 0.5)])
def test_a_run_is_the_algorithm_of_the_paper(kind, eta, limit, momentum):
    guide, buffer = (
        AdaptiveProjectedGuidance(ClassifierFreeGuidance(6.0), eta, limit, momentum),
        PaperMomentum(momentum),
    )
    for step, sigma in enumerate((9.0, 4.0, 1.5, 0.3)):
        state, made = State(normal(7 + step) * sigma, sigma, kind), outputs(step)
        uncond, cond = (to_x0(out, state.x, sigma, kind) for out in made.values())
        expected = paper(cond, uncond, 6.0, buffer, eta, limit)
        ours = to_x0(guide(made, state), state.x, sigma, kind)
        assert torch.allclose(ours, expected, atol=2e-4), (step, float((ours - expected).abs().max()))


def test_without_its_three_changes_it_is_classifier_free_guidance():
    for scale, rescale in ((7.5, 0.0), (3.0, 0.6)):
        cfg, state = ClassifierFreeGuidance(scale, rescale), State(normal(3), 2.0, "epsilon")
        expected = cfg(outputs(0), state)
        assert torch.allclose(AdaptiveProjectedGuidance(cfg, 1.0, 0.0, 0.0)(outputs(0), state), expected, atol=1e-4)
    state = State(normal(3), 2.0, "epsilon")
    plain = AdaptiveProjectedGuidance(ClassifierFreeGuidance(5.0))(outputs(0), state)
    cond = [*outputs(0).values()][1]
    brought_back = AdaptiveProjectedGuidance(ClassifierFreeGuidance(5.0, 0.7))(outputs(0), state)
    assert torch.allclose(brought_back, rescale_guidance(plain, cond, 0.7), atol=1e-5)


def test_the_average_follows_sigma_and_not_the_calls():
    """A sampler that asks twice at a sigma gets the same twice; where noise is added again the average begins anew."""
    cfg = ClassifierFreeGuidance(5.0)

    def answers(*sigmas: float) -> list[Tensor]:
        guide = AdaptiveProjectedGuidance(cfg, 0.0, 0.0, 0.5)
        return [guide(outputs(int(sigma)), State(normal(1), sigma, "epsilon")) for sigma in sigmas]

    once, twice, again = answers(9.0, 4.0, 2.0), answers(9.0, 9.0, 4.0, 4.0, 2.0), answers(9.0, 4.0, 9.0, 4.0)
    assert torch.equal(once[-1], twice[-1]) and torch.equal(twice[0], twice[1])
    assert torch.equal(again[0], again[2]) and torch.equal(again[1], again[3])
    alone = answers(2.0)
    assert not torch.allclose(once[-1], alone[0], atol=1e-2), "an average that changes nothing proves nothing"


def test_a_picture_of_a_batch_is_guided_as_it_would_be_alone():
    state, made = State(normal(5), 3.0, "epsilon"), outputs(0)
    together = AdaptiveProjectedGuidance(ClassifierFreeGuidance(5.0), norm=1.0)(made, state)
    for i in range(2):
        alone = {branch: out[i : i + 1] for branch, out in made.items()}
        first = AdaptiveProjectedGuidance(ClassifierFreeGuidance(5.0), norm=1.0)(
            alone, State(state.x[i : i + 1], 3.0, "epsilon")
        )
        assert torch.allclose(together[i : i + 1], first, atol=1e-6)
