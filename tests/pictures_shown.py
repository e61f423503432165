"""What a picture of the embedded model shows of its prompt, by the judge of the world that the model knows."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sdedge.evaluation import obedience
from sdedge.evaluation.world import Case, World, world_of


@cache
def embedded_world() -> World:
    from sdedge.engines.open import find_tokenizer
    from sdedge.library.models import EMBEDDED

    return world_of(find_tokenizer(EMBEDDED))


def shown(pixels: np.ndarray, prompt: str) -> dict[str, bool]:
    """Returns whether the picture, uint8 (H, W, 3), shows each fact that the prompt states."""
    return obedience.shown(embedded_world(), pixels, prompt)


def seen(pixels: np.ndarray) -> dict[str, Any]:
    """Returns every fact that is read in a picture."""
    return dict(embedded_world().read(pixels))


def held_out(count: int, seed: int = 0) -> list[Case]:
    """Returns the first prompts of an evaluation's endless list."""
    return [embedded_world().case(index, seed) for index in range(count)]
