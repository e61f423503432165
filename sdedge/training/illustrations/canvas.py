"""Shapes and the canvas that draws them: antialiased by drawing large and reducing, in two styles.

Things are lists of shapes in their own coordinates: x to the right from their middle, y up from their base, a length of 1
being about their height. A `Place` puts them into the picture, whose coordinates are fractions of its side, y down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Points = Sequence[tuple[float, float]]

INK: Colour = (40, 34, 62)
CONTOUR = 0.0105  # half the width of the outline outside a thing, as a share of the picture's side
DETAIL = 0.0085  # the width of the lines inside it


@dataclass(frozen=True)
class Shape:
    """A filled polygon (N, 2), or a line of some width through its points.

    `painted` says that it has the thing's colour; `alpha` below 1 lets what is behind shine through, and has no outline.
    """

    points: np.ndarray
    colour: Colour
    painted: bool = False
    alpha: float = 1.0
    width: float = 0.0
    inked: bool = True


@dataclass(frozen=True)
class Place:
    """Where a thing stands: the middle of its base, the length of its unit, and whether it looks to the left."""

    x: float
    y: float
    scale: float
    mirrored: bool = False

    def map(self, points: np.ndarray) -> np.ndarray:
        """Points of a thing as points of the picture."""
        across = -self.scale if self.mirrored else self.scale
        return np.stack([self.x + across * points[:, 0], self.y - self.scale * points[:, 1]], axis=1)


def mix(a: Colour, b: Colour, amount: float) -> Colour:
    """Colour `a` with so much of `b` in it, 0 to 1."""
    return tuple(round(min(255.0, max(0.0, x + (y - x) * amount))) for x, y in zip(a, b, strict=True))  # type: ignore[return-value]


# ---- Outlines -------------------------------------------------------------------------------------------------------


def box(left: float, bottom: float, right: float, top: float) -> np.ndarray:
    """A rectangle."""
    return np.array([(left, bottom), (right, bottom), (right, top), (left, top)], dtype=float)


def rounded(left: float, bottom: float, right: float, top: float, radius: float) -> np.ndarray:
    """A rectangle with round corners."""
    corners = ((right - radius, top - radius, 0), (left + radius, top - radius, 90),
               (left + radius, bottom + radius, 180), (right - radius, bottom + radius, 270))  # fmt: skip
    return np.concatenate([arc(x, y, radius, radius, start, start + 90, 7) for x, y, start in corners])


def arc(x: float, y: float, across: float, up: float, start: float, end: float, count: int = 24) -> np.ndarray:
    """Points on an ellipse, from one angle to another in degrees, counted from the right and upwards."""
    angles = np.radians(np.linspace(start, end, count))
    return np.stack([x + across * np.cos(angles), y + up * np.sin(angles)], axis=1)


def disc(x: float, y: float, across: float, up: float | None = None, turn: float = 0.0) -> np.ndarray:
    """An ellipse, turned by some degrees."""
    points = arc(0, 0, across, across if up is None else up, 0, 350, 36)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return points @ np.array([[c, s], [-s, c]]) + (x, y)


def smooth(points: Points, closed: bool = True, parts: int = 8) -> np.ndarray:
    """A Catmull-Rom curve through the points."""
    p = np.asarray(points, dtype=float)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([p[:1], p, p[-1:]])
    t = np.linspace(0, 1, parts, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    if not closed:
        pieces.append(p[-2:-1])
    return np.concatenate(pieces)


# ---- The canvas -----------------------------------------------------------------------------------------------------


class Canvas:
    """A picture being drawn at `scale` times its size; `style` is flat or outlined."""

    def __init__(self, rows: np.ndarray, scale: int, style: str) -> None:
        """`rows` are the colours of the rows of the picture, float (side * scale, 3)."""
        side = len(rows)
        self.image = Image.fromarray(np.repeat(np.clip(rows, 0, 255).astype(np.uint8)[:, None], side, axis=1))
        self.pen = ImageDraw.Draw(self.image)
        self.side, self.scale, self.outlined = side, scale, style == "outlined"

    def fill(self, points: Points | np.ndarray, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon of the picture's coordinates."""
        corners = [(x * self.side, y * self.side) for x, y in points]
        if alpha >= 1:
            self.pen.polygon(corners, fill=colour)
            return
        left, top = (max(0, int(min(c[i] for c in corners))) for i in (0, 1))
        right, bottom = (min(self.side, int(max(c[i] for c in corners)) + 2) for i in (0, 1))
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], fill=round(255 * alpha))
        self.image.paste(colour, (left, top), mask)

    def line(self, points: Points | np.ndarray, colour: Colour, width: float, closed: bool = False) -> None:
        """Draw a line with round joints and ends; `width` is a share of the side."""
        corners = [(x * self.side, y * self.side) for x, y in points]
        corners += corners[:2] if closed else []
        thick = max(1, round(width * self.side))
        self.pen.line(corners, fill=colour, width=thick, joint="curve")
        if not closed and thick > 2:
            for x, y in (corners[0], corners[-1]):
                self.pen.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """Let a light fade from a point to nothing at the radius."""
        across = max(2, round(2 * radius * self.side))
        mask = _FADE.resize((across, across), Image.Resampling.BILINEAR).point(lambda value: int(value * strength))
        self.image.paste(colour, (round((x - radius) * self.side), round((y - radius) * self.side)), mask)

    def shadow(self, x: float, y: float, across: float, up: float, strength: float) -> None:
        """Darken an ellipse softly: where a thing touches the ground."""
        w, h = max(2, round(2 * across * self.side)), max(2, round(2 * up * self.side))
        mask = _FADE.resize((w, h), Image.Resampling.BILINEAR).point(lambda value: int(min(255, 2 * value) * strength))
        self.image.paste((28, 26, 58), (round((x - across) * self.side), round((y - up) * self.side)), mask)

    def draw(self, shapes: Iterable[Shape], place: Place) -> None:
        """Draw a thing: in the outlined style its contour first, then its parts with thinner lines."""
        placed = [(shape, place.map(shape.points)) for shape in shapes]
        if self.outlined:
            for shape, points in placed:
                if shape.alpha >= 1 and shape.inked:
                    closed = not shape.width
                    self.line(points, INK, shape.width * place.scale + 2 * CONTOUR, closed)
        for shape, points in placed:
            if shape.width:
                self.line(points, shape.colour, shape.width * place.scale)
                continue
            self.fill(points, shape.colour, shape.alpha)
            if self.outlined and shape.inked and shape.alpha >= 1:
                self.line(points, INK, DETAIL, closed=True)

    def finish(self) -> np.ndarray:
        """The picture at its size: uint8 (size, size, 3)."""
        return np.asarray(self.image.reduce(self.scale))


def _fading_disc(size: int = 64) -> Image.Image:
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    distance = np.hypot(axis[:, None], axis[None, :])
    return Image.fromarray((255 * np.clip(1 - distance, 0, 1) ** 1.6).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(1)
    )


_FADE = _fading_disc()
