"""From a noise predictor to `denoise(x, sigma) -> x0`: scaling, prediction type, guidance, inpainting.

A sampler knows none of this; the network knows none of the samplers. All arithmetic is in x's dtype, elementwise or
per image, so that a batch never changes an image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from sdedge.errors import InvalidRequest
from sdedge.models.unet_inputs import Edit, Predict, UNetInputs
from sdedge.sampling.samplers import Denoise, StepNoise

MASK_STYLES = ("predicted", "fresh", "renoised")


class Context(Protocol):
    """What the prompt became: `cond` (K B, T, D) for K joined sides, `uncond` (B, T, D) or None, and how they join."""

    @property
    def cond(self) -> Tensor: ...

    @property
    def uncond(self) -> Tensor | None: ...

    @property
    def weights(self) -> Tensor | None: ...

    @property
    def both(self) -> Tensor: ...

    def combine(self, out: Tensor, scale: float) -> Tensor: ...


class Levels(Protocol):
    """Which timestep stands for a level, and what the model predicts: a NoiseSchedule or a Plan."""

    @property
    def prediction_type(self) -> str: ...

    def timestep(self, sigma: float) -> float: ...


@dataclass(frozen=True)
class Denoiser:
    """`denoise(x, sigma) -> x0` for x = x0 + sigma eps, x (B, 4, h, w), in x's dtype.

    predict             the network; sees x / sqrt(sigma^2 + 1), which is DDPM's variable
    levels              a Plan or a NoiseSchedule
    context             sigma -> Context; it differs along the way where a prompt is scheduled
    guidance            classifier-free guidance (Ho and Salimans 2022); 1 evaluates no unconditional half
    guidance_rescale    0 … 1, share of the guided output brought back to the conditional one's deviation
                        (Lin et al. 2023, section 3.4)
    guidance_interval   (low, high) sigma: guidance acts for low <= sigma <= high, outside it only the conditional
                        half is evaluated (Kynkäänniemi et al. 2024)
    threshold           dynamic thresholding of x0 (Saharia et al. 2022): the quantile, e.g. 0.995, or None
    threshold_max       largest bound that thresholding may use; each image is scaled by its bound
    channels            (B, 5, h, w) appended to the input after scaling: mask and masked-image latent of a 9-channel
                        inpainting model
    embedding           (1, D) of the guidance scale, for models that read it (latent consistency models)
    edits               changes of the UNet's attention at every call
    """

    predict: Predict
    levels: Levels
    context: Callable[[float], Context]
    guidance: float = 7.5
    guidance_rescale: float = 0.0
    guidance_interval: tuple[float, float] | None = None
    threshold: float | None = None
    threshold_max: float = 1.0
    channels: Tensor | None = None
    embedding: Tensor | None = None
    edits: tuple[Edit, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.guidance_rescale <= 1:
            raise InvalidRequest(f"Guidance rescale {self.guidance_rescale} is out of range; choose 0 to 1.")
        if self.guidance_interval is not None and not 0 <= self.guidance_interval[0] <= self.guidance_interval[1]:
            raise InvalidRequest(f"Guidance interval {self.guidance_interval} is empty; give low and high sigma.")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise InvalidRequest(f"Threshold quantile {self.threshold} is out of range; choose 0 to 1, usually 0.995.")

    def __call__(self, x: Tensor, sigma: float) -> Tensor:
        x_in = x * (sigma**2 + 1) ** -0.5
        context = self.context(sigma)
        scale = self.guidance if self._guides(sigma) else 1.0
        if context.weights is None and (scale == 1 or context.uncond is None):
            out = self._predict(x_in, sigma, context.cond)
        else:
            out = self._guided(x_in, sigma, context, scale)
        x0 = to_x0(out, x, sigma, self.levels.prediction_type)
        return x0 if self.threshold is None else dynamic_threshold(x0, self.threshold, self.threshold_max)

    def _guides(self, sigma: float) -> bool:
        return self.guidance_interval is None or self.guidance_interval[0] <= sigma <= self.guidance_interval[1]

    def _guided(self, x_in: Tensor, sigma: float, context: Context, scale: float) -> Tensor:
        halves = context.both.shape[0] // x_in.shape[0]
        out = self._predict(x_in.repeat(halves, 1, 1, 1), sigma, context.both)  # one call of (1 + K) B
        guided = context.combine(out, scale)
        if not self.guidance_rescale:
            return guided
        return rescale_guidance(guided, context.combine(out, 1.0), self.guidance_rescale)

    def _predict(self, x_in: Tensor, sigma: float, context: Tensor) -> Tensor:
        N = x_in.shape[0]
        t = torch.full((N,), self.levels.timestep(sigma), dtype=x_in.dtype, device=x_in.device)
        inputs = UNetInputs(x_in, t, context, edits=self.edits)
        if self.channels is not None:
            inputs = replace(inputs, channels=self.channels.repeat(N // self.channels.shape[0], 1, 1, 1))
        if self.embedding is not None:
            inputs = replace(inputs, embedding=self.embedding.expand(N, -1))
        return self.predict(inputs)


def to_x0(out: Tensor, x: Tensor, sigma: float, prediction_type: str) -> Tensor:
    """The image a network output stands for, x in the variance-exploding variable."""
    if prediction_type == "epsilon":
        return x - sigma * out
    if prediction_type == "v_prediction":
        # sqrt(ab) x_ddpm - sqrt(1 - ab) v
        return x / (sigma**2 + 1) - out * (sigma * (sigma**2 + 1) ** -0.5)
    return out


def rescale_guidance(out: Tensor, cond: Tensor, share: float) -> Tensor:
    """Bring the deviation of the guided output back towards the conditional one's (Lin et al. 2023, eq. 15, 16)."""
    factors = [float(c.std() / o.std()) for o, c in zip(out, cond)]
    return torch.stack([o * (share * factor + (1 - share)) for o, factor in zip(out, factors)])


def dynamic_threshold(x0: Tensor, quantile: float, largest: float = 1.0) -> Tensor:
    """Clamp each image to its own quantile of |x0|, between 1 and `largest`, and divide by it (Saharia et al. 2022)."""
    bounds = [min(max(float(torch.quantile(image.abs().flatten(), quantile)), 1.0), max(largest, 1.0)) for image in x0]
    return torch.stack([image.clamp(-s, s) / s for image, s in zip(x0, bounds)])


def masked(
    denoise: Denoise, latent: Tensor, mask: Tensor, noise: StepNoise | Tensor, style: str = "predicted"
) -> Denoise:
    """Hold the region where mask is 0 at `latent`; repaint where it is 1. For models with 4 channels.

    latent (B, 4, h, w), mask (B, 1, h, w) in 0 … 1. Three styles, by what they do before asking the model:

    predicted   nothing; the kept region of the *prediction* is the latent, so x there follows its own noise down to
                the latent exactly. One consistent noise, no seam; A1111's way and the default.
    fresh       the latent with new noise of the level replaces x there at every call: LDM's way. `noise` is a
                StepNoise, drawn before the step's own.
    renoised    the latent with the initial noise replaces x there from the second level on: what diffusers does after
                each step. `noise` is that (B, 4, h, w) tensor.

    In all of them the kept region of the returned x0 is the latent, and a soft mask blends linearly.
    """
    if style not in MASK_STYLES:
        raise InvalidRequest(f"Unknown mask style {style!r}; choose one of {', '.join(MASK_STYLES)}.")
    kept = latent * (1 - mask)
    first: list[float] = []

    def denoise_masked(x: Tensor, sigma: float) -> Tensor:
        if not first:
            first.append(sigma)
        if style == "fresh":
            assert callable(noise)
            x = x * mask + (latent + sigma * noise(sigma, 0.0)) * (1 - mask)
        elif style == "renoised" and sigma < first[0]:
            assert isinstance(noise, Tensor)
            x = x * mask + (latent + sigma * noise) * (1 - mask)
        return denoise(x, sigma) * mask + kept

    return denoise_masked
