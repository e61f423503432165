"""Perturbed attention guidance (Ahn et al. 2024): away from what the model draws where its middle attends to nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from sdedge.models.unet_inputs import IdentityAttention
from sdedge.sampling.guidance import (
    COND,
    UNCOND,
    Branch,
    Branches,
    Guide,
    State,
    rescale_guidance,
    weighted_difference,
    weighted_sum,
)

PERTURBED = "perturbed"
"""The name of the branches of the prompt whose self attention is the identity, one for each of COND."""


@dataclass(frozen=True)
class PerturbedAttentionGuidance:
    """Adds scale sum_k w_k (cond_k - perturbed_k) to the output of another guide, as diffusers' pipelines do.

    guide     of the other branches; it does not rescale, since that comes last
    rescale   0 … 1, as of `ClassifierFreeGuidance`, where the guide has an unconditional output
    interval  (low, high): acts for low <= sigma <= high
    """

    guide: Guide
    scale: float = 3.0
    rescale: float = 0.0
    interval: tuple[float, float] | None = None

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Takes the guide's own choice, and the perturbed branches where they act."""
        own = self.guide.choose([branch for branch in branches if branch.name != PERTURBED], sigma)
        acts = self.interval is None or self.interval[0] <= sigma <= self.interval[1]
        return [*own, *(branch for branch in branches if acts and branch.name == PERTURBED)]

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        guided = self.guide({branch: out for branch, out in outputs.items() if branch.name != PERTURBED}, state)
        conds = {branch: out for branch, out in outputs.items() if branch.name == COND}
        perturbed = [out for branch, out in outputs.items() if branch.name == PERTURBED]
        if perturbed:
            apart = {cond: out - without for (cond, out), without in zip(conds.items(), perturbed, strict=True)}
            guided = guided + self.scale * weighted_sum(apart)
        uncond = next((out for branch, out in outputs.items() if branch.name == UNCOND), None)
        if uncond is None or not self.rescale:
            return guided
        return rescale_guidance(guided, uncond + weighted_difference(conds, uncond), self.rescale)


def perturbed_branches(branches: Branches) -> Branches:
    """Returns branches that are followed by a perturbed copy of each of the prompt's.

    The same objects come back while the given ones do.
    """
    known: dict[tuple[Branch, ...], tuple[Branch, ...]] = {}

    def with_perturbed(x: Tensor, sigma: float) -> tuple[Branch, ...]:
        own = tuple(branches(x, sigma))
        if own not in known:
            conds = [branch for branch in own if branch.name == COND]
            copies = [replace(cond, name=PERTURBED, edits=(*cond.edits, IdentityAttention())) for cond in conds]
            known[own] = (*own, *copies)
        return known[own]

    return with_perturbed
