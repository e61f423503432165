"""Things that grow: pine, palm, cactus, flower and mushroom."""

from __future__ import annotations

import numpy as np

from sdedge.training.illustrations.canvas import Shape, arc, box, disc, mix, rounded, smooth
from sdedge.training.illustrations.palette import CREAM, DARK, LEAF, ORANGE, TIMBER, Tones


def pine(tones: Tones) -> list[Shape]:
    """A fir of three broad tiers."""
    shapes = [Shape(box(-0.07, 0, 0.07, 0.24), tones(TIMBER))]
    for low, high, half in ((0.14, 0.6, 0.4), (0.38, 0.82, 0.32), (0.62, 1.06, 0.23)):
        tier = smooth([(-half, low), (-0.36 * half, low + 0.6 * (high - low))], False, 6)
        right = np.flip(tier, 0) * (-1, 1)
        outline = np.concatenate([tier, [(0, high)], right])
        shapes.append(Shape(outline, tones.main, painted=True))
        shapes.append(Shape(np.concatenate([[(0, high)], right, [(0.12 * half, low)]]), tones.dark, True, inked=False))
    return shapes


def palm(tones: Tones) -> list[Shape]:
    """A palm with a curved trunk and six painted leaves."""
    trunk = np.concatenate(
        [smooth([(-0.2, 0), (-0.1, 0.4), (0.0, 0.78)], False), smooth([(0.07, 0.78), (0.03, 0.4), (-0.06, 0)], False)]
    )
    shapes = [Shape(trunk, tones(mix(TIMBER, ORANGE, 0.22)))]
    top = np.array([0.03, 0.78])
    leaves = ((0.34, 0.24, 0.5, -0.02), (-0.34, 0.24, -0.5, -0.02), (0.3, 0.02, 0.4, -0.24), (-0.3, 0.02, -0.4, -0.24))
    for i, (mx, my, ex, ey) in enumerate((*leaves, (0.13, 0.28, 0.3, 0.26), (-0.13, 0.28, -0.3, 0.26))):
        middle, end = np.array([mx, my]), np.array([ex, ey])
        normal = np.array([-end[1] + 0.0, end[0]]) * (0.12 / max(np.hypot(*end), 0.1))
        normal = normal if normal[1] > 0 else -normal
        upper = smooth([(0, 0), tuple(0.9 * middle + 0.6 * normal), tuple(end)], False)
        lower = smooth([tuple(end), tuple(0.8 * middle - 0.65 * normal), (0, -0.02)], False)
        shade = tones.main if i in (0, 1) else tones.dark if i in (2, 3) else tones.bright
        shapes.append(Shape(np.concatenate([upper, lower]) + top, shade, painted=True))
    nuts = [Shape(disc(x, 0.72, 0.045), tones(mix(TIMBER, DARK, 0.5)), inked=False) for x in (-0.03, 0.08)]
    return [shapes[0], *shapes[3:5], *shapes[1:3], *shapes[5:], *nuts]


def cactus(tones: Tones) -> list[Shape]:
    """A column cactus with two raised arms, in paint, with a small blossom on top."""
    left = np.concatenate([[(-0.1, 0.28)], smooth([(-0.3, 0.3), (-0.4, 0.4), (-0.4, 0.62)], False), [(-0.4, 0.66)]])
    right = np.concatenate([[(0.1, 0.42)], smooth([(0.28, 0.44), (0.37, 0.54), (0.37, 0.74)], False), [(0.37, 0.78)]])
    shapes = [
        Shape(left, tones.main, painted=True, width=0.17),
        Shape(right, tones.main, painted=True, width=0.17),
        Shape(rounded(-0.155, -0.02, 0.155, 0.98, 0.15), tones.main, painted=True),
        Shape(rounded(0.05, -0.02, 0.155, 0.92, 0.05), tones.dark, painted=True, inked=False),
        Shape(rounded(-0.1, 0.06, -0.06, 0.9, 0.02), tones.bright, painted=True, inked=False),
        Shape(rounded(-0.005, 0.06, 0.03, 0.92, 0.015), tones.bright, painted=True, inked=False),
    ]
    blossom = (255, 216, 90) if tones.colour in ("pink", "red") else (255, 120, 160)
    return [
        *shapes,
        Shape(disc(0, 1.0, 0.085, 0.06), tones(blossom)),
        Shape(disc(-0.4, 0.76, 0.055, 0.04), tones(blossom)),
    ]


def flower(tones: Tones) -> list[Shape]:
    """One big blossom of eight petals on a stem with two leaves."""
    leaf = smooth([(0.0, 0.12), (0.14, 0.3), (0.36, 0.36), (0.24, 0.16)])
    shapes = [
        Shape(np.array([(0, 0), (0, 0.6)]), tones(LEAF), width=0.065),
        Shape(leaf, tones(LEAF)),
        Shape(leaf * (-1, 1) + (0, 0.06), tones(mix(LEAF, DARK, 0.18))),
    ]
    for i in range(8):
        angle = 45 * i + 22.5
        x, y = 0.23 * np.cos(np.radians(angle)), 0.73 + 0.23 * np.sin(np.radians(angle))
        shapes.append(Shape(disc(x, y, 0.155, 0.1, angle), tones.main if i % 2 else tones.bright, painted=True))
    centre = (150, 84, 48) if tones.colour == "yellow" else (250, 188, 60)
    return [*shapes, Shape(disc(0, 0.73, 0.125), tones(centre))]


def mushroom(tones: Tones) -> list[Shape]:
    """A toadstool: a painted cap with pale dots on a stout stem."""
    pale = tones((196, 200, 218) if tones.colour == "white" else CREAM)
    cap = np.concatenate(
        [arc(0, 0.46, 0.54, 0.5, 0, 180), smooth([(-0.54, 0.46), (-0.3, 0.39), (0.3, 0.39), (0.54, 0.46)], False)]
    )
    stem = smooth([(-0.17, 0.44), (-0.15, 0.2), (-0.22, 0.02), (0, -0.01), (0.22, 0.02), (0.15, 0.2), (0.17, 0.44)])
    shapes = [
        Shape(stem, tones(CREAM)),
        Shape(
            np.array([(-0.17, 0.42), (0.17, 0.42), (0.155, 0.32), (-0.155, 0.32)]),
            tones(mix(CREAM, DARK, 0.22)),
            inked=False,
        ),
        Shape(cap, tones.main, painted=True),
        Shape(
            np.concatenate([arc(0, 0.46, 0.54, 0.5, 0, 62), arc(0, 0.46, 0.4, 0.44, 62, 0)]),
            tones.dark,
            True,
            inked=False,
        ),
    ]
    dots = ((-0.26, 0.6, 0.085), (0.04, 0.74, 0.1), (0.29, 0.58, 0.075), (-0.06, 0.53, 0.055))
    return [*shapes, *(Shape(disc(x, y, r, 0.85 * r), pale, inked=False) for x, y, r in dots)]
