"""What a ControlNet was trained to read, which no tensor says: from its configuration, header or names. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PHOTOS = ("inpaint", "tile", "shuffle", "ip2p")
"""Purposes whose hint is a picture rather than a drawing of lines or depths."""
# The first that fits counts: "inpaint_depth_hand" fills holes, "lineart_anime" is a lineart.
_PATTERNS = {
    **{purpose: purpose for purpose in PHOTOS}, "canny": "canny", "lineart": "lineart", "softedge": "softedge|hed|pidi",
    "mlsd": "mlsd", "scribble": "scribble", "sketch": "sketch", "seg": "seg|segmentation", "openpose": "openpose|pose|dwpose",
    "keypose": "keypose", "normal": "normal|normalbae", "depth": "depth|boxdepth", "color": "colou?r|recolor",
    "brightness": "brightness|illumination", "qrcode": "qr|qrcode",
}  # fmt: skip
_HEADER_KEYS = ("modelspec.title", "modelspec.description", "modelspec.usage_hint", "title", "purpose", "conditioning")
MAX_TEXT = 500  # characters of a description


def purpose_of(path: Path, config: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    """Returns what a ControlNet or adapter is for, such as "canny"; "" where nothing says it.

    Asked in this order: the configuration of a diffusers folder, the header of a file, the name of its file or folder, and for
    a snapshot of Hugging Face's cache its repository's.
    """
    if config.get("global_pool_conditions") is True:
        return "shuffle"
    texts = (config.get("_name_or_path"), *(metadata.get(key) for key in _HEADER_KEYS), *_names(path))
    return next((purpose for text in texts if isinstance(text, str) and (purpose := _named(text))), "")


def _names(path: Path) -> Iterable[str]:
    yield path.stem if path.suffix else path.name
    if path.parent.name == "snapshots":
        yield path.parent.parent.name
    elif path.name in ("controlnet", "t2iadapter", "adapter"):
        yield path.parent.name


def _named(text: str) -> str:
    title = text[:MAX_TEXT].lower()
    purposes = (p for p, pattern in _PATTERNS.items() if re.search(rf"(?<![a-z])(?:{pattern})(?![a-z])", title))
    return next(purposes, "") or next((purpose for purpose in PHOTOS if purpose in title), "")
