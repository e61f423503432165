"""Enlarging between passes: latents by interpolation, pixels by resampling. Upscaler networks join here."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from sdedge.engines.protocol import Engine
from sdedge.errors import InvalidRequest
from sdedge.events import Event
from sdedge.images.source import Size, fit
from sdedge.passes import ENLARGERS, FIELD
from sdedge.text.clean import shown

LATENT: dict[str, tuple[str, bool]] = {
    "latent": ("bilinear", False), "latent-antialiased": ("bilinear", True), "latent-bicubic": ("bicubic", False),
    "latent-bicubic-antialiased": ("bicubic", True), "latent-nearest": ("nearest", False),
    "latent-nearest-exact": ("nearest-exact", False),
}  # fmt: skip
"""Torch's mode, and whether it smooths first, of each way to enlarge latents."""


def check_enlarger(name: str) -> None:
    """Raises InvalidRequest for a name that no enlarger has."""
    if name not in ENLARGERS:
        raise InvalidRequest(f"There is no upscaler {shown(name)}; choose one of {', '.join(ENLARGERS)}.", field=FIELD)


def enlarge_latent(latent: Tensor, name: str, size: Size) -> Tensor:
    """Returns latents (B, C, h, w) at another size (width, height) in cells; what stands out on both sides is cut off."""
    mode, smooths = LATENT[name]
    (w, h), (old_h, old_w) = size, latent.shape[2:]
    scale = max(w / old_w, h / old_h)
    covering = max(h, round(old_h * scale)), max(w, round(old_w * scale))
    wide = interpolate(latent, covering, mode=mode, antialias=smooths)
    top, left = (covering[0] - h) // 2, (covering[1] - w) // 2
    return wide[:, :, top : top + h, left : left + w]


def enlarge_pixels(engine: Engine, name: str, pixels: np.ndarray, size: Size) -> Generator[Event, None, np.ndarray]:
    """Returns uint8 (H, W, 3) at another size (width, height), and yields what happens meanwhile."""
    check_enlarger(name)
    if name == "nearest":
        return _nearest(pixels, size)
    return fit(pixels, size)
    yield  # which makes it a generator, as an upscaler that takes its time is


def _nearest(pixels: np.ndarray, size: Size) -> np.ndarray:
    (width, height), (H, W, _) = size, pixels.shape
    scale = max(width / W, height / H)
    left, top = (W - width / scale) / 2, (H - height / scale) / 2
    box = (max(left, 0.0), max(top, 0.0), min(W - left, float(W)), min(H - top, float(H)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST, box))
