"""Pictures that clients send, kept by their content, and pictures that are sent to them, without a path of this machine.

What is sent is checked before it is decoded: bytes first, then the size in pixels that its head tells. No address is fetched
and no path is opened.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import re
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from sdedge.errors import InvalidRequest, OutputError, SdedgeError
from sdedge.files import atomic_write, open_regular
from sdedge.images.opening import opened
from sdedge.images.source import Size, fit, flatten
from sdedge.places import data_folder
from sdedge.server.answers import PictureTooLarge, UnknownJob

MAX_BYTES = 40 << 20
MAX_SENT = 256 << 20  # bytes of a picture file that is sent
LIFETIME = 30 * 24 * 3600.0  # seconds that a picture is kept which a client sent
_DATA_URI = re.compile(r"data:image/[\w.+-]{1,20};base64,", re.I)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}:|/(?!9j/)|\.{1,2}/|~|[a-z]:\\", re.I
)  # base64 of a JPEG begins with /9j/
_PROSE = ("prompt", "negative", "template")
_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def decode(text: str, field: str = "image") -> bytes:
    """Returns the bytes of a picture in base64, with or without the head of a data URI, bounded before it is decoded.

    Raises InvalidRequest, for an address or a path too, and PictureTooLarge.
    """
    head = _DATA_URI.match(text)
    body = text[head.end() :] if head else text
    if not head and _ADDRESS.match(body[:64]):
        raise InvalidRequest(
            "The picture is an address or a path, and neither is opened here; send its bytes in base64.", field=field
        )
    if len(body) > MAX_BYTES * 4 // 3 + 4:
        raise _too_large(len(body) * 3 // 4, field)
    try:
        return check(base64.b64decode("".join(body.split()), validate=True), field)
    except (binascii.Error, ValueError):
        raise InvalidRequest("The picture is no base64; send its bytes in base64.", field=field) from None


def check(data: bytes, field: str = "image") -> bytes:
    """Returns the bytes of a picture file whose head is whole and whose size is sane. Raises InvalidRequest."""
    if len(data) > MAX_BYTES:
        raise _too_large(len(data), field)
    try:
        with opened(io.BytesIO(data)):
            return data
    except InvalidRequest as error:
        raise InvalidRequest(str(error), field=field) from None


def _too_large(size: int, field: str) -> PictureTooLarge:
    """Returns the error for a picture file of so many bytes."""
    return PictureTooLarge(
        f"The picture's file has {size / 2**20:.1f} MiB, and {MAX_BYTES >> 20} are the most; send a smaller one.",
        field=field,
    )


def read(data: bytes, field: str = "image") -> Image.Image:
    """Returns the decoded picture, upright, in its own mode. Raises InvalidRequest."""
    try:
        with opened(io.BytesIO(data)) as image:
            image.load()
            with suppress(Exception):  # a damaged note of the camera turns nothing
                return ImageOps.exif_transpose(image)
            return image.copy()
    except InvalidRequest as error:
        raise InvalidRequest(str(error), field=field) from None


def fitted(image: Image.Image, size: Size, mode: str) -> Image.Image:
    """Returns the picture as RGB at another size, as `source.fit` does: "crop", "stretch" or "pad"."""
    return Image.fromarray(fit(np.array(flatten(image)), size, mode))


def mask_of(image: Image.Image, invert: bool = False, soft: bool = False) -> Image.Image:
    """Returns A1111's mask as black and white, or in its greys: of a picture with transparency the opaque part, of another one
    its bright part."""
    grey = _alpha(image) or flatten(image).convert("L")
    mask = grey if soft else grey.point(lambda value: 255 * (value > 127))
    return ImageOps.invert(mask) if invert else mask


def brightness(image: Image.Image) -> tuple[int, int]:
    """Returns the lowest and the highest grey, 0 to 255, of A1111's mask as `mask_of` reads it."""
    counts = mask_of(image, soft=True).histogram()
    greys = [grey for grey, count in enumerate(counts) if count]
    return greys[0], greys[-1]


def hole_of(image: Image.Image, field: str = "mask") -> Image.Image:
    """Returns OpenAI's mask, whose transparent part is drawn anew, as white on black. Raises InvalidRequest without one."""
    alpha = _alpha(image)
    if alpha is None:
        raise InvalidRequest(
            "The mask has no transparent part; make transparent what is to be drawn anew.", field=field
        )
    return alpha.point(lambda value: 255 * (value < 128))


def has_hole(image: Image.Image) -> bool:
    """Returns whether a part of a picture is more transparent than not."""
    alpha = _alpha(image)
    return alpha is not None and bool((np.asarray(alpha) < 128).any())


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.has_transparency_data:
        return None
    alpha = image.convert("RGBA").getchannel("A")
    low = alpha.getextrema()[0]
    return alpha if isinstance(low, int | float) and low < 255 else None


# Kept ones


def upload_folder() -> Path:
    """Returns where pictures lie that clients sent, named by their content."""
    return data_folder() / "uploads"


def keep(picture: bytes | Image.Image) -> str:
    """Keeps a picture by its content and returns its path, for a request of this machine. Raises OutputError."""
    if isinstance(picture, Image.Image):
        encoded = io.BytesIO()
        picture = picture if picture.mode in _IN_PNG else flatten(picture)
        picture.save(encoded, "PNG", compress_level=1)
        picture = encoded.getvalue()
    target = upload_folder() / hashlib.sha256(picture).hexdigest()
    try:
        if target.is_file():
            target.touch()
        else:
            with atomic_write(target) as file:
                file.write(picture)
    except OSError as error:
        raise OutputError(f"A picture cannot be kept: {error.strerror or error}; free some space.") from None
    return str(target)


def sweep(in_use: set[str]) -> None:
    """Removes the pictures that nobody has sent again for a month, but for those `in_use`, by their paths."""
    for path in upload_folder().glob("*"):
        with suppress(OSError):
            if str(path) not in in_use and time.time() - path.stat().st_mtime > LIFETIME:
                path.unlink()


# Sent ones


def sent_bytes(path: Path) -> bytes:
    """Returns a picture's file as clients get it: paths in its settings are base names.

    Raises UnknownJob for one that is gone, SdedgeError for one that cannot be read.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_SENT)
    except FileNotFoundError:
        raise UnknownJob(f"The picture {path.name} is here no more; somebody has moved or deleted it.") from None
    except OSError as error:
        raise SdedgeError(f"The picture {path.name} cannot be read: {error.strerror or error}.") from None
    if data.startswith(_SIGNATURE):
        return b"".join([_SIGNATURE, *map(_without_paths, _chunks(data))])
    return data


def converted(data: bytes, format: str, quality: int = 95) -> bytes:
    """Returns a picture's bytes as "png", "jpeg" or "webp"; the last two without its settings."""
    if format == "png":
        return data
    file = io.BytesIO()
    read(data).convert("RGB").save(file, format.upper(), quality=quality)
    return file.getvalue()


def base64_of(path: Path) -> str:
    """Returns a picture's file in base64."""
    return base64.b64encode(sent_bytes(path)).decode("ascii")


def public_settings(record: Any) -> Any:
    """Returns parsed settings with the last part of each path in them."""
    if isinstance(record, dict):
        return {key: value if key in _PROSE else public_settings(value) for key, value in record.items()}
    if isinstance(record, list):
        return [public_settings(value) for value in record]
    if isinstance(record, str) and _is_path(record):
        return PurePath(record.replace("\\", "/")).name
    return record


def _is_path(text: str) -> bool:
    return len(text) < 4096 and re.match(r"(/|~/|[A-Za-z]:[\\/]|\\\\)[^\s<>]", text) is not None


def media_type(data: bytes, name: str) -> str:
    """Returns the media type of a picture's file of that name. Raises SdedgeError for a file that is no picture any more."""
    try:
        with opened(io.BytesIO(data)) as image:
            return Image.MIME.get(image.format or "", "application/octet-stream")
    except InvalidRequest:
        raise SdedgeError(f"The file of the picture {name} is damaged; draw it again.") from None


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yields the chunks of a PNG as (kind, body, whole)."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        yield data[at + 4 : at + 8], data[at + 8 : end - 4], data[at:end]
        at = end


def _without_paths(chunk: tuple[bytes, bytes, bytes]) -> bytes:
    kind, body, complete = chunk
    if kind != b"tEXt" or not body.startswith(b"sdedge\0"):
        return complete
    try:
        record = json.loads(body.partition(b"\0")[2])
    except ValueError:
        return b""
    text = b"sdedge\0" + json.dumps(public_settings(record)).encode("ascii")
    return struct.pack(">I", len(text)) + kind + text + struct.pack(">I", zlib.crc32(kind + text))
