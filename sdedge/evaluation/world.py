"""What an evaluation is about: prompts with the facts they state, true renders of them, and a judge that reads pixels.

`World` is the whole of what the rest of this package knows of the embedded model's scenes.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from sdedge.training import checker, render, scenes

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


class World(Protocol):
    """Scenes that can be worded, rendered and read back. `Scene` below is the world's own type."""

    @property
    def values(self) -> Mapping[str, tuple[Value, ...]]:
        """Returns every kind of fact with the values that it takes, in a fixed order."""
        ...

    @property
    def version(self) -> str:
        """Returns a short text that changes whenever the judge may read a picture differently."""
        ...

    def case(self, index: int, seed: int) -> Case:
        """Returns case `index` of an endless list of held-out prompts, which the seed decides."""
        ...

    def scene_of(self, case: Case, seed: int) -> Any:
        """Returns a scene that shows a case; the seed decides what its prompt leaves open."""
        ...

    def sample(self, rng: np.random.Generator) -> Any:
        """Returns a random scene of the whole world, held-out ones among them."""
        ...

    def facts(self, scene: Any) -> Facts:
        """Returns the facts of a scene."""
        ...

    def render(self, scene: Any, size: int) -> np.ndarray:
        """Returns the true picture of a scene: uint8 (size, size, 3)."""
        ...

    def read(self, image: np.ndarray) -> Answers:
        """Returns the facts that the geometric judge reads in a picture, uint8 (H, W, 3) of any size."""
        ...


class Scenes:
    """The world of `sdedge.training.scenes`: one object, its colour, time, ground, mountains and trees."""

    values: Mapping[str, tuple[Value, ...]] = {
        "kind": scenes.KINDS,
        "colour": scenes.COLOURS,
        "time": scenes.TIMES,
        "ground": scenes.GROUNDS,
        "mountains": (False, True),
        "trees": tuple(range(scenes.MAX_TREES + 1)),
    }

    @cached_property
    def version(self) -> str:
        text = "".join(inspect.getsource(module) for module in (scenes, render, checker))
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def case(self, index: int, seed: int) -> Case:
        """One in four joins an unseen pair, and the pairs take turns."""
        scene = self._held_out(index, seed)
        rng = np.random.default_rng((seed, 11, index))
        text = scenes.caption(scene, rng, complete=True)
        return Case(index, text, scene.facts, self._unseen(scene))

    def scene_of(self, case: Case, seed: int) -> scenes.Scene:
        rng = np.random.default_rng((seed, 13, case.index))
        side = scenes.SUN_SIDES[int(rng.integers(2))]
        return scenes.Scene(**dict(case.facts), sun_side=side, jitter=int(rng.integers(1, 2**31)))  # type: ignore[arg-type]

    def sample(self, rng: np.random.Generator) -> scenes.Scene:
        return scenes.sample_any(rng)

    def facts(self, scene: scenes.Scene) -> Facts:
        return scene.facts

    def render(self, scene: scenes.Scene, size: int) -> np.ndarray:
        return render.render(scene, size)

    def read(self, image: np.ndarray) -> Answers:
        return checker.read_facts(image)

    @cached_property
    def _pools(self) -> tuple[list[scenes.Scene], ...]:
        """Returns the held-out scenes without an unseen pair, then those of each pair."""
        held_out = [scene for scene in scenes.every_combination() if scenes.is_held_out(scene)]
        pairs = [dict(pair) for pair in scenes.HELD_OUT_PAIRS]
        joining = [[scene for scene in held_out if pair.items() <= scene.facts.items()] for pair in pairs]
        return [scene for scene in held_out if not self._unseen(scene)], *joining

    def _held_out(self, index: int, seed: int) -> scenes.Scene:
        rest, *pairs = self._pools
        turn = index // 4
        if index % 4:
            pool, place = rest, index - turn - 1
        else:
            pool, place = pairs[turn % len(pairs)], turn // len(pairs)
        order = np.random.default_rng((seed, 12, len(pool), place // len(pool))).permutation(len(pool))
        return pool[order[place % len(pool)]]

    def _unseen(self, scene: scenes.Scene) -> dict[str, tuple[str, ...]]:
        facts = scene.facts
        return {
            ", ".join(f"{name} {value}" for name, value in pair): tuple(name for name, _ in pair)
            for pair in scenes.HELD_OUT_PAIRS
            if all(facts[name] == value for name, value in pair)
        }


WORLD: World = Scenes()
"""The one that evaluations are of."""
