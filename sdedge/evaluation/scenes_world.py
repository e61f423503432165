"""The world of `sdedge.training.scenes`: one object, its colour, time, ground, mountains and trees."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from functools import cached_property

import numpy as np

from sdedge.evaluation.world import Answers, Case, Facts, Value, equal
from sdedge.training import checker, render, scenes


class Scenes:
    """Scenes of one object. Half of what is evaluated is held out by a hash, a quarter joins an unseen pair."""

    name = "scenes"
    vocabulary = scenes.VOCABULARY

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

    def stated(self, prompt: str) -> Facts:
        stated = scenes.facts(prompt)
        unsaid = [name for name in ("mountains", "trees") if name[:4] not in prompt]
        return {name: value for name, value in stated.items() if name not in unsaid}

    def scene_of(self, case: Case, seed: int) -> scenes.Scene:
        rng = np.random.default_rng((seed, 13, case.index))
        side = scenes.SUN_SIDES[int(rng.integers(2))]
        return scenes.Scene(**dict(case.facts), sun_side=side, jitter=int(rng.integers(1, 2**31)))  # type: ignore[arg-type]

    def sample(self, rng: np.random.Generator) -> scenes.Scene:
        return scenes.sample_any(rng)

    def facts(self, scene: scenes.Scene) -> Facts:
        return scene.facts

    def labels(self, scene: scenes.Scene) -> Facts:
        return scene.facts

    def compare(self, facts: Facts, answers: Answers) -> dict[str, bool]:
        return equal(facts, answers)

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
