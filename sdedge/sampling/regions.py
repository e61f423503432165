"""Regions of the picture among the branches: as an edit of the prompt's own branches, or as predictions that are blended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sdedge.models.unet_inputs import RegionMasks
from sdedge.sampling.guidance import COND, UNCOND, Branch, Branches, Guide, State
from sdedge.sampling.instruct import PICTURE
from sdedge.sampling.pag import PERTURBED
from sdedge.text.conditioning import Context

REGION, ALONE = "region", "region alone"
"""The names of the branch of each region whose prediction is blended, of all of the canvas or of the region's window of it alone
(`generation.region_windows`); they come after all others, in the regions' order."""


@dataclass(frozen=True, eq=False)
class RegionAreas:
    """Where some regions of a request are.

    numbers  which of the request's regions they are
    masks    (R, h, w) in 0 … 1, at the latents' size
    weights  (R,) where they overlap
    bases    (R,) fractions of the prompt in each
    alone    whether each is predicted for alone, in its own window
    """

    numbers: tuple[int, ...]
    masks: Tensor
    weights: Tensor
    bases: Tensor
    alone: tuple[bool, ...]


def is_region(name: str) -> bool:
    """Returns whether a branch of this name is a region's, whose prediction is blended into those of the prompt."""
    return name in (REGION, ALONE)


def region_branches(
    branches: Branches, contexts: Callable[[float], Context], attention: RegionAreas, prediction: RegionAreas
) -> Branches:
    """Returns branches with regions: those of `attention` edit each branch of the prompt, those of `prediction` follow them.

    The branch of the negative prompt stays as it is. The same objects come back while the contexts do.
    """
    known: dict[tuple[tuple[Branch, ...], Context], tuple[Branch, ...]] = {}

    def with_regions(x: Tensor, sigma: float) -> tuple[Branch, ...]:
        own, context = tuple(branches(x, sigma)), contexts(sigma)
        if (own, context) not in known:
            edited = tuple(_edited(branch, context, attention) if branch.name == COND else branch for branch in own)
            plain = next(branch for branch in own if branch.name == COND)
            known[own, context] = (
                *edited,
                *(
                    replace(plain, name=ALONE if alone else REGION, context=context.regions[i], weight=None)
                    for i, alone in zip(prediction.numbers, prediction.alone, strict=True)
                ),
            )
        return known[own, context]

    return with_regions


def _edited(branch: Branch, context: Context, areas: RegionAreas) -> Branch:
    if not areas.numbers:
        return branch
    own = tuple(context.regions[i] for i in areas.numbers)
    return replace(branch, edits=(*branch.edits, RegionMasks(own, areas.masks, areas.weights, areas.bases)))


@dataclass(frozen=True, eq=False)
class RegionGuidance:
    """Blends the predictions of regions into those of the prompt, and guides by `guide` then: once, on the whole canvas.

    Where a prompt has several parts, which are weighed against what they are guided away from, the regions are one part more.
    What guides by a perturbed prompt does so as far as the prompt is seen.

    fractions  (1 + R, h, w) of the prompt and of each region at every latent, 1 in sum
    """

    guide: Guide
    fractions: Tensor

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Chooses as the guide does, and every region."""
        regions = [branch for branch in branches if is_region(branch.name)]
        return [*self.guide.choose([branch for branch in branches if not is_region(branch.name)], sigma), *regions]

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        prompt, *areas = self.fractions.to(state.x)
        predicted = [output for branch, output in outputs.items() if is_region(branch.name)]
        regions = sum((area * output for area, output in zip(areas, predicted, strict=True)), torch.zeros_like(state.x))
        own = {branch: output for branch, output in outputs.items() if not is_region(branch.name)}
        first = next(branch for branch in own if branch.name == COND)
        if first.weight is None:
            return self.guide(_blended(own, prompt, regions), state)
        away = {branch.name: output for branch, output in own.items()}
        against = (1 - prompt) * away.get(PICTURE, away[UNCOND])
        part = replace(first, weight=torch.ones_like(first.weight))
        copies = [replace(part, name=PERTURBED)] if PERTURBED in away else []
        more = dict.fromkeys([part, *copies], prompt * away.get(PICTURE, away[UNCOND]) + regions)
        return self.guide({**_blended(own, prompt, against), **more}, state)


def _blended(outputs: Mapping[Branch, Tensor], prompt: Tensor, rest: Tensor) -> dict[Branch, Tensor]:
    """Returns outputs in which those of the prompt have its fraction at each latent, and `rest` is added to it."""
    return {
        branch: prompt * output + rest if branch.name in (COND, PERTURBED) else output
        for branch, output in outputs.items()
    }
