"""Masks: which pixels are drawn anew, where the drawing takes place, and how it is put back.

A mask is a bool array (H, W), True where the picture is drawn anew. Whatever is done with it, a pixel where it is
False comes back bit for bit.
"""

from __future__ import annotations

import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sdedge.errors import InvalidRequest
from sdedge.images.source import Size, flatten, load, with_alpha

Box = tuple[int, int, int, int]  # left, top, right, bottom
Edges = tuple[int, int, int, int]  # left, top, right, bottom

GREY = 128
NEARLY_BLACK = 12  # of 255, and as much below white: what compression makes of either
SHAPE_TOLERANCE = 0.02
SAMPLE = 256  # pixels of a side at which a mask is compared with its picture
OPAQUE = 250  # of 255: what programs leave of opaque layers by rounding
SAME = 6.0  # mean difference of 8-bit samples: a JPEG of a picture stays below, strokes do not


def read_mask(
    path: str | os.PathLike[str], size: Size, picture: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns a mask file as bool (H, W) of `size` (width, height), and notes for the user.

    White is drawn anew, cut at half brightness; all else is as in `read_grey_mask`.
    """
    grey, notes = read_grey_mask(path, size, picture)
    if not (grey >= GREY).any():
        raise black(path)
    return grey >= GREY, notes


def read_grey_mask(
    path: str | os.PathLike[str], size: Size, picture: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns a mask file in its greys, uint8 (H, W) of `size` (width, height), and notes for the user.

    White is drawn anew, black stays. Where a file has transparency, its opaque part is the mask, a layer of
    strokes as in A1111; unless that part shows the same as `picture`, uint8 (H, W, 3) of `size`: then the file is the
    picture with a hole in it, as other programs hand over, and the hole is the mask. A note says which. Another
    resolution is resized; another shape, or a mask with nothing in it, raises InvalidRequest.
    """
    opened = load(path)
    grey, notes = _grey(opened.image, picture)
    (width, height), (W, H) = grey.size, size
    if abs(width / height / (W / H) - 1) > SHAPE_TOLERANCE:
        raise InvalidRequest(
            f"The mask {str(path)!r} is {width}x{height} but its picture {W}x{H}; give it the shape of the picture."
        )
    if grey.size != size:
        grey = grey.resize(size, Image.Resampling.BOX)
    greys = np.asarray(grey)
    if not greys.any():
        raise black(path)
    return greys, opened.notes + notes


def black(path: str | os.PathLike[str]) -> InvalidRequest:
    """Returns the error for a mask that marks nothing."""
    return InvalidRequest(f"The mask {str(path)!r} is black everywhere; paint white what should be drawn anew.")


def grey_fraction(greys: np.ndarray) -> float:
    """Returns how much of what a mask, uint8 (H, W), does not leave black is neither black nor white."""
    return float(((greys > NEARLY_BLACK) & (greys < 255 - NEARLY_BLACK)).sum() / max((greys > NEARLY_BLACK).sum(), 1))


def read_grey(path: str | os.PathLike[str]) -> tuple[Image.Image, tuple[str, ...]]:
    """Returns a mask file as brightness in its own resolution, and notes for the user: its opaque part where it has
    transparency. Raises InvalidRequest for a file that is no picture."""
    opened = load(path)
    grey, notes = _grey(opened.image, None)
    return grey, opened.notes + notes


def _grey(image: Image.Image, picture: np.ndarray | None) -> tuple[Image.Image, tuple[str, ...]]:
    """Returns the mask as brightness, in the file's own resolution, and what to say of it."""
    if image.has_transparency_data:
        layer = with_alpha(image)
        alpha = layer.getchannel("A")
        low, high = int(np.asarray(alpha).min()), int(np.asarray(alpha).max())
        if high and (low == high or low >= OPAQUE):  # one transparency for all says nothing of where
            return layer.convert("RGB").convert("L"), ()
        if low < OPAQUE:
            if picture is not None and _shows(layer, picture):
                return alpha.point(lambda value: 255 - value), (
                    "The mask is the picture with a hole; the hole is drawn anew.",
                )
            return alpha, ("The mask is partly transparent; its opaque part is drawn anew.",)
    return flatten(image).convert("L"), ()


def _shows(layer: Image.Image, picture: np.ndarray) -> bool:
    """Returns whether the opaque pixels of an RGBA layer are those of the picture, but for compression; compared in small."""
    small = min(layer.width, SAMPLE), min(layer.height, SAMPLE)
    there = np.asarray(layer.resize(small, Image.Resampling.NEAREST)).astype(np.int16)
    here = np.asarray(Image.fromarray(picture).resize(small, Image.Resampling.NEAREST)).astype(np.int16)
    opaque = there[..., 3] == 255
    return bool(opaque.any()) and float(np.abs(there[..., :3] - here)[opaque].mean()) <= SAME


def bounding_box(mask: np.ndarray) -> Box:
    """Returns the smallest box that holds every True pixel; there must be one."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def region_around(box: Box, padding: int, canvas: Size, size: Size) -> Box:
    """Returns the part of the canvas to draw for a masked box: padded, then widened to the proportions of `size`.

    It is shifted to stay inside the canvas, and has other proportions only where the canvas is too small for them.
    """
    (W, H), (width, height) = canvas, size
    left, top, right, bottom = (
        max(box[0] - padding, 0), max(box[1] - padding, 0), min(box[2] + padding, W), min(box[3] + padding, H),
    )  # fmt: skip
    w, h = right - left, bottom - top
    wide, tall = max(w, round(h * width / height)), max(h, round(w * height / width))
    return _placed((left, top, right, bottom), min(wide, W), min(tall, H), canvas)


def largest_region(box: Box, canvas: Size, size: Size) -> Box:
    """Returns the largest part of the canvas in the proportions of `size` that holds the box.

    The whole canvas where that is as good as it, or where the box leaves no choice.
    """
    (W, H), (width, height) = canvas, size
    scale = min(W / width, H / height)
    w, h = round(width * scale), round(height * scale)
    # Sizes are rounded to whole latent cells: that much stretching is not worth cutting for.
    if max((W - w) / scale, (H - h) / scale) <= 8 or box[2] - box[0] > w or box[3] - box[1] > h:
        return 0, 0, W, H
    return _placed(box, w, h, canvas)


def _placed(box: Box, w: int, h: int, canvas: Size) -> Box:
    """Returns a box of w x h about the middle of another, moved as little as keeps it inside the canvas."""
    left = min(max((box[0] + box[2] - w) // 2, 0), canvas[0] - w)
    top = min(max((box[1] + box[3] - h) // 2, 0), canvas[1] - h)
    return left, top, left + w, top + h


def outpaint(pixels: np.ndarray, mask: np.ndarray | None, edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    """Returns a larger canvas, uint8 (H, W, 3), that continues the picture's edges, and the mask of everything added.

    A mask of the picture itself, bool or uint8 in greys, stays part of it.
    """
    left, top, right, bottom = edges
    beside = (top, bottom), (left, right)
    inner = np.zeros(pixels.shape[:2], dtype=bool) if mask is None else mask
    white = True if inner.dtype == bool else 255
    return np.pad(pixels, (*beside, (0, 0)), mode="edge"), np.pad(inner, beside, constant_values=white)


def scaled(mask: np.ndarray, box: Box, size: Size) -> np.ndarray:
    """Returns the mask inside a box at another size: True wherever a part of the new pixel was."""
    left, top, right, bottom = box
    inside = mask[top:bottom, left:right]
    if inside.shape == (size[1], size[0]):
        return inside
    return np.asarray(Image.fromarray(inside.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)) > 0


def latent_mask(mask: np.ndarray, downscale: int, nearest: bool = False) -> Tensor:
    """Returns the latent cells to draw anew: float32 (1, 1, h, w) of 0 and 1.

    A cell is drawn where any of its pixels is; `nearest` asks its first pixel alone, as diffusers does.
    """
    H, W = mask.shape
    cells = mask.reshape(H // downscale, downscale, W // downscale, downscale)
    chosen = cells[:, 0, :, 0] if nearest else cells.any((1, 3))
    return torch.from_numpy(np.ascontiguousarray(chosen)).float()[None, None]  # (1, 1, h, w)


def latent_strengths(strengths: np.ndarray, downscale: int) -> Tensor:
    """Returns how strongly latent cells are drawn anew: float32 (1, 1, h, w), each the strongest of its pixels."""
    H, W = strengths.shape
    cells = strengths.reshape(H // downscale, downscale, W // downscale, downscale)
    return torch.from_numpy(np.ascontiguousarray(cells.max((1, 3)), dtype=np.float32))[None, None]


def feather(mask: np.ndarray, blur: float) -> np.ndarray:
    """Returns how much of the new drawing a pixel takes: float32 (H, W) in 0 … 1, exactly 0 outside the mask.

    It rises inwards from the mask's edge over about two standard deviations `blur` (pixels), so that the old picture
    is never touched. Parts thinner than that rise faster instead of vanishing.
    """
    alpha = mask.astype(np.float32)
    if blur <= 0 or mask.all() or not mask.any():
        return alpha
    (left, top, right, bottom), margin = bounding_box(mask), math.ceil(2.5 * blur) + 1
    near = slice(max(top - margin, 0), bottom + margin), slice(max(left - margin, 0), right + margin)
    alpha[near] = _feather(torch.from_numpy(alpha[near])[None, None], blur)[0, 0].numpy()
    return alpha


def _feather(hard: Tensor, blur: float) -> Tensor:
    """Returns the same for a mask (1, 1, H, W) of 0 and 1."""
    soft = gaussian_blur(hard, blur)  # 1/2 at a straight edge
    reach = 2 * math.ceil(2 * blur) + 1
    inside = F.max_pool2d(soft * hard, (reach, 1), stride=1, padding=(reach // 2, 0))
    inside = F.max_pool2d(inside, (1, reach), stride=1, padding=(0, reach // 2))  # what is reached nearby
    return hard * (2 * soft / inside.clamp(min=1e-6) - 1).clamp(0, 1)


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """Returns the separable blur of (1, 1, H, W) with its edges continued; the kernel ends at 2.5 sigma, as in A1111."""
    radius = max(1, int(2.5 * sigma + 0.5))
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    image = F.conv2d(F.pad(image, (radius, radius, 0, 0), mode="replicate"), kernel[None, None, None])
    return F.conv2d(F.pad(image, (0, 0, radius, radius), mode="replicate"), kernel[None, None, :, None])


def fill_hidden(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns the picture with the masked part replaced by the colours around it, spread smoothly; grey if nothing is left.

    Pull and push over a pyramid (Gortler et al. 1996, section 3.4).
    """
    if mask.all():
        return np.full_like(pixels, GREY)
    known = torch.from_numpy(~mask)[None, None].float()
    colours = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]  # (1, 3, H, W)
    filled = spread(colours * known, known)[0].permute(1, 2, 0).clamp(0, 255).round().to(torch.uint8).numpy()
    return np.where(mask[..., None], filled, pixels)


def spread(colours: Tensor, known: Tensor) -> Tensor:
    """Returns colours (1, C, H, W) everywhere, spread smoothly from where they are known.

    `known` (1, 1, H, W) is the fraction of each pixel that is, by which the colours are multiplied; it is not 0 everywhere.
    """
    if known.min() > 0:
        return colours / known
    coarse = spread(
        F.avg_pool2d(colours, 2, ceil_mode=True, count_include_pad=False),
        F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False),
    )
    smooth = F.interpolate(coarse, size=known.shape[2:], mode="bilinear", align_corners=False)
    return torch.where(known > 0, colours / known.clamp(min=1e-6), smooth)


def paste(canvas: np.ndarray, drawn: np.ndarray, box: Box, alpha: np.ndarray) -> np.ndarray:
    """Returns the drawing, uint8 of the box's size, laid into a copy of the canvas by `alpha` (H, W) of the whole canvas.

    Bit-equal to the canvas wherever alpha is 0 or outside the box.
    """
    left, top, right, bottom = box
    inside = (slice(top, bottom), slice(left, right))
    old, part = canvas[inside], alpha[inside][..., None]
    mixed = (old + part * (drawn.astype(np.float32) - old)).clip(0, 255).round().astype(np.uint8)
    result = canvas.copy()
    result[inside] = np.where(part > 0, mixed, old)
    return result
