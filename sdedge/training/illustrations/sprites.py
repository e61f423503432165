"""Things cut out of their pictures at the judge's size: which pixels they cover, which are painted, in every colour."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from sdedge.training.illustrations.canvas import Canvas, Place
from sdedge.training.illustrations.palette import Tones
from sdedge.training.illustrations.render import DRAWINGS, LOOKS_ASIDE, Placed, render
from sdedge.training.illustrations.world import COLOURS, GROUNDS, LIGHTS, Scene

SIDE = 64
HOME = (0.5, 0.75)  # where things are cut out; at another place they are the same, moved by whole pixels


@dataclass(frozen=True, eq=False)
class Sprite:
    """A cut-out thing: `at` (P, 2) are rows and columns counted from its base, `colours` (7, P, 3) what they are in each paint.

    `painted` (P,) tells the pixels that change with the paint.
    """

    kind: str
    at: np.ndarray
    painted: np.ndarray
    colours: np.ndarray

    @cached_property
    def thinned(self) -> Sprite:
        """Every third of its pixels: enough for a first look."""
        return Sprite(self.kind, self.at[::3], self.painted[::3], self.colours[:, ::3])


def sprites(placed: Placed, light: str, style: str) -> tuple[Sprite, ...]:
    """A thing of a layout cut out: as it is, and mirrored where it may look either way."""
    mirrors = (False, True) if placed.kind in LOOKS_ASIDE else (False,)
    return tuple(_sprite(placed.kind, placed.place.scale, mirror, light, style) for mirror in mirrors)


def base_of(placed: Placed) -> tuple[int, int]:
    """The row and column that a sprite of this thing is counted from."""
    return round((placed.place.y - HOME[1]) * SIDE), round((placed.place.x - HOME[0]) * SIDE)


@cache
def _sprite(kind: str, size: float, mirror: bool, light: str, style: str) -> Sprite:
    place = Place(*HOME, size, mirror)
    on_black = np.stack([_drawn(kind, colour, place, light, style, 0) for colour in COLOURS])  # (7, S, S, 3)
    cover = 1 - (_drawn(kind, COLOURS[0], place, light, style, 255) - on_black[0]).mean(-1) / 255  # (S, S)
    at = np.argwhere(cover > 0.7)
    pixels = on_black[:, at[:, 0], at[:, 1]]  # (7, P, 3)
    return Sprite(kind, at, np.ptp(pixels, axis=0).mean(-1) > 60, pixels)


def _drawn(kind: str, colour: str, place: Place, light: str, style: str, ground: int) -> np.ndarray:
    canvas = Canvas(np.full((SIDE * 3, 3), ground), 3, style)
    canvas.draw(DRAWINGS[kind](Tones(colour, light)), place)
    return canvas.finish().astype(np.float32)


# ---- Scenes without things ------------------------------------------------------------------------------------------

BACKDROPS = tuple(
    (light, ground, mountains, sun)
    for light in LIGHTS
    for ground in GROUNDS
    for mountains in (False, True)
    for sun in ("left", "right")
)


def _bare(light: str, ground: str, mountains: bool, sun: str, trees: int, style: str) -> np.ndarray:
    kind = "boat" if ground == "sea" else "house"
    scene = Scene(kind, "red", light, ground, mountains=mountains, trees=trees, style=style, sun_side=sun)
    return render(scene, SIDE, frozenset({"mountains", "trees"})).astype(np.float32)


@cache
def backdrops() -> np.ndarray:
    """All of `BACKDROPS` without things, trees and weather: float32 (N, SIDE, SIDE, 3)."""
    return np.stack([_bare(*backdrop, 0, "flat") for backdrop in BACKDROPS])


@cache
def with_trees(backdrop: tuple[str, str, bool, str], trees: int, style: str) -> np.ndarray:
    """One of `BACKDROPS` with trees: float32 (SIDE, SIDE, 3)."""
    return _bare(*backdrop, trees, style)
