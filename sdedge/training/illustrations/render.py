"""A scene drawn as a picture: where its things stand, and everything drawn from back to front."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from sdedge.training.illustrations import animals, backdrop, buildings, plants, vehicles
from sdedge.training.illustrations.canvas import Canvas, Place, Shape
from sdedge.training.illustrations.palette import Tones
from sdedge.training.illustrations.world import FLYERS, KINDS, SWIMMERS, Scene

PARTS = frozenset({"mountains", "trees", "things", "weather"})
_ROOMS = (buildings, vehicles, plants, animals)
DRAWINGS: dict[str, Callable[[Tones], list[Shape]]] = {
    kind: next(getattr(room, kind) for room in _ROOMS if hasattr(room, kind)) for kind in KINDS
}

# The length of a kind's unit alone in a picture, and beside another thing.
SIZES: dict[str, tuple[float, float]] = {
    "house": (0.46, 0.34), "castle": (0.48, 0.35), "windmill": (0.46, 0.34), "lighthouse": (0.54, 0.42), "tent": (0.46, 0.33),
    "bridge": (0.42, 0.4), "boat": (0.48, 0.36), "balloon": (0.5, 0.39), "rocket": (0.5, 0.38), "car": (0.4, 0.265),
    "train": (0.36, 0.24), "umbrella": (0.48, 0.37), "pine": (0.5, 0.38), "palm": (0.5, 0.37), "cactus": (0.46, 0.36),
    "flower": (0.48, 0.38), "mushroom": (0.44, 0.34), "cat": (0.44, 0.34), "dog": (0.46, 0.31), "rabbit": (0.46, 0.36),
    "bird": (0.4, 0.28), "fish": (0.44, 0.31), "snowman": (0.48, 0.38), "person": (0.52, 0.4),
}  # fmt: skip
LOOKS_ASIDE = frozenset({"dog", "bird", "fish", "car", "train"})
_COUNTED = {2: 0.94, 3: 0.78}  # the size of each of several things, as a share of that beside another


@dataclass(frozen=True)
class Placed:
    """A thing of the scene and where it is: `which` is 0 for the main thing, 1 for the other."""

    kind: str
    colour: str
    place: Place
    which: int = 0


def layout(scene: Scene, wobble: np.ndarray) -> tuple[Placed, ...]:
    """Where the things of a scene stand, those farther back first; `wobble` (9,) in [-1, 1] moves them a little."""
    if scene.relation:
        return _pair(scene, wobble)
    if scene.count == 1:
        places: tuple[tuple[float, float], ...] = ((0.5, 0.0),)
        size = SIZES[scene.kind][0]
    else:
        places = ((0.29, 0.0), (0.71, 0.0)) if scene.count == 2 else ((0.2, -0.02), (0.8, -0.02), (0.5, 0.03))
        size = min(SIZES[scene.kind][1] * _COUNTED[scene.count], _widest(scene.count) / width_of(scene.kind))
    return tuple(
        _place(scene.kind, scene.colour, x, dy, size, wobble[3 * i : 3 * i + 3]) for i, (x, dy) in enumerate(places)
    )


@cache
def width_of(kind: str) -> float:
    """How wide a kind is, in units of its size."""
    shapes = DRAWINGS[kind](Tones("red", "day"))
    return float(np.ptp(np.concatenate([shape.points[:, 0] for shape in shapes])))


def _widest(count: int) -> float:
    return 0.4 if count == 2 else 0.285


# Where the two things of a relation stand: the middle, how much lower than on the ground, and the size beside another.
SLOTS: dict[str, tuple[float, float, float]] = {
    "left": (0.265, 0.0, 1.0), "right": (0.735, 0.0, 1.0), "below": (0.5, 0.02, 1.0), "behind": (0.56, -0.09, 1.12),
    "front": (0.36, 0.055, 0.92), "above": (0.5, 0.0, 0.86),
}  # fmt: skip
RELATION_SLOTS = {
    "left": ("left", "right"), "right": ("right", "left"), "above": ("above", "below"), "front": ("front", "behind"),
}  # fmt: skip


def slot(kind: str, colour: str, name: str, wobble: np.ndarray, which: int = 0) -> Placed:
    """A thing in one of `SLOTS`."""
    x, dy, size = SLOTS[name]
    size = size * SIZES[kind][1]
    if name == "above":
        base = 0.385 + 0.01 * wobble[1]
        return Placed(kind, colour, Place(x + 0.02 * wobble[0], base, size * (1 + 0.04 * wobble[2])), which)
    return _place(kind, colour, x, dy, size, wobble, which)


def _pair(scene: Scene, wobble: np.ndarray) -> tuple[Placed, ...]:
    first, second = RELATION_SLOTS[str(scene.relation)]
    main = slot(scene.kind, scene.colour, first, wobble[:3])
    return (slot(str(scene.other_kind), str(scene.other_colour), second, wobble[3:6], 1), main)


def _place(kind: str, colour: str, x: float, dy: float, size: float, wobble: np.ndarray, which: int = 0) -> Placed:
    base = 0.84 if kind in SWIMMERS else 0.87
    if kind in FLYERS:
        base = 0.4 + 0.55 * size if kind != "balloon" else 0.38 + 0.52 * size
    mirrored = kind in LOOKS_ASIDE and wobble[2] > 0.0
    place = Place(x + 0.02 * wobble[0], base + dy + 0.01 * wobble[1], size * (1 + 0.045 * wobble[2]), mirrored)
    return Placed(kind, colour, place, which)


def render(scene: Scene, size: int = 128, parts: frozenset[str] = PARTS) -> np.ndarray:
    """The picture of a scene: uint8 (size, size, 3), the same for the same scene and size.

    `parts` leaves out the mountains, the trees, the things or the weather, without moving the rest.
    """
    wobble = np.random.default_rng(scene.jitter).uniform(-1, 1, 24) if scene.jitter else np.zeros(24)
    scale = 4 if size <= 128 else 3 if size <= 256 else 2
    canvas = Canvas(backdrop.rows(scene, size * scale, wobble[:2]), scale, scene.style)
    backdrop.draw_sky(canvas, scene, wobble[2:4])
    if scene.mountains and "mountains" in parts:
        backdrop.draw_mountains(canvas, scene, wobble[4:7])
    backdrop.draw_ground(canvas, scene, wobble[7:9])
    if "trees" in parts:
        backdrop.draw_trees(canvas, scene, wobble[9:12])
    if "things" in parts:
        for placed in layout(scene, wobble[12:21]):
            _draw(canvas, scene, placed, wobble[21])
    if "weather" in parts:
        backdrop.draw_weather(canvas, scene, wobble[22:24])
    return canvas.finish()


def _draw(canvas: Canvas, scene: Scene, placed: Placed, wobble: float) -> None:
    place, tones = placed.place, Tones(placed.colour, scene.light, 0.015 * wobble)
    shapes = DRAWINGS[placed.kind](tones)
    width = width_of(placed.kind) * place.scale
    if placed.kind not in FLYERS:
        canvas.shadow(place.x, place.y - 0.004, 0.62 * width, 0.035, 0.5 if scene.light != "night" else 0.6)
    if scene.light in ("night", "sunset", "rain") and placed.kind in ("house", "castle", "lighthouse", "tent", "train"):
        up = 0.86 if placed.kind == "lighthouse" else 0.3
        canvas.glow(place.x, place.y - up * place.scale, 0.55 * place.scale, (255, 214, 130), 0.5)
    canvas.draw(shapes, place)
