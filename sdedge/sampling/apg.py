"""Adaptive projected guidance (Sadat et al. 2024, "Eliminating oversaturation and artifacts of high guidance scales")."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sdedge.sampling.guidance import (
    COND,
    UNCOND,
    Branch,
    ClassifierFreeGuidance,
    State,
    rescale_guidance,
    weighted_difference,
)
from sdedge.sampling.prediction import to_x0, x0_factor


@dataclass(eq=False)
class AdaptiveProjectedGuidance:
    """Guides x0 by c + (scale - 1) u, u the update: the difference c - uncond with momentum, clipped, and projected.

    cfg       scale, interval and rescale, as without it
    eta       0 … 1, how much stays of the update's part that is parallel to c, which oversaturates
    norm      largest norm of the update of a picture; 0 is no limit
    momentum  of the updates of earlier sigmas; negative takes away what they have in common

    One value serves one batch: it holds the running average of the updates. That follows sigma and not the calls, so that
    samplers may ask twice at one sigma; where sigma rises it begins anew.
    """

    cfg: ClassifierFreeGuidance
    eta: float = 0.0
    norm: float = 7.5
    momentum: float = 0.0
    _sigma: float = field(default=math.inf, repr=False)
    _average: Tensor | None = field(default=None, repr=False)
    _before: Tensor | None = field(default=None, repr=False)

    def choose(self, branches: Sequence[Branch], sigma: float) -> Sequence[Branch]:
        """Chooses what classifier-free guidance does."""
        return self.cfg.choose(branches, sigma)

    def __call__(self, outputs: Mapping[Branch, Tensor], state: State) -> Tensor:
        conds = {branch: out for branch, out in outputs.items() if branch.name == COND}
        uncond = next((out for branch, out in outputs.items() if branch.name == UNCOND), None)
        factor = x0_factor(state.sigma, state.prediction_type)
        if uncond is None or factor == 0:
            return self.cfg(outputs, state)
        difference = weighted_difference(conds, uncond)
        cond = uncond + difference
        update = self._averaged(factor * difference, state.sigma)
        update = project(
            clip_norm(update, self.norm), to_x0(cond, state.x, state.sigma, state.prediction_type), self.eta
        )
        guided = cond + (self.cfg.scale_at(state.sigma) - 1) / factor * update
        return rescale_guidance(guided, cond, self.cfg.rescale) if self.cfg.rescale else guided

    def remembered(self) -> Tensor | None:
        """Returns the average and its sigma, whose float64 takes the place of two numbers."""
        if self._average is None:
            return None
        sigma = torch.tensor([self._sigma], dtype=torch.float64).view(torch.float32)
        return torch.cat([self._average.flatten(), sigma.to(self._average.device)])

    def remember(self, memory: Tensor | None, x0: Tensor) -> None:
        """Goes on with the average and sigma of `remembered`."""
        if memory is not None:
            self._sigma = float(memory[-2:].cpu().clone().view(torch.float64))
            self._average = memory[:-2].to(x0).view_as(x0)

    def _averaged(self, difference: Tensor, sigma: float) -> Tensor:
        """Returns the difference plus momentum times the average at the sigma before."""
        if sigma > self._sigma:
            self._before = None
        elif sigma < self._sigma:
            self._before = self._average
        before = self._before
        self._average = difference if before is None else difference + self.momentum * before
        self._sigma = sigma
        return self._average


def clip_norm(update: Tensor, limit: float) -> Tensor:
    """Returns an update (B, …) scaled down, picture by picture, to a Euclidean norm of at most `limit`; 0 is no limit."""
    if not limit:
        return update
    norms = torch.linalg.vector_norm(update.flatten(1), dim=1).clamp(min=1e-12)
    return update * (limit / norms).clamp(max=1).view(-1, *[1] * (update.dim() - 1))


def project(update: Tensor, onto: Tensor, eta: float) -> Tensor:
    """Returns the part of an update (B, …) orthogonal to each picture of `onto`, and `eta` of the parallel part."""
    flat, direction = update.flatten(1), torch.nn.functional.normalize(onto.flatten(1), dim=1)
    parallel = (flat * direction).sum(1, keepdim=True) * direction
    return (flat - parallel + eta * parallel).view_as(update)
