"""How well an engine obeys: held-out prompts drawn, and their facts read back from the pixels by the geometric judge.

It is the short measure, without folders or reports, that conversions, number formats and tests take of the embedded model
and its kin; `measure` is the long one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sdedge.engines.protocol import Engine
from sdedge.errors import ModelError
from sdedge.evaluation.world import World, world_of
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.request import Request

LARGEST = 5000
"""Words of a vocabulary that was made for the scenes."""


@dataclass(frozen=True)
class Judged:
    """One picture of a held-out prompt: uint8 (H, W, 3), and whether it shows each fact that the prompt states."""

    prompt: str
    seed: int
    pixels: np.ndarray
    answers: dict[str, bool]
    unseen: bool


def shown(world: World, pixels: np.ndarray, prompt: str) -> dict[str, bool]:
    """Returns whether a picture, uint8 (H, W, 3), shows each fact that a prompt states.

    Raises ValueError for a prompt that names no thing of the world.
    """
    return world.compare(world.stated(prompt), world.read(pixels))


def obedience(
    pipeline: Pipeline, request: Request, prompts: int = 200, seeds: Sequence[int] = (1, 2, 3), prompt_seed: int = 0
) -> Iterator[Judged]:
    """Draws every held-out prompt with every seed by `request`'s settings, and reads the facts back.

    Seeds are consecutive. Raises ModelError for a model that lacks words of the scenes.
    """
    world = world_of(pipeline.engine(request).tokenizer)
    for case in (world.case(index, prompt_seed) for index in range(prompts)):
        first = request.replace(prompt=case.prompt, seed=seeds[0])
        # Consecutive seeds are one batch: the same pictures to rounding, in less time.
        for event in pipeline.images(first, count=len(seeds), batch=len(seeds)):
            if isinstance(event, Picture):
                answers = world.compare(case.facts, world.read(event.pixels))
                yield Judged(case.prompt, event.seed, event.pixels, answers, bool(case.unseen))


def fraction_obeyed(engine: Engine, steps: int, prompts: int = 24) -> float | None:
    """Returns which fraction of the facts of held-out prompts an engine's pictures show; None for a model that knows no scenes.

    CLIP's vocabulary has every word of their captions, and says nothing of what its model was trained on.
    """
    if len(engine.tokenizer.vocab) > LARGEST:
        return None
    pipeline, request = (
        Pipeline(lambda model, vae: engine),
        Request("", model=engine.facts.name, steps=steps, safety=None),
    )
    try:
        world_of(engine.tokenizer)
    except ModelError:
        return None
    answers = [answer for drawn in obedience(pipeline, request, prompts, (1,)) for answer in drawn.answers.values()]
    return sum(answers) / len(answers)
