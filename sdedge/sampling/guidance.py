"""Guidance: the conditions under which the UNet is evaluated, and how its outputs become one.

A new kind of guidance is one value that answers `Guide`, and one of the branches that it needs; nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from sdedge.errors import InvalidRequest
from sdedge.models.unet_inputs import Edit
from sdedge.text.conditioning import Context

UNCOND, COND = "uncond", "cond"
"""The names of the branch of the negative prompt, and of those of the prompt: one, or one for each part of an AND."""


@dataclass(frozen=True, eq=False)  # compared by identity: tensors have no truth value
class Branch:
    """What the UNet reads beside latents and timestep under one condition, for B pictures.

    name       how guides know it: UNCOND, COND, or a name of their own
    context    (B, T, D) of the prompts
    weight     (B,) among the branches of one name; None where there is no other
    channels   (B, 4 | 5, h, w) appended to the latents
    embedding  (1, D) of the guidance scale, for models that read it
    edits      changes of attention in this branch
    """

    name: str
    context: Tensor
    weight: Tensor | None = None
    channels: Tensor | None = None
    embedding: Tensor | None = None
    edits: tuple[Edit, ...] = ()


Branches = Callable[[Tensor, float], Sequence[Branch]]
"""(x, sigma) -> the branches at sigma: the very same objects at every step where nothing changes."""


@dataclass(frozen=True, eq=False)
class State:
    """Where the denoiser stands: the latents x (B, 4, h, w) at `sigma`, and what the model's output means."""

    x: Tensor
    sigma: float
    prediction_type: str


class Guide(Protocol):
    """One way of guidance, with its numbers."""

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Returns the branches to evaluate at sigma; all of them go into one call of the UNet."""
        ...

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        """Returns one model output (B, 4, h, w) from those of the branches chosen, in their order."""
        ...


@runtime_checkable
class RememberingGuide(Protocol):
    """A guide whose output depends on earlier calls, as one with momentum does. A journal records what it remembers."""

    def remembered(self) -> Tensor | None:
        """Returns what it remembers after a call, float32 of one dimension; None for nothing."""
        ...

    def remember(self, memory: Tensor | None, x0: Tensor) -> None:
        """Goes on as after the call that gave x0 (B, 4, h, w), when it remembered this."""
        ...


def remembering(guide: object) -> RememberingGuide | None:
    """Returns the guide that remembers: this one, or one inside of it; None where none does."""
    if isinstance(guide, RememberingGuide):
        return guide
    inner = (remembering(value) for value in vars(guide).values() if hasattr(value, "choose"))
    return next(filter(None, inner), None)


@dataclass(frozen=True)
class ClassifierFreeGuidance:
    """Guides away from the unconditional output (Ho and Salimans 2022): uncond + scale sum_k w_k (cond_k - uncond).

    The sum is over the parts of an AND (Liu et al. 2022).

    scale     1 evaluates no unconditional branch
    rescale   0 … 1, the fraction to which the output is brought back to the conditional one's deviation (Lin et al.
              2023, section 3.4)
    interval  (low, high): the scale acts for low <= sigma <= high and is 1 elsewhere (Kynkäänniemi et al. 2024)
    """

    scale: float = 7.5
    rescale: float = 0.0
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.rescale <= 1:
            raise InvalidRequest(f"Guidance rescale {self.rescale} is out of range; choose 0 to 1.")
        if self.interval is not None and not 0 <= self.interval[0] <= self.interval[1]:
            raise InvalidRequest(f"Guidance interval {self.interval} is empty; give low and high sigma.")

    def scale_at(self, sigma: float) -> float:
        """Returns the scale that acts at sigma."""
        acts = self.interval is None or self.interval[0] <= sigma <= self.interval[1]
        return self.scale if acts else 1.0

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Leaves the unconditional branch out where the scale is 1, unless prompts are weighed against it."""
        conds = [branch for branch in branches if branch.name == COND]
        return branches if self.scale_at(sigma) != 1 or conds[0].weight is not None else conds

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        conds = {branch: output for branch, output in outputs.items() if branch.name == COND}
        uncond = next((output for branch, output in outputs.items() if branch.name == UNCOND), None)
        if uncond is None:
            (cond,) = conds.values()
            return cond
        difference = weighted_difference(conds, uncond)
        guided = uncond + self.scale_at(state.sigma) * difference
        return rescale_guidance(guided, uncond + difference, self.rescale) if self.rescale else guided


def weighted_difference(conds: Mapping[Branch, Tensor], uncond: Tensor) -> Tensor:
    """Returns sum_k w_k (cond_k - uncond), (B, …)."""
    return weighted_sum({branch: cond - uncond for branch, cond in conds.items()})


def weighted_sum(tensors: Mapping[Branch, Tensor]) -> Tensor:
    """Returns the sum (B, …) of those of branches of one name, each times its branch's weight; the one that has none alone."""
    stacked = torch.stack([*tensors.values()])  # (K, B, …)
    weights = [branch.weight for branch in tensors if branch.weight is not None]
    if not weights:
        return stacked[0]
    w = torch.stack(weights).to(stacked)
    return (w.reshape(*w.shape, *[1] * (stacked.dim() - 2)) * stacked).sum(0)


def rescale_guidance(out: Tensor, cond: Tensor, fraction: float) -> Tensor:
    """Brings the deviation of the guided output back towards the conditional one's (Lin et al. 2023, eq. 15, 16)."""
    factors = [float(c.std() / o.std()) for o, c in zip(out, cond)]
    return torch.stack([o * (fraction * factor + (1 - fraction)) for o, factor in zip(out, factors)])


def prompt_branches(
    context: Callable[[float], Context],
    channels: Tensor | None = None,
    embedding: Tensor | None = None,
    edits: tuple[Edit, ...] = (),
) -> Branches:
    """Returns the branches of a prompt, which changes along the way where it is scheduled: uncond first, then each cond.

    Every branch reads the channels and the embedding, and is edited alike.
    """
    known: dict[Context, tuple[Branch, ...]] = {}

    def branches(x: Tensor, sigma: float) -> tuple[Branch, ...]:
        at = context(sigma)
        if at not in known:
            parts: list[tuple[str, Tensor, Tensor | None]]
            parts = [] if at.uncond is None else [(UNCOND, at.uncond, None)]
            if at.weights is None:
                parts += [(COND, at.cond, None)]
            else:
                parts += [(COND, *part) for part in zip(at.cond.split(x.shape[0]), at.weights, strict=True)]
            known[at] = tuple(Branch(*part, channels, embedding, edits) for part in parts)
        return known[at]

    return branches
