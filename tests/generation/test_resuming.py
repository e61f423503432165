"""A picture that was cut off goes on to the same pixels, whatever is asked for; one that has changed is drawn anew."""

from __future__ import annotations

import os
import shutil
from functools import cache

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from sdedge.engines.open import load_engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.events import Continued, Notice, Step
from sdedge.generation.journals import Journals
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.guides import guide_choice
from sdedge.passes import Enlargement, Pass
from sdedge.request import Request
from tests.benchmarks.journal import measure_kills
from tests.conftest import cases
from tests.generation.conftest import from_photo

REQUESTS = {
    "shared features": {"speed": "fast", "steps": 9, "sampler": "dpmpp_2m"},
    "a scheduled prompt": {"prompt": "a [red:blue:0.5] house", "sampler": "heun", "steps": 5},
    "a series in batches": {"steps": 5, "sampler": "euler_a", "variation_strength": 0.3},
    "a guide with momentum": {"guides": (guide_choice("apg"),), "steps": 6, "sampler": "euler"},
    "a second pass": {"steps": 4, "passes": (Pass({"strength": 0.6, "steps": 5}, Enlargement(scale=1.5)),)},
}


@pytest.fixture
def calls(monkeypatch):
    """The calls of the UNet, whole or in part."""
    counted: list[str] = []
    for name in ("predict", "predict_partly"):
        monkeypatch.setattr(TorchEngine, name, counting(getattr(TorchEngine, name), counted))
    return counted


def counting(real, counted):
    def count(self, *arguments):
        counted.append(real.__name__)
        return real(self, *arguments)

    return count


load = cache(load_engine("cpu"))  # each pipeline is another one, over the same networks


def drawing(folder, request, batch=1, count=2):
    """The events of a pipeline that knows nothing of another one's."""
    return Pipeline(load, Journals(folder)).images(request, count, batch)


def without(request, batch=1, count=2):
    """The pixels of an uninterrupted drawing without journals."""
    return pictures_of(Pipeline(load).images(request, count, batch))


def cut_off(events, steps):
    """Ends a drawing after so many steps; returns the pictures that it gave."""
    pictures = []
    for event in events:
        pictures += [event] if isinstance(event, Picture) else []
        steps -= isinstance(event, Step)
        if steps == 0:
            events.close()
            break
    return pictures


def pictures_of(events):
    return [event.pixels for event in events if isinstance(event, Picture)]


CUTS = [(what, steps) for what in REQUESTS for steps in (3, 7) if "batches" not in what or steps == 3]


QUICK = [("shared features", 3)]


@pytest.mark.parametrize(("what", "steps"), cases(CUTS, quick=QUICK))
def test_a_picture_that_was_cut_off_goes_on_to_the_same_pixels(what, steps, tiny_model, tmp_path, unhurried, calls):
    request = Request(
        **{"prompt": "a red house", "negative": "trees", "model": str(tiny_model), "seed": 3, **REQUESTS[what]}
    )
    batch = 2 if "batches" in what else 1
    expected = without(request, batch)
    uninterrupted = len(calls)
    calls.clear()
    first = cut_off(drawing(tmp_path, request, batch), steps)
    saved = len(first)  # which the queue knows
    again = [*drawing(tmp_path, request.numbered(saved), batch, 2 - saved)]
    pixels = [*(picture.pixels for picture in first), *pictures_of(again)]
    assert all((a == b).all() for a, b in zip(pixels, expected, strict=True))
    (continued, *_) = [event for event in again if isinstance(event, Continued)]
    assert 1 < continued.index <= steps + 1 and not [event for event in again if isinstance(event, Notice)]
    assert (
        uninterrupted <= len(calls) <= uninterrupted + (3 if what == "shared features" else 0)
    )  # a block that was not ended
    assert not [*tmp_path.glob("*.journal")]


@pytest.mark.slow
def test_a_masked_picture_goes_on_and_one_whose_photo_has_changed_is_drawn_anew(models, files, tmp_path, unhurried):
    folder = tmp_path / "files"
    shutil.copytree(files, folder)
    request = from_photo(models[4], folder, mask=str(folder / "mask.png"), sampler="euler_a", steps=6, noise="numpy")
    expected = without(request, count=1)
    cut_off(drawing(tmp_path, request, count=1), 3)
    again = [*drawing(tmp_path, request, count=1)]
    assert np.array_equal(pictures_of(again), expected) and [e for e in again if isinstance(e, Continued)]
    cut_off(drawing(tmp_path, request, count=1), 3)
    (folder / "mask.png").write_bytes((folder / "photo.png").read_bytes())
    again = [*drawing(tmp_path, request, count=1)]
    assert np.array_equal(pictures_of(again), without(request, count=1))
    assert not np.array_equal(pictures_of(again), expected)


@pytest.mark.slow
def test_a_model_that_has_changed_under_its_name_is_told_in_one_line(tiny_model, tmp_path, unhurried):
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    request = Request("a red house", model=str(model), steps=5, seed=3)
    cut_off(drawing(tmp_path / "journals", request, count=1), 3)
    weights = model / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: 1.5 * value for name, value in load_file(weights).items()}, weights)
    load.cache_clear()
    again = [*drawing(tmp_path / "journals", request, count=1)]
    (notice,) = [event for event in again if isinstance(event, Notice)]
    assert "its model has changed since" in notice.message and not [e for e in again if isinstance(e, Continued)]
    assert np.array_equal(pictures_of(again), without(request, count=1))


@pytest.mark.slow
def test_a_picture_of_one_step_and_one_that_is_drawn_at_once_leave_nothing(tiny_model, tmp_path):
    for steps in (1, 6):
        request = Request("a red house", model=str(tiny_model), steps=steps, seed=3, sampler="euler")
        cut_off(drawing(tmp_path, request), 1)
        assert sum(path.stat().st_size for path in tmp_path.iterdir() if path.is_file()) < 2000


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sampler", ["dpmpp_2m", "dpmpp_sde", "dpm_adaptive"])
def test_a_process_that_is_killed_at_any_call_leaves_a_picture_that_goes_on_to_the_same_pixels(
    sampler, tiny_model, tmp_path
):
    """`python -m tests.benchmarks journal` kills each sampler three times."""
    report = measure_kills(str(tiny_model), [sampler], 1, 7, tmp_path)
    assert report[sampler].startswith("1 of 1 equal")
