"""The picture that img2img, inpainting and outpainting start from, in pixels.

`open_source` prepares it once per request, `start.begin` makes the latents of each batch of it, and `SourceImage.finish` puts
each drawing back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdedge.engines.protocol import Capability, Engine, ModelFacts
from sdedge.errors import Remedy
from sdedge.images import mask as masks
from sdedge.images.source import Size, fit, load, read_source
from sdedge.images.stitch import Crop, crop_around
from sdedge.request import Request, Resolved, Task
from sdedge.request_fields import MAX_SIDE, MIN_SIDE

WORTH_SAYING = 0.1
"""Greys as a fraction of what a mask marks: below it they are the rim of brushes."""


@dataclass(frozen=True)
class SourceImage:
    """The picture of a request in pixels.

    canvas   uint8 (H, W, 3): what comes back wherever nothing is drawn
    crop     the part of the canvas that is drawn
    pixels   that part at the request's size, uint8
    mask     bool at the request's size, True where drawn anew; None without a mask
    size     width and height of the whole picture, with what outpainting adds
    strengths  float32 at the request's size, 0 … 1: how strongly each pixel is drawn anew; None where the mask is hard
    alpha    float32 (H, W) of the canvas: the fraction of each pixel that is drawn anew; None without a mask
    notices  sentences for the user
    matches_colours  whether the drawing's colours are brought to those around the mask
    """

    canvas: np.ndarray
    crop: Crop
    pixels: np.ndarray
    mask: np.ndarray | None = None
    alpha: np.ndarray | None = None
    notices: tuple[str, ...] = ()
    matches_colours: bool = False
    strengths: np.ndarray | None = None
    size: Size = (0, 0)

    def finish(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the result of a drawing, uint8 at the request's size: it is put back into the canvas where there is a mask."""
        if self.alpha is None:
            return pixels
        return self.crop.stitch(self.canvas, pixels, self.alpha, self.matches_colours)


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
        return min(max(round(side / unit) * unit, MIN_SIDE), MAX_SIDE // unit * unit)

    return request.width or rounded(W * scale), request.height or rounded(H * scale)


def settled_size(request: Request, engine: Engine) -> Size:
    """Returns `drawn_size`; an engine that draws few sizes settles the open sides to the nearest proportions it has."""
    wanted, fixed = drawn_size(request, engine.facts), (request.width, request.height)
    if all(fixed) or Capability.NEAREST_SIZE not in engine.can:
        return wanted
    return engine.nearest_size(wanted, fixed)


def size_notice(request: Request, resolved: Resolved, source: SourceImage | None, engine: Engine) -> str:
    """Returns what is to be said where a picture is drawn at another size than its own, which nobody chose; "" else."""
    drawn = (resolved.width, resolved.height)
    if source is None or request.mask_only or request.width or request.height or drawn == source.size:
        return ""
    (W, H), unit = source.size, engine.facts.downscale
    own = round(W / unit) * unit, round(H / unit) * unit
    where = "" if source.alpha is None else " and put back into it"
    said = f"The picture has {W}x{H} pixels and is drawn at {drawn[0]}x{drawn[1]}{where}"
    if Capability.NEAREST_SIZE in engine.can:
        return f"{said}, the nearest size that {engine.facts.name} was converted for; {Remedy.CONVERT_OTHER_SIZES}."
    if own == drawn:
        return f"{said}, as sides are multiples of {unit}."
    if min(own) < MIN_SIDE or max(own) > MAX_SIDE:
        return f"{said}, a size that suits {engine.facts.name}; sides have from {MIN_SIDE} to {MAX_SIDE} pixels."
    return f"{said}, a size that suits {engine.facts.name}; {Remedy.GIVE_SIZE.format(name=f'{own[0]}x{own[1]}')}."


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
        own = (canvas.shape[1], canvas.shape[0])
        return SourceImage(fitted, Crop((0, 0, *size), size), fitted, notices=notices, size=own)
    mask: np.ndarray | None = None
    if request.mask is not None:
        greys, mask_notices = masks.read_grey_mask(request.mask, (canvas.shape[1], canvas.shape[0]), canvas)
        notices += mask_notices + _said_of_greys(greys, request.soft_mask)
        mask = greys if request.soft_mask else greys >= masks.GREY
        if not mask.any():
            raise masks.black(request.mask)
    if request.outpaint is not None:
        canvas, mask = masks.outpaint(canvas, mask, request.outpaint)
    assert mask is not None
    return _masked_source(request, canvas, mask, notices)


def _said_of_greys(greys: np.ndarray, soft: bool) -> tuple[str, ...]:
    """Returns which way a mask with greys is used, as a notice; none for a mask without any that is hard."""
    fraction = masks.grey_fraction(greys)
    if soft:
        amount = f"{fraction:.0%} of what it marks is grey, each grey" if fraction else "it has no grey; white"
        return (f"The mask is soft: {amount} is how strongly it is drawn anew.",)
    if fraction < WORTH_SAYING:
        return ()
    return (
        f"The mask is hard: {fraction:.0%} of what it marks is grey and cut at half brightness; {Remedy.SOFT_MASK}.",
    )


def _masked_source(request: Resolved, canvas: np.ndarray, greys: np.ndarray, notices: tuple[str, ...]) -> SourceImage:
    """Returns the source of a mask, bool, or of a soft one in greys, uint8, which holds all that is not black."""
    mask = greys > 0
    crop = crop_around(mask, (request.width, request.height), request.mask_padding, largest=not request.mask_only)
    return SourceImage(
        canvas,
        crop,
        crop.cut(canvas),
        crop.cut_mask(mask),
        masks.feather(mask, request.mask_blur),
        notices,
        request.match_colours,
        None if greys.dtype == bool else crop.cut_strengths(greys),
        (canvas.shape[1], canvas.shape[0]),
    )
