"""A plain card with words, in place of a picture that is not shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FILTERED = "Filtered by the safety checker"
HINT = "To see it, draw it again with the safety checker off."

_PAPER, _INK, _FRAME = (236, 236, 238), (60, 60, 67), (200, 200, 204)
_SMALLEST = 8  # pixels: the smallest type that can be read


def filtered_card(width: int, height: int) -> np.ndarray:
    """Returns uint8 (height, width, 3) that says that the safety checker filtered the picture, and where there is room, what
    to do.
    """
    image = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width - 1, height - 1), outline=_FRAME)
    text, font = _largest(draw, width * 0.88, height * 0.88)
    draw.multiline_text((width / 2, height / 2), text, _INK, font, anchor="mm", align="center")
    return np.asarray(image).copy()


def _largest(draw: ImageDraw.ImageDraw, width: float, height: float) -> tuple[str, Any]:
    """Returns the words and the largest type in which they fit: both sentences, or on a small picture the first one alone."""
    for sentences in ((FILTERED, HINT), (FILTERED,)):
        for size in range(max(int(min(width, height) / 12), _SMALLEST), _SMALLEST - 1, -1):
            font = ImageFont.load_default(size)
            text = "\n\n".join(_wrap(sentence, font, width) for sentence in sentences)
            left, top, right, bottom = draw.multiline_textbbox((0, 0), text, font)
            if right - left <= width and bottom - top <= height:
                return text, font
    return text, font


def _wrap(sentence: str, font: Any, width: float) -> str:
    first, *rest = sentence.split()
    lines = [first]
    for word in rest:
        joined = f"{lines[-1]} {word}"
        lines = [*lines[:-1], joined] if font.getlength(joined) <= width else [*lines, word]
    return "\n".join(lines)
