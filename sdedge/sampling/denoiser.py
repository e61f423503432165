"""From a noise predictor to `denoise(x, sigma) -> x0`: scaling, prediction type, branches and guidance, inpainting.

A sampler knows none of this; the network knows none of the samplers. All arithmetic is in x's dtype, elementwise or
per image, so that a batch never changes an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from sdedge.catalog import MaskMode
from sdedge.errors import InvalidRequest
from sdedge.models.unet_inputs import Edit, Predict, UNetInputs
from sdedge.sampling.guidance import Branch, Branches, Guide, State
from sdedge.sampling.prediction import to_x0
from sdedge.sampling.samplers import Denoise, StepNoise


class Schedule(Protocol):
    """Which timestep stands for a sigma, and what the model predicts: a NoiseSchedule or a SamplingPlan."""

    @property
    def prediction_type(self) -> str: ...

    def timestep(self, sigma: float) -> float: ...


@dataclass(frozen=True)
class Denoiser:
    """`denoise(x, sigma) -> x0` for x = x0 + sigma eps, x (B, 4, h, w), in x's dtype.

    predict        the network; sees x / sqrt(sigma^2 + 1), which is DDPM's variable, for all branches in one call
    branches       (x, sigma) -> the conditions under which it may be evaluated
    guide          chooses among them and makes one output of theirs
    schedule       a SamplingPlan or a NoiseSchedule
    threshold      dynamic thresholding of x0 (Saharia et al. 2022): the quantile, e.g. 0.995, or None
    threshold_max  largest bound that thresholding may use; each image is scaled by its bound

    One denoiser serves one batch from its first step to its last.
    """

    predict: Predict
    branches: Branches
    guide: Guide
    schedule: Schedule
    threshold: float | None = None
    threshold_max: float = 1.0
    _contexts: dict[tuple[Branch, ...], Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InvalidRequest(f"Threshold quantile {self.threshold} is out of range; choose 0 to 1, usually 0.995.")

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        branches = tuple(self.guide.choose(self.branches(x, sigma), sigma))
        outputs = self.predict(self._inputs(branches, x, sigma)).split(x.shape[0])
        state = State(x, sigma, self.schedule.prediction_type)
        out = self.guide(dict(zip(branches, outputs, strict=True)), state)
        x0 = to_x0(out, x, sigma, state.prediction_type)
        return x0 if self.threshold is None else dynamic_threshold(x0, self.threshold, self.threshold_max)

    def _inputs(self, branches: tuple[Branch, ...], x: Tensor, sigma: float) -> UNetInputs:
        """Joins K branches of B pictures in one call of K B rows, the first branch of all pictures first."""
        K, B = len(branches), x.shape[0]
        x_in = (x * (sigma**2 + 1) ** -0.5).repeat(K, 1, 1, 1)
        if branches not in self._contexts:  # one tensor for all steps that read the same: engines cache by it
            self._contexts[branches] = _joined([branch.context for branch in branches])
        return UNetInputs(
            x_in,
            torch.full((K * B,), self.schedule.timestep(sigma), dtype=x_in.dtype, device=x_in.device),
            self._contexts[branches],
            channels=_joined_rows((branch.channels for branch in branches), B),
            embedding=_joined_rows((branch.embedding for branch in branches), B),
            edits=_joined_edits(branches, B),
            branches=tuple(branch.name for branch in branches),
        )


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _joined_edits(branches: Sequence[Branch], rows: int) -> tuple[Edit, ...]:
    """Returns the edits of all branches, each in its own `rows` of the call; what they share is one."""
    each = (edit.on(range(k * rows, (k + 1) * rows)) for k, branch in enumerate(branches) for edit in branch.edits)
    return tuple(dict.fromkeys(each))


def _joined_rows(parts: Iterable[Tensor | None], rows: int) -> Tensor | None:
    """Returns what each branch has for `rows` pictures, one row standing for all of them, or None where none has any."""
    tensors = [part.expand(rows, *part.shape[1:]) for part in parts if part is not None]
    return _joined(tensors) if tensors else None


def dynamic_threshold(x0: Tensor, quantile: float, largest: float = 1.0) -> Tensor:
    """Clamps each image to its own quantile of |x0|, between 1 and `largest`, and divides by it (Saharia et al. 2022)."""
    bounds = [min(max(float(torch.quantile(image.abs().flatten(), quantile)), 1.0), max(largest, 1.0)) for image in x0]
    return torch.stack([image.clamp(-s, s) / s for image, s in zip(x0, bounds)])


# Inpainting with a model of 4 channels: (sigma) -> what x is outside the mask when the model is asked, None to leave it.
Unmasked = Callable[[float], Tensor | None]


def unmasked_as_predicted(latent: Tensor, initial_noise: Tensor, step_noise: StepNoise) -> Unmasked:
    """Leaves x alone: it follows its own noise down to the latent that each prediction has there, with no seam.

    A1111 does so, and it is the default.
    """
    return lambda sigma: None


def unmasked_with_fresh_noise(latent: Tensor, initial_noise: Tensor, step_noise: StepNoise) -> Unmasked:
    """Gives the latent new noise at every call, drawn before the step's own: LDM's way."""
    return lambda sigma: latent + sigma * step_noise(sigma, 0.0)


def unmasked_with_initial_noise(latent: Tensor, initial_noise: Tensor, step_noise: StepNoise) -> Unmasked:
    """Gives the latent the initial noise from the second sigma on: what diffusers does after each step."""
    first: float | None = None

    def unmasked(sigma: float) -> Tensor | None:
        nonlocal first
        if first is None:
            first = sigma
        return latent + sigma * initial_noise if sigma < first else None

    return unmasked


UNMASKED: dict[MaskMode, Callable[[Tensor, Tensor, StepNoise], Unmasked]] = {
    MaskMode.PREDICTED: unmasked_as_predicted,
    MaskMode.FRESH_NOISE: unmasked_with_fresh_noise,
    MaskMode.INITIAL_NOISE: unmasked_with_initial_noise,
}


def masked(
    denoise: Denoise, latent: Tensor, mask: Tensor, mode: MaskMode, initial_noise: Tensor, step_noise: StepNoise
) -> Denoise:
    """Keeps the latent where mask is 0, and repaints where it is 1. For models with 4 channels.

    latent and initial_noise (B, 4, h, w), mask (B, 1, h, w) in 0 … 1. In every mode of `UNMASKED` the unmasked region
    of the returned x0 is the latent, and a soft mask blends linearly. One result serves one run. Raises InvalidRequest
    for an unknown mode.
    """
    if mode not in UNMASKED:
        raise InvalidRequest(f"Unknown mask mode {mode!r}; choose one of {', '.join(UNMASKED)}.")
    unmasked, outside = UNMASKED[mode](latent, initial_noise, step_noise), latent * (1 - mask)

    def denoise_masked(x: Tensor, sigma: float) -> Tensor:
        replacement = unmasked(sigma)
        if replacement is not None:
            x = x * mask + replacement * (1 - mask)
        return denoise(x, sigma) * mask + outside

    return denoise_masked
