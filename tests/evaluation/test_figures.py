"""What is counted: intervals, distances of pictures and of features, and facts by both judges."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import linalg, ndimage, stats

from sdedge.evaluation import figures, similarity
from sdedge.evaluation.figures import Verdict
from sdedge.evaluation.intervals import interval, wilson
from sdedge.evaluation.world import Case, World

RNG = np.random.default_rng(8)
PICTURE = RNG.integers(0, 256, (40, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize(("right", "total"), [(0, 5), (5, 5), (45, 50), (499, 500)])
def test_wilson_is_the_interval_that_scipy_computes(right, total):
    expected = stats.binomtest(right, total).proportion_ci(method="wilson")
    assert wilson(right / total, total) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_one_picture_per_prompt_is_plain_wilson():
    scores = [1.0] * 45 + [0.0] * 5
    counted = interval([[score] for score in scores])
    assert (counted.value, counted.pictures) == (0.9, 50)
    assert (counted.low, counted.high) == pytest.approx(wilson(0.9, 50))


def test_pictures_that_repeat_a_prompt_s_outcome_count_once():
    """And where seeds are independent of their prompt each counts."""
    alike = interval([[1.0] * 4] * 45 + [[0.0] * 4] * 5)
    assert (alike.low, alike.high) == pytest.approx(wilson(0.9, 50))
    scores = RNG.random((400, 4)) < 0.9
    independent = interval(scores.astype(float).tolist())
    assert (independent.low, independent.high) == pytest.approx(wilson(scores.mean(), 1600), abs=2e-3)


def test_a_fraction_of_one_has_the_width_of_its_prompts():
    certain = interval([[1.0, 1.0, 1.0]] * 20)
    assert certain.high == 1 and certain.low == pytest.approx(wilson(1, 20)[0])


def test_no_picture_has_no_interval():
    for empty in ([], [[]]):
        with pytest.raises(ValueError, match="at least one"):
            interval(empty)


def test_psnr_of_a_known_error_and_of_equal_pictures():
    grey = np.full((8, 8, 3), 100, np.uint8)
    assert similarity.psnr(grey + np.uint8(10), grey) == pytest.approx(20 * math.log10(25.5))
    assert similarity.psnr(PICTURE, PICTURE) == math.inf


def test_ssim_is_the_paper_s():
    """By scipy's Gaussian filter, whose window of 11 pixels is the paper's; edges, which it pads, are left out."""
    noisy = np.clip(PICTURE + RNG.normal(0, 30, PICTURE.shape), 0, 255).astype(np.uint8)
    x, y = (image.astype(float) @ np.asarray(similarity.LUMA) for image in (PICTURE, noisy))

    def smoothed(z: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(z, 1.5, truncate=5 / 1.5)

    mx, my = smoothed(x), smoothed(y)
    vx, vy, cov = smoothed(x * x) - mx**2, smoothed(y * y) - my**2, smoothed(x * y) - mx * my
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert similarity.ssim(noisy, PICTURE) == pytest.approx(expected[5:-5, 5:-5].mean(), abs=1e-9)
    assert similarity.ssim(PICTURE, PICTURE) == pytest.approx(1)


def test_pictures_of_two_sizes_are_not_compared():
    for measure in (similarity.psnr, similarity.ssim):
        with pytest.raises(ValueError, match="shapes"):
            measure(PICTURE, PICTURE[:-8])


def test_the_frechet_distance_is_the_formula_s():
    a, b = RNG.normal(0, 1, (300, 6)), RNG.normal(0.3, 1.5, (200, 6))
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = linalg.sqrtm(first @ second).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
    assert similarity.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert similarity.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)


def test_spread_is_the_mean_distance_within_groups():
    points = np.array([[0.0, 0], [3, 4], [3, 4]])
    assert similarity.spread([points, points[:1]]) == pytest.approx((5 + 5 + 0) / 3)
    assert similarity.spread([points[:1], points[1:2]]) is None


# ---- Facts ----------------------------------------------------------------------------------------------------------


CASES = {
    0: Case(0, "a red house", {"kind": "house", "colour": "red"}),
    1: Case(1, "a pink boat", {"kind": "boat", "colour": "pink"}, {"kind boat, colour pink": ("kind", "colour")}),
}


def judges_of(names: dict[str, str]) -> SimpleNamespace:
    """Judges by their names alone."""
    return SimpleNamespace(world=World(), names=names)


def seen(prompt: int, geometric: tuple[str, str], learned: tuple[str, str]) -> Verdict:
    answers = {
        name: {"kind": kind, "colour": colour} for name, (kind, colour) in {"g 1": geometric, "l 1": learned}.items()
    }
    return figures.verdict(prompt, CASES[prompt].facts, answers, judges_of({"geometric": "g 1", "learned": "l 1"}))


VERDICTS = [
    seen(0, ("house", "red"), ("house", "red")),
    seen(0, ("house", "blue"), ("house", "red")),
    seen(1, ("boat", "red"), ("house", "red")),
    seen(1, ("boat", "pink"), ("boat", "pink")),
]


def test_facts_are_counted_by_both_judges_with_their_agreement():
    table = figures.rows(VERDICTS)
    values = {name: tuple(i.value for i in row.obeyed.values()) for name, row in table.items()}
    assert values == {"kind": (1, 0.75), "colour": (0.5, 0.75), "mean": (0.75, 0.75), "all": (0.5, 0.75)}
    assert [row.agreement for row in table.values()] == [0.75, 0.75, 0.75, 0.75]
    assert figures.rows([]) == {}


def test_one_judge_agrees_with_nobody():
    read = {"g 1": {"kind": "house", "colour": None}}
    alone = [figures.verdict(0, CASES[0].facts, read, judges_of({"geometric": "g 1"}))]
    table = figures.rows(alone)
    assert {row.agreement for row in table.values()} == {None}
    assert table["colour"].obeyed["geometric"].value == 0  # what cannot be told is not obeyed


def test_combinations_count_their_own_facts_in_their_own_prompts():
    (row,) = figures.combinations(CASES, VERDICTS).values()
    assert [(i.value, i.pictures) for i in row.obeyed.values()] == [(0.5, 2), (0.5, 2)]


def test_nearness_of_pairs():
    darker = np.maximum(PICTURE, 9) - np.uint8(9)
    near = figures.nearness([(PICTURE, PICTURE), (PICTURE, darker), (darker, PICTURE)])
    assert near.pictures == 3 and near.identical == pytest.approx(1 / 3)
    assert near.psnr == pytest.approx(similarity.psnr(PICTURE, darker))
    assert figures.nearness([]) is None
    assert torch.isfinite(torch.tensor([near.ssim, near.ssim_low])).all()
