"""The scene world: captions say what is so, held-out scenes stay out, and the checker sees what the renderer drew."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from sdedge.training import checker, scenes
from sdedge.training.render import PAINT, lit, render
from sdedge.training.scenes import FACTS, VOCABULARY, Scene

SEEDS = st.integers(0, 2**32 - 1)


def sample_scenes(n: int, seed: int = 0) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [scenes.sample_any(rng) for _ in range(n)]


# ---- Captions ---------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_facts_reads_back_what_a_caption_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = scenes.sample_any(rng)
    said = scenes.facts(scenes.caption(scene, rng))
    assert said == {name: scene.facts[name] for name in said}
    assert {"kind", "colour", "mountains", "trees"} <= set(said)
    assert scenes.facts(scenes.caption(scene, rng, complete=True)) == scene.facts


def test_every_combination_of_facts_survives_its_caption() -> None:
    rng = np.random.default_rng(0)
    for scene in scenes.every_combination():
        assert scenes.facts(scenes.caption(scene, rng, complete=True)) == scene.facts


def test_captions_stay_inside_the_vocabulary_and_use_all_of_it() -> None:
    rng = np.random.default_rng(1)
    counts = Counter(
        word for scene in sample_scenes(4000, seed=1) for word in scenes.caption(scene, rng).replace(",", " ,").split()
    )
    assert set(counts) == set(VOCABULARY)


def test_captions_never_tell_the_side_of_the_sun() -> None:
    left = Scene("house", "red", "night", "snow", sun_side="left")
    right = dataclasses.replace(left, sun_side="right", jitter=5)
    for seed in range(20):
        assert scenes.caption(left, np.random.default_rng(seed)) == scenes.caption(right, np.random.default_rng(seed))


def test_time_and_ground_are_each_left_out_of_one_caption_in_ten() -> None:
    rng = np.random.default_rng(2)
    said = [scenes.facts(scenes.caption(scene, rng)) for scene in sample_scenes(2500, seed=2)]
    for name in ("time", "ground"):
        assert 0.07 < sum(name not in facts for facts in said) / len(said) < 0.13


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("a red house at night", {"kind": "house", "colour": "red", "time": "night"}),
        ("At sunset, a blue boat on the sea", {"kind": "boat", "colour": "blue", "time": "sunset", "ground": "sea"}),
        (
            "a purple balloon over the desert in front of mountains beside three trees in the day",
            {"kind": "balloon", "colour": "purple", "time": "day", "ground": "desert", "mountains": True, "trees": 3},
        ),
        ("white house in the snow without mountains, no trees", {"kind": "house", "colour": "white", "ground": "snow"}),
    ],
)
def test_facts_reads_captions_written_by_hand(text: str, stated: dict[str, object]) -> None:
    assert scenes.facts(text) == {"mountains": False, "trees": 0} | stated


def test_facts_refuses_a_text_without_an_object() -> None:
    with pytest.raises(ValueError, match="names no kind or no colour"):
        scenes.facts("a tree at night")


@pytest.mark.parametrize(
    "wrong",
    [
        {"ground": "sea"},
        {"kind": "boat"},
        {"trees": 4},
        {"colour": "orange"},
        {"kind": "balloon", "ground": "sea", "trees": 1},
    ],
)
def test_impossible_scenes_cannot_be_made(wrong: dict[str, object]) -> None:
    possible = Scene("house", "red", "day", "grass")
    with pytest.raises(ValueError):
        dataclasses.replace(possible, **wrong)  # type: ignore[arg-type]


# ---- What training never sees -----------------------------------------------------------------------------------


def test_training_never_sees_held_out_facts() -> None:
    rng = np.random.default_rng(3)
    trained = {tuple(scenes.sample(rng).facts.values()) for _ in range(2000)}
    for scene in scenes.every_combination():
        if scenes.is_held_out(scene):
            assert tuple(scene.facts.values()) not in trained
    for prompt, facts, _ in scenes.held_out_prompts(200):
        assert scenes.facts(prompt) == facts
        assert tuple(facts.values()) not in trained


def test_every_value_stays_frequent_in_training() -> None:
    rng = np.random.default_rng(4)
    drawn = [scenes.sample(rng) for _ in range(2500)]
    for name, least in {"kind": 0.15, "colour": 0.09, "time": 0.22, "ground": 0.09, "trees": 0.1}.items():
        fractions = Counter(scene.facts[name] for scene in drawn)
        assert min(fractions.values()) > least * len(drawn), fractions


def test_a_tenth_of_the_combinations_without_an_unseen_pair_is_held_out() -> None:
    known = [scene for scene in scenes.every_combination() if not scenes.has_unseen_pair(scene.facts)]
    assert 0.07 < sum(map(scenes.is_held_out, known)) / len(known) < 0.13


def test_a_quarter_of_the_held_out_prompts_joins_an_unseen_pair() -> None:
    prompts = scenes.held_out_prompts(120, seed=5)
    assert prompts == scenes.held_out_prompts(120, seed=5) != scenes.held_out_prompts(120, seed=6)
    assert sum(unseen for _, _, unseen in prompts) == 30
    assert all(unseen == scenes.has_unseen_pair(facts) for _, facts, unseen in prompts)
    assert len({tuple(facts.values()) for _, facts, _ in prompts}) > 110


# ---- Pictures ---------------------------------------------------------------------------------------------------


def test_a_scene_always_gives_the_same_picture_and_jitter_another() -> None:
    scene = Scene("boat", "red", "sunset", "sea", True, jitter=7)
    picture = render(scene)
    assert picture.shape == (128, 128, 3) and picture.dtype == np.uint8
    assert np.array_equal(picture, render(dataclasses.replace(scene)))
    change = np.abs(picture.astype(int) - render(dataclasses.replace(scene, jitter=8))).mean()
    assert 0 < change < 20


@pytest.mark.parametrize("scene", sample_scenes(4, seed=6), ids=lambda scene: f"{scene.kind}-{scene.time}")
def test_sizes_show_the_same_picture(scene: Scene) -> None:
    small = render(scene, 64).astype(int)
    large = np.asarray(Image.fromarray(render(scene, 256)).reduce(4)).astype(int)
    assert np.abs(small - large).mean() < 2.5


# ---- The checker ------------------------------------------------------------------------------------------------


def noised(image: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(8).normal(0, 0.06 * 255, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def blurred(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(1.5)))


def compressed(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream))


def halved(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((64, 64)).resize((128, 128)))


def tinted(image: np.ndarray) -> np.ndarray:
    return np.clip(image * np.array((1.05, 0.96, 1.04)) + np.array((-6, 5, 4)), 0, 255).astype(np.uint8)


def shifted(image: np.ndarray) -> np.ndarray:
    return np.pad(image, ((2, 0), (0, 2), (0, 0)), mode="edge")[:128, 2:]


def unchanged(image: np.ndarray) -> np.ndarray:
    return image


@pytest.mark.parametrize("degrade", [unchanged, noised, blurred, compressed, halved, tinted, shifted])
def test_the_checker_reads_every_fact(degrade: Callable[[np.ndarray], np.ndarray]) -> None:
    misread = []
    for scene in sample_scenes(6, seed=9):
        seen = checker.read_facts(degrade(render(scene)))
        misread += [(name, seen[name], scene) for name in FACTS if seen[name] != scene.facts[name]]
    assert not misread


@pytest.mark.parametrize("time", scenes.TIMES)
@pytest.mark.parametrize("kind", scenes.KINDS)
def test_the_checker_knows_every_kind_in_every_light(kind: str, time: str) -> None:
    scene = Scene(kind, "white", time, scenes.grounds_of(kind)[0], mountains=True, jitter=4)
    assert checker.read_facts(render(scene)) == scene.facts


def test_the_checker_reads_small_pictures_enlarged() -> None:
    for scene in sample_scenes(5, seed=10):
        assert checker.read_facts(np.asarray(Image.fromarray(render(scene, 64)).resize((128, 128)))) == scene.facts


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_flat_pictures_read_as_nothing(shade: int) -> None:
    assert set(checker.read_facts(np.full((128, 128, 3), shade, np.uint8)).values()) == {None}


def test_noise_reads_as_nothing() -> None:
    noise = np.random.default_rng(11).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    assert set(checker.read_facts(noise).values()) == {None}


def test_a_scene_without_its_object_has_no_kind_or_colour() -> None:
    for scene in sample_scenes(6, seed=12):
        seen = checker.read_facts(render(scene, parts=frozenset({"mountains", "trees"})))
        assert seen == scene.facts | {"kind": None, "colour": None}


@pytest.mark.parametrize(
    ("shape", "box"),
    [("ellipse", (38, 8, 90, 60)), ("ellipse", (38, 45, 90, 97)), ("rectangle", (38, 60, 90, 108))],
)
def test_a_mere_patch_of_the_right_colour_is_no_object(shape: str, box: tuple[int, int, int, int]) -> None:
    for scene in sample_scenes(4, seed=13):
        image = Image.fromarray(render(scene, parts=frozenset({"mountains", "trees"})))
        getattr(ImageDraw.Draw(image), shape)(box, fill=lit(PAINT[scene.colour], scene.time))
        assert checker.read_facts(np.asarray(image))["kind"] is None


def test_an_object_of_two_colours_has_none() -> None:
    red, blue = (render(Scene("house", colour, "day", "grass")) for colour in ("red", "blue"))
    both = np.concatenate([red[:, :64], blue[:, 64:]], axis=1)
    assert checker.read_facts(both)["colour"] is None


def test_one_wrong_fact_fails_alone() -> None:
    scene = Scene("balloon", "red", "day", "grass", True, 2, jitter=3)
    for change in (
        {"colour": "blue"},
        {"time": "night"},
        {"ground": "snow"},
        {"mountains": False},
        {"trees": 1},
        {"kind": "house"},
    ):
        verdict = checker.score(render(dataclasses.replace(scene, **change)), scene.facts)  # type: ignore[arg-type]
        assert verdict == {name: name not in change for name in FACTS}


def test_score_judges_only_what_is_stated() -> None:
    picture = render(Scene("house", "pink", "sunset", "snow"))
    assert checker.score(picture, {"kind": "house", "trees": 2}) == {"kind": True, "trees": False}
