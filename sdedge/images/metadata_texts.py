"""The texts of a picture by where they were found, and JSON inside them. Nothing here raises, whatever the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdedge.errors import ModelError
from sdedge.json_values import read_json
from sdedge.text.clean import clean_json

Texts = Mapping[str, str]
"""By PNG key, or "description" (EXIF), "iptc", "parameters" (also EXIF UserComment and comments)."""

MAX_TEXT = 2_000_000  # characters; what is longer is not read


def json_object(text: Any) -> dict[str, Any]:
    """Reads a JSON object, its texts cleaned; anything else, too many values and too deep nesting give an empty one."""
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return {}
    try:
        record = clean_json(read_json(text, "The text", MAX_TEXT, long_integers=True))
    except (ValueError, ModelError):
        return {}
    return record if isinstance(record, dict) else {}


def literal(value: Any) -> str:
    """Returns a text as it is. Raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value
