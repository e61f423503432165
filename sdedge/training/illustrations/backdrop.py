"""Everything behind and before the things: sky, mountains, hills, ground, trees, falling snow and rain."""

from __future__ import annotations

import numpy as np

from sdedge.training.illustrations.canvas import Canvas, Place, Shape, box, disc, mix, smooth
from sdedge.training.illustrations.palette import GROUND, HILL, LAND_LIGHT, ROCK, SKY, TIMBER, TREE, WHITE, lit
from sdedge.training.illustrations.world import Scene

HORIZON = 0.64
STARS = ((0.09, 0.33), (0.25, 0.09), (0.36, 0.2), (0.64, 0.07), (0.75, 0.24), (0.92, 0.36), (0.48, 0.05), (0.06, 0.06),
         (0.94, 0.1), (0.58, 0.29), (0.3, 0.42), (0.72, 0.46))  # fmt: skip
# Where trees stand, for each count: (x, base y, height), left and right of what is in the middle.
TREE_PLACES: dict[int, tuple[tuple[float, float, float], ...]] = {
    0: (),
    1: ((0.89, 0.75, 0.3),),
    2: ((0.1, 0.75, 0.3), (0.9, 0.75, 0.3)),
    3: ((0.075, 0.77, 0.3), (0.215, 0.71, 0.25), (0.9, 0.75, 0.3)),
}


def rows(scene: Scene, side: int, wobble: np.ndarray) -> np.ndarray:
    """Sky and ground as smooth gradients: the colour of every row, float (side, 3)."""
    y = (np.arange(side) + 0.5) / side
    sky = SKY[scene.light]
    low, high = ground_colours(scene)
    colours = np.empty((side, 3))
    for channel in range(3):
        above = np.interp(y, (0, 0.55 * HORIZON, HORIZON), [colour[channel] for colour in sky])
        below = np.interp(y, (HORIZON, 0.97), (low[channel], high[channel]))
        colours[:, channel] = np.where(y < HORIZON, above * (1 + 0.02 * wobble[0]), below * (1 + 0.03 * wobble[1]))
    return colours


def ground_colours(scene: Scene) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """The ground at the horizon and at the bottom, in the scene's light; the sea takes on the sky's colour far away."""
    low, high = (lit(colour, scene.light, LAND_LIGHT) for colour in GROUND[scene.ground])
    if scene.ground == "sea":
        low = mix(low, SKY[scene.light][2], 0.45)
    return low, high


def land(colour: tuple[int, int, int], scene: Scene) -> tuple[int, int, int]:
    """A colour of the landscape in the scene's light."""
    return lit(colour, scene.light, LAND_LIGHT)


def draw_sky(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    """Draw sun, moon and stars, or clouds."""
    left = scene.sun_side == "left"
    x, y = (0.17 if left else 0.83) + 0.012 * wobble[0], 0.17 + 0.012 * wobble[1]
    if scene.light == "night":
        _moon(canvas, x, y, left)
    elif scene.light in ("snowfall", "rain"):
        _overcast(canvas, scene, wobble)
    else:
        day = scene.light == "day"
        canvas.glow(x, y, 0.3, (255, 252, 224) if day else (255, 206, 130), 0.75)
        canvas.fill(disc(x, y, 0.078), (255, 222, 92) if day else (255, 150, 84))
        _cloud(canvas, 1 - x, y + 0.03, 1.0, (252, 253, 255) if day else (250, 186, 166), 0.95)
        _cloud(canvas, x + (0.24 if left else -0.24), y + 0.13, 0.6, (244, 250, 255) if day else (240, 164, 156), 0.7)


def _moon(canvas: Canvas, x: float, y: float, left: bool) -> None:
    for i, star in enumerate(STARS):
        if abs(star[0] - x) > 0.14 or abs(star[1] - y) > 0.14:
            canvas.fill(disc(*star, 0.0085 if i % 3 else 0.0115), (236, 232, 214))
    canvas.glow(x, y, 0.24, (150, 160, 224), 0.5)
    canvas.fill(disc(x, y, 0.076), (252, 244, 210))
    canvas.fill(disc(x + (0.036 if left else -0.036), y - 0.018, 0.062), (52, 60, 122))


def _cloud(canvas: Canvas, x: float, y: float, scale: float, colour: tuple[int, int, int], alpha: float) -> None:
    for dx, dy, across, up in (
        (0, 0, 0.125, 0.032),
        (-0.045, -0.022, 0.056, 0.042),
        (0.03, -0.036, 0.062, 0.054),
        (0.082, -0.012, 0.04, 0.03),
    ):
        canvas.fill(disc(x + scale * dx, y + scale * dy, scale * across, scale * up), colour, alpha)


def _overcast(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    rain = scene.light == "rain"
    dark, pale = ((66, 78, 98), (92, 106, 126)) if rain else ((188, 200, 218), (236, 240, 247))
    for x, y, scale, colour in (
        (0.2, 0.13, 1.5, pale),
        (0.8, 0.11, 1.6, dark),
        (0.5, 0.06, 1.7, pale if not rain else dark),
    ):
        _cloud(canvas, x + 0.02 * wobble[0], y, scale, colour, 0.9)


def draw_mountains(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    """Draw three snow-capped peaks across the horizon."""
    rock, cap = mix(land(ROCK, scene), SKY[scene.light][2], 0.16), mix(land(WHITE, scene), SKY[scene.light][2], 0.1)
    base = HORIZON + 0.02
    for i, (x, top, half) in enumerate(((0.5, 0.4, 0.36), (0.13, 0.36, 0.33), (0.86, 0.34, 0.36))):
        x, top = x + 0.015 * wobble[i], top + 0.012 * wobble[i]
        shade = mix(rock, WHITE, 0.1) if i == 0 else rock
        peak = Shape(np.array([(-half, 0.0), (0, base - top), (half, 0.0)]), shade)
        snow, reach = 0.38 * (base - top), 0.38 * half
        tip = base - top
        zigzag = [(0.5 * reach, tip - 0.75 * snow), (0.1 * reach, tip - 1.15 * snow), (-0.4 * reach, tip - 0.75 * snow)]
        white = np.array([(0, tip), (reach, tip - snow), *zigzag, (-reach, tip - snow)])
        dark = np.array([(0, tip), (half, 0), (0.1 * half, 0.0), (-0.08 * half, 0.45 * tip), (0.06 * half, 0.6 * tip)])
        place = Place(x, base, 1.0)
        canvas.draw(
            [peak, Shape(dark, mix(shade, (40, 36, 84), 0.16), inked=False), Shape(white, cap, inked=False)], place
        )


def draw_ground(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    """Draw far hills, the ground over their feet, and what is typical of the ground."""
    low, high = ground_colours(scene)
    if scene.ground == "sea":
        _sea(canvas, scene, wobble)
        return
    far = mix(land(HILL[scene.ground], scene), SKY[scene.light][2], 0.3)
    for x, half, height, shade in ((0.2, 0.46, 0.07, 0.0), (0.82, 0.5, 0.055, 0.12)):
        canvas.fill(disc(x + 0.05 * wobble[0], HORIZON + 0.02, half, height), mix(far, high, shade))
    canvas.fill([(0, HORIZON + 0.012), (1, HORIZON + 0.012), (1, HORIZON + 0.05), (0, HORIZON + 0.05)], low)
    {"grass": _grass, "snow": _snow, "desert": _desert, "street": _street, "lavender": _lavender}[scene.ground](
        canvas, scene, wobble
    )


def _between(scene: Scene, y: float) -> tuple[int, int, int]:
    low, high = ground_colours(scene)
    return mix(low, high, (y - HORIZON) / (0.97 - HORIZON))


def _sea(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    shine = {
        "day": WHITE,
        "sunset": (255, 206, 150),
        "night": (170, 180, 236),
        "snowfall": WHITE,
        "rain": (196, 206, 214),
    }
    places = (
        (0.15, 0.7, 0.09),
        (0.62, 0.69, 0.08),
        (0.86, 0.74, 0.11),
        (0.3, 0.78, 0.12),
        (0.1, 0.86, 0.12),
        (0.8, 0.87, 0.15),
        (0.46, 0.94, 0.17),
    )
    for x, y, half in places:
        colour = mix(_between(scene, y), shine[scene.light], 0.3)
        canvas.fill(disc(x + 0.03 * wobble[0], y, half, 0.0075), colour)


def _grass(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    canvas.fill(
        disc(0.75 + 0.04 * wobble[0], 1.0, 0.7, 0.24), mix(_between(scene, 0.8), land((110, 178, 74), scene), 0.6)
    )
    canvas.fill(
        disc(0.1 + 0.04 * wobble[1], 1.06, 0.6, 0.2), mix(_between(scene, 0.95), land((70, 142, 64), scene), 0.5)
    )
    for x, y in ((0.07, 0.85), (0.2, 0.95), (0.86, 0.92), (0.95, 0.84), (0.62, 0.96)):
        for dx in (-0.012, 0, 0.012):
            tip = (x + 1.6 * dx + 0.01 * wobble[0], y - 0.03 + abs(dx))
            canvas.line([(x + dx, y), tip], land((52, 122, 60), scene), 0.008)


def _snow(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    canvas.fill(disc(0.78 + 0.04 * wobble[0], 1.02, 0.6, 0.25), mix(_between(scene, 0.72), land(WHITE, scene), 0.35))
    canvas.fill(
        disc(0.15 + 0.04 * wobble[1], 1.06, 0.55, 0.23), mix(_between(scene, 0.9), land((204, 218, 242), scene), 0.6)
    )


def _desert(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    dune = smooth([(0.35, 0.84), (0.6, 0.77), (0.85, 0.75), (1.05, 0.79), (1.1, 1.1), (0.4, 1.1)])
    canvas.fill(dune + (0.03 * wobble[0], 0), mix(_between(scene, 0.74), land((240, 204, 130), scene), 0.6))
    dune = smooth([(-0.1, 0.86), (0.15, 0.82), (0.42, 0.9), (0.6, 0.98), (0.5, 1.1), (-0.1, 1.1)])
    canvas.fill(dune + (0.03 * wobble[1], 0), mix(_between(scene, 0.95), land((216, 164, 92), scene), 0.55))


def _street(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    kerb, path = land((224, 222, 220), scene), land((190, 182, 176), scene)
    canvas.fill([(0, HORIZON + 0.01), (1, HORIZON + 0.01), (1, 0.7), (0, 0.7)], path)
    canvas.fill([(0, 0.695), (1, 0.695), (1, 0.715), (0, 0.715)], kerb)
    for i in range(-1, 4):
        x = 0.27 * i + 0.08 + 0.02 * wobble[0]
        canvas.fill([(x, 0.92), (x + 0.14, 0.92), (x + 0.13, 0.945), (x - 0.012, 0.945)], land((244, 240, 226), scene))


def _lavender(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    dark, bright = land((124, 88, 176), scene), land((186, 154, 222), scene)
    earth = land((150, 176, 120), scene)
    for i in range(-4, 5):
        foot, top = 0.5 + 0.2 * i + 0.02 * wobble[0], 0.5 + 0.062 * i
        canvas.fill(
            [(top - 0.012, HORIZON + 0.03), (top + 0.012, HORIZON + 0.03), (foot + 0.045, 1.0), (foot - 0.045, 1.0)],
            earth,
            0.55,
        )
    for i in range(5):
        y = 0.71 + 0.035 * i + 0.012 * i * i
        for j in range(7):
            x = (j + 0.5 * (i % 2)) / 6 + 0.01 * wobble[1]
            canvas.fill(disc(x, y, 0.02 + 0.004 * i, 0.009 + 0.003 * i), bright if (i + j) % 2 else dark, 0.75)


def draw_trees(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    """Draw the trees in the background: round crowns on thin trunks, never moved so far that they cannot be counted."""
    dark, bright = (mix(land(colour, scene), SKY[scene.light][1], 0.05) for colour in TREE)
    snowy = scene.light == "snowfall" or scene.ground == "snow"
    for (x, base, height), sway in zip(TREE_PLACES[scene.trees], wobble, strict=False):
        shapes = [
            Shape(box(-0.05, 0, 0.05, 0.42), land(TIMBER, scene)),
            Shape(disc(0, 0.66, 0.235, 0.36), dark),
            Shape(disc(-0.06, 0.7, 0.15, 0.25), bright, inked=False),
        ]
        if snowy:
            shapes.append(Shape(disc(-0.02, 0.93, 0.13, 0.075), land(WHITE, scene), inked=False))
        canvas.shadow(x, base, 0.09, 0.02, 0.4)
        canvas.draw(shapes, Place(x + 0.006 * sway, base, height * (1 + 0.03 * sway)))


def draw_weather(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    """Draw falling snow or rain over everything."""
    if scene.light not in ("snowfall", "rain"):
        return
    for i in range(44 if scene.light == "snowfall" else 34):
        x = (0.382 * i * 1.618 + 0.1 * wobble[0]) % 1.06 - 0.03
        y = (i * 0.2763 + 0.1 * wobble[1]) % 1.0
        if scene.light == "snowfall":
            canvas.fill(disc(x, y, 0.0085 + 0.005 * (i % 3 == 0)), (255, 255, 255), 0.95)
        else:
            canvas.fill([(x, y), (x + 0.007, y), (x - 0.012, y + 0.075), (x - 0.019, y + 0.075)], (206, 220, 236), 0.6)
