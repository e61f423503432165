"""The worlds that models were trained on, and which of them a model knows."""

from __future__ import annotations

from sdedge.errors import ModelError
from sdedge.evaluation.illustrations_world import Illustrations
from sdedge.evaluation.scenes_world import Scenes
from sdedge.evaluation.world import World
from sdedge.text.tokenizer import Tokenizer

WORLDS: dict[str, World] = {world.name: world for world in (Illustrations(), Scenes())}
"""By name, the largest first."""


def world_of(tokenizer: Tokenizer) -> World:
    """Returns the largest world of which a vocabulary has every word as one token. Raises ModelError for none."""
    for world in WORLDS.values():
        if all(len(tokenizer.ids(word)) == 1 for word in world.vocabulary):
            return world
    raise ModelError(
        "The model's vocabulary lacks words of every world of scenes; evaluate the embedded model or its kin."
    )
