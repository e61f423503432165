"""Enlarging between passes: latents by interpolation, pixels by resampling or by an upscaler's network."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from sdedge.engines.protocol import Engine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.events import Event, Loading
from sdedge.generation.upscale import UpscalerChoice, choose_upscaler, load
from sdedge.images.source import Size, fit
from sdedge.passes import ENLARGERS, FIELD

LATENT: dict[str, tuple[str, bool]] = {
    "latent": ("bilinear", False), "latent-antialiased": ("bilinear", True), "latent-bicubic": ("bicubic", False),
    "latent-bicubic-antialiased": ("bicubic", True), "latent-nearest": ("nearest", False),
    "latent-nearest-exact": ("nearest-exact", False),
}  # fmt: skip
"""Torch's mode, and whether it smooths first, of each way to enlarge latents."""


def check_enlarger(name: str) -> None:
    """Raises InvalidRequest for a name that neither an enlarger nor an upscaler has, and for a file that is no upscaler."""
    if name not in ENLARGERS:
        _upscaler(name)


def _upscaler(name: str) -> UpscalerChoice:
    try:
        return choose_upscaler(name)
    except (InvalidRequest, ModelError) as error:
        raise InvalidRequest(str(error), field=FIELD, remedy=error.remedy) from error


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
    if name == "nearest":
        return _nearest(pixels, size)
    if name in ENLARGERS:
        return fit(pixels, size)
    device = str(engine.device) if torch.device(engine.device).type in ("cuda", "mps") else "cpu"
    upscaler, (H, W, _) = load(_upscaler(name), device), pixels.shape
    scale = max(size[0] / W, size[1] / H)
    steps = upscaler.steps(pixels, (max(size[0], round(W * scale)), max(size[1], round(H * scale))))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return fit(end.value, size)
        yield Loading("enlarging")


def _nearest(pixels: np.ndarray, size: Size) -> np.ndarray:
    (width, height), (H, W, _) = size, pixels.shape
    scale = max(width / W, height / H)
    left, top = (W - width / scale) / 2, (H - height / scale) / 2
    box = (max(left, 0.0), max(top, 0.0), min(W - left, float(W)), min(H - top, float(H)))
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST, box))
