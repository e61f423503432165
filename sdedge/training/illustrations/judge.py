"""A judge of pictures by geometry: which scene, drawn again, explains the pixels best. It learnt nothing.

The backdrop is the one that differs least; things are cut-outs moved over the places where layouts put them, and the layout
is the one whose things explain most of what the backdrop does not; trees are told by drawing each number of them. Differences
are clipped, so that one wrong part does not outweigh the rest. What resembles nothing that is drawn reads as None.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from sdedge.training.illustrations.render import RELATION_SLOTS, Placed, layout, slot
from sdedge.training.illustrations.sprites import BACKDROPS, SIDE, Sprite, backdrops, base_of, sprites, with_trees
from sdedge.training.illustrations.world import (
    BEHIND,
    COLOURS,
    FLYERS,
    FRONT,
    KINDS,
    SINGLE,
    STYLES,
    Scene,
    grounds_of,
    trees_fit,
)

CLIP = 60.0  # mean absolute RGB difference from which on a pixel is simply wrong
STRANGE = (
    30.0  # clipped difference of a whole picture from the nearest backdrop with its things, beyond which it is none
)
EXPLAINED = 0.3  # the least share of what differs from the backdrop under a thing that the thing must explain
COARSE = tuple((dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2))
FINE = tuple((dy, dx) for dy in range(-3, 4) for dx in range(-3, 4))


@dataclass(frozen=True)
class Match:
    """A thing seen at a place: what it explains, and the pixels it covers, as flat indices."""

    kind: str
    colour: str
    gain: float
    explained: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Reading:
    """What a picture shows: `things` maps the slots of a layout to kind and colour; several of a kind are in slots 0, 1, 2."""

    light: str | None = None
    ground: str | None = None
    mountains: bool | None = None
    style: str | None = None
    trees: int | None = None
    things: dict[str, tuple[str, str]] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the scene in `Scene.facts`' names; of two things side by side the left one counts as the main one."""
        named = {name: getattr(self, name) for name in ("light", "ground", "mountains", "style", "trees")}
        if not self.things:
            return {**named, "kind": None, "colour": None, "count": None}
        slots = list(self.things)
        first = self.things[slots[0]]
        facts = {**named, "kind": first[0], "colour": first[1], "count": len(slots) if slots[0] == "0" else 1}
        for relation, pair in RELATION_SLOTS.items():
            if slots == list(pair):
                second = self.things[slots[1]]
                facts |= {"relation": relation, "other_kind": second[0], "other_colour": second[1]}
        return facts


def read(image: np.ndarray) -> Reading:
    """What is seen in a picture, uint8 (H, W, 3) of any size; pictures that are not square are read by their middle square."""
    seen = _square(image)
    residual = np.minimum(np.abs(backdrops() - seen).mean(-1), CLIP)  # (N, S, S)
    number = int(residual.mean((1, 2)).argmin())
    backdrop, bare = BACKDROPS[number], backdrops()[number]
    matches = _things(_View(seen, bare, backdrop[0], "flat"), backdrop[1])
    style, matches = _in_best_style(seen, bare, backdrop[0], matches)
    left = residual[number].sum() - sum(match.gain for match in matches.values())
    if left / SIDE**2 > STRANGE:
        return Reading()
    known = matches if all(match.explained > EXPLAINED for match in matches.values()) else {}
    things = {name: (match.kind, match.colour) for name, match in known.items()}
    trees = _trees(seen, backdrop, style, matches)
    return Reading(backdrop[0], backdrop[1], backdrop[2], style, trees, things or None)


def _square(image: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(np.asarray(image, dtype=np.uint8)).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    square = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(square, dtype=np.float32)  # (S, S, 3)


# ---- Things -----------------------------------------------------------------------------------------------------------


class _View:
    """The picture and its backdrop, padded so that things may reach over the edge."""

    def __init__(self, seen: np.ndarray, bare: np.ndarray, light: str, style: str) -> None:
        self.light, self.style = light, style
        difference = np.minimum(np.abs(seen - bare).mean(-1), CLIP)
        self.seen = np.pad(seen, ((SIDE, SIDE), (SIDE, SIDE), (0, 0)))
        self.difference = np.pad(difference, SIDE)  # nothing is gained or lost outside
        self.inside = np.pad(np.ones_like(difference), SIDE)

    def without(self, pixels: np.ndarray) -> _View:
        """The same view in which some pixels, flat indices, do not count."""
        copy = object.__new__(_View)
        copy.__dict__.update(self.__dict__)
        copy.difference, copy.inside = self.difference.copy(), self.inside.copy()
        copy.difference.reshape(-1)[pixels] = 0
        copy.inside.reshape(-1)[pixels] = 0
        return copy

    def match(self, placed: Placed) -> Match:
        """The thing at the spot near its place, and in the colour, in which it explains most."""
        best: Match | None = None
        for sprite in sprites(placed, self.light, self.style):
            match = self._best(sprite, base_of(placed), FINE)
            best = match if best is None or match.gain > best.gain else best
        assert best is not None
        return best

    def rough(self, placed: Placed) -> float:
        """What the thing explains at the best of a few spots."""
        cut = sprites(placed, self.light, self.style)
        return max(self._best(sprite.thinned, base_of(placed), COARSE).gain for sprite in cut)

    def _best(self, sprite: Sprite, base: tuple[int, int], shifts: Sequence[tuple[int, int]]) -> Match:
        at = sprite.at + base + SIDE  # (P, 2)
        across = 3 * SIDE
        pixels = (at[:, 0] * across + at[:, 1]) + np.array([dy * across + dx for dy, dx in shifts])[:, None]  # (S, P)
        pixels = np.clip(pixels, 0, across * across - 1)
        seen = self.seen.reshape(-1, 3)[pixels]  # (S, P, 3)
        inside, difference = self.inside.reshape(-1)[pixels], self.difference.reshape(-1)[pixels]
        paint = seen[:, sprite.painted].mean(1)  # (S, 3)
        nearest = np.abs(paint[:, None] - sprite.colours[:, sprite.painted].mean(1)).sum(-1).argmin(1)  # (S,)
        error = np.minimum(np.abs(seen - sprite.colours[nearest]).mean(-1), CLIP) * inside  # (S, P)
        gain = (difference - error).sum(1)
        best = int(gain.argmax())
        fits = np.abs(seen[best, sprite.painted] - sprite.colours[:, sprite.painted]).mean((1, 2))  # (7,)
        explained = gain[best] / max(1.0, float(difference[best].sum()))
        return Match(sprite.kind, COLOURS[int(fits.argmin())], float(gain[best]), float(explained), pixels[best])

    def ranked(self, candidates: Sequence[Placed], count: int) -> list[Match]:
        """The best matches among things at their places, exactly placed, best first."""
        rough = sorted(candidates, key=self.rough, reverse=True)[:count]
        return sorted((self.match(placed) for placed in rough), key=lambda match: -match.gain)


def _things(view: _View, ground: str) -> dict[str, Match]:
    """The layout whose things explain most of what differs from the backdrop."""
    kinds = [kind for kind in KINDS if ground in grounds_of(kind)]
    layouts = (
        *_repeated(view, kinds),
        *_side_by_side(view, kinds),
        *_above(view, kinds),
        *_before(view, kinds, ground),
    )
    return max(layouts, key=lambda matches: sum(match.gain for match in matches.values()))


def _repeated(view: _View, kinds: Sequence[str]) -> Iterator[dict[str, Match]]:
    """One, two or three of a kind."""
    for count in (1, 2, 3):
        countable = [kind for kind in kinds if count == 1 or kind not in SINGLE]
        places = {kind: layout(_still(kind, count), np.zeros(9)) for kind in countable}
        rough = {kind: sum(view.rough(placed) for placed in places[kind]) for kind in countable}
        for kind in sorted(countable, key=lambda name: -rough[name])[:2]:
            matches = [view.match(placed) for placed in places[kind]]
            yield {str(i): match for i, match in enumerate(matches)}


def _still(kind: str, count: int) -> Scene:
    return Scene(kind, "red", "day", grounds_of(kind)[0], count)


def _slots(kinds: Sequence[str], name: str) -> list[Placed]:
    return [slot(kind, "red", name, np.zeros(3)) for kind in kinds]


def _side_by_side(view: _View, kinds: Sequence[str]) -> Iterator[dict[str, Match]]:
    movable = [kind for kind in kinds if kind != "bridge"]
    lefts, rights = (view.ranked(_slots(movable, name), 3) for name in ("left", "right"))
    for left in lefts[:2]:
        for right in rights[:2]:
            if left.kind != right.kind:
                yield {"left": left, "right": right}


def _above(view: _View, kinds: Sequence[str]) -> Iterator[dict[str, Match]]:
    highest = view.ranked(_slots([kind for kind in kinds if kind in FLYERS], "above"), 3)
    lower = view.ranked(_slots([kind for kind in kinds if kind not in FLYERS], "below"), 2)
    if highest and lower:
        yield {"above": highest[0], "below": lower[0]}


def _before(view: _View, kinds: Sequence[str], ground: str) -> Iterator[dict[str, Match]]:
    if ground == "sea":
        return
    for front in view.ranked(_slots([kind for kind in kinds if kind in FRONT], "front"), 2):
        behind = view.without(front.pixels).ranked(_slots([kind for kind in kinds if kind in BEHIND], "behind"), 2)
        yield {"front": front, "behind": behind[0]}


def _in_best_style(
    seen: np.ndarray, bare: np.ndarray, light: str, matches: dict[str, Match]
) -> tuple[str, dict[str, Match]]:
    """The style in which the things that were seen explain most, and the things looked at again in it."""
    by_style = {}
    for style in STYLES:
        view = _View(seen, bare, light, style)
        again = {}
        for name in sorted(matches, key=lambda name: name == "behind"):
            again[name] = view.match(_placed(matches[name].kind, name, len(matches)))
            view = view.without(again[name].pixels) if name == "front" else view
        by_style[style] = {name: again[name] for name in matches}
    best = max(STYLES, key=lambda style: sum(match.gain for match in by_style[style].values()))
    return best, by_style[best]


def _placed(kind: str, name: str, count: int) -> Placed:
    """A thing in a slot by its name: that of a relation, or the number of one of several."""
    if name.isdigit():
        return layout(_still(kind, count), np.zeros(9))[int(name)]
    return slot(kind, "red", name, np.zeros(3))


# ---- Trees ------------------------------------------------------------------------------------------------------------


def _trees(seen: np.ndarray, backdrop: tuple[str, str, bool, str], style: str, matches: dict[str, Match]) -> int:
    """The number of trees whose picture differs least, where no thing stands before them."""
    kinds = [match.kind for match in matches.values()]
    relation = next((name for name, pair in RELATION_SLOTS.items() if list(matches) == list(pair)), None)
    count = len(matches) if relation is None else 1
    if not trees_fit(kinds[0], backdrop[1], count, relation, kinds[1] if relation else None):
        return 0
    free = np.ones((3 * SIDE, 3 * SIDE), dtype=bool)
    for match in matches.values():
        free.reshape(-1)[match.pixels] = False
    free = free[SIDE:-SIDE, SIDE:-SIDE]
    drawn = np.stack([with_trees(backdrop, count, style) for count in range(4)])
    area = free & (np.abs(drawn[1:] - drawn[0]).max((0, 3)) > 16)
    residual = np.minimum(np.abs(drawn - seen).mean(-1), CLIP)[:, area].sum(1)  # (4,)
    return int(residual.argmin())


# ---- Scores -----------------------------------------------------------------------------------------------------------


def score(image: np.ndarray, facts: dict[str, Any]) -> dict[str, bool]:
    """Which of the stated facts the picture shows: one bool for each key of `facts`.

    A thing that is asked for is looked for among all that is seen, so that its colour is judged also where it stands wrongly.
    """
    reading = read(image)
    plain = ("light", "ground", "mountains", "style", "trees")
    answers = {name: getattr(reading, name) == facts[name] for name in plain if name in facts}
    things = reading.things or {}
    main, second = (_recognised(things, facts, name, i) for i, name in enumerate(("", "other_")))
    for name, place in (("", main), ("other_", second)):
        for fact, index in (("kind", 0), ("colour", 1)):
            if f"{name}{fact}" in facts:
                answers[f"{name}{fact}"] = place is not None and things[place][index] == facts[f"{name}{fact}"]
    if "count" in facts:
        alike = [thing for thing in things.values() if main is not None and thing[0] == things[main][0]]
        answers["count"] = len(alike) == facts["count"]
    if "relation" in facts:
        answers["relation"] = (main, second) == RELATION_SLOTS[facts["relation"]]
    return {name: answers[name] for name in facts}


def _recognised(things: dict[str, tuple[str, str]], facts: dict[str, Any], prefix: str, number: int) -> str | None:
    """The slot of the thing that is asked for: that of its kind, else the one where it should be."""
    for name, (kind, _) in things.items():
        if kind == facts.get(f"{prefix}kind"):
            return name
    expected = RELATION_SLOTS[facts["relation"]][number] if "relation" in facts else "0"
    return expected if expected in things else None
