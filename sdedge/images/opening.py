"""Picture files of any origin, opened for Pillow: regular files only, formats that run no other program, no bombs. No torch."""

from __future__ import annotations

import os
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
_TOO_LARGE = f"more pixels than are safe to open; reduce it to {MAX_PIXELS // 10**6} megapixels or choose another file"


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
                if image.width * image.height > MAX_PIXELS:
                    raise InvalidRequest(f"Cannot read {name}: it has {image.width}x{image.height}, {_TOO_LARGE}.")
                yield image
    except InvalidRequest:
        raise
    except Image.DecompressionBombError as error:
        raise InvalidRequest(f"Cannot read {name}: it has {_TOO_LARGE}.") from error
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


def _reason(error: Exception) -> str:
    return shown(clean(str(error)).replace("\n", " ")).strip("'\"") or type(error).__name__
