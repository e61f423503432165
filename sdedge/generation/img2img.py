"""Starts from pictures: what img2img, inpainting and outpainting add to drawing from noise.

`open_source` prepares the pixels once per request, `begin` makes the latents of one batch, `Source.finish` puts each
drawing back. Which draw of a seed's stream is what:

    sdedge, a1111, apple    initial noise, then the picture's encoding, then the masked picture's, then the steps'
    diffusers, compvis      the picture's encoding first, then initial noise, the masked picture's, the steps'

What is not needed is not drawn, except where diffusers does (the masked picture of a 4-channel model).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sdedge.catalog import MaskedContent, MaskMode, Preset
from sdedge.engines.protocol import Capability, Engine, ModelFacts
from sdedge.errors import InvalidRequest, Remedy
from sdedge.images import mask as masks
from sdedge.images.convert import from_pixels
from sdedge.images.mask import Box
from sdedge.images.source import Size, fit, load, read_source
from sdedge.request import Request, Resolved, Task
from sdedge.request_fields import MAX_SIDE
from sdedge.sampling.denoiser import masked
from sdedge.sampling.noise import Noise, stream
from sdedge.sampling.presets import SamplingPlan
from sdedge.sampling.samplers import Denoise, StepNoise

ENCODED_FIRST = ("diffusers", "compvis")
# At full strength these forget the picture: the start is noise alone, as without one.
FORGETFUL = (Preset.SDEDGE, Preset.APPLE)


@dataclass(frozen=True)
class SourceImage:
    """The picture of a request in pixels.

    canvas   uint8 (H, W, 3): what comes back wherever nothing is drawn
    box      the part of the canvas that is drawn
    pixels   that part at the request's size, uint8
    mask     bool at the request's size, True where drawn anew; None without a mask
    alpha    float32 (H, W) of the canvas: the fraction of each pixel that is drawn anew; None without a mask
    notices  sentences for the user
    """

    canvas: np.ndarray
    box: Box
    pixels: np.ndarray
    mask: np.ndarray | None = None
    alpha: np.ndarray | None = None
    notices: tuple[str, ...] = ()

    def finish(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the result of a drawing, uint8 at the request's size: it is put back into the canvas where there is a mask."""
        if self.alpha is None:
            return pixels
        left, top, right, bottom = self.box
        return masks.paste(self.canvas, fit(pixels, (right - left, bottom - top), "stretch"), self.box, self.alpha)


def drawn_size(request: Request, facts: ModelFacts) -> Size:
    """Returns the width and height at which a request is drawn, where it leaves them open.

    From noise, and for the masked region alone, the model's own; from a picture, the picture's proportions with the
    short side between one and one and a half times the model's, and the long side at most twice. Raises
    InvalidRequest for a picture that cannot be read.
    """
    if request.image is None or request.mask_only or (request.width and request.height):
        return request.width or facts.width, request.height or facts.height
    W, H = load(request.image).image.size
    if request.outpaint is not None:
        left, top, right, bottom = request.outpaint
        W, H = W + left + right, H + top + bottom
    native, unit = min(facts.width, facts.height), facts.downscale
    if request.width or request.height:
        scale = request.width / W if request.width else (request.height or 0) / H
    else:
        scale = min(min(max(min(W, H), native), 1.5 * native) / min(W, H), 2 * native / max(W, H))

    def rounded(side: float) -> int:
        return min(max(round(side / unit) * unit, 64), MAX_SIDE // unit * unit)

    return request.width or rounded(W * scale), request.height or rounded(H * scale)


def settled_size(request: Request, engine: Engine) -> Size:
    """Returns `drawn_size`; an engine that draws few sizes settles the open sides to the nearest proportions it has."""
    wanted, fixed = drawn_size(request, engine.facts), (request.width, request.height)
    if all(fixed) or Capability.NEAREST_SIZE not in engine.can:
        return wanted
    return engine.nearest_size(wanted, fixed)


def open_source(request: Resolved) -> SourceImage | None:
    """Reads the picture of a request; returns None where it starts from noise.

    Without a mask the picture is cropped to the request's size. With one it keeps its own size: the part to draw is
    brought to the request's size, drawn, and put back. Raises InvalidRequest for files that cannot be used.
    """
    if request.image is None:
        return None
    size = request.width, request.height
    canvas, notices = read_source(request.image)
    if request.task is Task.IMG2IMG:
        fitted = fit(canvas, size)
        return SourceImage(fitted, (0, 0, *size), fitted, notices=notices)
    mask = None
    if request.mask is not None:
        mask, mask_notices = masks.read_mask(request.mask, (canvas.shape[1], canvas.shape[0]), canvas)
        notices += mask_notices
    if request.outpaint is not None:
        canvas, mask = masks.outpaint(canvas, mask, request.outpaint)
    assert mask is not None
    return _masked_source(request, canvas, mask, notices)


def _masked_source(request: Resolved, canvas: np.ndarray, mask: np.ndarray, notices: tuple[str, ...]) -> SourceImage:
    size, canvas_size = (request.width, request.height), (canvas.shape[1], canvas.shape[0])
    around = masks.bounding_box(mask)
    if request.mask_only:
        box = masks.region_around(around, request.mask_padding, canvas_size, size)
    else:
        box = masks.largest_region(around, canvas_size, size)
    left, top, right, bottom = box
    return SourceImage(
        canvas,
        box,
        fit(np.ascontiguousarray(canvas[top:bottom, left:right]), size, "stretch"),
        masks.scaled(mask, box, size),
        masks.feather(mask, request.mask_blur),
        notices,
    )


@dataclass(frozen=True)
class Start:
    """Where the latents of one batch begin.

    noise      (B, 4, h, w), unit variance
    strength   fraction of the sigmas to run, None for all of them from noise alone, 0 for none
    latent     (B, 4, h, w) of the picture, where there is one
    held       (1, 1, h, w), 0 where the latent must stay; None where nothing is held
    channels   (B, 5, h, w) for a 9-channel model
    draws      how many draws of each stream are taken
    """

    noise: Tensor
    strength: float | None = None
    latent: Tensor | None = None
    held: Tensor | None = None
    channels: Tensor | None = None
    draws: int = 1

    def step_noise(self, plan: SamplingPlan, seeds: Sequence[int], source: str) -> StepNoise:
        """Returns the noise of the steps, which continues each stream after what is taken."""
        shape, place = self.noise.shape[1:], (self.noise.device, self.noise.dtype)
        if plan.noise == "independent":
            return Noise(seeds, shape, source, *place, skip=self.draws)
        return plan.step_noise(seeds, shape, source, str(place[0]), place[1])

    def preserve_unmasked(self, denoise: Denoise, step_noise: StepNoise, mode: MaskMode) -> Denoise:
        """Wraps `denoise` so that the latent outside the mask is kept while sampling."""
        if self.held is None or self.latent is None:
            return denoise
        return masked(denoise, self.latent, self.held, mode, self.noise, step_noise)

    def keep(self, x: Tensor) -> Tensor:
        """Returns the finished latent with the picture's own outside the mask."""
        if self.held is None or self.latent is None:
            return x
        return x * self.held + self.latent * (1 - self.held)


def begin(engine: Engine, requests: Sequence[Resolved], source: SourceImage | None) -> Start:
    """Makes noise and latents of a batch of pictures that differ only in their seeds and prompts."""
    request, facts = requests[0], engine.facts
    shape = facts.latent_channels, request.height // facts.downscale, request.width // facts.downscale
    inpaints, mask = facts.in_channels != facts.latent_channels, source.mask if source is not None else None
    strength = _strength(request, source)
    held = None if inpaints or mask is None else _latent_mask(mask, request, facts).to(engine.device)
    order = _order(request, inpaints, encodes=source is not None and (strength is not None or held is not None))

    def draw(name: str) -> Tensor:
        return _draw([each.seed for each in requests], shape, request.noise, order.index(name))

    noise = vary(draw("noise"), requests, order.index("noise")).to(engine.device)
    latent = None
    if source is not None and "image" in order:
        latent = _content(engine, request, source, draw("image"), noise)
    channels = _channels(engine, request, source, draw("masked")) if inpaints else None
    return Start(noise, strength, latent, held, channels, len(order))


def _strength(request: Resolved, source: SourceImage | None) -> float | None:
    if source is None:
        return None
    forgets = request.preset in FORGETFUL or (request.preset is Preset.DIFFUSERS and source.mask is not None)
    return None if request.strength == 1 and forgets else request.strength


def _order(request: Resolved, inpaints: bool, encodes: bool) -> list[str]:
    """Says what each draw of a stream is for."""
    order = ["noise", "image"] if encodes else ["noise"]
    if request.preset in ENCODED_FIRST:
        order.reverse()
    if inpaints or (request.preset is Preset.DIFFUSERS and request.task is Task.INPAINT):
        order.append("masked")
    return order


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

    "noise" is the initial noise itself, as in A1111; "nothing" is zero, which decodes to a flat tone.
    """
    pixels, mask = source.pixels, source.mask
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


def encode(engine: Engine, image: Tensor, noise: Tensor) -> Tensor:
    """Encodes an image (1, 3, H, W) with each noise of (B, 4, h, w), one at a time, to scaled latents (B, 4, h, w)."""
    latents = torch.cat([engine.encode(image, sample[None]) for sample in noise])
    if not torch.isfinite(latents).all():
        raise InvalidRequest(
            f"The {engine.description} VAE gave values that are not numbers for this picture; {Remedy.FLOAT32}.",
            remedy=Remedy.FLOAT32,
        )
    return latents


@contextmanager
def tiling(engine: Engine, on: bool) -> Iterator[None]:
    """Within: an engine that can draws pictures whose edges continue on the opposite side, if `on`; afterwards as before.

    It is a state of the engine and no edit of one call, since the VAE's edges continue too.
    """
    if Capability.TILING not in engine.can:
        yield
        return
    engine.set_tiling(on)
    try:
        yield
    finally:
        engine.set_tiling(False)
