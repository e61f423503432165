"""Speeds: lossy ones show what the prompt says, hardly differ where they say so, and leave no trace on what follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdedge import catalog
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Capability
from sdedge.events import Notice, Step
from sdedge.generation import speed
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.request import Request
from tests.conftest import needs_embedded
from tests.pictures_shown import held_out, shown

SIZE = {"width": 128, "height": 128}  # which the embedded model obeys as well, in half the time of its own
LOSSY = [name for name, info in catalog.SPEEDS.items() if info.lossy]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


def _draw(pipeline: Pipeline, request: Request, count: int = 1, batch: int = 1) -> list[Picture]:
    return [event for event in pipeline.images(request, count, batch) if isinstance(event, Picture)]


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def test_only_exact_is_lossless_and_every_speed_says_what_it_costs():
    assert [name for name, info in catalog.SPEEDS.items() if not info.lossy] == [catalog.DEFAULT_SPEED]
    assert all("lossy" in catalog.SPEEDS[name].text for name in LOSSY)


@needs_embedded
@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSY)
def test_lossy_pictures_obey_and_stay_near(pipeline, name):
    for case in held_out(4):
        request = Request(prompt=case.prompt, seed=1, **SIZE)
        exact = _draw(pipeline, request)[0]
        lossy = _draw(pipeline, request.replace(speed=name))[0]
        assert "losses" not in exact.facts and lossy.facts["losses"]
        assert lossy.request.speed == name
        wanted = shown(exact.pixels, case.prompt)
        assert sum(shown(lossy.pixels, case.prompt).values()) >= sum(wanted.values()) - 1
        assert 18 < _psnr(lossy.pixels, exact.pixels) < 60


@needs_embedded
@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["dpmpp_2m", "heun", "euler_a"])
def test_a_lossy_batch_changes_no_picture(pipeline, sampler):
    request = Request(
        prompt="a blue boat on the sea at sunset", seed=3, steps=6, sampler=sampler, speed="fastest", **SIZE
    )
    together = _draw(pipeline, request, count=3, batch=3)
    alone = _draw(pipeline, request.replace(seed=4))[0]
    assert _psnr(together[1].pixels, alone.pixels) > 45


@needs_embedded
def test_a_cancelled_picture_leaves_no_features_behind(pipeline):
    request = Request(prompt="a red house at night", seed=5, steps=5, speed="fast", **SIZE)
    before = _draw(pipeline, request)[0]
    for event in pipeline.images(request.replace(prompt="a white house on the snow", seed=9)):
        if isinstance(event, Step) and event.index == 1:
            break
    assert np.array_equal(_draw(pipeline, request)[0].pixels, before.pixels)


@needs_embedded
def test_the_users_guidance_interval_comes_first():
    request = Request(speed="fastest", guidance_interval=(1.0, 5.0))
    assert speed.guidance_interval(request) == (1.0, 5.0)


class WithoutFeatureReuse:
    """An engine that cannot run in part."""

    def __init__(self, engine) -> None:
        self._engine = engine
        self.can = engine.can - {Capability.FEATURE_REUSE}

    def __getattr__(self, name):
        if name == "predict_partly":
            raise AttributeError(name)
        return getattr(self._engine, name)


@needs_embedded
def test_an_engine_that_cannot_reuse_features_says_so_and_draws():
    pipeline = Pipeline(lambda model, vae: WithoutFeatureReuse(load_engine("cpu")(model, vae)))
    events = list(pipeline.images(Request(prompt="a red house", seed=1, steps=2, speed="fast", **SIZE)))
    assert any(isinstance(event, Notice) and "reuses no features" in event.message for event in events)
    assert any(isinstance(event, Picture) for event in events)


@needs_embedded
@pytest.mark.slow
def test_merging_is_seen_and_exact_pictures_never_know(pipeline, monkeypatch):
    request = Request(prompt="a red house at night", seed=5, steps=6, **SIZE)
    exact = _draw(pipeline, request)[0]
    fast = _draw(pipeline, request.replace(speed="fast"))[0]
    assert "tokens merged" in fast.facts["losses"]
    for event in pipeline.images(request.replace(speed="fast")):
        if isinstance(event, Step):
            break
    assert np.array_equal(_draw(pipeline, request)[0].pixels, exact.pixels)
    monkeypatch.setitem(catalog.SPEEDS, "fast", replace(catalog.SPEEDS["fast"], merge=0.0))
    unmerged = _draw(pipeline, request.replace(speed="fast"))[0]
    assert "tokens merged" not in unmerged.facts["losses"]
    assert 25 < _psnr(unmerged.pixels, fast.pixels) < 60


class Unmerged:
    """An engine that attends to every token, as OpenVINO's does."""

    def __init__(self, engine) -> None:
        self._engine = engine
        self.can = engine.can - {Capability.TOKEN_MERGING}

    def __getattr__(self, name):
        return getattr(self._engine, name)


@needs_embedded
def test_an_engine_that_cannot_merge_says_so_and_draws():
    pipeline = Pipeline(lambda model, vae: Unmerged(load_engine("cpu")(model, vae)))
    events = list(pipeline.images(Request(prompt="a red house", seed=1, steps=2, speed="fast", **SIZE)))
    messages = [event.message for event in events if isinstance(event, Notice)]
    assert any("merges no tokens" in message and "features" not in message for message in messages)
    drawn = [event for event in events if isinstance(event, Picture)]
    assert drawn and "tokens" not in drawn[0].facts["losses"]
