"""Hints of brightness and colour: threshold, invert, tile, colour grid, shuffle, and the picture with a hole. No torch."""

from __future__ import annotations

import numpy as np
from PIL import Image

from sdedge.images.hint_filters import in_three


def threshold(pixels: np.ndarray, threshold: float = 127) -> np.ndarray:
    """Returns white where every channel is above `threshold` and black elsewhere, uint8 (H, W, 3): the web UI's `threshold`."""
    return in_three(np.where(pixels.min(axis=2) > threshold, np.uint8(255), np.uint8(0)))


def invert(pixels: np.ndarray) -> np.ndarray:
    """Returns the negative, uint8 (H, W, 3)."""
    return 255 - pixels


def tile(pixels: np.ndarray, factor: float = 1) -> np.ndarray:
    """Returns the picture `factor` times smaller by the means of areas, and enlarged again to its size (bicubic).

    The web UI's `tile_resample` leaves the enlargement to the resizing of the hint.
    """
    H, W, _ = pixels.shape
    small = max(1, int(W / factor)), max(1, int(H / factor))
    if small == (W, H):
        return pixels
    reduced = Image.fromarray(pixels).resize(small, Image.Resampling.BOX)
    return np.array(reduced.resize((W, H), Image.Resampling.BICUBIC))


def color(pixels: np.ndarray, cell: int = 64) -> np.ndarray:
    """Returns cells of one colour each, their mean, about `cell` pixels wide: what the T2I-Adapter "color" reads.

    The web UI's `t2ia_color_grid` takes one sample of each cell in place of the mean.
    """
    H, W, _ = pixels.shape
    cells = Image.fromarray(pixels).resize((max(1, W // cell), max(1, H // cell)), Image.Resampling.BOX)
    return np.array(cells.resize((W, H), Image.Resampling.NEAREST))


def shuffle(pixels: np.ndarray, seed: int = 0, spacing: int = 256) -> np.ndarray:
    """Returns the picture read at places that a smooth random field gives (`ContentShuffleDetector` of ControlNet 1.1).

    Both coordinates are uniform noise at every `spacing` pixels, enlarged by bicubic interpolation and stretched to the whole
    picture; pixels between are bilinear. The noise is numpy's PCG64 of `seed`, x before y, where the original's is unseeded.
    """
    H, W, _ = pixels.shape
    generator = np.random.default_rng(seed)
    x, y = (_field((H, W), spacing, generator) * (side - 1) for side in (W, H))
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, W - 1), np.minimum(top + 1, H - 1)
    across, down = (x - left)[..., None], (y - top)[..., None]
    above = pixels[top, left] * (1 - across) + pixels[top, right] * across
    below = pixels[bottom, left] * (1 - across) + pixels[bottom, right] * across
    return (above * (1 - down) + below * down).round().clip(0, 255).astype(np.uint8)


def _field(shape: tuple[int, int], spacing: int, generator: np.random.Generator) -> np.ndarray:
    """Returns a smooth random field (H, W) from 0 to 1; 0.5 where it has one value only."""
    H, W = shape
    coarse = generator.random((H // spacing + 2, W // spacing + 2), np.float32)
    enlarged = Image.fromarray(coarse).resize((W + 2 * spacing, H + 2 * spacing), Image.Resampling.BICUBIC)
    field = np.array(enlarged.crop((spacing, spacing, spacing + W, spacing + H)))
    low, high = field.min(), field.max()
    return (field - low) / (high - low) if high > low else np.full_like(field, 0.5)


def with_hole(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Returns a picture, uint8 (H, W, 4), that is transparent where a mask (H, W) is 128 or more: an inpainting hint."""
    return np.dstack([pixels, np.where(mask >= 128, np.uint8(0), np.uint8(255))])
