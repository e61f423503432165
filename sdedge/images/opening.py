"""Picture files of any origin, opened for Pillow: regular files only, formats that run no other program, no bombs. No torch."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from PIL import Image, UnidentifiedImageError

from sdedge.errors import InvalidRequest
from sdedge.files import open_regular
from sdedge.text.clean import clean, shown

MAX_PIXELS = 64_000_000
# Decoders that start another program (EPS) or take almost any bytes for a picture (TGA) are left out.
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "QOI")
# In what Pillow says of a picture that is beyond its own limit, which is higher.
_COUNTED = re.compile(r"(?<!\d)(\d+) pixels")


@contextmanager
def opened(source: str | os.PathLike[str] | IO[bytes]) -> Iterator[Image.Image]:
    """Opens a picture by its path or from an open file, identified and measured, not decoded yet.

    Everything that Pillow raises inside, when decoding too, becomes InvalidRequest: for what is missing, a FIFO or device,
    no picture, damaged, or of more than MAX_PIXELS.
    """
    name = clean(str(source)) if isinstance(source, str | os.PathLike) else "the picture"
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the limit below is stricter than Pillow's
            with _file(source) as file, Image.open(file, formats=[f for f in FORMATS if f in Image.OPEN]) as image:
                if (pixels := image.width * image.height) > MAX_PIXELS:
                    raise _too_large(name, pixels, f"{image.width}x{image.height} pixels, ")
                yield image
    except InvalidRequest:
        raise
    except Image.DecompressionBombError as error:
        counted = _COUNTED.search(str(error))
        raise _too_large(name, int(counted[1]) if counted else 0) from error
    except UnidentifiedImageError as error:
        raise InvalidRequest(
            f"Cannot read {name}: it is not a picture that can be read here, or it is damaged; choose another file, or save "
            "it as PNG, JPEG or WebP."
        ) from error
    except Exception as error:  # Pillow's plugins raise anything at all on damaged files
        if isinstance(error, OSError) and error.strerror:
            raise InvalidRequest(
                f"Cannot read {name}: there is no picture ({error.strerror}); check the path or choose another file."
            ) from error
        raise InvalidRequest(f"Cannot read {name}: it is damaged ({_reason(error)}); choose another file.") from error


@contextmanager
def _file(source: str | os.PathLike[str] | IO[bytes]) -> Iterator[IO[bytes]]:
    if not isinstance(source, str | os.PathLike):
        yield source
        return
    with open_regular(os.path.expanduser(source)) as file:
        yield file


def megapixels(pixels: int) -> str:
    """Returns a number of pixels as people say it; next to the limit with as many digits as tell it from that."""
    return f"{pixels / 1e6:.{0 if pixels >= 1e8 else 2}f} megapixels"


def _too_large(name: str, pixels: int, measures: str = "") -> InvalidRequest:
    """Returns the error for a picture of so many pixels; 0 is a number that nobody knows."""
    has = f"{measures}{megapixels(pixels)}" if pixels else "more megapixels than can be told"
    return InvalidRequest(
        f"Cannot read {name}: it has {has}, and {MAX_PIXELS // 10**6} are the most that is safe to open; make it smaller in "
        "another program, or choose another file."
    )


def _reason(error: Exception) -> str:
    return shown(clean(str(error)).replace("\n", " ")).strip("'\"") or type(error).__name__
