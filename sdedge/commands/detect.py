"""`sdedge detect`: what a detector finds in a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo, note
from sdedge.commands.values import number
from sdedge.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy as np

    from sdedge.generation.detect import Detection


@click.command()
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--confidence", type=number(), default=0.3, show_default=True, help="How sure it must be, 0 to 1.")
@click.option("--draw", type=click.Path(path_type=Path), metavar="FILE", help="Write the picture with the boxes in it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def detect(model: str, image: Path, confidence: float, draw: Path | None, as_json: bool) -> None:
    """Print what the YOLOv8 detector MODEL (installed, or a path) finds in IMAGE: left, top, right, bottom in pixels, how sure
    it is, and what it is."""
    from sdedge.generation import detect as detecting
    from sdedge.images.source import read_source
    from sdedge.library.detectors import find_detector
    from sdedge.weights.detector import load_detector, open_detector

    if not 0 <= confidence <= 1:
        raise InvalidRequest(f"The confidence {confidence:g} is out of range; choose from 0 to 1, such as 0.3.")
    if draw is not None:
        _check_target(draw)
    opened = open_detector(find_detector(model))
    pixels, notes = read_source(image)
    for line in notes:
        note(line)
    detections = detecting.detect(load_detector(opened), opened.classes, pixels, confidence)
    for each in detections:
        box = [round(side) for side in each.box]
        if as_json:
            echo(json.dumps({"box": box, "score": round(each.score, 4), "name": each.name}, ensure_ascii=False))
        else:
            echo(f"{','.join(map(str, box))}  {each.score:.2f}  {each.name}")
    if not detections:
        note(f"Nothing was found in {image} with a confidence of {confidence:g}.")
    if draw is not None:
        _draw(draw, pixels, detections)


def _check_target(draw: Path) -> None:
    if draw.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidRequest(f"{draw} names no picture; end it in .png, .jpg or .webp.")
    if draw.exists():
        raise InvalidRequest(f"There is a file {draw} already; choose another name.")


def _draw(target: Path, pixels: np.ndarray, detections: list[Detection]) -> None:
    from PIL import Image, ImageDraw

    from sdedge.files import atomic_write
    from sdedge.images.metadata import SAVE
    from sdedge.images.output import SUFFIXES

    image = Image.fromarray(pixels)
    pen, width = ImageDraw.Draw(image), max(2, min(image.size) // 200)
    for each in detections:
        pen.rectangle(each.box, outline=(255, 64, 0), width=width)
        text = f"{each.name} {each.score:.2f}".encode("ascii", "replace").decode()
        pen.text((each.box[0] + width + 1, each.box[1] + width + 1), text, fill=(255, 64, 0))
    with atomic_write(target, replace=False) as file:
        image.save(file, **SAVE[SUFFIXES[target.suffix.lower()]])
