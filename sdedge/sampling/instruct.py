"""InstructPix2Pix's guidance (Brooks et al. 2023): one scale for the instruction, one for the picture that it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sdedge.sampling.guidance import (
    COND,
    UNCOND,
    Branch,
    Branches,
    State,
    rescale_guidance,
    weighted_difference,
)

PICTURE = "picture"
"""The name of the branch that reads the picture and the negative prompt."""


@dataclass(frozen=True)
class InstructGuidance:
    """Guides by eps = u + picture (p - u) + scale sum_k w_k (c_k - p), where u reads neither picture nor prompt, p the picture,
    and each c_k both.

    scale     of the instruction; up to 1 nothing is guided, as in diffusers
    picture   of the picture; below 1 nothing is guided
    rescale   0 … 1, as of `ClassifierFreeGuidance`
    interval  (low, high): guides for low <= sigma <= high
    """

    scale: float = 7.5
    picture: float = 1.5
    rescale: float = 0.0
    interval: tuple[float, float] | None = None

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Leaves all but the prompt's branches out where nothing is guided."""
        acts = self.interval is None or self.interval[0] <= sigma <= self.interval[1]
        conds = [branch for branch in branches if branch.name == COND]
        is_guided = self.scale > 1 and self.picture >= 1 and acts
        return branches if is_guided or conds[0].weight is not None else conds

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        conds = {branch: output for branch, output in outputs.items() if branch.name == COND}
        named = {branch.name: output for branch, output in outputs.items()}
        if UNCOND not in named:
            (cond,) = conds.values()
            return cond
        uncond, picture = named[UNCOND], named[PICTURE]
        difference = weighted_difference(conds, picture)
        guided = uncond + self.scale * difference + self.picture * (picture - uncond)
        return rescale_guidance(guided, picture + difference, self.rescale) if self.rescale else guided


def instruct_branches(branches: Branches) -> Branches:
    """Returns branches that all read the picture's channels as three kinds: without the picture, with it, with the prompt too.

    The negative prompt's context is that of the first two. The same objects come back while the given ones do.
    """
    known: dict[tuple[Branch, ...], tuple[Branch, ...]] = {}

    def with_picture(x: Tensor, sigma: float) -> tuple[Branch, ...]:
        own = tuple(branches(x, sigma))
        if own not in known:
            parts: list[Branch] = []
            for branch in own:
                if branch.name == UNCOND and branch.channels is not None:
                    parts.append(replace(branch, channels=torch.zeros_like(branch.channels)))
                    parts.append(replace(branch, name=PICTURE))
                else:
                    parts.append(branch)
            known[own] = tuple(parts)
        return known[own]

    return with_picture
