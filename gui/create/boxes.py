"""Rectangles on the canvas and the edges one drags them by, in pixels of the picture. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

UNIT = 8  # pixels of a latent's cell


class Edge(Enum):
    LEFT = "left"
    TOP = "top"
    RIGHT = "right"
    BOTTOM = "bottom"


Grip = frozenset[Edge]
"""The edges that a drag moves: one, two at a corner, all where the whole is moved, none."""
EVERY_EDGE: Grip = frozenset(Edge)
_OPPOSITE = {Edge.LEFT: Edge.RIGHT, Edge.RIGHT: Edge.LEFT, Edge.TOP: Edge.BOTTOM, Edge.BOTTOM: Edge.TOP}


@dataclass(frozen=True)
class Box:
    """Left, top, right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @classmethod
    def between(cls, a: tuple[float, float], b: tuple[float, float]) -> Box:
        """Returns the box with these two points in opposite corners."""
        return cls(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))

    def within(self, outer: Box) -> Box:
        """Returns what of it lies in another."""
        return Box(
            min(max(self.left, outer.left), outer.right), min(max(self.top, outer.top), outer.bottom),
            min(max(self.right, outer.left), outer.right), min(max(self.bottom, outer.top), outer.bottom),
        )  # fmt: skip

    def moved_within(self, outer: Box) -> Box:
        """Returns it shifted into another that is larger."""
        x = max(outer.left - self.left, 0) or min(outer.right - self.right, 0)
        y = max(outer.top - self.top, 0) or min(outer.bottom - self.bottom, 0)
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)


def grip_at(box: Box, x: float, y: float, reach: float, inside: bool = True) -> Grip:
    """Returns the edges within `reach` of a point; all of them for a point inside, where that counts."""
    if not (box.left - reach <= x <= box.right + reach and box.top - reach <= y <= box.bottom + reach):
        return frozenset()
    distances = {
        Edge.LEFT: abs(x - box.left), Edge.RIGHT: abs(x - box.right),
        Edge.TOP: abs(y - box.top), Edge.BOTTOM: abs(y - box.bottom),
    }  # fmt: skip
    near = {edge for edge, distance in distances.items() if distance <= reach}
    for edge in tuple(near):  # of a box that is smaller than the reach, the nearer one
        if _OPPOSITE[edge] in near and distances[edge] > distances[_OPPOSITE[edge]]:
            near.discard(edge)
    if near:
        return frozenset(near)
    return EVERY_EDGE if inside else frozenset()


def dragged(box: Box, grip: Grip, dx: float, dy: float, smallest: float) -> Box:
    """Returns the box with these edges moved; it stays at least `smallest` wide and high."""
    if grip == EVERY_EDGE:
        return Box(box.left + dx, box.top + dy, box.right + dx, box.bottom + dy)
    left = min(box.left + dx, box.right - smallest) if Edge.LEFT in grip else box.left
    right = max(box.right + dx, left + smallest) if Edge.RIGHT in grip else box.right
    top = min(box.top + dy, box.bottom - smallest) if Edge.TOP in grip else box.top
    bottom = max(box.bottom + dy, top + smallest) if Edge.BOTTOM in grip else box.bottom
    return Box(left, top, right, bottom)


def snapped(box: Box, grip: Grip, across: Iterable[float], down: Iterable[float], reach: float) -> Box:
    """Returns the box with the edges that are dragged put on the nearest of these lines within `reach`, which stand at `across`
    pixels from the left and `down` from the top. A box that is moved keeps its size, and the nearer one of two edges decides."""
    x = [line - getattr(box, edge.value) for line in across for edge in (Edge.LEFT, Edge.RIGHT) if edge in grip]
    y = [line - getattr(box, edge.value) for line in down for edge in (Edge.TOP, Edge.BOTTOM) if edge in grip]
    dx, dy = (min((way for way in ways if abs(way) <= reach), key=abs, default=0.0) for ways in (x, y))
    return dragged(box, grip, dx, dy, UNIT)


def edges_of(box: Box, size: tuple[int, int], most: int) -> tuple[int, int, int, int] | None:
    """Returns how many pixels a box adds to a picture at the left, top, right and bottom, in whole cells; None for none."""
    raw = (-box.left, -box.top, box.right - size[0], box.bottom - size[1])
    edges = tuple(min(most, max(0, round(each / UNIT) * UNIT)) for each in raw)
    return (edges[0], edges[1], edges[2], edges[3]) if any(edges) else None


def box_of(edges: tuple[int, int, int, int] | None, size: tuple[int, int]) -> Box:
    """Returns the box of a picture with these pixels added."""
    left, top, right, bottom = edges or (0, 0, 0, 0)
    return Box(-left, -top, size[0] + right, size[1] + bottom)


def fractions_of(box: Box, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Returns a box in fractions of a picture, to a thousandth."""
    (w, h), inside = size, box.within(Box(0, 0, *size))
    return round(inside.left / w, 3), round(inside.top / h, 3), round(inside.right / w, 3), round(inside.bottom / h, 3)


def box_at(area: tuple[float, float, float, float], size: tuple[int, int]) -> Box:
    """Returns the box of fractions of a picture."""
    return Box(area[0] * size[0], area[1] * size[1], area[2] * size[0], area[3] * size[1])
