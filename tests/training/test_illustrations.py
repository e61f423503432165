"""The illustrated world: scenes keep their rules, captions are true, and what is held out is never said in training."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from sdedge.text.tokenizer import from_vocabulary
from sdedge.training.illustrations.captions import VOCABULARY, caption, facts, held_out_prompts, prompt
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import (
    COLOURS,
    GROUNDS,
    KINDS,
    LIGHTS,
    RELATIONS,
    STYLES,
    Scene,
    is_held_out,
    sample,
    sample_any,
    unseen_pairs,
)


@pytest.fixture(scope="module")
def scenes():
    rng = np.random.default_rng(4)
    return [sample_any(rng) for _ in range(1200)]


def test_the_world_is_as_large_as_it_is_said_to_be(scenes):
    assert len(set(KINDS)) >= 24 and len(COLOURS) == 7 and len(GROUNDS) == 6
    seen = Counter(value for scene in scenes for value in scene.facts.items())
    assert {kind for name, kind in seen if name == "kind"} == set(KINDS)
    for name, values in (
        ("colour", COLOURS),
        ("light", LIGHTS),
        ("ground", GROUNDS),
        ("style", STYLES),
        ("relation", RELATIONS),
    ):
        assert {value for fact, value in seen if fact == name} == set(values)
    assert {value for fact, value in seen if fact == "trees"} == {0, 1, 2, 3}
    assert {value for fact, value in seen if fact == "count"} == {1, 2, 3}


def test_colours_are_balanced_against_lights_and_kinds(scenes):
    for name in ("light", "kind"):
        table = Counter((getattr(scene, name), scene.colour) for scene in scenes)
        rows = Counter(getattr(scene, name) for scene in scenes)
        for (row, _), count in table.items():
            assert count < 3 * rows[row] / len(COLOURS) + 10


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "dragon"}, {"ground": "sea"}, {"count": 4}, {"relation": "left"}, {"other_kind": "dog"},
        {"relation": "left", "other_kind": "dog", "other_colour": "red"},
        {"relation": "above", "other_kind": "dog", "other_colour": "blue"},
        {"relation": "front", "other_kind": "dog", "other_colour": "blue"}, {"count": 2, "trees": 1}, {"trees": 4},
        {"kind": "castle", "count": 2}, {"kind": "boat"},
    ],
)  # fmt: skip
def test_scenes_that_cannot_be_drawn_are_refused(wrong):
    right = {"kind": "cat", "colour": "red", "light": "day", "ground": "grass"}
    Scene(**right)
    with pytest.raises(ValueError):
        Scene(**{**right, **wrong})


def test_what_a_caption_says_is_true_and_can_be_read_back(scenes):
    rng = np.random.default_rng(5)
    for scene in scenes:
        complete = facts(prompt(scene, rng))
        for said in (facts(caption(scene, rng)), complete):
            assert said.items() <= scene.facts.items()
        assert {"kind", "colour", "light", "ground", "count", "style"} <= complete.keys()
        assert ("relation" in complete) == (scene.relation is not None)


def test_captions_leave_details_out_at_random(scenes):
    rng = np.random.default_rng(6)
    counts = Counter(name for scene in scenes for name in facts(caption(scene, rng)))
    assert 0.7 * len(scenes) < counts["light"] < 0.95 * len(scenes) and 0.4 < counts["style"] / len(scenes) < 0.6


def test_training_captions_never_join_a_held_out_combination():
    rng = np.random.default_rng(7)
    drawn = [sample(rng) for _ in range(1200)]
    assert not any(is_held_out(scene) for scene in drawn)
    # The pictures of such combinations are seen, so that the autoencoder and the UNet know them: they are not named.
    assert sum(bool(unseen_pairs(scene.facts)) for scene in drawn) > 120
    assert not any(unseen_pairs(facts(caption(scene, rng))) for scene in drawn)


def test_held_out_prompts_are_what_training_never_says():
    prompts = held_out_prompts(120)
    assert prompts == held_out_prompts(120) and sum(bool(pairs) for _, _, pairs in prompts) == 36
    for text, said, pairs in prompts:
        assert facts(text) == said and (not pairs or unseen_pairs(said) == pairs)
    assert {pair for _, _, pairs in prompts for pair in pairs} == {"colour", "other_colour", "light", "other_kind"}


def test_every_word_of_a_caption_is_one_token(scenes):
    tokenizer, rng = from_vocabulary(VOCABULARY), np.random.default_rng(8)
    for scene in scenes[:200]:
        text = caption(scene, rng)
        assert len(tokenizer.ids(text)) == len(text.replace(",", " ,").split())
        assert len(tokenizer.ids(text)) < 75


def test_a_picture_is_the_same_every_time_and_at_every_size():
    scene = Scene("house", "red", "night", "snow", mountains=True, trees=2, style="outlined", jitter=11)
    small, large = render(scene, 64), render(scene, 128)
    assert small.shape == (64, 64, 3) and np.array_equal(small, render(scene, 64))
    halved = large.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(halved - small).mean() < 4
    assert not np.array_equal(small, render(Scene(**{**vars(scene), "jitter": 12}), 64))


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "blue"}, {"light": "day"}, {"ground": "desert"}, {"mountains": False}, {"trees": 1}, {"style": "flat"},
        {"kind": "castle"}, {"trees": 0, "count": 2},
        {"relation": "above", "kind": "balloon", "other_kind": "house", "other_colour": "pink"},
    ],
)  # fmt: skip
def test_every_fact_changes_the_picture(change):
    scene = Scene("house", "red", "night", "snow", mountains=True, trees=2, style="outlined")
    changed = np.abs(render(Scene(**{**vars(scene), **change}), 64).astype(int) - render(scene, 64)).max(-1) > 24
    assert changed.sum() > 40


def test_every_kind_is_drawn_inside_the_picture_in_its_colour():
    for kind in KINDS:
        ground = "sea" if kind in ("boat", "fish") else "grass"
        red, blue = (render(Scene(kind, colour, "day", ground), 64).astype(int) for colour in ("red", "blue"))
        painted = np.abs(red - blue).sum(-1) > 120
        assert painted.sum() > 60, kind
        assert not painted[:, 0].any() and not painted[:, -1].any() and not painted[0].any(), kind
