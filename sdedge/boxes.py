"""Things in a picture that a pass draws again, each in a box that a detector finds. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.field_types import Float, Integer, PathOrName
from sdedge.text.clean import shown

FIELD = "passes"
STRENGTH = 0.4
"""How much of a box is drawn anew where nothing else is said, as in ADetailer."""
_MAX_PIXELS = 512
_MAX_CLASSES = 100
RANGES: dict[str, Float | Integer] = {
    "confidence": Float(0, 1, "0.3"), "dilate": Integer(-_MAX_PIXELS, _MAX_PIXELS), "blur": Float(0, 256, "4"),
    "padding": Integer(0, 4096), "most": Integer(0, 300), "right": Integer(-_MAX_PIXELS, _MAX_PIXELS),
    "up": Integer(-_MAX_PIXELS, _MAX_PIXELS),
}  # fmt: skip


@dataclass(frozen=True)
class Boxes:
    """What is found and how its boxes are drawn again; the defaults are ADetailer's.

    model       detector: an installed one, or a path
    confidence  how sure it must be
    only        classes to draw again, by name; all of them where empty
    most        so many of the largest boxes; 0 is all
    dilate      pixels by which a box grows; below 0 it shrinks
    right, up   pixels by which it is moved
    blur        pixels over which the drawing fades in
    padding     pixels of surroundings that are drawn with it
    """

    model: str
    confidence: float = 0.3
    only: tuple[str, ...] = ()
    most: int = 0
    dilate: int = 4
    right: int = 0
    up: int = 0
    blur: float = 4.0
    padding: int = 32


def redrawn(detections: Sequence[tuple[str, Sequence[float]]], boxes: Boxes) -> list[int]:
    """Returns the numbers of those that are drawn again, among what a detector found by name and box, in the order given."""
    wanted = [number for number, (name, _) in enumerate(detections) if not boxes.only or name in boxes.only]
    if not boxes.most:
        return wanted
    return sorted(sorted(wanted, key=lambda number: -_area(detections[number][1]))[: boxes.most])


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def grown(box: Sequence[float], boxes: Boxes, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Returns a box in whole pixels, grown and moved, inside a picture of a size (width, height); None where nothing is left.

    It grows as by OpenCV's `dilate` with a square of `dilate` pixels, one less in all, and shrinks as by its `erode`.
    """
    before, after = _margins(boxes.dilate)
    left, top = int(box[0]) - before + boxes.right, int(box[1]) - before - boxes.up
    right, bottom = int(box[2]) + after + boxes.right, int(box[3]) + after - boxes.up
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, size[0]), min(bottom, size[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _margins(dilate: int) -> tuple[int, int]:
    width = abs(dilate)
    if not width:
        return 0, 0
    before, after = width - 1 - width // 2, width // 2
    return (before, after) if dilate > 0 else (-after, -before)


def checked_boxes(boxes: Any) -> Boxes:
    """Returns boxes in their own types. Raises InvalidRequest for what is wrong."""
    if type(boxes) is not Boxes:
        raise InvalidRequest(f"A pass draws {shown(boxes)} again; give boxes with a model.", field=FIELD)
    model = PathOrName(empty="The detector has no name; name one such as face_yolov8n.").check(FIELD, boxes.model)
    is_list = type(boxes.only) is tuple and all(isinstance(name, str) and len(name) <= 100 for name in boxes.only)
    if not is_list or len(boxes.only) > _MAX_CLASSES:
        raise InvalidRequest(f"The classes to draw again are {shown(boxes.only)}; give a list of names.", field=FIELD)
    numbers: dict[str, Any] = {}
    for name, kind in RANGES.items():
        try:
            numbers[name] = kind.check(name, getattr(boxes, name))
        except InvalidRequest as error:
            raise InvalidRequest(f"In the boxes of a pass: {error}", field=FIELD) from error
    return Boxes(model, only=boxes.only, **numbers)


def boxes_from_json(record: Any) -> Boxes:
    """Returns the boxes of an object in JSON, not checked yet. Raises InvalidRequest for anything else."""
    names = [each.name for each in fields(Boxes)]
    if not isinstance(record, Mapping) or "model" not in record:
        raise InvalidRequest(
            f"The boxes of a pass are {shown(record)}; give an object with the detector as its model.", field=FIELD
        )
    if unknown := [name for name in record if name not in names]:
        raise InvalidRequest(f"Boxes have no {shown(unknown[0])}; they have {', '.join(names)}.", field=FIELD)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.items()
    }
    return Boxes(**values)


def boxes_to_json(boxes: Boxes) -> dict[str, Any]:
    """Returns what JSON holds of boxes: the model, and what differs from the defaults."""
    values = {each.name: getattr(boxes, each.name) for each in fields(Boxes)}
    plain = Boxes(boxes.model)
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name == "model" or value != getattr(plain, name)
    }
