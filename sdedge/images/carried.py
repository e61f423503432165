"""Settings that a picture brought along, written into what became of it, with what was done to it since. No torch.

As the A1111 web UI's Extras do: the `parameters` stay, what was done is appended to their last line and stands by itself under
`postprocessing`. Our own JSON gets it among its facts.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from sdedge.images.metadata import EXIF_LIMIT, SAVE, check_holds, exif_of, read_texts
from sdedge.images.metadata_texts import Texts
from sdedge.images.source import flatten, load, with_alpha
from sdedge.json_values import read_json

FACT = "postprocessing"
_MAX_TEXT = 4 << 20  # characters of what one picture carries
_STEPS = "Steps: "  # begins a line of settings
_OF_THE_FILE = ("exif", "xmp", "XML:com.adobe.xmp", "description", "iptc", "comment")


def carried_texts(path: str | os.PathLike[str]) -> Texts:
    """Returns the texts of a picture that go along with it. Raises InvalidRequest for a file that is no picture."""
    return {key: text for key, text in read_texts(path).items() if len(text) <= _MAX_TEXT}


@dataclass(frozen=True)
class CarriedPicture:
    """A picture to work on: upright, RGB or RGBA, with the texts and the colour profile that go along, and notes for the user."""

    image: Image.Image
    texts: Texts
    icc: bytes | None
    notes: tuple[str, ...] = ()


def read_picture(path: str | os.PathLike[str]) -> CarriedPicture:
    """Opens a picture with what it carries. Raises InvalidRequest as `source.load` does."""
    opened = load(path)
    image, profile = opened.image, opened.image.info.get("icc_profile")
    is_rgb = image.mode in ("RGB", "RGBA")
    icc = profile if is_rgb and isinstance(profile, bytes) and len(profile) <= _MAX_TEXT else None
    flat = with_alpha(image) if image.has_transparency_data else flatten(image)
    return CarriedPicture(flat, carried_texts(path), icc, opened.notes)


def with_done(texts: Texts, done: Mapping[str, str]) -> Texts:
    """Returns the texts with what was done to the picture, such as {"Postprocess upscale by": "4"}, appended."""
    line = ", ".join(f"{key}: {_quoted(value)}" for key, value in done.items())
    appended = {**texts, FACT: ", ".join(filter(None, [texts.get(FACT, ""), line]))}
    if parameters := texts.get("parameters"):
        appended["parameters"] = _behind_settings(parameters, line)
    if "sdedge" in texts:
        appended["sdedge"] = _recorded(texts["sdedge"], done)
    return appended


def _behind_settings(parameters: str, line: str) -> str:
    """Returns the web UI's text with more settings behind its last line of them; a text without one as it is."""
    start = 0 if parameters.startswith(_STEPS) else -1
    start = max(start, parameters.rfind(f"\n{_STEPS}"))
    if start < 0:
        return parameters
    end = parameters.find("\n", start + 1)
    end = len(parameters) if end < 0 else end
    return f"{parameters[:end]}, {line}{parameters[end:]}"


def _quoted(value: str) -> str:
    """As A1111 quotes a value that a reader would take for several."""
    return json.dumps(value, ensure_ascii=False) if any(sign in value for sign in ",\n:") else value


def _recorded(text: str, done: Mapping[str, str]) -> str:
    """Returns our JSON with what was done among the facts; another text as it is."""
    try:
        record: Any = read_json(text.encode(), "It", _MAX_TEXT)
        facts = record["facts"]
        earlier = facts.get(FACT, [])
        facts[FACT] = [*(earlier if isinstance(earlier, list) else []), dict(done)]
    except Exception:  # not ours after all
        return text
    return json.dumps(record)


def encode(image: Image.Image, format: str, texts: Texts, icc: bytes | None = None) -> bytes:
    """Returns a picture as the bytes of a "png", "jpeg" or "webp" file with these texts and its colour profile.

    Raises InvalidRequest for a size that the format does not hold. A JPEG shows white where the picture is transparent.
    """
    check_holds(format, *image.size)
    options = dict(SAVE[format])
    image = flatten(image) if format == "jpeg" else image
    if icc:
        options["icc_profile"] = icc
    if format == "png":
        info = PngImagePlugin.PngInfo()
        for key, text in texts.items():
            if key not in _OF_THE_FILE and key.isascii() and 0 < len(key) < 80:
                info.add_text(key, text.encode("utf-8", "replace").decode())
        options["pnginfo"] = info
    elif texts:
        options["exif"] = _exif(texts, EXIF_LIMIT if format == "jpeg" else None)
    file = io.BytesIO()
    image.save(file, **options)
    return file.getvalue()


def _exif(texts: Texts, limit: int | None) -> bytes:
    """Returns EXIF that fits; what does not is left out, our JSON first."""
    parameters = texts.get("parameters") or texts.get(FACT)
    for description in (texts.get("sdedge"), None):
        data = exif_of(parameters, description)
        if limit is None or len(data) <= limit:
            return data
    return b""
