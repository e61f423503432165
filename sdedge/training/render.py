"""Scenes drawn as pictures: antialiased, all lengths relative, smooth enough for a small f=8 autoencoder.

Coordinates are fractions of the picture's side, x to the right and y down. Drawing happens on a canvas a few times
larger, which a box filter reduces: that is the antialiasing. `render` is a pure function of the scene and the size.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

from sdedge.training.scenes import Scene

Colour = tuple[int, int, int]
Point = tuple[float, float]

HORIZON = 0.66
PARTS = frozenset({"mountains", "trees", "object"})

# Where trees stand, for each count: (x, base y, height). Never moved by more than 0.008, so that they can be counted.
TREE_PLACES: dict[int, tuple[tuple[float, float, float], ...]] = {
    0: (),
    1: ((0.875, 0.845, 0.33),),
    2: ((0.125, 0.845, 0.33), (0.875, 0.845, 0.33)),
    3: ((0.07, 0.855, 0.31), (0.203, 0.825, 0.28), (0.875, 0.845, 0.33)),
}
TREE_SLIMNESS = 0.37  # width over height

SKY: dict[str, tuple[Colour, ...]] = {  # top, middle, horizon
    "day": ((52, 128, 224), (112, 178, 242), (204, 232, 250)),
    "sunset": ((70, 62, 128), (206, 112, 98), (255, 196, 118)),
    "night": ((10, 14, 46), (30, 42, 96), (72, 92, 152)),
}
GROUND: dict[str, dict[str, tuple[Colour, Colour]]] = {  # at the horizon, at the bottom
    "day": {"grass": ((142, 204, 94), (76, 160, 58)), "snow": ((250, 252, 255), (214, 228, 244)),
            "desert": ((248, 222, 156), (226, 182, 106)), "sea": ((62, 138, 200), (20, 74, 146))},
    "sunset": {"grass": ((146, 142, 66), (82, 96, 42)), "snow": ((250, 218, 208), (206, 172, 188)),
               "desert": ((240, 176, 104), (196, 122, 66)), "sea": ((206, 118, 104), (74, 58, 112))},
    "night": {"grass": ((52, 104, 84), (26, 68, 52)), "snow": ((164, 176, 212), (122, 134, 178)),
              "desert": ((142, 118, 106), (104, 80, 72)), "sea": ((34, 56, 112), (10, 22, 62))},
}  # fmt: skip
ROCK: dict[str, Colour] = {"day": (112, 122, 148), "sunset": (104, 74, 104), "night": (44, 48, 80)}
SNOW_CAP: dict[str, Colour] = {"day": (246, 249, 255), "sunset": (255, 214, 196), "night": (142, 154, 196)}
FIR: dict[str, Colour] = {"day": (22, 98, 56), "sunset": (34, 66, 46), "night": (8, 36, 34)}
WINDOW: dict[str, Colour] = {"day": (222, 240, 252), "sunset": (255, 226, 140), "night": (255, 228, 130)}
PAINT: dict[str, Colour] = {
    "red": (216, 34, 38), "yellow": (255, 216, 40), "green": (40, 176, 70), "blue": (32, 74, 214),
    "purple": (134, 46, 186), "pink": (255, 134, 190), "white": (248, 248, 246),
}  # fmt: skip
TIMBER: Colour = (98, 54, 38)
HULL: Colour = (134, 78, 46)
WICKER: Colour = (170, 108, 52)
LIGHT: dict[str, tuple[Colour, float, float]] = {  # a tint, its share, and the brightness that is left
    "day": ((255, 255, 255), 0.0, 1.0),
    "sunset": ((255, 140, 70), 0.1, 0.96),
    "night": ((40, 50, 120), 0.08, 0.93),
}
STARS: tuple[Point, ...] = ((0.09, 0.33), (0.25, 0.09), (0.36, 0.05), (0.64, 0.07), (0.75, 0.1), (0.92, 0.32),
                            (0.27, 0.3), (0.74, 0.29))  # fmt: skip


def mix(a: Colour, b: Colour, fraction: float) -> Colour:
    """The colour `share` of the way from a to b; a share below 0 goes away from b."""
    red, green, blue = (round(min(255.0, max(0.0, x + (y - x) * fraction))) for x, y in zip(a, b, strict=True))
    return red, green, blue


def lit(colour: Colour, time: str) -> Colour:
    """A paint as it looks in the light of the time of day."""
    tint, fraction, brightness = LIGHT[time]
    return mix((0, 0, 0), mix(colour, tint, fraction), brightness)


@dataclass(frozen=True)
class Canvas:
    """An enlarged picture drawn on in fractions of its side."""

    image: Image.Image
    pen: ImageDraw.ImageDraw = field(repr=False)

    def polygon(self, points: list[Point], colour: Colour) -> None:
        side = self.image.width
        self.pen.polygon([(x * side, y * side) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour, height: float | None = None) -> None:
        side, tall = self.image.width, radius if height is None else height
        corners = ((x - radius) * side, (y - tall) * side, (x + radius) * side, (y + tall) * side)
        self.pen.ellipse(corners, fill=colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: float) -> None:
        """A light that fades from its centre to nothing at the radius."""
        side = self.image.width
        across = round(2 * radius * side)
        mask = _FADE.resize((across, across), Image.Resampling.BILINEAR).point(lambda value: int(value * strength))
        self.image.paste(colour, (round((x - radius) * side), round((y - radius) * side)), mask)


def _fading_disc(size: int = 48) -> Image.Image:
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    distance = np.hypot(axis[:, None], axis[None, :])
    return Image.fromarray((255 * np.clip(1 - distance, 0, 1) ** 1.6).astype(np.uint8))


_FADE = _fading_disc()


def render(scene: Scene, size: int = 128, parts: frozenset[str] = PARTS) -> np.ndarray:
    """The picture of a scene: uint8 (size, size, 3), the same for the same scene and size.

    `parts` leaves out the mountains, the trees or the object, without moving the rest.
    """
    wobble = np.random.default_rng(scene.jitter).uniform(-1, 1, 16) if scene.jitter else np.zeros(16)
    scale = 4 if size <= 96 else 3 if size <= 192 else 2
    image = Image.fromarray(_backdrop(scene, size * scale, wobble[:2]))
    canvas = Canvas(image, ImageDraw.Draw(image))
    _draw_sky(canvas, scene, wobble[2:4])
    if scene.mountains and "mountains" in parts:
        _draw_mountains(canvas, scene.time, wobble[4:7])
    _draw_ground(canvas, scene, wobble[0], wobble[7])
    if "trees" in parts:
        for place, sway in zip(TREE_PLACES[scene.trees], wobble[8:11], strict=False):
            _draw_tree(canvas, scene.time, *place, sway)
    if "object" in parts:
        draw = {"house": _draw_house, "boat": _draw_boat, "balloon": _draw_balloon}[scene.kind]
        paint = mix(lit(PAINT[scene.colour], scene.time), (0, 0, 0), 0.03 + 0.03 * wobble[11])
        draw(canvas, scene.time, paint, 0.5 + 0.018 * wobble[12], 0.008 * wobble[13], 1 + 0.04 * wobble[14])
    return np.asarray(image.reduce(scale))


# ---- The land ---------------------------------------------------------------------------------------------------


def _backdrop(scene: Scene, side: int, wobble: np.ndarray) -> np.ndarray:
    """Sky and ground as two smooth gradients: uint8 (side, side, 3)."""
    y = (np.arange(side) + 0.5) / side
    sky, ground = SKY[scene.time], GROUND[scene.time][scene.ground]
    rows = np.empty((side, 3))
    for channel in range(3):
        above = np.interp(y, (0, 0.55 * HORIZON, HORIZON), [colour[channel] for colour in sky])
        below = np.interp(y, (HORIZON, 0.95), [colour[channel] for colour in ground])
        rows[:, channel] = np.where(y < HORIZON, above * (1 + 0.03 * wobble[1]), below * (1 + 0.04 * wobble[0]))
    return np.repeat(np.clip(rows, 0, 255).astype(np.uint8)[:, None], side, axis=1)  # (side, side, 3)


def _draw_sky(canvas: Canvas, scene: Scene, wobble: np.ndarray) -> None:
    left = scene.sun_side == "left"
    x, y = (0.16 if left else 0.84) + 0.012 * wobble[0], 0.17 + 0.012 * wobble[1]
    if scene.time == "night":
        sky = mix(SKY["night"][0], SKY["night"][1], y / (0.55 * HORIZON))
        for star in STARS:
            if abs(star[0] - x) > 0.13:
                canvas.disc(*star, 0.0095, (206, 214, 240))
        canvas.glow(x, y, 0.15, (150, 164, 220), 0.22)
        canvas.disc(x, y, 0.078, (246, 242, 216))
        canvas.disc(x + (0.038 if left else -0.038), y - 0.014, 0.066, mix(sky, (150, 164, 220), 0.13))
        return
    day = scene.time == "day"
    canvas.glow(x, y, 0.2, (255, 250, 214) if day else (255, 196, 120), 0.8)
    canvas.disc(x, y, 0.076, (255, 226, 74) if day else (255, 122, 62))
    cloud = (250, 252, 255) if day else (242, 176, 168)
    x, y = 1 - x, y + 0.035
    canvas.disc(x, y, 0.1, cloud, height=0.028)
    canvas.disc(x - 0.035, y - 0.018, 0.045, cloud, height=0.036)
    canvas.disc(x + 0.03, y - 0.026, 0.05, cloud, height=0.046)


def _draw_mountains(canvas: Canvas, time: str, wobble: np.ndarray) -> None:
    rock, cap = ROCK[time], SNOW_CAP[time]
    peaks = ((0.5, 0.475, 0.3), (0.175, 0.385, 0.3), (0.825, 0.4, 0.3))  # x, peak y, half width at the horizon
    for i, ((x, top, half), sway) in enumerate(zip(peaks, wobble, strict=True)):
        x, top = x + 0.012 * sway, top - 0.012 * sway
        base = HORIZON + 0.01
        shade = mix(rock, (255, 255, 255), 0.12) if i == 0 else rock
        canvas.polygon([(x - half, base), (x, top), (x + half, base)], shade)
        canvas.polygon([(x, top), (x + half, base), (x + 0.1 * half, base)], mix(shade, (0, 0, 0), 0.14))
        snow, reach = 0.36 * (base - top), 0.36 * half
        zigzag = [(x + 0.5 * reach, top + 0.78 * snow), (x, top + 1.1 * snow), (x - 0.45 * reach, top + 0.78 * snow)]
        canvas.polygon([(x, top), (x + reach, top + snow), *zigzag, (x - reach, top + snow)], cap)


def _draw_ground(canvas: Canvas, scene: Scene, shade: float, sway: float) -> None:
    """Redraw the ground's edge over the mountains' feet, and give the ground one soft feature."""
    top, bottom = (mix((0, 0, 0), colour, 1 + 0.04 * shade) for colour in GROUND[scene.time][scene.ground])
    if scene.ground == "sea":
        canvas.box(0, HORIZON, 1, HORIZON + 0.025, top)
        for x, y, half in ((0.17, 0.79, 0.1), (0.83, 0.76, 0.1), (0.26, 0.915, 0.13), (0.76, 0.9, 0.14)):
            foam = mix(mix(top, bottom, (y - HORIZON) / 0.29), (255, 255, 255), 0.16)
            canvas.disc(x + 0.03 * sway, y, half, foam, height=0.008)
        return
    canvas.box(0, HORIZON, 1, HORIZON + 0.02, top)
    for x, half, height, depth in ((0.2, 0.5, 0.035, 0.0), (0.85, 0.45, 0.03, 0.06)):  # two gentle rises
        canvas.disc(x + 0.05 * sway, HORIZON + 0.035, half, mix(top, bottom, depth), height=height)


def _draw_tree(canvas: Canvas, time: str, x: float, base: float, height: float, sway: float) -> None:
    x, height = x + 0.008 * sway, height * (1 + 0.04 * sway)
    half, fir = height * TREE_SLIMNESS / 2, FIR[time]
    canvas.box(x - 0.16 * half, base - 0.14 * height, x + 0.16 * half, base, lit(TIMBER, time))
    for low, high, wide in ((0.12, 0.56, 1.0), (0.36, 0.78, 0.8), (0.6, 1.0, 0.58)):
        left, right, foot = x - wide * half, x + wide * half, base - low * height
        canvas.polygon([(left, foot), (x, base - high * height), (right, foot)], fir)
        light = mix(fir, (255, 255, 255), 0.1)
        canvas.polygon([(left, foot), (x, base - high * height), (x, foot)], light)


# ---- The objects: each in its lit paint, about x, moved down by dy, and scaled ------------------------------------


def _draw_house(canvas: Canvas, time: str, paint: Colour, x: float, dy: float, scale: float) -> None:
    half, base, wall, roof = 0.2 * scale, 0.855 + dy, 0.25 * scale, 0.19 * scale
    top = base - wall
    timber, dark = lit(TIMBER, time), mix(lit(TIMBER, time), (0, 0, 0), 0.35)
    canvas.box(x + 0.42 * half, top - 0.85 * roof, x + 0.68 * half, top - 0.2 * roof, dark)  # the chimney
    canvas.box(x - half, top - 0.02, x + half, base, paint)
    canvas.box(x - half, top - 0.02, x + half, top + 0.022, mix(paint, (0, 0, 0), 0.22))  # the shadow of the eaves
    canvas.polygon([(x - 1.2 * half, top), (x, top - roof), (x + 1.2 * half, top)], timber)
    canvas.box(x - 0.2 * half, base - 0.6 * wall, x + 0.2 * half, base, dark)
    for side in (-0.62, 0.62):
        middle, window = x + side * half, WINDOW[time]
        canvas.box(middle - 0.2 * half, top + 0.24 * wall, middle + 0.2 * half, top + 0.58 * wall, dark)
        canvas.box(middle - 0.15 * half, top + 0.28 * wall, middle + 0.15 * half, top + 0.54 * wall, window)


def _draw_boat(canvas: Canvas, time: str, paint: Colour, x: float, dy: float, scale: float) -> None:
    def at(right: float, up: float) -> Point:
        return x + right * scale, 0.735 + dy - up * scale

    hull, shadow = lit(HULL, time), mix(paint, (0, 0, 0), 0.14)
    canvas.disc(x, 0.735 + dy + 0.1 * scale, 0.2 * scale, mix(GROUND[time]["sea"][1], (0, 0, 0), 0.2), height=0.016)
    canvas.polygon([at(-0.01, 0.53), at(0.014, 0.53), at(0.014, 0), at(-0.01, 0)], mix(hull, (0, 0, 0), 0.5))
    canvas.polygon([at(0.022, 0.51), at(0.24, 0.05), at(0.022, 0.05)], paint)
    canvas.polygon([at(-0.02, 0.46), at(-0.02, 0.05), at(-0.2, 0.05)], shadow)
    canvas.polygon([at(-0.25, 0.015), at(0.27, 0.015), at(0.19, -0.1), at(-0.18, -0.1)], hull)
    gunwale = [at(-0.25, 0.015), at(0.27, 0.015), at(0.258, -0.008), at(-0.235, -0.008)]
    canvas.polygon(gunwale, mix(hull, (255, 236, 200), 0.45))


def _draw_balloon(canvas: Canvas, time: str, paint: Colour, x: float, dy: float, scale: float) -> None:
    radius, middle = 0.2 * scale, 0.275 + dy
    wicker = lit(WICKER, time)
    foot, basket = middle + 1.42 * radius, middle + 1.58 * radius
    for width, colour in ((1.0, paint), (0.42, mix(paint, (255, 255, 255) if max(paint) < 236 else (0, 0, 0), 0.13))):
        across = width * radius
        canvas.disc(x, middle, across, colour, height=radius)
        canvas.polygon([(x - 0.9 * across, middle + 0.44 * radius), (x + 0.9 * across, middle + 0.44 * radius),
                        (x + 0.24 * across, foot), (x - 0.24 * across, foot)], colour)  # fmt: skip
    for side in (-1, 1):  # the ropes
        rope = x + side * 0.22 * radius
        canvas.box(rope - 0.006, foot, rope + 0.006, basket + 0.01, mix(wicker, (0, 0, 0), 0.5))
    canvas.box(x - 0.24 * radius, foot - 0.012, x + 0.24 * radius, foot + 0.004, mix(paint, (0, 0, 0), 0.3))
    canvas.box(x - 0.31 * radius, basket, x + 0.31 * radius, basket + 0.42 * radius, wicker)
    canvas.box(x - 0.36 * radius, basket, x + 0.36 * radius, basket + 0.1 * radius, mix(wicker, (0, 0, 0), 0.35))
