"""Worlds: prompts that training never saw, whose facts the renders show and the judges read."""

from __future__ import annotations

from collections import Counter

import pytest

from sdedge.commands import evaluate
from sdedge.engines.open import EMBEDDED, find_tokenizer
from sdedge.errors import ModelError
from sdedge.evaluation.world import Case
from sdedge.evaluation.worlds import WORLDS, world_of
from sdedge.text.tokenizer import from_vocabulary
from sdedge.training import scenes

WORLD = WORLDS["scenes"]


def test_cases_are_held_out_and_state_their_facts():
    cases = [WORLD.case(index, 0) for index in range(80)]
    for case in cases:
        assert scenes.facts(case.prompt) == case.facts
        assert scenes.is_held_out(WORLD.scene_of(case, 1)) and WORLD.facts(WORLD.scene_of(case, 1)) == case.facts
        for name, kinds in case.unseen.items():
            assert name == ", ".join(f"{kind} {case.facts[kind]}" for kind in kinds)
    assert sum(bool(case.unseen) for case in cases) == 20
    turns = Counter(next(iter(case.unseen)) for case in cases if case.unseen)
    assert len(turns) == len(scenes.HELD_OUT_PAIRS) and max(turns.values()) <= 6
    assert len({case.prompt for case in cases}) > 70


def test_a_case_does_not_depend_on_how_many_there_are_but_on_the_seed():
    assert WORLD.case(5, 0) == WORLD.case(5, 0) != WORLD.case(5, 1)
    assert isinstance(WORLD.case(5, 0), Case)


def test_a_model_is_asked_in_words_it_has():
    assert world_of(find_tokenizer(EMBEDDED)) is WORLD
    with pytest.raises(ModelError, match="lacks words"):
        world_of(from_vocabulary(("a", "house")))


def test_the_command_offers_every_world():
    assert tuple(WORLDS) == evaluate.WORLD_NAMES
