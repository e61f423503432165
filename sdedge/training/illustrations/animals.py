"""Things that live: cat, dog, rabbit, bird and fish, a snowman and a person."""

from __future__ import annotations

import numpy as np

from sdedge.training.illustrations.canvas import Shape, arc, box, disc, mix, rounded, smooth
from sdedge.training.illustrations.palette import CREAM, DARK, ORANGE, SKIN, TIMBER, Tones

EYE = (38, 32, 52)


def _eye(x: float, y: float, radius: float = 0.032) -> list[Shape]:
    return [
        Shape(disc(x, y, radius, 1.25 * radius), EYE, inked=False),
        Shape(disc(x + 0.3 * radius, y + 0.5 * radius, 0.35 * radius), (255, 255, 255), inked=False),
    ]


def _belly(tones: Tones) -> tuple[int, int, int]:
    return (
        mix(tones.main, tones((120, 124, 156)), 0.22)
        if tones.colour == "white"
        else mix(tones.main, tones(CREAM), 0.62)
    )


def cat(tones: Tones) -> list[Shape]:
    """A cat sitting upright, pointed ears, its tail curled up beside it."""
    tail = smooth([(0.18, 0.06), (0.42, 0.05), (0.5, 0.24), (0.42, 0.44)], False)
    body = smooth([(-0.3, 0.0), (-0.3, 0.24), (-0.16, 0.5), (0.16, 0.5), (0.3, 0.24), (0.3, 0.0)])
    inner = tones((255, 164, 176))
    shapes = [
        Shape(tail, tones.dark, painted=True, width=0.1),
        Shape(body, tones.main, painted=True),
        Shape(smooth([(-0.12, 0.0), (-0.12, 0.22), (0, 0.38), (0.12, 0.22), (0.12, 0.0)]), _belly(tones), inked=False),
    ]
    for side in (-1, 1):
        shapes.append(
            Shape(np.array([(side * 0.29, 0.7), (side * 0.27, 1.04), (side * 0.05, 0.86)]), tones.main, painted=True)
        )
        shapes.append(
            Shape(np.array([(side * 0.25, 0.76), (side * 0.24, 0.94), (side * 0.11, 0.84)]), inner, inked=False)
        )
    shapes += [
        Shape(disc(0, 0.67, 0.31, 0.245), tones.main, painted=True),
        *_eye(-0.12, 0.69, 0.045),
        *_eye(0.12, 0.69, 0.045),
        Shape(disc(0, 0.575, 0.1, 0.06), _belly(tones), inked=False),
        Shape(np.array([(-0.04, 0.61), (0.04, 0.61), (0, 0.565)]), tones((232, 96, 120)), inked=False),
    ]
    return shapes


def dog(tones: Tones) -> list[Shape]:
    """A dog standing, seen from the side: long body, raised tail, hanging ear."""
    legs = [Shape(rounded(x - 0.065, 0, x + 0.065, 0.36, 0.05), tones.dark, painted=True) for x in (-0.28, 0.22)]
    near = [Shape(rounded(x - 0.07, 0, x + 0.07, 0.38, 0.05), tones.main, painted=True) for x in (-0.42, 0.36)]
    body = smooth(
        [(-0.54, 0.5), (-0.5, 0.32), (-0.2, 0.27), (0.26, 0.27), (0.46, 0.38), (0.5, 0.6), (0.3, 0.6), (-0.3, 0.6)]
    )
    return [
        Shape(smooth([(-0.46, 0.5), (-0.62, 0.62), (-0.64, 0.82)], False), tones.main, painted=True, width=0.095),
        *legs,
        *near,
        Shape(body, tones.main, painted=True),
        Shape(smooth([(-0.3, 0.3), (0.2, 0.28), (0.3, 0.34), (0, 0.38)]), _belly(tones), inked=False),
        Shape(smooth([(0.52, 0.66), (0.8, 0.62), (0.84, 0.7), (0.76, 0.79), (0.5, 0.84)]), tones.main, painted=True),
        Shape(disc(0.46, 0.77, 0.22, 0.21), tones.main, painted=True),
        Shape(
            np.concatenate([[(0.3, 0.52), (0.53, 0.52), (0.56, 0.58), (0.28, 0.58)]]),
            tones((214, 64, 72) if tones.colour != "red" else (64, 110, 214)),
            inked=False,
        ),
        Shape(
            smooth([(0.32, 0.95), (0.2, 0.86), (0.18, 0.6), (0.32, 0.54), (0.42, 0.74)]), tones(mix(TIMBER, DARK, 0.4))
        ),
        Shape(disc(0.83, 0.72, 0.055, 0.045), EYE, inked=False),
        *_eye(0.57, 0.81, 0.038),
    ]


def rabbit(tones: Tones) -> list[Shape]:
    """A rabbit sitting in front view: round body, and two long ears up."""
    inner = tones((255, 168, 186)) if tones.colour != "pink" else tones((255, 226, 232))
    shapes = [Shape(disc(0.27, 0.12, 0.1), tones(CREAM))]
    for side in (-1, 1):
        shapes.append(Shape(disc(side * 0.12, 0.84, 0.088, 0.25, -8 * side), tones.main, painted=True))
        shapes.append(Shape(disc(side * 0.12, 0.84, 0.042, 0.18, -8 * side), inner, inked=False))
    shapes += [
        Shape(
            smooth([(-0.28, 0.02), (-0.28, 0.22), (-0.14, 0.42), (0.14, 0.42), (0.28, 0.22), (0.28, 0.02), (0, -0.02)]),
            tones.main,
            True,
        ),
        Shape(disc(0, 0.16, 0.15, 0.15), _belly(tones), inked=False),
        Shape(disc(-0.17, 0.03, 0.12, 0.06), tones.bright, painted=True),
        Shape(disc(0.17, 0.03, 0.12, 0.06), tones.bright, painted=True),
        Shape(disc(0, 0.52, 0.24, 0.2), tones.main, painted=True),
        *_eye(-0.1, 0.55, 0.036),
        *_eye(0.1, 0.55, 0.036),
        Shape(disc(-0.15, 0.47, 0.045, 0.03), inner, inked=False),
        Shape(disc(0.15, 0.47, 0.045, 0.03), inner, inked=False),
        Shape(disc(0, 0.48, 0.032, 0.024), tones((226, 92, 118)), inked=False),
    ]
    return shapes


def bird(tones: Tones) -> list[Shape]:
    """A bird in flight, one wing raised, a fan of a tail and an orange beak."""
    wing = smooth([(-0.2, 0.52), (-0.36, 0.84), (-0.3, 1.02), (-0.08, 0.92), (0.2, 0.54)])
    far = smooth([(0.0, 0.5), (0.04, 0.86), (0.16, 0.98), (0.26, 0.78), (0.26, 0.52)])
    body = smooth(
        [(-0.44, 0.42), (-0.2, 0.24), (0.2, 0.2), (0.48, 0.36), (0.5, 0.58), (0.3, 0.66), (0.02, 0.58), (-0.3, 0.5)]
    )
    return [
        Shape(far, tones.dark, painted=True),
        Shape(
            np.array([(-0.34, 0.48), (-0.8, 0.6), (-0.86, 0.44), (-0.78, 0.28), (-0.34, 0.38)]),
            tones.dark,
            painted=True,
        ),
        Shape(np.array([(0.55, 0.56), (0.76, 0.46), (0.54, 0.4)]), tones(ORANGE)),
        Shape(body, tones.main, painted=True),
        Shape(smooth([(-0.2, 0.29), (0.16, 0.23), (0.42, 0.36), (0.1, 0.4)]), _belly(tones), inked=False),
        Shape(disc(0.42, 0.5, 0.2, 0.19), tones.main, painted=True),
        Shape(wing, tones.bright, painted=True),
        *_eye(0.47, 0.54, 0.04),
    ]


def fish(tones: Tones) -> list[Shape]:
    """A fish leaping over the water, with a forked tail, a striped side, and drops under it."""
    body = smooth(
        [(0.56, 0.46), (0.4, 0.7), (0.04, 0.78), (-0.3, 0.62), (-0.44, 0.48), (-0.3, 0.34), (0.04, 0.18), (0.4, 0.24)]
    )
    tail = np.array([(-0.36, 0.48), (-0.74, 0.8), (-0.64, 0.48), (-0.74, 0.16)])
    drop = (214, 240, 250)
    return [
        Shape(tail, tones.dark, painted=True),
        Shape(smooth([(-0.14, 0.7), (0.0, 0.94), (0.24, 0.9), (0.26, 0.7)]), tones.dark, painted=True),
        Shape(body, tones.main, painted=True),
        Shape(smooth([(0.5, 0.4), (0.3, 0.24), (-0.02, 0.2), (-0.3, 0.36), (0.1, 0.36)]), _belly(tones), inked=False),
        Shape(arc(0.16, 0.48, 0.1, 0.22, 100, 260, 12), tones.dark, painted=True, width=0.04, inked=False),
        Shape(arc(-0.06, 0.48, 0.1, 0.2, 110, 250, 12), tones.dark, painted=True, width=0.04, inked=False),
        Shape(
            smooth([(0.04, 0.44), (-0.16, 0.52), (-0.18, 0.36), (0.02, 0.36)]), tones.bright, painted=True, inked=False
        ),
        Shape(disc(0.36, 0.54, 0.075), (252, 252, 252)),
        Shape(disc(0.38, 0.54, 0.04), EYE, inked=False),
        *(
            Shape(disc(x, y, 0.035, 0.05), tones(drop), inked=False)
            for x, y in ((-0.34, 0.06), (0.0, 0.02), (0.3, 0.07))
        ),
    ]


def snowman(tones: Tones) -> list[Shape]:
    """A snowman in a painted hat and a broad painted scarf."""
    snow, shade = tones((250, 251, 255)), tones((206, 216, 236))
    shapes = []
    for y, radius in ((0.2, 0.27), (0.55, 0.19)):
        shapes.append(Shape(disc(0, y, radius, 0.9 * radius), snow))
        shapes.append(
            Shape(
                np.concatenate(
                    [arc(0, y, radius, 0.9 * radius, -80, 60), arc(-0.3 * radius, y, radius, 0.85 * radius, 50, -70)]
                ),
                shade,
                inked=False,
            )
        )
    for side in (-1, 1):
        shapes.append(Shape(np.array([(side * 0.16, 0.36), (side * 0.4, 0.54)]), tones(TIMBER), width=0.035))
    shapes += [
        Shape(disc(0.02, 0.24, 0.024), EYE, inked=False),
        Shape(disc(0.02, 0.13, 0.024), EYE, inked=False),
        Shape(rounded(-0.21, 0.35, 0.21, 0.46, 0.05), tones.main, painted=True),
        Shape(rounded(0.05, 0.16, 0.17, 0.42, 0.03), tones.dark, painted=True),
        *_eye(-0.075, 0.6, 0.026),
        *_eye(0.075, 0.6, 0.026),
        Shape(np.array([(0.0, 0.57), (0.0, 0.52), (0.18, 0.53)]), tones(ORANGE), inked=False),
        Shape(rounded(-0.25, 0.68, 0.25, 0.74, 0.03), tones.dark, painted=True),
        Shape(rounded(-0.165, 0.72, 0.165, 1.02, 0.03), tones.main, painted=True),
        Shape(box(-0.165, 0.74, 0.165, 0.8), tones(DARK), inked=False),
    ]
    return shapes


def person(tones: Tones) -> list[Shape]:
    """A person in a long painted coat, in front view, waving."""
    hair, trousers = tones((92, 58, 50)), tones((66, 66, 98))
    coat = smooth([(-0.15, 0.66), (-0.2, 0.5), (-0.27, 0.2), (0, 0.18), (0.27, 0.2), (0.2, 0.5), (0.15, 0.66)])
    return [
        Shape(box(-0.13, 0.0, -0.03, 0.24), trousers),
        Shape(box(0.03, 0.0, 0.13, 0.24), trousers),
        Shape(rounded(-0.16, -0.01, -0.02, 0.06, 0.03), tones(DARK)),
        Shape(rounded(0.02, -0.01, 0.16, 0.06, 0.03), tones(DARK)),
        Shape(np.array([(-0.14, 0.6), (-0.32, 0.36)]), tones.dark, painted=True, width=0.095),
        Shape(np.array([(0.14, 0.6), (0.36, 0.76)]), tones.dark, painted=True, width=0.095),
        Shape(disc(-0.34, 0.33, 0.05), tones(SKIN)),
        Shape(disc(0.39, 0.8, 0.05), tones(SKIN)),
        Shape(coat, tones.main, painted=True),
        Shape(np.concatenate([coat[-24:-8], [(0.08, 0.19), (0.06, 0.66)]]), tones.dark, True, inked=False),
        Shape(disc(0, 0.8, 0.19, 0.19), hair),
        Shape(disc(0, 0.77, 0.15, 0.15), tones(SKIN)),
        Shape(np.concatenate([arc(0, 0.82, 0.17, 0.16, 0, 180), [(-0.05, 0.84), (0.08, 0.88)]]), hair, inked=False),
        *_eye(-0.055, 0.765, 0.022),
        *_eye(0.055, 0.765, 0.022),
        Shape(disc(-0.095, 0.72, 0.03, 0.02), tones((244, 150, 140)), inked=False),
        Shape(disc(0.095, 0.72, 0.03, 0.02), tones((244, 150, 140)), inked=False),
    ]
