"""Any picture a person has, as 8-bit RGB: opened safely, turned upright, flattened, fitted to a size. No torch."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sdedge.errors import InvalidRequest
from sdedge.images.opening import opened

Colour = tuple[int, int, int]
Size = tuple[int, int]  # width, height

FIT_MODES = ("crop", "stretch", "pad")
_ROWS = 64  # of a picture of wide samples, converted at a time
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")  # a phone's JPEG may hold a second view, which is no animation


@dataclass(frozen=True)
class Opened:
    """The first frame of a file, upright, in the mode it is stored in; `notes` are sentences for the user."""

    image: Image.Image
    notes: tuple[str, ...] = ()


def load(path: str | os.PathLike[str]) -> Opened:
    """Decodes a picture file completely.

    The size is checked before a pixel is unpacked. Raises InvalidRequest for what is missing, a FIFO or device, no
    picture, damaged, or larger than `opening.MAX_PIXELS`.
    """
    with opened(path) as image:
        image.load()
        return Opened(_upright(image), _notes(path, image))


def read_source(
    path: str | os.PathLike[str], background: Colour = (255, 255, 255)
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns a file as uint8 (H, W, 3), transparency laid over `background`, and notes for the user. Raises InvalidRequest."""
    opened = load(path)
    return np.array(flatten(opened.image, background)), opened.notes


def flatten(image: Image.Image, background: Colour = (255, 255, 255)) -> Image.Image:
    """Returns RGB from any mode: 16-bit, float, grey, palette, CMYK; transparency is laid over `background`."""
    if not image.has_transparency_data:
        return _eight_bit(image).convert("RGB")
    paper = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(paper, with_alpha(image)).convert("RGB")


def with_alpha(image: Image.Image) -> Image.Image:
    """Returns a picture with transparency as RGBA of 8 bits; of 16 bits of grey one value may be the transparent one."""
    grey = _eight_bit(image)
    if grey is image:
        return image.convert("RGBA")
    opaque = np.asarray(image) != image.info["transparency"]
    grey.putalpha(Image.fromarray(opaque.astype(np.uint8) * 255))
    return grey.convert("RGBA")


def fit(pixels: np.ndarray, size: Size, mode: str = "crop") -> np.ndarray:
    """Returns uint8 (H, W, 3) at another size (width, height), resampled with LANCZOS; the same array where it fits already.

    "crop" covers the size and cuts what stands out on both sides, "stretch" ignores the proportions, "pad" keeps all
    of the picture and extends its edges. Raises InvalidRequest for another mode.
    """
    if mode not in FIT_MODES:
        raise InvalidRequest(f"Unknown resize mode {mode!r}; choose one of {', '.join(FIT_MODES)}.")
    H, W, _ = pixels.shape
    width, height = size
    if (width, height) == (W, H):
        return pixels
    if mode == "stretch":
        return _resize(pixels, size, (0, 0, W, H))
    if mode == "crop":
        scale = max(width / W, height / H)
        left, top = (W - width / scale) / 2, (H - height / scale) / 2
        return _resize(pixels, size, (left, top, W - left, H - top))
    scale = min(width / W, height / H)
    inner = min(width, max(1, round(W * scale))), min(height, max(1, round(H * scale)))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    beside = (top, height - inner[1] - top), (left, width - inner[0] - left), (0, 0)
    return np.pad(_resize(pixels, inner, (0, 0, W, H)), beside, mode="edge")


def _resize(pixels: np.ndarray, size: Size, box: tuple[float, float, float, float]) -> np.ndarray:
    H, W, _ = pixels.shape
    left, top, right, bottom = box
    within = (max(left, 0.0), max(top, 0.0), min(right, float(W)), min(bottom, float(H)))  # against rounding
    return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, within))


def _upright(image: Image.Image) -> Image.Image:
    """Turns a picture as the camera's note says; a damaged note turns nothing."""
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image.copy()


def _notes(path: str | os.PathLike[str], image: Image.Image) -> tuple[str, ...]:
    if image.format in _ANIMATED and getattr(image, "is_animated", False):
        return (f"{Path(path).name} has several frames; only the first is used.",)
    return ()


def _eight_bit(image: Image.Image) -> Image.Image:
    """Returns 16-bit, 32-bit and float samples as 8-bit grey; all other modes unchanged."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;"):
        return image
    samples = np.asarray(image)
    white = _white(image.mode, samples)
    grey = np.empty(samples.shape, np.uint8)
    for top in range(0, len(samples), _ROWS):  # a wide float copy of a large picture would take a gigabyte
        part = np.nan_to_num(samples[top : top + _ROWS].astype(np.float64))
        grey[top : top + _ROWS] = (part / white * 255).clip(0, 255).round()
    return Image.fromarray(grey)


def _white(mode: str, samples: np.ndarray) -> float:
    """Returns the value that stands for white."""
    if mode.startswith("I;"):
        return 65535.0
    brightest = max((float(np.nan_to_num(row.astype(np.float64)).max(initial=0.0)) for row in samples), default=0.0)
    if mode == "F" and brightest <= 1:
        return 1.0
    return 255.0 if brightest <= 255 else 65535.0
