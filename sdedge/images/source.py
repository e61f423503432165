"""Any picture a person has, as 8-bit RGB: opened safely, turned upright, flattened, fitted to a size. No torch."""

from __future__ import annotations

import contextlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sdedge.errors import InvalidRequest

Colour = tuple[int, int, int]
Size = tuple[int, int]  # width, height

MAX_PIXELS = 64_000_000
FIT_MODES = ("crop", "stretch", "pad")
# Decoders that start another program (EPS) or take almost any bytes for a picture (TGA) are left out.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "QOI")
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF")  # a phone's JPEG may hold a second view, which is no animation


@dataclass(frozen=True)
class Opened:
    """The first frame of a file, upright, in the mode it is stored in; `notes` are sentences for the user."""

    image: Image.Image
    notes: tuple[str, ...] = ()


def load(path: str | os.PathLike[str]) -> Opened:
    """Decode a picture file completely.

    The size is checked before a pixel is unpacked. Raises InvalidRequest for what is missing, no picture, damaged,
    or larger than `MAX_PIXELS`.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InvalidRequest(f"There is no picture {str(path)!r}; check the path.")
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter
            with Image.open(file, formats=[name for name in FORMATS if name in Image.OPEN]) as image:
                _check_pixels(path, image.width, image.height)
                image.load()
                return Opened(_upright(image), _notes(path, image))
    except InvalidRequest:
        raise
    except Image.DecompressionBombError as error:
        raise InvalidRequest(f"The picture {str(path)!r} is too large to open safely; reduce it first.") from error
    except Image.UnidentifiedImageError as error:
        raise InvalidRequest(
            f"{str(path)!r} is not a picture that can be read here; save it as PNG, JPEG or WebP."
        ) from error
    except Exception as error:  # a decoder that meets damaged data may raise anything
        raise InvalidRequest(
            f"The picture {str(path)!r} is damaged ({error}); open and save it again in another program."
        ) from error


def read(path: str | os.PathLike[str], background: Colour = (255, 255, 255)) -> tuple[np.ndarray, tuple[str, ...]]:
    """A file as uint8 (H, W, 3), transparency laid over `background`, and notes for the user. Raises InvalidRequest."""
    opened = load(path)
    return np.array(flatten(opened.image, background)), opened.notes


def flatten(image: Image.Image, background: Colour = (255, 255, 255)) -> Image.Image:
    """RGB from any mode: 16-bit, float, grey, palette, CMYK; transparency is laid over `background`."""
    image = _eight_bit(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, (*background, 255))
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def fit(pixels: np.ndarray, size: Size, mode: str = "crop") -> np.ndarray:
    """uint8 (H, W, 3) at another size (width, height), resampled with LANCZOS; the same array where it fits already.

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


def _check_pixels(path: str | os.PathLike[str], width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InvalidRequest(
            f"The picture {str(path)!r} has {width}x{height} pixels; reduce it to {MAX_PIXELS // 10**6} megapixels."
        )


def _upright(image: Image.Image) -> Image.Image:
    """Turned as the camera's note says; a damaged note turns nothing."""
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image.copy()


def _notes(path: str | os.PathLike[str], image: Image.Image) -> tuple[str, ...]:
    if image.format in _ANIMATED and getattr(image, "is_animated", False):
        return (f"{Path(path).name} has several frames; only the first is used.",)
    return ()


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float samples as 8-bit grey; all other modes unchanged."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;"):
        return image
    samples = np.nan_to_num(np.asarray(image, dtype=np.float64))
    brightest = float(samples.max(initial=0.0))
    if image.mode.startswith("I;"):
        white = 65535.0
    elif image.mode == "F" and brightest <= 1:
        white = 1.0
    else:
        white = 255.0 if brightest <= 255 else 65535.0
    return Image.fromarray((samples / white * 255).clip(0, 255).round().astype(np.uint8))
