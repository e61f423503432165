"""Regions of the picture among the branches: as an edit of the prompt's own branches, or as predictions that are blended.

A region of `RegionMethod.WINDOW` is predicted for alone in its own part of the canvas (`generation.region_windows`) until what it
shows is settled, and read by attention from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from sdedge.models.unet_inputs import RegionMasks
from sdedge.sampling.guidance import COND, Branch, Branches, Guide, State
from sdedge.text.conditioning import Context

REGION, ALONE = "region", "region alone"
"""The names of the branch of each region whose prediction is blended, of all of the canvas or of the region's part of it alone;
they come after all others, in the regions' order."""
ALONE_ABOVE = 0.6
"""The sigma down to which a region is composed alone: eight of ten of v1's timesteps. What is left are details and where parts meet.

On the embedded model 93% of 28 objects are right at 0 and 75% at 1.6: until then the wider canvas still dissolves them."""


@dataclass(frozen=True, eq=False)
class RegionAreas:
    """Where some regions of a request are.

    numbers  which of the request's regions they are
    masks    (R, h, w) in 0 … 1, at the latents' size
    weights  (R,) where they overlap
    bases    (R,) fractions of the prompt in each
    alone    whether each is predicted for alone, in its own part of the canvas
    """

    numbers: tuple[int, ...]
    masks: Tensor
    weights: Tensor
    bases: Tensor
    alone: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class RegionWays:
    """Which regions cross attention reads, and of which the predictions are blended, at some sigma."""

    attention: RegionAreas
    prediction: RegionAreas


@dataclass(frozen=True, eq=False)
class RegionPhases:
    """How regions act while the picture is composed, at a sigma above `ALONE_ABOVE`, and from then on."""

    composing: RegionWays
    drawing: RegionWays

    def at(self, sigma: float) -> RegionWays:
        """Returns how they act at sigma."""
        return self.composing if sigma > ALONE_ABOVE else self.drawing


def region_branches(branches: Branches, contexts: Callable[[float], Context], phases: RegionPhases) -> Branches:
    """Returns branches with regions: those read by attention edit each branch of the prompt, those predicted for follow them.

    The branch of the negative prompt stays as it is. The same objects come back while the contexts and the phase do.
    """
    known: dict[tuple[tuple[Branch, ...], Context, RegionWays], tuple[Branch, ...]] = {}

    def with_regions(x: Tensor, sigma: float) -> tuple[Branch, ...]:
        own, context, ways = tuple(branches(x, sigma)), contexts(sigma), phases.at(sigma)
        if (own, context, ways) not in known:
            edited = tuple(
                _edited(branch, context, ways.attention) if branch.name == COND else branch for branch in own
            )
            plain = next(branch for branch in own if branch.name == COND)
            known[own, context, ways] = (
                *edited,
                *(
                    replace(plain, name=ALONE if alone else REGION, context=context.regions[i], weight=None)
                    for i, alone in zip(ways.prediction.numbers, ways.prediction.alone, strict=True)
                ),
            )
        return known[own, context, ways]

    return with_regions


def is_region(name: str) -> bool:
    """Returns whether a branch of this name is a region's, whose prediction is blended into those of the prompt."""
    return name in (REGION, ALONE)


def _edited(branch: Branch, context: Context, areas: RegionAreas) -> Branch:
    if not areas.numbers:
        return branch
    own = tuple(context.regions[i] for i in areas.numbers)
    return replace(branch, edits=(*branch.edits, RegionMasks(own, areas.masks, areas.weights, areas.bases)))


@dataclass(frozen=True, eq=False)
class RegionGuidance:
    """Blends the predictions of regions into each of the prompt's own, and guides by `guide` then: once, on the whole canvas.

    fractions  sigma -> (1 + R, h, w) of the prompt and of each region at every latent, 1 in sum
    """

    guide: Guide
    fractions: Callable[[float], Tensor]

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Chooses as the guide does, and every region."""
        regions = [branch for branch in branches if is_region(branch.name)]
        return [*self.guide.choose([branch for branch in branches if not is_region(branch.name)], sigma), *regions]

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        regions = [output for branch, output in outputs.items() if is_region(branch.name)]
        prompt, *areas = self.fractions(state.sigma).to(state.x)
        blended = {
            branch: sum((area * region for area, region in zip(areas, regions, strict=True)), prompt * output)
            if branch.name == COND
            else output
            for branch, output in outputs.items()
            if not is_region(branch.name)
        }
        return self.guide(blended, state)
