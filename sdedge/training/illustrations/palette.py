"""Colours of the illustrated world, and how each light changes them while every paint stays what its name says."""

from __future__ import annotations

from dataclasses import dataclass

from sdedge.training.illustrations.canvas import Colour, mix

PAINT: dict[str, Colour] = {
    "red": (222, 48, 48), "yellow": (255, 206, 38), "green": (44, 172, 84), "blue": (38, 96, 218),
    "purple": (136, 62, 190), "pink": (255, 138, 186), "white": (250, 248, 244),
}  # fmt: skip
WHITE: Colour = (255, 255, 255)
TIMBER: Colour = (124, 78, 56)
DARK: Colour = (62, 52, 78)
CREAM: Colour = (252, 240, 216)
STONE: Colour = (150, 148, 164)
SLATE: Colour = (84, 84, 116)
IRON: Colour = (72, 74, 96)
SKIN: Colour = (246, 202, 164)
LEAF: Colour = (70, 140, 76)
ORANGE: Colour = (244, 140, 50)

SKY: dict[str, tuple[Colour, ...]] = {  # top, middle, horizon
    "day": ((86, 168, 232), (146, 204, 242), (220, 240, 246)),
    "sunset": ((92, 74, 142), (226, 122, 116), (255, 206, 138)),
    "night": ((18, 22, 64), (38, 48, 108), (84, 96, 160)),
    "snowfall": ((176, 190, 212), (202, 212, 228), (230, 234, 242)),
    "rain": ((82, 96, 116), (118, 134, 152), (164, 178, 188)),
}
GROUND: dict[str, tuple[Colour, Colour]] = {  # by day: at the horizon, at the bottom
    "grass": ((158, 208, 104), (92, 166, 74)),
    "snow": ((252, 253, 255), (218, 230, 246)),
    "desert": ((250, 226, 164), (228, 182, 108)),
    "sea": ((92, 178, 206), (28, 104, 160)),
    "street": ((176, 174, 180), (116, 114, 126)),
    "lavender": ((196, 170, 224), (142, 108, 190)),
}
HILL: dict[str, Colour] = {
    "grass": (134, 190, 118), "snow": (222, 232, 246), "desert": (232, 198, 140), "street": (150, 178, 152),
    "lavender": (164, 178, 158), "sea": (120, 170, 190),
}  # fmt: skip
ROCK: Colour = (128, 134, 166)
TREE: tuple[Colour, Colour] = (58, 132, 78), (84, 158, 92)

LAND_LIGHT: dict[str, tuple[Colour, float, float]] = {  # a tint, its share, and the brightness that is left
    "day": (WHITE, 0.0, 1.0), "sunset": ((236, 110, 92), 0.3, 0.86), "night": ((30, 38, 98), 0.4, 0.72),
    "snowfall": ((224, 230, 242), 0.32, 0.98), "rain": ((96, 112, 132), 0.38, 0.8),
}  # fmt: skip
THING_LIGHT: dict[str, tuple[Colour, float, float]] = {
    "day": (WHITE, 0.0, 1.0), "sunset": ((255, 130, 80), 0.09, 0.97), "night": ((50, 60, 150), 0.1, 0.95),
    "snowfall": ((226, 230, 240), 0.08, 0.98), "rain": ((90, 104, 126), 0.1, 0.95),
}  # fmt: skip
WINDOW: dict[str, Colour] = {
    "day": (186, 226, 244), "sunset": (255, 226, 140), "night": (255, 220, 112), "snowfall": (255, 228, 150),
    "rain": (255, 224, 140),
}  # fmt: skip


def lit(colour: Colour, light: str, table: dict[str, tuple[Colour, float, float]] = THING_LIGHT) -> Colour:
    """A colour by day as it looks in a light."""
    tint, amount, brightness = table[light]
    return mix(mix((0, 0, 0), colour, brightness), tint, amount)


@dataclass(frozen=True)
class Tones:
    """The colours a thing is drawn in: its paint lit, darker and lighter, and other colours in the same light."""

    colour: str
    light: str
    shade: float = 0.0

    @property
    def main(self) -> Colour:
        """The thing's own colour."""
        return mix(lit(PAINT[self.colour], self.light), (0, 0, 0), 0.03 + self.shade)

    @property
    def dark(self) -> Colour:
        """The side away from the light."""
        return mix(self.main, (58, 40, 110), 0.2)

    @property
    def bright(self) -> Colour:
        """The side towards the light; a white thing gets a little shade instead, which shows as well."""
        if self.colour == "white":
            return mix(self.main, (120, 130, 170), 0.14)
        return mix(self.main, WHITE, 0.24)

    @property
    def window(self) -> Colour:
        """Glass: sky by day, lamplight in the dark."""
        return WINDOW[self.light]

    def __call__(self, colour: Colour) -> Colour:
        """Another colour in the scene's light."""
        return lit(colour, self.light)
