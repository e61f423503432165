"""Things that move, and an umbrella: boat, balloon, rocket, car and train."""

from __future__ import annotations

import numpy as np

from sdedge.training.illustrations.canvas import Shape, arc, box, disc, mix, rounded, smooth
from sdedge.training.illustrations.palette import CREAM, DARK, IRON, ORANGE, TIMBER, WHITE, Tones


def boat(tones: Tones) -> list[Shape]:
    """A sailing boat: a timber hull and two painted sails."""
    hull = np.concatenate(
        [[(-0.5, 0.2), (0.56, 0.2)], smooth([(0.5, 0.1), (0.38, 0.0), (-0.34, 0.0), (-0.44, 0.08)], False)]
    )
    main = np.concatenate([[(0.05, 0.28), (0.05, 1.04)], smooth([(0.05, 1.04), (0.36, 0.68), (0.5, 0.28)], False)])
    jib = np.concatenate([[(-0.04, 0.28), (-0.04, 0.94)], smooth([(-0.04, 0.94), (-0.26, 0.6), (-0.42, 0.28)], False)])
    return [
        Shape(np.array([(0.0, 0.16), (0.0, 1.08)]), tones(mix(TIMBER, DARK, 0.5)), width=0.04),
        Shape(main, tones.main, painted=True),
        Shape(
            np.array([(0.05, 0.28), (0.5, 0.28), (0.45, 0.44), (0.05, 0.44)]), tones.bright, painted=True, inked=False
        ),
        Shape(jib, tones.dark, painted=True),
        Shape(hull, tones(TIMBER)),
        Shape(np.array([(-0.5, 0.2), (0.56, 0.2), (0.54, 0.14), (-0.48, 0.14)]), tones(CREAM), inked=False),
    ]


def balloon(tones: Tones) -> list[Shape]:
    """A hot-air balloon with three gores, and a basket under it."""

    def envelope(across: float) -> np.ndarray:
        return np.concatenate([arc(0, 0.66, across, 0.38, -20, 200), [(-0.3 * across, 0.24), (0.3 * across, 0.24)]])

    ropes = [
        Shape(np.array([(x, 0.26), (0.8 * x, 0.14)]), tones(mix(TIMBER, DARK, 0.5)), width=0.02) for x in (-0.1, 0.1)
    ]
    return [
        *ropes,
        Shape(envelope(0.4), tones.main, painted=True),
        Shape(envelope(0.27), tones.bright, painted=True, inked=False),
        Shape(envelope(0.11), tones.main, painted=True, inked=False),
        Shape(
            np.concatenate([arc(0, 0.66, 0.4, 0.38, -20, 40), arc(-0.04, 0.66, 0.36, 0.38, 40, -20)]),
            tones.dark,
            True,
            inked=False,
        ),
        Shape(
            np.array([(-0.125, 0.25), (0.125, 0.25), (0.115, 0.205), (-0.115, 0.205)]),
            tones(mix(TIMBER, DARK, 0.6)),
            inked=False,
        ),
        Shape(rounded(-0.12, 0.0, 0.12, 0.14, 0.03), tones(mix(TIMBER, ORANGE, 0.35))),
        Shape(box(-0.135, 0.115, 0.135, 0.155), tones(mix(TIMBER, DARK, 0.4)), inked=False),
    ]


def rocket(tones: Tones) -> list[Shape]:
    """A rocket on its flame: a round body, a pale nose, a porthole and dark fins."""
    flame = smooth([(-0.1, 0.2), (-0.09, 0.06), (0, -0.1), (0.09, 0.06), (0.1, 0.2)])
    body = smooth([(0, 1.02), (0.16, 0.82), (0.2, 0.56), (0.14, 0.2), (-0.14, 0.2), (-0.2, 0.56), (-0.16, 0.82)])
    nose = np.concatenate([smooth([(-0.15, 0.8), (-0.09, 0.93), (0, 1.03), (0.09, 0.93), (0.15, 0.8)], False)])
    fin = np.array([(0.14, 0.46), (0.36, 0.24), (0.36, 0.08), (0.13, 0.2)])
    return [
        Shape(flame, tones((255, 176, 52)), inked=False),
        Shape(flame * (0.55, 0.6) + (0, 0.09), (255, 240, 160), inked=False),
        Shape(fin, tones(SLATE_BLUE)),
        Shape(fin * (-1, 1), tones(SLATE_BLUE)),
        Shape(body, tones.main, painted=True),
        Shape(np.concatenate([body[:20] * (0.98, 1), [(0.06, 0.2), (0.1, 0.6)]]), tones.dark, True, inked=False),
        Shape(nose, tones(CREAM)),
        Shape(disc(0, 0.62, 0.1), tones(CREAM)),
        Shape(disc(0, 0.62, 0.068), tones((96, 186, 226))),
        Shape(rounded(-0.13, 0.15, 0.13, 0.22, 0.02), tones(IRON)),
    ]


SLATE_BLUE = (78, 84, 132)


def _wheel(tones: Tones, x: float, y: float, radius: float) -> list[Shape]:
    return [
        Shape(disc(x, y, radius), tones((48, 46, 62))),
        Shape(disc(x, y, 0.46 * radius), tones((206, 208, 218)), inked=False),
    ]


def car(tones: Tones) -> list[Shape]:
    """A small round car from the side."""
    cabin = smooth([(-0.42, 0.4), (-0.36, 0.62), (-0.14, 0.72), (0.16, 0.7), (0.34, 0.56), (0.44, 0.4), (0.0, 0.36)])
    body = smooth(
        [(-0.78, 0.16), (-0.78, 0.36), (-0.64, 0.46), (-0.3, 0.47), (0.4, 0.46), (0.68, 0.4), (0.8, 0.28), (0.78, 0.13)]
    )
    glass = np.array([(-0.32, 0.43), (-0.28, 0.58), (-0.04, 0.63), (-0.04, 0.43)])
    front = np.array([(0.04, 0.43), (0.04, 0.63), (0.17, 0.61), (0.31, 0.5), (0.33, 0.43)])
    return [
        Shape(cabin, tones.main, painted=True),
        Shape(body, tones.main, painted=True),
        Shape(
            np.array([(-0.78, 0.12), (0.78, 0.12), (0.78, 0.22), (-0.79, 0.22)]), tones.dark, painted=True, inked=False
        ),
        Shape(glass, tones.window),
        Shape(front, tones.window),
        Shape(disc(0.74, 0.31, 0.055, 0.065), (255, 240, 170)),
        *_wheel(tones, -0.44, 0.14, 0.165),
        *_wheel(tones, 0.46, 0.14, 0.165),
    ]


def train(tones: Tones) -> list[Shape]:
    """A steam engine from the side, on its rail, with a cloud of steam."""
    steam = tones((240, 240, 246))
    shapes = [
        Shape(disc(x, y, r), steam, inked=False)
        for x, y, r in ((0.42, 0.92, 0.1), (0.28, 1.0, 0.13), (0.06, 1.06, 0.16))
    ]
    shapes += [
        Shape(box(-0.9, -0.02, 0.9, 0.04), tones(mix(TIMBER, DARK, 0.5))),
        Shape(np.array([(0.4, 0.56), (0.56, 0.56), (0.61, 0.82), (0.35, 0.82)]), tones(IRON)),
        Shape(np.concatenate([arc(0.06, 0.56, 0.12, 0.13, 0, 180)]), tones((232, 184, 74))),
        Shape(rounded(-0.3, 0.2, 0.7, 0.58, 0.1), tones.main, painted=True),
        Shape(box(-0.3, 0.2, 0.68, 0.3), tones.dark, painted=True, inked=False),
        Shape(box(-0.72, 0.16, -0.2, 0.8), tones.main, painted=True),
        Shape(box(-0.8, 0.78, -0.12, 0.87), tones(IRON)),
        Shape(box(-0.6, 0.5, -0.32, 0.7), tones.window),
        Shape(disc(0.7, 0.42, 0.055, 0.07), (255, 236, 150)),
        Shape(np.array([(0.62, 0.06), (0.86, 0.06), (0.7, 0.24), (0.62, 0.24)]), tones(IRON)),
    ]
    for x, radius in ((-0.5, 0.18), (-0.08, 0.14), (0.22, 0.14), (0.5, 0.14)):
        shapes += _wheel(tones, x, radius + 0.02, radius)
    return shapes


def umbrella(tones: Tones) -> list[Shape]:
    """An open umbrella on its crooked handle."""
    scallops = [p for x in (0.35, 0.0, -0.35) for p in arc(x, 0.46, 0.175, 0.06, 0, 180, 9)]
    canopy = np.concatenate([arc(0, 0.46, 0.525, 0.5, 180, 0), np.array(scallops)])
    middle = np.concatenate([arc(0, 0.46, 0.19, 0.5, 180, 0), arc(0, 0.46, 0.175, 0.06, 0, 180, 9)])
    handle = np.concatenate([[(0.0, 0.9), (0.0, 0.1)], arc(0.09, 0.1, 0.09, 0.09, 180, 360, 10)])
    return [
        Shape(handle, tones(mix(TIMBER, DARK, 0.35)), width=0.045),
        Shape(canopy, tones.main, painted=True),
        Shape(middle, tones.bright, painted=True, inked=False),
        Shape(
            np.concatenate([arc(0, 0.46, 0.525, 0.5, 35, 0), arc(0, 0.46, 0.4, 0.42, 0, 45)]),
            tones.dark,
            True,
            inked=False,
        ),
        Shape(np.array([(0, 0.94), (0, 1.02)]), tones(mix(TIMBER, DARK, 0.35)), width=0.04),
        Shape(disc(0.0, 0.0, 0.001), tones(WHITE), inked=False),
    ]
