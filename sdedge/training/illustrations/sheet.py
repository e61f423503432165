"""A sheet of pictures with their prompts and what a judge says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """One evaluated picture."""

    prompt: str
    seed: int
    pixels: np.ndarray
    answers: dict[str, bool]


def write_sheet(drawn: Sequence[Drawn], path: Path, columns: int = 10) -> None:
    """Pictures with their prompts, green where every fact is right and red where not."""
    from PIL import Image, ImageDraw, ImageFont

    H, W, _ = drawn[0].pixels.shape
    cell, rows = H + 44, -(-len(drawn) // columns)
    sheet = Image.new("RGB", (columns * (W + 8) + 8, rows * cell + 8), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for i, picture in enumerate(drawn):
        x, y = 8 + i % columns * (W + 8), 8 + i // columns * cell
        sheet.paste(Image.fromarray(picture.pixels), (x, y))
        colour = (30, 123, 58) if all(picture.answers.values()) else (179, 38, 30)
        for line, text in enumerate(_wrapped(picture.prompt, 27)[:3]):
            pen.text((x, y + H + 2 + 12 * line), text, colour, font)
    sheet.save(path)


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
