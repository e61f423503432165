"""Hires fix on the embedded model: the larger picture shows what its prompt says as often as the native one does."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge.engines.open import EMBEDDED, find_tokenizer, load_engine
from sdedge.evaluation import figures, worlds
from sdedge.evaluation.drawing import Judges
from sdedge.evaluation.judge_network import find_judge
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request

CASES = 6


def obeyed(pictures: list[np.ndarray], judges: Judges) -> list[bool]:
    """Whether each fact of each case is seen, by the geometric judge."""
    cases = [judges.world.case(index, 0) for index in range(len(pictures))]
    verdicts = [figures.verdict(case.index, case.facts, judges.read(pixels), judges)
                for case, pixels in zip(cases, pictures, strict=True)]  # fmt: skip
    return [right for verdict in verdicts for right in verdict.obeyed["geometric"].values()]


@pytest.mark.slow
@pytest.mark.parametrize("by", ["latent", "lanczos"])
def test_twice_the_size_keeps_the_facts(by):
    world = worlds.world_of(find_tokenizer(EMBEDDED))
    judges, pipeline = Judges(world, find_judge(None, world.values)), Pipeline(load_engine("cpu", "float32"))
    again = Pass(Changes(strength=0.5, steps=6), Enlargement(by))
    shown = {}
    for passes in ((), (again,)):
        pictures = []
        for index in range(CASES):
            request = Request(world.case(index, 0).prompt, model=EMBEDDED, steps=12, seed=1, passes=passes)
            pictures += [event.pixels for event in pipeline.images(request) if isinstance(event, Picture)]
        shown[len(passes)] = obeyed(pictures, judges)
    native, large = shown[0], shown[1]
    still = [right for was, right in zip(native, large, strict=True) if was]
    assert sum(native) >= 0.9 * len(native), "the judge does not read the native pictures"
    assert sum(still) >= 0.95 * len(still), f"{sum(still)} of {len(still)} facts are kept"
