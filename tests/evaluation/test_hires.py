"""Hires fix on the embedded model: twice the size shows most of what the native picture does, unguided and with little noise."""

from __future__ import annotations

import numpy as np
import pytest

from sdedge.engines.open import EMBEDDED, find_tokenizer, load_engine
from sdedge.evaluation import figures
from sdedge.evaluation.drawing import Judges
from sdedge.evaluation.judge_network import find_judge
from sdedge.evaluation.world import world_of
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request

CASES = 3


def obeyed(pictures: list[np.ndarray], judges: Judges) -> list[bool]:
    """Whether each fact of each case is seen, by the geometric judge."""
    cases = [judges.world.case(index, 0) for index in range(len(pictures))]
    verdicts = [figures.verdict(case.index, case.facts, judges.read(pixels), judges)
                for case, pixels in zip(cases, pictures, strict=True)]  # fmt: skip
    return [right for verdict in verdicts for right in verdict.obeyed["geometric"].values()]


@pytest.mark.slow
def test_twice_the_size_keeps_most_facts():
    """Of larger pictures the model learned parts, at low noise: with guidance, or more noise, it begins anew in each."""
    world = world_of(find_tokenizer(EMBEDDED))
    judges, pipeline = Judges(world, find_judge(None, world.values)), Pipeline(load_engine("cpu", "float32"))
    again = Pass(Changes(strength=0.2, steps=2, guidance=1.0), Enlargement("lanczos"))
    shown = {}
    for passes in ((), (again,)):
        pictures = []
        for index in range(CASES):
            request = Request(
                world.case(index, 0).prompt, model=EMBEDDED, steps=12, seed=1, passes=passes, width=128, height=128
            )
            pictures += [event.pixels for event in pipeline.images(request) if isinstance(event, Picture)]
        shown[len(passes)] = obeyed(pictures, judges)
    native, large = shown[0], shown[1]
    still = [right for was, right in zip(native, large, strict=True) if was]
    assert sum(native) >= 0.8 * len(native), "the judge does not read the native pictures"
    assert sum(still) >= 0.8 * len(still), f"{sum(still)} of {len(still)} facts are kept"
