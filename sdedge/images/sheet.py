"""A grid's pictures on one sheet, with labels. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SEEN = 1100, 700
"""Width and height, in pixels, of the place in a window that a sheet is fitted to."""
READABLE = 18
"""Pixels of the letters there."""


def sheet(pictures: Sequence[np.ndarray], across: Sequence[str], down: Sequence[str] = (), gap: int = 4) -> np.ndarray:
    """Returns one uint8 picture (H, W, 3) of all cells in reading order, with the labels `across` above the columns and `down`
    left of the rows, of which there is one where there are none.

    Cells may differ in size; each is centred in a cell of the largest. White paper, black text.
    """
    columns, rows = len(across), max(len(down), 1)
    height, width = (max(picture.shape[side] for picture in pictures) for side in (0, 1))
    letters = _letters(width, height, columns, rows)
    font = ImageFont.load_default(letters)
    top = _measure(across, font, width)
    left = min(_longest(down, font) + letters, width) if down else 0
    size = (left + columns * (width + gap) - gap, top + rows * (height + gap) - gap)
    paper = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(paper)
    for i, label in enumerate(across):
        box = (left + i * (width + gap) + width / 2, top / 2)
        draw.multiline_text(box, _wrap(label, font, width), "black", font, anchor="mm", align="center")
    for i, label in enumerate(down):
        box = (left / 2, top + i * (height + gap) + height / 2)
        draw.multiline_text(box, _wrap(label, font, left - letters // 2), "black", font, anchor="mm", align="center")
    for i, picture in enumerate(pictures):
        row, column = divmod(i, columns)
        x = left + column * (width + gap) + (width - picture.shape[1]) // 2
        y = top + row * (height + gap) + (height - picture.shape[0]) // 2
        paper.paste(Image.fromarray(picture), (x, y))
    return np.asarray(paper)


def _letters(width: int, height: int, columns: int, rows: int) -> int:
    """Returns the pixels of the labels' letters: in proportion to the cells, and large enough to be read where the sheet is seen
    in a window, as far as a cell has room for words of them."""
    readable = READABLE * max(columns * width / SEEN[0], rows * height / SEEN[1])
    return round(max(10, width / 20, min(readable, width / 5, height / 4)))


def _wrap(label: str, font: Any, width: float) -> str:
    """Returns the label broken between words to fit the width; a word that does not fit is cut."""
    lines = [""]
    for word in label[:400].split():
        while font.getlength(word) > width and len(word) > 1:
            word = word[: -max(2, len(word) // 8)] + "…" if len(word) > 2 else word[:1]
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines.append(word)
    return "\n".join(lines[:6])


def _measure(labels: Iterable[str], font: Any, width: float) -> int:
    """Returns the pixels that the tallest wrapped label needs."""
    lines = max(_wrap(label, font, width).count("\n") + 1 for label in labels)
    ascent, descent = font.getmetrics()
    return int(lines * (ascent + descent + 4)) + 8


def _longest(labels: Iterable[str], font: Any) -> int:
    return int(max(font.getlength(label[:400]) for label in labels)) + 1
