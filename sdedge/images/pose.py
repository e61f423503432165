"""Poses as the openpose ControlNets read them: eighteen key points of a body, drawn as a skeleton on black. No torch.

Colours and widths are those of the ControlNet annotator (v1.1): limbs are ellipses eight pixels wide in three fifths of their
colour, points are discs nine pixels wide above them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

NOSE, NECK = 0, 1
POINTS = 18
"""Nose, neck, right shoulder, elbow, wrist, the left ones, right hip, knee, ankle, the left ones, right and left eye, ears."""
LIMBS = ((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
         (0, 14), (14, 16), (0, 15), (15, 17))  # fmt: skip
"""Pairs of points in the order they are drawn; the n-th has the n-th colour."""
COLOURS = ((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
           (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255),
           (255, 0, 255), (255, 0, 170), (255, 0, 85))  # fmt: skip
RADIUS = 4  # pixels: of points, and half the width of limbs
LIMB_BRIGHTNESS = 0.6
# COCO's seventeen points (nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left first) at their places here.
FROM_COCO = {
    0: 0,
    2: 6,
    3: 8,
    4: 10,
    5: 5,
    6: 7,
    7: 9,
    8: 12,
    9: 14,
    10: 16,
    11: 11,
    12: 13,
    13: 15,
    14: 2,
    15: 1,
    16: 4,
    17: 3,
}
_COCO_SHOULDERS = 5, 6

Point = tuple[float, float]
Body = Mapping[int, Point]
"""The points (x, y) in pixels that were seen, by their numbers."""


def body_of_coco(points: Mapping[int, Point]) -> Body:
    """Returns a body of COCO's points that were seen; its neck is between the shoulders, where both were."""
    body = {place: points[number] for place, number in FROM_COCO.items() if number in points}
    left, right = (points.get(number) for number in _COCO_SHOULDERS)
    if left is not None and right is not None:
        body[NECK] = (left[0] + right[0]) / 2, (left[1] + right[1]) / 2
    return body


def skeletons(bodies: Sequence[Body], height: int, width: int) -> np.ndarray:
    """Returns the bodies drawn on black, uint8 (height, width, 3)."""
    canvas = np.zeros((height, width, 3), np.uint8)
    for body in bodies:
        for (start, end), colour in zip(LIMBS, COLOURS, strict=False):
            if start in body and end in body:
                _limb(canvas, body[start], body[end], colour)
    for body in bodies:
        for point, colour in enumerate(COLOURS):
            if point in body:
                _ellipse(canvas, body[point], (RADIUS, RADIUS), (1.0, 0.0), colour)
    return canvas


def _limb(canvas: np.ndarray, start: Point, end: Point, colour: Sequence[int]) -> None:
    """Draws an ellipse from one point to the other."""
    along = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(*along))
    if length < 1:
        return
    centre = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    dimmed = [int(channel * LIMB_BRIGHTNESS) for channel in colour]
    _ellipse(canvas, centre, (length / 2, RADIUS), (along[0] / length, along[1] / length), dimmed)


def _ellipse(
    canvas: np.ndarray, centre: Point, radii: tuple[float, float], direction: tuple[float, float], colour: Sequence[int]
) -> None:
    """Fills the pixels whose middle lies in an ellipse, of which the first radius points in a direction of length 1."""
    H, W, _ = canvas.shape
    reach = max(radii) + 1
    left, right = (int(np.clip(centre[0] + sign * reach, 0, W)) for sign in (-1, 1))
    top, bottom = (int(np.clip(centre[1] + sign * reach, 0, H)) for sign in (-1, 1))
    y, x = np.mgrid[top : min(bottom + 1, H), left : min(right + 1, W)]
    dx, dy = x - centre[0], y - centre[1]
    along, across = dx * direction[0] + dy * direction[1], dy * direction[0] - dx * direction[1]
    inside = (along / radii[0]) ** 2 + (across / radii[1]) ** 2 <= 1
    canvas[y[inside], x[inside]] = colour
