"""The learned judge: its training is its own, its file is checked, and it reads what it learned."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.evaluation import judge_training
from sdedge.evaluation.drawing import Judges
from sdedge.evaluation.figures import features
from sdedge.evaluation.judge_network import (
    FEATURES,
    SIDE,
    JudgeNetwork,
    LearnedJudge,
    find_judge,
    load_judge,
    save_judge,
    shipped_judge,
)  # fmt: skip
from sdedge.evaluation.judge_training import JudgeRecipe, degraded, label, train_judge
from sdedge.evaluation.runs import Result
from sdedge.evaluation.world import WORLD, Case
from sdedge.training.fit import Optimisation

ROOT = Path(__file__).parents[2]


class Halves:
    """A world of two facts: whether the picture is bright, and which half of it is purple; some have none."""

    values = {"bright": (False, True), "side": ("left", "right")}
    version = "halves"

    def sample(self, rng):
        return bool(rng.integers(2)), (None, "left", "right")[int(rng.integers(3))]

    def labels(self, scene):
        return {"bright": scene[0]} | ({"side": scene[1]} if scene[1] else {})

    def render(self, scene, size):
        bright, side = scene
        picture = np.full((size, size, 3), 200 if bright else 50, np.uint8)
        if side:
            half = slice(size // 2) if side == "left" else slice(size // 2, size)
            picture[:, half] = (120, 20, 160)
        return picture

    def scene_of(self, case, seed):
        return bool(seed % 2), "left"


RECIPE = JudgeRecipe(pictures=16, batch=8, optimisation=Optimisation(steps=32, lr=4e-3, warmup=3, ema=0.7))


@pytest.fixture(scope="module")
def judge(tmp_path_factory) -> LearnedJudge:
    folder = tmp_path_factory.mktemp("judge")
    path = folder / "judge.safetensors"
    stages = [done.stage for done in train_judge(Halves(), folder / "work", path, RECIPE)]
    assert list(dict.fromkeys(stages)) == ["renders", "judge"]
    again = [done.stage for done in train_judge(Halves(), folder / "work", path, RECIPE) if done.exported]
    assert again == ["judge"] and load_judge(path).version
    return load_judge(path)


def test_it_reads_what_it_learned_at_any_size(judge):
    world = Halves()
    scenes = [(bright, side) for bright in (False, True) for side in ("left", "right")]
    for size in (64, 160):
        answers = judge.read([world.render(scene, size) for scene in scenes])
        assert answers == [{"bright": bright, "side": side} for bright, side in scenes]


def test_a_picture_that_is_no_square_is_read_by_its_middle(judge):
    square = Halves().render((True, "left"), 64)
    wide = np.pad(square, ((0, 0), (20, 20), (0, 0)), constant_values=9)
    assert judge.read([wide, wide.transpose(1, 0, 2)])[0] == judge.read([square])[0]
    assert np.array_equal(judge.features([wide]), judge.features([square]))


def test_what_it_cannot_tell_is_none():
    """Untrained heads are unsure of three values: none reaches the half."""
    torch.manual_seed(0)
    unsure = LearnedJudge(JudgeNetwork({"kind": ("a", "b", "c", "d", "e", "f")}), "")
    assert unsure.read([np.zeros((32, 32, 3), np.uint8)]) == [{"kind": None}]


def test_features_measure_pictures_against_renders(judge):
    world, cases = Halves(), {i: Case(i, "p", {}) for i in range(60)}
    results = [Result(i, seed, "p", 1.0) for i in range(60) for seed in (1, 2)]
    dark = world.render((False, "right"), 64)

    def renders(result: Result) -> np.ndarray:
        return world.render(world.scene_of(cases[result.index], result.seed), 64)

    true, wrong = (features(Judges(world, judge), cases, results, load, 64) for load in (renders, lambda r: dark))
    assert true.frechet == pytest.approx(true.floor, abs=1e-3) and true.diversity == pytest.approx(1)
    assert wrong.frechet > 100 * max(wrong.floor, 1e-3) and wrong.diversity == 0
    assert judge.features([dark, dark]).shape == (2, FEATURES)
    assert features(Judges(world, judge), cases, results[:20], renders, 64).frechet is None
    assert features(Judges(world), cases, results, renders, 64) is None


def test_its_seeds_are_its_own_and_training_never_sees_it():
    """That rooms import downwards keeps the package out of training; this is the same for seeds and for the file."""
    numbers = set()
    for file in (ROOT / "sdedge" / "training").rglob("*.py"):
        text = file.read_text("utf-8")
        assert "sdedge.evaluation" not in text and "judge.safetensors" not in text, file
        numbers |= {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    assert judge_training.SEED not in numbers


def test_the_file_is_small(tmp_path):
    path = save_judge(JudgeNetwork(WORLD.values), tmp_path / "judge.safetensors")
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("facts", ["", "[1]", '{"kind": 3}', '{"kind": ["a"]}', '{"kind": ["a"%s]}' % (', "a"' * 3000)])
def test_a_file_that_is_no_judge_is_refused(tmp_path, facts):
    path = tmp_path / "odd.safetensors"
    save_file({"x": torch.zeros(1)}, path, {"facts": facts})
    with pytest.raises(ModelError):
        load_judge(path)


def test_a_judge_of_other_scenes_is_refused_by_name_and_left_out_where_it_is_shipped(tmp_path, monkeypatch):
    path = save_judge(JudgeNetwork({"kind": ("a", "b")}), tmp_path / "judge.safetensors")
    with pytest.raises(ModelError, match="other scenes"):
        find_judge(path, {"kind": ("a", "c")})
    assert find_judge(path, {"kind": ("a", "b")}) is not None
    monkeypatch.setattr("sdedge.evaluation.judge_network.shipped_judge", lambda: path)
    assert find_judge(None, {"kind": ("a", "c")}) is None and find_judge(None, {"kind": ("a", "b")}) is not None
    monkeypatch.setattr("sdedge.evaluation.judge_network.shipped_judge", lambda: tmp_path / "none")
    assert find_judge(None, {"kind": ("a", "b")}) is None


def test_degraded_pictures_keep_their_size_and_what_they_show():
    picture = Halves().render((True, "left"), SIDE)
    rng = np.random.default_rng(4)
    for _ in range(12):
        changed = degraded(picture, rng)
        assert changed.shape == picture.shape and abs(changed.mean() - picture.mean()) < 12


def test_labels_of_facts_that_a_scene_has_not():
    assert [label(("a", "b"), value) for value in ("b", "a", None)] == [1, 0, -1]


@pytest.mark.skipif(not shipped_judge().is_file(), reason="the judge is not in this tree")
@pytest.mark.slow
def test_the_shipped_judge_reads_renders():
    judge = find_judge(None, WORLD.values)
    rng = np.random.default_rng(740_001)
    scenes = [WORLD.sample(rng) for _ in range(150)]
    answers = judge.read([WORLD.render(scene, 128) for scene in scenes])
    verdicts = [
        right for scene, read in zip(scenes, answers) for right in WORLD.compare(WORLD.facts(scene), read).values()
    ]
    assert np.mean(verdicts) >= 0.99
