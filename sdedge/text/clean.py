"""Text from outside, cleaned once where it enters: what every encoder, database, file system and terminal takes. No torch."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Any

MAX_NODES = 200_000  # values in one piece of foreign JSON
MAX_DEPTH = 100
_PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")
_HALF = re.compile("[\ud800-\udfff]")
# All of C0 and C1 but tab, line feed and carriage return, and the byte-order mark.
_DROPPED = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160), 0xFEFF])
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clean(text: str) -> str:
    """Returns the text with halves of surrogate pairs joined or replaced by U+FFFD, control characters dropped, lines ended
    by \\n.

    Tabs stay. Cleaning twice changes nothing more.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _PAIR.sub(_joined, text)
    text = _HALF.sub("\ufffd", text).translate(_DROPPED)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def clean_name(text: str) -> str:
    """Returns text for a file's name: without control, direction, zero-width and other format characters and half
    surrogates.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in clean(text) if unicodedata.category(char) not in _HIDDEN)


def clean_json(value: Any) -> Any:
    """Returns parsed JSON with every text and key cleaned, numbers that are not finite as None, integers of over 30 digits
    as text.

    Raises ValueError where it holds more than MAX_NODES values or is nested deeper than MAX_DEPTH.
    """
    left = MAX_NODES

    def cleaned(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise ValueError("too many values, or nested too deep")
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, dict):
            return {clean(key): cleaned(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [cleaned(inner, depth + 1) for inner in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**30:
            return f"{str(value)[:30]}…"
        return value

    return cleaned(value, 0)


def shown(value: object, length: int = 60) -> str:
    """Returns a foreign value as an error or a note quotes it: its repr, cut."""
    if isinstance(value, str):
        value = value[: length + 1]
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def _joined(match: re.Match[str]) -> str:
    return chr(0x10000 + ((ord(match[1]) - 0xD800) << 10) + ord(match[2]) - 0xDC00)
