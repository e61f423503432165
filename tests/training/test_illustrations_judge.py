"""The geometric judge reads scenes right, also blurred, and does not find what is not there."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter

from sdedge.training.illustrations.judge import read, score
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import Scene, sample_any
from tests.conftest import cases

SCENES = (
    Scene("castle", "yellow", "night", "grass", mountains=True, trees=3, jitter=3),
    Scene("fish", "purple", "rain", "sea", count=3, style="outlined", jitter=4),
    Scene("cat", "white", "snowfall", "snow", relation="left", other_kind="umbrella", other_colour="green", jitter=5),
    Scene("balloon", "red", "sunset", "desert", relation="above", other_kind="house", other_colour="white", trees=2, jitter=6),
    Scene("dog", "pink", "day", "street", relation="front", other_kind="lighthouse", other_colour="blue",
          style="outlined", jitter=7),
)  # fmt: skip

QUICK = (1,)
"""Whose light is new takes seconds: all things there are are drawn in it first, for the judge to compare with."""


def blurred(scene, radius=1.0):
    return np.asarray(Image.fromarray(render(scene, 128)).filter(ImageFilter.GaussianBlur(radius)))


@pytest.mark.parametrize("number", cases(range(len(SCENES)), quick=QUICK), ids=lambda number: SCENES[number].kind)
def test_every_fact_of_a_scene_is_read(number):
    scene = SCENES[number]
    assert read(render(scene, 96)).facts == scene.facts
    assert all(score(blurred(scene), scene.facts).values())


WRONG = [
    (0, {"colour": "green"}), (0, {"kind": "house"}), (0, {"light": "day"}), (0, {"ground": "lavender"}), (0, {"trees": 2}),
    (0, {"mountains": False}), (0, {"style": "outlined"}), (1, {"count": 2}), (2, {"relation": "right"}),
    (2, {"other_kind": "tent"}), (2, {"other_colour": "red"}), (3, {"relation": "left", "trees": 0}), (4, {"relation": "right"}),
    (1, {"colour": "green"}), (1, {"kind": "boat"}), (1, {"light": "day"}), (1, {"style": "flat"}), (2, {"ground": "lavender"}),
    (2, {"mountains": True}),
]  # fmt: skip


@pytest.mark.parametrize(("number", "change"), cases(WRONG, quick=[case for case in WRONG if case[0] in QUICK]))
def test_a_fact_that_is_wrong_is_told_and_no_other(number, change):
    scene = SCENES[number]
    answers = score(render(scene, 96), replace(scene, **change).facts)
    assert {name for name, right in answers.items() if not right} == {
        name for name in change if change[name] != getattr(scene, name)
    }


@pytest.mark.slow
def test_what_is_no_scene_reads_as_none():
    rng = np.random.default_rng(3)
    for image in (rng.integers(0, 256, (128, 128, 3)), np.full((128, 128, 3), (250, 0, 250))):
        assert read(image.astype(np.uint8)).facts["kind"] is None


@pytest.mark.parametrize("number", cases([0, 2], quick=QUICK))
def test_a_scene_without_things_reads_so(number):
    bare = render(SCENES[number], 128, frozenset({"mountains"}))
    assert read(bare).things is None and read(bare).light == SCENES[number].light


@pytest.mark.slow
def test_nearly_every_fact_of_many_scenes_is_read():
    rng = np.random.default_rng(8)
    right, asked = Counter(), Counter()
    for _ in range(80):
        scene = sample_any(rng)
        for name, answer in score(render(scene, 128), scene.facts).items():
            right[name] += answer
            asked[name] += 1
    assert all(right[name] >= 0.97 * asked[name] for name in asked), {name: right[name] / asked[name] for name in asked}
    assert right.total() >= 0.99 * asked.total()
