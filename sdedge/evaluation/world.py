"""What an evaluation is about: prompts with the facts they state, true renders of them, and a judge that reads pixels.

`World` is all that the rest of this package knows of the embedded model's scenes; `worlds` lists those that there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

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


class World(Protocol):
    """Scenes that can be worded, rendered and read back. A scene is of the world's own type."""

    @property
    def name(self) -> str:
        """Returns what the world is called at the command line."""
        ...

    @property
    def vocabulary(self) -> Sequence[str]:
        """Returns every word of its prompts."""
        ...

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

    def stated(self, prompt: str) -> Facts:
        """Returns the facts that a prompt states in the world's own words. Raises ValueError where it names no thing of it."""
        ...

    def scene_of(self, case: Case, seed: int) -> Any:
        """Returns a scene that shows a case; the seed decides what its prompt leaves open."""
        ...

    def sample(self, rng: np.random.Generator) -> Any:
        """Returns a random scene of the whole world, held-out ones among them."""
        ...

    def facts(self, scene: Any) -> Facts:
        """Returns the facts of a scene that a prompt may state."""
        ...

    def labels(self, scene: Any) -> Facts:
        """Returns what a judge is to learn of a scene's picture: its facts, and of those that it has not that there are none."""
        ...

    def compare(self, facts: Facts, answers: Answers) -> dict[str, bool]:
        """Returns whether what a judge read in a picture is what the facts say, for each of them."""
        ...

    def render(self, scene: Any, size: int) -> np.ndarray:
        """Returns the true picture of a scene: uint8 (size, size, 3)."""
        ...

    def read(self, image: np.ndarray) -> Answers:
        """Returns the facts that the geometric judge reads in a picture, uint8 (H, W, 3) of any size."""
        ...
