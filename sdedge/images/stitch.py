"""Crop and stitch: a part of a picture is drawn at a size of its own and put back, its colours matched at the seam.

`crop_around` chooses the part, `Crop.cut` brings it to the size at which it is drawn, and `Crop.stitch` lays the drawing into a
copy of the picture. Pixels that the drawing may not touch come back bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from sdedge.images import mask as masks
from sdedge.images.mask import Box
from sdedge.images.source import Size, fit

CELL = 8
"""Pixels of a side over which colours are averaged before they are compared: grain and edges are no shift of colour."""


@dataclass(frozen=True)
class Crop:
    """A part of a picture: `box` of its pixels, and the `size` (width, height) at which it is drawn."""

    box: Box
    size: Size

    @property
    def inside(self) -> tuple[slice, slice]:
        """The box as an index of an array (H, W, …)."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    def cut(self, canvas: np.ndarray) -> np.ndarray:
        """Returns this part of a picture, uint8 (H, W, 3), at the size at which it is drawn."""
        return fit(np.ascontiguousarray(canvas[self.inside]), self.size, "stretch")

    def cut_mask(self, mask: np.ndarray) -> np.ndarray:
        """Returns this part of a mask, bool (H, W), at the size at which it is drawn; no part of the mask is lost."""
        return masks.scaled(mask, self.box, self.size)

    def cut_strengths(self, greys: np.ndarray) -> np.ndarray:
        """Returns this part of a mask in greys, uint8 (H, W), as float32 in 0 … 1 at the size at which it is drawn."""
        part = Image.fromarray(greys[self.inside].astype(np.float32) / 255)
        if part.size != self.size:
            part = part.resize(self.size, Image.Resampling.BILINEAR)
        return np.asarray(part).clip(0, 1)

    def stitch(self, canvas: np.ndarray, drawn: np.ndarray, alpha: np.ndarray, match: bool = False) -> np.ndarray:
        """Returns a copy of the picture with a drawing of `size`, uint8, laid in by `alpha`, float32 (H, W) of the picture.

        With `match` its colours are brought to those around it. The picture's own pixels stay where alpha is 0.
        """
        left, top, right, bottom = self.box
        part = fit(drawn, (right - left, bottom - top), "stretch")
        if match:
            part = match_colours(part, canvas[self.inside], alpha[self.inside] > 0)
        return masks.paste(canvas, part, self.box, alpha)


def crop_around(mask: np.ndarray, size: Size, padding: int, largest: bool = False) -> Crop:
    """Returns the part of a picture to draw for what a mask, bool (H, W), holds, with `padding` pixels of context.

    It has the proportions of `size`, as `masks.region_around` has it; `largest` takes in as much of the picture as they allow.
    """
    canvas, around = (mask.shape[1], mask.shape[0]), masks.bounding_box(mask)
    if largest:
        return Crop(masks.largest_region(around, canvas, size), size)
    return Crop(masks.region_around(around, padding, canvas, size), size)


def match_colours(drawn: np.ndarray, old: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns a drawing, uint8 (H, W, 3), with its colours shifted as the old picture's are around the mask, bool (H, W).

    Outside the mask both show the same, so that what they differ by there, averaged over cells, is what the model shifted. It
    is spread smoothly over the mask (Farbman et al. 2009 clone so; here over a pyramid) and added. Where the mask leaves
    nothing to compare, the drawing comes back as it is.
    """
    if mask.all() or not mask.any():
        return drawn
    known = torch.from_numpy(~mask)[None, None].float()
    shift = torch.from_numpy(old.astype(np.float32) - drawn.astype(np.float32)).permute(2, 0, 1)[None]  # (1, 3, H, W)
    spread = masks.spread(_cells(shift * known), _cells(known))
    shift = F.interpolate(spread, size=mask.shape, mode="bilinear", align_corners=False)
    matched = drawn + shift[0].permute(1, 2, 0).numpy()
    return matched.clip(0, 255).round().astype(np.uint8)


def _cells(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, CELL, ceil_mode=True, count_include_pad=False)
