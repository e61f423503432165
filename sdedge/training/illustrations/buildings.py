"""Things that are built: house, castle, windmill, lighthouse, tent and bridge."""

from __future__ import annotations

import numpy as np

from sdedge.training.illustrations.canvas import Shape, arc, box, disc, mix, rounded
from sdedge.training.illustrations.palette import CREAM, DARK, SLATE, STONE, TIMBER, Tones


def _window(tones: Tones, x: float, y: float, half: float, tall: float) -> list[Shape]:
    frame = Shape(box(x - half - 0.03, y - 0.03, x + half + 0.03, y + tall + 0.03), tones(CREAM), inked=False)
    return [frame, Shape(box(x - half, y, x + half, y + tall), tones.window)]


def house(tones: Tones) -> list[Shape]:
    """A cottage with a steep roof, a chimney, a door and two windows."""
    roof = tones(mix(TIMBER, DARK, 0.35))
    return [
        Shape(box(0.2, 0.6, 0.34, 1.0), tones(mix(TIMBER, DARK, 0.6))),
        Shape(box(-0.42, 0, 0.42, 0.58), tones.main, painted=True),
        Shape(box(0.24, 0, 0.42, 0.58), tones.dark, painted=True, inked=False),
        Shape(box(-0.42, 0.47, 0.42, 0.58), tones.dark, painted=True, inked=False),
        Shape(np.array([(-0.54, 0.5), (0.54, 0.5), (0.0, 1.06)]), roof),
        Shape(np.array([(0.0, 1.06), (0.54, 0.5), (0.36, 0.5)]), mix(roof, (0, 0, 0), 0.16), inked=False),
        Shape(box(-0.42, 0, 0.42, 0.045), tones(STONE), inked=False),
        Shape(box(-0.1, 0, 0.1, 0.36), tones(mix(TIMBER, DARK, 0.75))),
        Shape(disc(0.055, 0.17, 0.022), tones(CREAM), inked=False),
        *_window(tones, -0.265, 0.17, 0.075, 0.17),
        *_window(tones, 0.265, 0.17, 0.075, 0.17),
        Shape(disc(0, 0.68, 0.085), tones.window),
    ]


def castle(tones: Tones) -> list[Shape]:
    """A gate between two high round towers with pointed roofs, and a keep behind them."""
    slate = tones(SLATE)
    shapes = [
        Shape(box(-0.17, 0.5, 0.17, 0.8), tones.dark, painted=True),
        Shape(np.array([(-0.21, 0.78), (0.21, 0.78), (0.0, 1.16)]), slate),
        Shape(box(-0.3, 0, 0.3, 0.5), tones.main, painted=True),
    ]
    for x in (-0.22, -0.11, 0.0, 0.11, 0.22):
        shapes.append(Shape(box(x - 0.035, 0.49, x + 0.035, 0.56), tones.main, painted=True, inked=False))
    for x in (-0.4, 0.4):
        shapes += [
            Shape(box(x - 0.14, 0, x + 0.14, 0.7), tones.main, painted=True),
            Shape(box(x + 0.05, 0, x + 0.14, 0.7), tones.dark, painted=True, inked=False),
            Shape(np.array([(x - 0.19, 0.68), (x + 0.19, 0.68), (x, 1.06)]), slate),
            Shape(np.array([(x, 1.06), (x + 0.19, 0.68), (x + 0.06, 0.68)]), mix(slate, (0, 0, 0), 0.18), inked=False),
            Shape(rounded(x - 0.045, 0.42, x + 0.045, 0.58, 0.044), tones.window),
        ]
    gate = np.concatenate([arc(0, 0.22, 0.12, 0.13, 0, 180), [(-0.12, 0.0), (0.12, 0.0)]])
    return [*shapes, Shape(gate, tones(mix(TIMBER, DARK, 0.7)))]


def windmill(tones: Tones) -> list[Shape]:
    """A tapered mill with a dark cap and four broad sails."""
    cap = tones(mix(TIMBER, DARK, 0.5))
    body = np.array([(-0.3, 0), (0.3, 0), (0.17, 0.66), (-0.17, 0.66)])
    shapes = [
        Shape(body, tones.main, painted=True),
        Shape(np.array([(0.1, 0), (0.3, 0), (0.17, 0.66), (0.06, 0.66)]), tones.dark, painted=True, inked=False),
        Shape(rounded(-0.08, -0.01, 0.08, 0.22, 0.06), cap),
        Shape(disc(0, 0.4, 0.07), tones.window),
        Shape(np.concatenate([arc(0, 0.64, 0.2, 0.22, 0, 180)]), cap),
    ]
    for turn in (25, 115, 205, 295):
        angle = np.radians(turn)
        along, aside = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        hub = np.array([0.0, 0.72])
        shapes.append(Shape(np.array([hub, hub + 0.48 * along]), tones(mix(TIMBER, DARK, 0.4)), width=0.035))
        sail = [
            hub + 0.12 * along,
            hub + 0.46 * along,
            hub + 0.46 * along + 0.12 * aside,
            hub + 0.12 * along + 0.12 * aside,
        ]
        shapes.append(Shape(np.array(sail), tones(CREAM)))
    return [*shapes, Shape(disc(0, 0.72, 0.05), cap)]


def lighthouse(tones: Tones) -> list[Shape]:
    """A slim tower with two pale rings, and a lamp under a dark cap."""
    pale = tones((206, 208, 222) if tones.colour == "white" else CREAM)

    def half(y: float) -> float:
        return 0.19 - 0.08 * y

    def ring(low: float, high: float) -> np.ndarray:
        return np.array([(-half(low), low), (half(low), low), (half(high), high), (-half(high), high)])

    def side(low: float, high: float) -> np.ndarray:
        return np.array([(0.3 * half(low), low), (half(low), low), (half(high), high), (0.3 * half(high), high)])

    shapes = [
        Shape(np.array([(-0.34, 0), (0.34, 0), (0.24, 0.08), (-0.26, 0.09)]), tones(mix(STONE, DARK, 0.3))),
        Shape(ring(0.06, 0.76), tones.main, painted=True),
    ]
    shapes += [Shape(ring(low, low + 0.12), pale, inked=False) for low in (0.24, 0.5)]
    shapes += [
        Shape(side(0.06, 0.76), mix(tones(DARK), tones.main, 0.3), alpha=0.2),
        Shape(rounded(-0.06, 0.06, 0.06, 0.2, 0.05), tones(mix(TIMBER, DARK, 0.7))),
        Shape(box(-0.18, 0.75, 0.18, 0.8), tones(DARK)),
        Shape(box(-0.1, 0.8, 0.1, 0.92), tones.window if tones.light == "day" else (255, 236, 150)),
        Shape(np.concatenate([arc(0, 0.91, 0.13, 0.14, 0, 180)]), tones.main, painted=True),
    ]
    return shapes


def tent(tones: Tones) -> list[Shape]:
    """A ridge tent, open in front."""
    return [
        Shape(np.array([(0.0, 0.78), (0.26, 0.74), (0.66, 0.0), (0.44, 0.0)]), tones.dark, painted=True),
        Shape(np.array([(-0.58, 0), (0.46, 0), (0.0, 0.8)]), tones.main, painted=True),
        Shape(np.array([(-0.58, 0), (-0.38, 0), (0.0, 0.8)]), tones.bright, painted=True, inked=False),
        Shape(np.array([(-0.2, 0), (0.16, 0), (0.0, 0.52)]), tones(DARK) if tones.light == "day" else tones.window),
        Shape(np.array([(0.0, 0.0), (0.0, 0.9)]), tones(TIMBER), width=0.028),
        Shape(np.array([(0.01, 0.9), (0.17, 0.85), (0.01, 0.8)]), tones.main, painted=True),
    ]


def bridge(tones: Tones) -> list[Shape]:
    """A stone bridge of three arches under a gently curved road, with a lamp at each end."""
    outline = [
        (-0.98, 0.0),
        *((x, 0.42 + 0.16 * (1 - (x / 0.98) ** 2)) for x in np.linspace(-0.98, 0.98, 21)),
        (0.98, 0.0),
    ]
    for x, across, up in ((0.62, 0.2, 0.28), (0.0, 0.28, 0.4), (-0.62, 0.2, 0.28)):
        outline += [(x + across, 0.0), *map(tuple, arc(x, 0.02, across, up, 0, 180, 14)), (x - across, 0.0)]
    rail = np.array([(x, 0.45 + 0.16 * (1 - (x / 0.98) ** 2)) for x in np.linspace(-0.98, 0.98, 21)])
    shapes = []
    for x in (-0.86, 0.86):
        shapes.append(Shape(np.array([(x, 0.4), (x, 0.78)]), tones(DARK), width=0.035))
        shapes.append(Shape(disc(x, 0.8, 0.065), tones.window if tones.light != "day" else tones(CREAM)))
    return [
        *shapes,
        Shape(np.array(outline), tones.main, painted=True),
        Shape(rail - (0, 0.075), tones.dark, painted=True, width=0.05, inked=False),
        Shape(rail, tones(mix(STONE, DARK, 0.4)), width=0.05),
    ]
