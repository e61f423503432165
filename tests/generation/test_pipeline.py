"""A whole picture: equal to diffusers' own pipeline, the same alone or in a batch, and stopped when asked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler, StableDiffusionPipeline

from sdedge.engines.open import load_engine
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.events import Finished, ImageDone, Loading, Step
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images.output import Output
from sdedge.request import Request
from sdedge.sampling.noise import initial
from tests.conftest import cases, needs_embedded

SCHEDULERS = {"plms": PNDMScheduler, "ddim": DDIMScheduler, "euler": EulerDiscreteScheduler}


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


def _pictures(pipeline: Pipeline, request: Request, count: int = 1, batch: int = 1) -> list[Picture]:
    return [event for event in pipeline.images(request, count, batch) if isinstance(event, Picture)]


def _psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def _by_diffusers(folder, request: Request) -> np.ndarray:
    referee = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32, safety_checker=None)
    referee.set_progress_bar_config(disable=True)
    # The published v1 configs say clip_sample false; a class that is not told clips.
    referee.scheduler = SCHEDULERS[request.sampler].from_config(referee.scheduler.config, clip_sample=False)
    side = request.width // 8 if request.width else referee.unet.config.sample_size
    picture = referee(
        request.prompt,
        negative_prompt=request.negative,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        latents=initial([request.seed], (4, side, side)),
    )
    return np.asarray(picture.images[0])


@pytest.mark.parametrize("sampler", cases(SCHEDULERS, quick=["plms"]))
def test_a_picture_equals_the_one_diffusers_draws(pipeline, tiny_model, sampler):
    request = Request("a red house", "trees", str(tiny_model), guidance=5.0, steps=6, sampler=sampler,
                      preset="diffusers", seed=11)  # fmt: skip
    (ours,) = _pictures(pipeline, request)
    assert _psnr(ours.pixels, _by_diffusers(tiny_model, request)) >= 50


@needs_embedded
@pytest.mark.slow
@pytest.mark.parametrize("sampler", SCHEDULERS)
def test_twenty_steps_of_the_embedded_model_equal_diffusers(pipeline, sampler):
    from sdedge.engines.open import locate

    request = Request(
        "a red house at night", guidance=4.0, sampler=sampler, preset="diffusers", seed=3, width=128, height=128
    )
    (ours,) = _pictures(pipeline, request)
    assert _psnr(ours.pixels, _by_diffusers(locate("pocket"), request)) >= 50


def test_a_batch_draws_the_pictures_of_its_seeds(pipeline, tiny_model):
    request = Request("a red house", model=str(tiny_model), steps=3, sampler="euler_a", seed=5)
    alone = [_pictures(pipeline, request.replace(seed=5 + i))[0] for i in range(3)]
    together = _pictures(pipeline, request, count=3, batch=2)
    assert [p.request.seed for p in together] == [5, 6, 7]
    for single, batched in zip(alone, together, strict=True):
        assert _psnr(single.pixels, batched.pixels) > 60
    assert _psnr(alone[0].pixels, alone[1].pixels) < 40


def test_events_tell_the_story_and_files_are_there_when_they_say_so(pipeline, tiny_model, tmp_path):
    request = Request("a red house", model=str(tiny_model), steps=2, seed=1)
    events = []
    for event in pipeline.generate(request, Output(tmp_path), count=2):
        if isinstance(event, ImageDone):
            assert tmp_path.joinpath(event.path).stat().st_size > 1000
        events.append(event)
    assert isinstance(events[0], Loading) and isinstance(events[-1], Finished)
    assert [e.index for e in events if isinstance(e, Step)] == [1, 2, 1, 2]
    assert [e.seed for e in events if isinstance(e, ImageDone)] == [1, 2]
    assert not list(tmp_path.glob(".*"))


def test_the_unet_goes_before_the_last_decode_of_the_last_request(pipeline, tiny_model, monkeypatch):
    request = Request("a red house", model=str(tiny_model), steps=1, seed=1)
    engine = pipeline.engine(request)
    decode, there = engine.decode, []
    monkeypatch.setattr(engine, "decode", lambda latents: there.append("unet" in engine.loaded) or decode(latents))
    with_unet = _pictures(pipeline, request, count=3, batch=2)
    unet_freed = [
        event for event in pipeline.images(request, count=3, batch=2, last=True) if isinstance(event, Picture)
    ]
    assert there == [True] * 3 + [True, True, False]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(with_unet, unet_freed, strict=True))


def test_stopping_runs_no_further_network(pipeline, tiny_model, monkeypatch):
    request = Request("a red house", model=str(tiny_model), steps=50, seed=1)
    engine = pipeline.engine(request)
    calls = []
    predict = engine.predict
    monkeypatch.setattr(engine, "predict", lambda *args: calls.append(1) or predict(*args))
    monkeypatch.setattr(engine, "decode", lambda latents: pytest.fail("decoded after the stop"))
    events = pipeline.images(request)
    while not (isinstance(event := next(events), Step) and event.index == 3):
        pass
    events.close()
    assert len(calls) == 3


def test_values_that_are_not_numbers_are_never_saved(pipeline, tiny_model, monkeypatch, tmp_path):
    request = Request("a red house", model=str(tiny_model), steps=2, seed=1)
    engine = pipeline.engine(request)
    monkeypatch.setattr(engine, "decode", lambda latents: torch.full((1, 3, 64, 64), float("nan")))
    with pytest.raises(SdedgeError, match="not numbers"):
        list(pipeline.generate(request, Output(tmp_path)))
    assert not list(tmp_path.iterdir())


def test_open_choices_are_made_and_recorded(pipeline, tiny_model):
    resolved = pipeline.resolve(Request("a red house", model=str(tiny_model)))
    assert (resolved.width, resolved.height, resolved.schedule, resolved.noise) == (64, 64, "karras", "torch")
    assert isinstance(resolved.seed, int)
    assert Request.from_json(resolved.to_json()) == Request(**vars(resolved))


@pytest.mark.parametrize("width", [72, 104])
def test_any_multiple_of_eight_is_a_size(pipeline, tiny_model, width):
    request = Request("a red house", model=str(tiny_model), steps=1, width=width, height=64, seed=1)
    assert _pictures(pipeline, request)[0].pixels.shape == (64, width, 3)


def test_steps_that_a_preset_cannot_do_are_refused(pipeline, tiny_model):
    with pytest.raises(InvalidRequest, match="compvis"):
        pipeline.resolve(Request("x", model=str(tiny_model), sampler="unipc", preset="compvis"))
