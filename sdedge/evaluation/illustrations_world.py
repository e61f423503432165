"""The world of `sdedge.training.illustrations`: one to three things, or two in a relation, in every light and on every ground."""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from sdedge.evaluation.world import Answers, Case, Facts, Value, equal
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


class Illustrations:
    """Illustrated scenes. Four prompts in ten join an unseen combination, and the kinds of combinations take turns."""

    name = "illustrations"
    vocabulary = captions.VOCABULARY
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

    @cached_property
    def version(self) -> str:
        judge = importlib.import_module(JUDGE)
        text = "".join(inspect.getsource(module) for module in (world, render, judge))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def case(self, index: int, seed: int) -> Case:
        scene = _held_out(index, seed)
        rng = np.random.default_rng((seed, 11, index))
        text = captions.prompt(scene, rng)
        stated = self.stated(text)
        return Case(index, text, stated, {NAMES[pair]: UNSEEN[pair] for pair in world.unseen_pairs(stated)})

    def stated(self, prompt: str) -> dict[str, Any]:
        return captions.facts(prompt)

    def scene_of(self, case: Case, seed: int) -> Scene:
        rng = np.random.default_rng((seed, 13, case.index))
        stated: dict[str, Any] = {"mountains": False, "trees": 0, "count": 1, **case.facts}
        side = ("left", "right")[int(rng.integers(2))]
        return Scene(**stated, sun_side=side, jitter=int(rng.integers(1, 2**31)))

    def sample(self, rng: np.random.Generator) -> Scene:
        return world.sample_any(rng)

    def facts(self, scene: Scene) -> Facts:
        return scene.facts

    def labels(self, scene: Scene) -> Facts:
        """A thing right of another is that one left of it: one picture has one answer."""
        absent = dict.fromkeys(("relation", "other_kind", "other_colour"), NONE)
        return {**absent, **_leftmost_first(scene.facts)}

    def render(self, scene: Scene, size: int) -> np.ndarray:
        return render.render(scene, size)

    def read(self, image: np.ndarray) -> Answers:
        judge = importlib.import_module(JUDGE)
        answers: Answers = judge.read(image).facts
        return answers

    def compare(self, facts: Facts, answers: Answers) -> dict[str, bool]:
        """The things are right in either order; in the wrong one their relation is not."""
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
