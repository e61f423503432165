"""What an evaluation is about: prompts with the facts they state, true renders of them, and a judge that reads pixels.

`World` is all that the rest of this package knows of the embedded model's scenes, `sdedge.training.illustrations`.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from sdedge.errors import ModelError
from sdedge.text.tokenizer import Tokenizer
from sdedge.training.illustrations import captions, render, world
from sdedge.training.illustrations.world import Scene

JUDGE = "sdedge.training.illustrations.judge"  # imported when it reads: its templates take a while to make
NONE = "none"
"""What a judge learns of a relation and of a second thing where there is none."""
SWAPPED = {"kind": "other_kind", "colour": "other_colour", "other_kind": "kind", "other_colour": "colour"}
UNSEEN = {
    "colour": ("kind", "colour"),
    "other_colour": ("other_kind", "other_colour"),
    "light": ("ground", "light"),
    "other_kind": ("kind", "other_kind", "relation"),
}
"""The kinds of facts that a held-out combination joins, by what `world.unseen_pairs` calls it."""
NAMES = {
    "colour": "colour of a thing",
    "other_colour": "colour of the second thing",
    "light": "light over a ground",
    "other_kind": "two kinds together",
}

Value = str | int | bool
Facts = Mapping[str, Value]
Answers = Mapping[str, Value | None]
"""What a judge reads in a picture; None is what it cannot tell."""


@dataclass(frozen=True)
class Case:
    """One prompt, the facts that it states, and which combinations in it no training scene joins.

    `unseen` holds the kinds of facts of such a combination by its name.
    """

    index: int
    prompt: str
    facts: Facts
    unseen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def equal(facts: Facts, answers: Answers) -> dict[str, bool]:
    """Returns whether each fact is what was read. What cannot be told is not."""
    return {name: answers.get(name) == value for name, value in facts.items()}


class World:
    """Scenes that can be worded, rendered and read back: one to three things, or two in a relation, in every light and place.

    Four prompts in ten join an unseen combination, and the kinds of combinations take turns.
    """

    values: Mapping[str, tuple[Value, ...]] = {
        "kind": world.KINDS,
        "colour": world.COLOURS,
        "count": tuple(range(1, world.MAX_COUNT + 1)),
        "relation": (*world.RELATIONS, NONE),
        "other_kind": (*world.KINDS, NONE),
        "other_colour": (*world.COLOURS, NONE),
        "light": world.LIGHTS,
        "ground": world.GROUNDS,
        "mountains": (False, True),
        "trees": tuple(range(world.MAX_TREES + 1)),
        "style": world.STYLES,
    }
    """Every kind of fact with the values that it takes, in a fixed order."""

    @cached_property
    def version(self) -> str:
        """Returns a short text that changes whenever the judge may read a picture differently."""
        judge = importlib.import_module(JUDGE)
        text = "".join(inspect.getsource(module) for module in (world, render, judge))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def case(self, index: int, seed: int) -> Case:
        """Returns case `index` of an endless list of held-out prompts, which the seed decides."""
        scene = _held_out(index, seed)
        rng = np.random.default_rng((seed, 11, index))
        text = captions.prompt(scene, rng)
        stated = self.stated(text)
        return Case(index, text, stated, {NAMES[pair]: UNSEEN[pair] for pair in world.unseen_pairs(stated)})

    def stated(self, prompt: str) -> dict[str, Any]:
        """Returns the facts that a prompt states in the world's own words. Raises ValueError where it names no thing of it."""
        return captions.facts(prompt)

    def scene_of(self, case: Case, seed: int) -> Scene:
        """Returns a scene that shows a case; the seed decides what its prompt leaves open."""
        rng = np.random.default_rng((seed, 13, case.index))
        stated: dict[str, Any] = {"mountains": False, "trees": 0, "count": 1, **case.facts}
        side = ("left", "right")[int(rng.integers(2))]
        return Scene(**stated, sun_side=side, jitter=int(rng.integers(1, 2**31)))

    def sample(self, rng: np.random.Generator) -> Scene:
        """Returns a random scene of the whole world, held-out ones among them."""
        return world.sample_any(rng)

    def facts(self, scene: Scene) -> Facts:
        """Returns the facts of a scene that a prompt may state."""
        return scene.facts

    def labels(self, scene: Scene) -> Facts:
        """Returns what a judge is to learn of a scene's picture: its facts, and of those that it has not that there are none.

        A thing right of another is that one left of it: one picture has one answer.
        """
        absent = dict.fromkeys(("relation", "other_kind", "other_colour"), NONE)
        return {**absent, **_leftmost_first(scene.facts)}

    def render(self, scene: Scene, size: int) -> np.ndarray:
        """Returns the true picture of a scene: uint8 (size, size, 3)."""
        return render.render(scene, size)

    def read(self, image: np.ndarray) -> Answers:
        """Returns the facts that the geometric judge reads in a picture, uint8 (H, W, 3) of any size."""
        judge = importlib.import_module(JUDGE)
        answers: Answers = judge.read(image).facts
        return answers

    def compare(self, facts: Facts, answers: Answers) -> dict[str, bool]:
        """Returns whether what a judge read in a picture is what the facts say, for each of them.

        The things are right in either order; in the wrong one their relation is not.
        """
        if "relation" not in facts:
            return equal(facts, answers)
        stated, seen = _leftmost_first(facts), _leftmost_first(answers)
        straight, turned = equal(stated, seen), equal(stated, {**_swapped(seen), "relation": None})
        verdict = turned if _things(turned) > _things(straight) else straight
        return {name: verdict[SWAPPED.get(name, name) if facts["relation"] == "right" else name] for name in facts}


def _things(verdict: Mapping[str, bool]) -> int:
    return sum(verdict.get(name, False) for name in SWAPPED)


def _swapped(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns facts with the two things changing places; the relation stays."""
    return {SWAPPED.get(name, name): value for name, value in facts.items()}


def _leftmost_first(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**_swapped(facts), "relation": "left"} if facts.get("relation") == "right" else dict(facts)


@lru_cache(maxsize=4096)
def _held_out(index: int, seed: int) -> Scene:
    """Returns the scene of a case: four in ten with an unseen combination, the others from those that a hash holds out."""
    rng = np.random.default_rng((seed, 12, index))
    turn = (index // 10) * 4 + index % 10
    wanted = list(UNSEEN)[turn % len(UNSEEN)] if index % 10 < 4 else None
    while True:
        scene = world.sample_any(rng)
        pairs = world.unseen_pairs(scene.facts)
        if wanted in pairs if wanted else not pairs and world.is_held_out(scene):
            return scene


WORLD = World()


def world_of(tokenizer: Tokenizer) -> World:
    """Returns the world, where a vocabulary has every word of its captions as one token. Raises ModelError for another."""
    if all(len(tokenizer.ids(word)) == 1 for word in captions.VOCABULARY):
        return WORLD
    raise ModelError("The model's vocabulary lacks words of the scenes; evaluate the embedded model or its kin.")
