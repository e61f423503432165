"""Where the latents of a batch begin: noise, and what a picture to start from adds to it.

`begin` draws and encodes; `Start` holds the latents while the steps run. Which draw of a seed's stream is what:

    sdedge, apple           initial noise, then the picture's encoding, then the masked picture's, then the steps'
    a1111                   initial noise, then the steps'
    diffusers, compvis      the picture's encoding first, then initial noise, the masked picture's, the steps'

What is not needed is not drawn, except where diffusers does (the masked picture of a 4-channel model). The web UI encodes with
noise of torch's global state, which no seed tells; in preset a1111 a second stream of the seed gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sdedge.catalog import MaskedContent, Preset
from sdedge.engines.protocol import Engine, ModelFacts
from sdedge.errors import InvalidRequest, Remedy
from sdedge.generation.img2img import SourceImage
from sdedge.generation.requirements import INPAINTING_CHANNELS, INSTRUCT_CHANNELS
from sdedge.images import mask as masks
from sdedge.images.convert import from_pixels
from sdedge.images.source import fit
from sdedge.request import Resolved, Task
from sdedge.sampling.denoiser import masked
from sdedge.sampling.differential import differential
from sdedge.sampling.noise import Noise, stream
from sdedge.sampling.presets import SamplingPlan
from sdedge.sampling.samplers import Denoise, StepNoise

ENCODED_FIRST = (Preset.DIFFUSERS, Preset.COMPVIS)
# At full strength these forget the picture: the start is noise alone, as without one.
FORGETFUL = (Preset.SDEDGE, Preset.APPLE)
ENCODED_ASIDE = 0x9E3779B9  # what a seed's second stream is seeded with, by exclusive or; within NumPy's 32 bits


@dataclass(frozen=True)
class Start:
    """Where the latents of one batch begin.

    noise      (B, 4, h, w), unit variance
    strength   fraction of the sigmas to run, None for all of them from noise alone, 0 for none
    latent     (B, 4, h, w) of the picture, where there is one
    strengths  (1, 1, h, w), 0 … 1, how strongly each cell is drawn anew; None where the mask is hard
    held       (1, 1, h, w), 0 where the latent must stay; None where nothing is held
    channels   (B, 5, h, w) for a 9-channel model, (1, 4, h, w) for InstructPix2Pix
    draws      how many draws of each stream are taken
    all_steps  whether every step of the request is run, whatever the strength
    """

    noise: Tensor
    strength: float | None = None
    latent: Tensor | None = None
    held: Tensor | None = None
    channels: Tensor | None = None
    draws: int = 1
    all_steps: bool = False
    strengths: Tensor | None = None

    def step_noise(self, plan: SamplingPlan, seeds: Sequence[int], source: str) -> StepNoise:
        """Returns the noise of the steps, which continues each stream after what is taken."""
        shape, place = self.noise.shape[1:], (self.noise.device, self.noise.dtype)
        if plan.noise == "independent":
            return Noise(seeds, shape, source, *place, skip=self.draws)
        return plan.step_noise(seeds, shape, source, str(place[0]), place[1])

    def preserve_unmasked(self, denoise: Denoise, step_noise: StepNoise, plan: SamplingPlan) -> Denoise:
        """Wraps `denoise` so that the latent outside the mask is kept while sampling, and in a soft one as long as it says."""
        if self.held is None or self.latent is None:
            return denoise
        if self.strengths is not None:
            return differential(denoise, self.latent, self.strengths, self.noise, plan.sigmas)
        return masked(denoise, self.latent, self.held, plan.mask_mode, self.noise, step_noise)

    def keep(self, x: Tensor) -> Tensor:
        """Returns the finished latent with the picture's own outside the mask."""
        if self.held is None or self.latent is None:
            return x
        return x * self.held + self.latent * (1 - self.held)


def begin(
    engine: Engine, requests: Sequence[Resolved], source: SourceImage | None, drawn: Tensor | None = None
) -> Start:
    """Makes noise and latents of a batch of pictures that differ only in their seeds and prompts.

    `drawn` are latents (B, 4, h, w) to start from in place of a picture's.
    """
    request, facts = requests[0], engine.facts
    shape = facts.latent_channels, request.height // facts.downscale, request.width // facts.downscale
    inpaints, mask = facts.in_channels == INPAINTING_CHANNELS, source.mask if source is not None else None
    if facts.in_channels == INSTRUCT_CHANNELS and source is not None:
        noise = vary(_draw([each.seed for each in requests], shape, request.noise, 0), requests).to(engine.device)
        return Start(noise, channels=_picture(engine, source))
    strength = None if source is None and drawn is None else _strength(request, source)
    strengths = None if source is None else _strengths(engine, source)
    held = None if inpaints or mask is None else _latent_mask(mask, request, facts).to(engine.device)
    if strengths is not None:  # also beside an inpainting model, which reads where and not how strongly
        held = (strengths > 0).float()
    encodes = source is not None and drawn is None and (strength is not None or held is not None)
    order = _order(request, inpaints, encodes)

    def draw(name: str) -> Tensor:
        return _draw_named(requests, shape, order, name)

    noise = vary(draw("noise"), requests, order.index("noise")).to(engine.device)
    latent = drawn
    if source is not None and encodes:
        latent = _content(engine, request, source, draw("image"), noise)
    channels = _channels(engine, request, source, draw("masked")) if inpaints else None
    return Start(noise, strength, latent, held, channels, len(order), strengths=strengths)


def _strength(request: Resolved, source: SourceImage | None) -> float | None:
    """Returns the strength, None where a preset forgets the picture at the full one; a soft mask always begins with it."""
    if source is not None and source.strengths is not None:
        return request.strength
    is_masked = source is not None and source.mask is not None
    forgets = request.preset in FORGETFUL or (request.preset is Preset.DIFFUSERS and is_masked)
    return None if request.strength == 1 and forgets else request.strength


def _strengths(engine: Engine, source: SourceImage) -> Tensor | None:
    if source.strengths is None:
        return None
    return masks.latent_strengths(source.strengths, engine.facts.downscale).to(engine.device)


def _order(request: Resolved, inpaints: bool, encodes: bool) -> list[str]:
    """Says what each draw of a stream is for, before the steps'."""
    if request.preset is Preset.A1111:
        return ["noise"]
    order = ["noise", "image"] if encodes else ["noise"]
    if request.preset in ENCODED_FIRST:
        order.reverse()
    if inpaints or (request.preset is Preset.DIFFUSERS and request.task is Task.INPAINT):
        order.append("masked")
    return order


def _draw_named(requests: Sequence[Resolved], shape: Sequence[int], order: list[str], name: str) -> Tensor:
    """Takes the draw for a name: of each seed's stream, or of its second one where the first does not encode."""
    seeds, source = [each.seed for each in requests], requests[0].noise
    if name in order:
        return _draw(seeds, shape, source, order.index(name))
    return _draw([seed ^ ENCODED_ASIDE for seed in seeds], shape, source, ("image", "masked").index(name))


def _draw(seeds: Sequence[int], shape: Sequence[int], source: str, index: int) -> Tensor:
    """Takes draw number `index` of each seed's stream; returns (B, *shape) on the CPU."""
    streams = [stream(seed, source) for seed in seeds]
    for earlier in streams * index:
        earlier(shape)
    return torch.stack([draw(shape) for draw in streams])


def vary(noise: Tensor, requests: Sequence[Resolved], index: int = 0) -> Tensor:
    """Turns initial noise (B, C, h, w) towards the same draw of each variation seed, by variation strength."""
    request = requests[0]
    if not request.variation_strength:
        return noise
    seeds = [each.seed if each.variation_seed is None else each.variation_seed for each in requests]
    variation = _draw(seeds, noise.shape[1:], request.noise, index)
    return torch.stack([slerp(a, b, request.variation_strength) for a, b in zip(noise, variation, strict=True)])


def slerp(a: Tensor, b: Tensor, fraction: float) -> Tensor:
    """Interpolates noise (C, h, w) spherically, column by column, which is how the A1111 web UI does it."""
    cosine = (a / a.norm(dim=1, keepdim=True) * (b / b.norm(dim=1, keepdim=True))).sum(1, keepdim=True)
    if cosine.mean() > 0.9995:
        return a + fraction * (b - a)  # A1111 swaps the two here; they are equal to within its threshold
    angle = torch.acos(cosine.clamp(-1, 1))
    return (torch.sin((1 - fraction) * angle) * a + torch.sin(fraction * angle) * b) / torch.sin(angle)


def _latent_mask(mask: np.ndarray, request: Resolved, facts: ModelFacts) -> Tensor:
    return masks.latent_mask(mask, facts.downscale, nearest=request.preset is Preset.DIFFUSERS)


def _content(engine: Engine, request: Resolved, source: SourceImage, noise: Tensor, initial: Tensor) -> Tensor:
    """Encodes the picture to latents (B, 4, h, w), its masked part replaced as the request says.

    "noise" is the initial noise itself, as in A1111; "nothing" is zero, which decodes to a flat tone. Of a soft mask only what
    is white is replaced.
    """
    pixels, mask = source.pixels, source.mask
    if source.strengths is not None:  # what is grey keeps some of the picture
        mask = source.strengths == 1
    if mask is not None and request.masked_content is MaskedContent.FILL:
        pixels = masks.fill_hidden(pixels, mask)
    latent = encode(engine, from_pixels(pixels[None]), noise)
    if mask is None or request.masked_content in (MaskedContent.ORIGINAL, MaskedContent.FILL):
        return latent
    anew = _latent_mask(mask, request, engine.facts).to(latent.device)
    return latent * (1 - anew) + (initial * anew if request.masked_content is MaskedContent.NOISE else 0)


def _channels(engine: Engine, request: Resolved, source: SourceImage | None, noise: Tensor) -> Tensor:
    """Makes mask and masked picture for a 9-channel model, (B, 5, h, w). Without a mask everything is masked."""
    B, _, h, w = noise.shape
    image = torch.zeros(1, 3, request.height, request.width)
    mask = torch.ones(1, 1, h, w)
    if source is not None and source.mask is not None:
        image = from_pixels(source.pixels[None]) * torch.from_numpy(~source.mask)
        mask = _latent_mask(source.mask, request, engine.facts)
    latent = encode(engine, image, noise)
    return torch.cat([mask.expand(B, 1, h, w).to(latent.device), latent], dim=1)


def _picture(engine: Engine, source: SourceImage) -> Tensor:
    """Encodes the picture for InstructPix2Pix, (1, 4, h, w): the middle of the posterior, as the VAE scales it."""
    facts, image = engine.facts, from_pixels(source.pixels[None])
    h, w = image.shape[2] // facts.downscale, image.shape[3] // facts.downscale
    return encode(engine, image, torch.zeros(1, facts.latent_channels, h, w)) / facts.scaling_factor


def encode_pixels(engine: Engine, request: Resolved, pixels: np.ndarray) -> Tensor:
    """Encodes a drawn picture, uint8 (H, W, 3), to a scaled latent (1, 4, h, w); sides are cut to whole cells."""
    unit = engine.facts.downscale
    h, w = pixels.shape[0] // unit, pixels.shape[1] // unit
    image, shape = from_pixels(fit(pixels, (w * unit, h * unit))[None]), (engine.facts.latent_channels, h, w)
    order = ["noise"] if request.preset is Preset.A1111 else ["noise", "image"]
    return encode(engine, image, _draw_named([request], shape, order, "image"))


def encode(engine: Engine, image: Tensor, noise: Tensor) -> Tensor:
    """Encodes an image (1, 3, H, W) with each noise of (B, 4, h, w), one at a time, to scaled latents (B, 4, h, w)."""
    latents = torch.cat([engine.encode(image, sample[None]) for sample in noise])
    if not torch.isfinite(latents).all():
        raise InvalidRequest(
            f"The {engine.description} VAE gave values that are not numbers for this picture; {Remedy.FLOAT32}.",
            remedy=Remedy.FLOAT32,
        )
    return latents
