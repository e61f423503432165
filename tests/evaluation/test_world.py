"""The world: prompts that training never saw, whose facts the renders show and the judges read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sdedge.engines.open import EMBEDDED, find_tokenizer
from sdedge.errors import ModelError
from sdedge.evaluation.world import WORLD, Case, world_of
from sdedge.text.tokenizer import from_vocabulary
from sdedge.training.illustrations import captions, world


def test_cases_are_held_out_and_can_be_rendered():
    cases = [WORLD.case(index, 0) for index in range(60)]
    for case in cases:
        scene = WORLD.scene_of(case, 1)
        assert captions.facts(case.prompt) == case.facts and case.facts.items() <= WORLD.facts(scene).items()
        assert case.unseen or world.is_held_out(scene)
        assert all(kinds <= case.facts.keys() for kinds in map(set, case.unseen.values()))
    assert sum(bool(case.unseen) for case in cases) == 24
    turns = Counter(name for case in cases for name in case.unseen)
    assert len(turns) == 4 and min(turns.values()) >= 6


PAIR = {
    "kind": "cat",
    "colour": "red",
    "relation": "left",
    "other_kind": "house",
    "other_colour": "blue",
    "ground": "snow",
}
TURNED = {**PAIR, "kind": "house", "colour": "blue", "other_kind": "cat", "other_colour": "red"}


@pytest.mark.parametrize(("answers", "wrong"), [
    (PAIR, set()),
    ({**TURNED, "relation": "right"}, set()),  # the same picture in other words
    (TURNED, {"relation"}),  # the things are there, but on the wrong sides
    ({**PAIR, "relation": "right"}, {"relation"}),
    ({**PAIR, "relation": "above"}, {"relation"}),
    ({**PAIR, "other_colour": "pink", "ground": "sea"}, {"other_colour", "ground"}),
    ({"kind": "cat", "colour": "red", "ground": "snow", "relation": "none"}, {"relation", "other_kind", "other_colour"}),
    ({}, set(PAIR)),
])  # fmt: skip
def test_two_things_are_right_in_either_order_and_their_relation_in_one(answers, wrong):
    for facts, prefix in ((PAIR, {}), ({**TURNED, "relation": "right"}, {"kind": "other_kind", "colour": "other_colour",
                          "other_kind": "kind", "other_colour": "colour"})):  # fmt: skip
        verdict = WORLD.compare(facts, answers)
        assert verdict.keys() == facts.keys()
        assert {name for name, right in verdict.items() if not right} == {prefix.get(name, name) for name in wrong}


def test_one_picture_has_one_label():
    rng = np.random.default_rng(2)
    scenes = [WORLD.sample(rng) for _ in range(200)]
    labels = [WORLD.labels(scene) for scene in scenes]
    assert all(label.keys() == WORLD.values.keys() for label in labels)
    assert {label["relation"] for label in labels} == {"left", "above", "front", "none"}
    for scene, label in zip(scenes, labels):
        assert all(WORLD.compare(WORLD.facts(scene), label).values())


def test_a_case_does_not_depend_on_how_many_there_are_but_on_the_seed():
    assert WORLD.case(5, 0) == WORLD.case(5, 0) != WORLD.case(5, 1)
    assert isinstance(WORLD.case(5, 0), Case)


def test_a_model_is_asked_in_words_it_has():
    assert world_of(find_tokenizer(EMBEDDED)) is WORLD
    with pytest.raises(ModelError, match="lacks words"):
        world_of(from_vocabulary(("a", "house")))
