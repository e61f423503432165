"""The world the embedded model learns: what a scene may hold, and which scenes training never names.

A scene has one main thing (one to three of it) or two things in a relation, a light, a ground, mountains or none, zero to
three trees, and a style. `sample` draws scenes; `unseen_pairs` tells the combinations that no training caption joins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np

KINDS = (
    "house", "castle", "windmill", "lighthouse", "tent", "bridge", "boat", "balloon", "rocket", "car", "train", "umbrella",
    "pine", "palm", "cactus", "flower", "mushroom", "cat", "dog", "rabbit", "bird", "fish", "snowman", "person",
)  # fmt: skip
COLOURS = ("red", "yellow", "green", "blue", "purple", "pink", "white")
LIGHTS = ("day", "sunset", "night", "snowfall", "rain")
GROUNDS = ("grass", "snow", "desert", "sea", "street", "lavender")
RELATIONS = ("left", "right", "above", "front")
STYLES = ("flat", "outlined")
RELATION_SHARES = (0.3, 0.3, 0.2, 0.2)
MAX_COUNT = 3
MAX_TREES = 3

FLYERS = frozenset({"balloon", "rocket", "bird"})
SWIMMERS = frozenset({"boat", "fish"})
ON_SEA = FLYERS | SWIMMERS | {"lighthouse", "bridge"}
SINGLE = frozenset({"castle", "bridge", "train", "windmill", "lighthouse", "car", "tent"})
"""Kinds that are never counted: two of them do not fit side by side at a size one can draw."""
FRONT = frozenset(
    {"cat", "dog", "rabbit", "person", "flower", "mushroom", "snowman", "tent", "car", "cactus", "umbrella"}
)
BEHIND = frozenset({"house", "castle", "windmill", "lighthouse", "pine", "palm"})


@dataclass(frozen=True)
class Scene:
    """One picture of the world; `jitter` seeds what no caption tells: small changes of place, size and shade.

    `relation` is where the main thing is as seen from the other: left or right of it, above it, in front of it.
    Raises ValueError for a value outside the tables, and for scenes that cannot be drawn, such as a boat on grass.
    """

    kind: str
    colour: str
    light: str
    ground: str
    count: int = 1
    relation: str | None = None
    other_kind: str | None = None
    other_colour: str | None = None
    mountains: bool = False
    trees: int = 0
    style: str = "flat"
    sun_side: str = "left"
    jitter: int = 0

    def __post_init__(self) -> None:
        tables = {"kind": KINDS, "colour": COLOURS, "light": LIGHTS, "ground": GROUNDS, "style": STYLES,
                  "sun_side": ("left", "right"), "count": range(1, MAX_COUNT + 1), "trees": range(MAX_TREES + 1)}  # fmt: skip
        for name, values in tables.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(map(str, values))}.")
        if self.ground not in grounds_of(self.kind):
            raise ValueError(f"a {self.kind} cannot be on the {self.ground}.")
        if self.count > 1 and (self.kind in SINGLE or self.relation):
            raise ValueError(f"{self.count} of {self.kind} cannot be drawn here; draw one.")
        if self.trees and not trees_fit(self.kind, self.ground, self.count, self.relation, self.other_kind):
            raise ValueError(f"{self.trees} trees do not fit on the {self.ground} beside what stands there.")
        self._check_other()

    def _check_other(self) -> None:
        stated = [value is not None for value in (self.relation, self.other_kind, self.other_colour)]
        if not any(stated):
            return
        if not all(stated):
            raise ValueError("a relation needs another thing with its colour, and another thing needs a relation.")
        if self.other_kind not in others_of(self.kind, str(self.relation), self.ground):
            raise ValueError(f"a {self.kind} cannot be {self.relation} of a {self.other_kind} on the {self.ground}.")
        if self.other_colour not in COLOURS or self.other_colour == self.colour:
            raise ValueError(f"the other thing's colour {self.other_colour!r} is the first one's, or no colour.")

    @property
    def facts(self) -> dict[str, Any]:
        """Everything a caption can state of the scene and a judge can read."""
        hidden = {"sun_side", "jitter"} | (set() if self.relation else {"relation", "other_kind", "other_colour"})
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name not in hidden}


@cache
def grounds_of(kind: str) -> tuple[str, ...]:
    """The grounds a kind may be seen on or over."""
    if kind in SWIMMERS:
        return ("sea",)
    return tuple(ground for ground in GROUNDS if ground != "sea" or kind in ON_SEA)


@cache
def others_of(kind: str, relation: str, ground: str) -> tuple[str, ...]:
    """The kinds of things that `kind` may be in this relation to on a ground."""
    there = [second for second in KINDS if second != kind and ground in grounds_of(second)]
    if relation == "front":
        return tuple(second for second in there if kind in FRONT and second in BEHIND and ground != "sea")
    if relation == "above":
        return tuple(second for second in there if kind in FLYERS and second not in FLYERS)
    return tuple(second for second in there if "bridge" not in (kind, second))


def trees_fit(kind: str, ground: str, count: int, relation: str | None, second: str | None) -> bool:
    """Trees stand left and right of what is in the middle: nothing may be there, and the ground must be land."""
    room = count == 1 and relation in (None, "above", "front") and "bridge" not in (kind, second)
    return room and ground != "sea"


# ---- What no training caption joins --------------------------------------------------------------------------------

HELD_OUT_LIGHTS = (("desert", "rain"), ("lavender", "snowfall"), ("street", "sunset"), ("sea", "snowfall"))


def held_out_colour(kind: str) -> str:
    """The one colour that no training caption gives a kind."""
    return COLOURS[3 * KINDS.index(kind) % len(COLOURS)]


@cache
def held_out_together(kind: str, second: str) -> bool:
    """True for one pair of kinds in eight, which no training caption puts into a relation."""
    key = "|".join(sorted((kind, second)))
    return hashlib.blake2b(key.encode(), digest_size=4).digest()[0] % 8 == 0


def unseen_pairs(facts: dict[str, Any]) -> tuple[str, ...]:
    """The fact that has to go for each held-out combination among the facts: colour, other_colour, light or other_kind.

    Empty for facts that training captions may state together.
    """
    kind, second = facts.get("kind"), facts.get("other_kind")
    unseen = []
    if kind and facts.get("colour") == held_out_colour(kind):
        unseen.append("colour")
    if second and facts.get("other_colour") == held_out_colour(second):
        unseen.append("other_colour")
    if (facts.get("ground"), facts.get("light")) in HELD_OUT_LIGHTS:
        unseen.append("light")
    if kind and second and held_out_together(kind, second):
        unseen.append("other_kind")
    return tuple(unseen)


def is_held_out(scene: Scene) -> bool:
    """True for one scene in ten of those without an unseen pair, chosen by a hash of all facts: training has none of them."""
    key = "|".join(str(value) for value in scene.facts.values())
    return hashlib.blake2b(key.encode(), digest_size=4).digest()[0] % 10 == 0


# ---- Drawing scenes -------------------------------------------------------------------------------------------------


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    """One of the options, all as likely."""
    return options[int(rng.integers(len(options)))]


def sample_any(rng: np.random.Generator) -> Scene:
    """A random scene of the whole world: kinds, colours, lights and grounds as even as the rules allow."""
    draw, count = rng.random(), 1
    relation = RELATIONS[int(rng.choice(4, p=RELATION_SHARES))] if draw < 0.45 else None
    kind = pick(rng, _kinds_in(relation))
    ground = pick(rng, [g for g in grounds_of(kind) if relation is None or others_of(kind, relation, g)])
    second = pick(rng, others_of(kind, relation, ground)) if relation else None
    if 0.45 <= draw < 0.7 and kind not in SINGLE:
        count = 2 + int(rng.integers(MAX_COUNT - 1))
    room = trees_fit(kind, ground, count, relation, second)
    colour = pick(rng, COLOURS)
    return Scene(
        kind=kind,
        colour=colour,
        light=pick(rng, LIGHTS),
        ground=ground,
        count=count,
        relation=relation,
        other_kind=second,
        other_colour=pick(rng, [c for c in COLOURS if c != colour]) if second else None,
        mountains=bool(rng.random() < 0.35),
        trees=int(rng.integers(MAX_TREES + 1)) if room and rng.random() < 0.6 else 0,
        style=pick(rng, STYLES),
        sun_side=pick(rng, ("left", "right")),
        jitter=int(rng.integers(1, 2**31)),
    )


@cache
def _kinds_in(relation: str | None) -> tuple[str, ...]:
    """The kinds that can be in a relation to another thing."""
    return tuple(
        kind for kind in KINDS if relation is None or any(others_of(kind, relation, g) for g in grounds_of(kind))
    )


def sample(rng: np.random.Generator) -> Scene:
    """A random training scene: never one that `is_held_out`."""
    while is_held_out(scene := sample_any(rng)):
        pass
    return scene
