"""The public Python interface: light to import, three lines to a picture, errors that name their field."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import sdedge
from sdedge.images.metadata import read
from tests.conftest import needs_embedded


def test_importing_costs_no_torch_and_every_public_name_is_there():
    code = "import sys, sdedge; sdedge.Request, sdedge.InvalidRequest, sdedge.events; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0
    assert all(getattr(sdedge, name) is not None for name in sdedge.__all__)
    assert set(sdedge.__all__) <= set(dir(sdedge))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        sdedge.nonsense  # noqa: B018


def test_a_loaded_model_draws_saves_and_says_its_seed(tiny_model, tmp_path):
    model = sdedge.load(str(tiny_model), device="cpu")
    first, second = model.generate("a red house", count=2, steps=2, seed=5)
    assert (first.seed, second.seed) == (5, 6)
    path = first.save(tmp_path / "house.png")
    assert np.array_equal(np.asarray(Image.open(path)), first.pixels) and first.image.size == (64, 64)
    assert read(path).fields["prompt"] == "a red house"
    with pytest.raises(sdedge.InvalidRequest, match="names no picture"):
        first.save(tmp_path / "house")


def test_a_stream_yields_events_and_can_be_left(tiny_model):
    model = sdedge.load(str(tiny_model), device="cpu")
    steps = 0
    for event in model.stream("a boat", steps=50, seed=1):
        steps += isinstance(event, sdedge.events.Step)
        if steps == 2:
            break
    assert steps == 2


def test_a_request_goes_in_as_it_is_and_a_wrong_field_is_named(tiny_model):
    model = sdedge.load(str(tiny_model), device="cpu")
    (picture,) = model.generate(sdedge.Request(prompt="a boat", steps=1, seed=3))
    assert (picture.request.steps, picture.seed) == (1, 3)
    with pytest.raises(sdedge.InvalidRequest) as failure:
        model.generate("a boat", steps=0)
    assert failure.value.field == "steps"
    with pytest.raises(sdedge.ModelError):
        sdedge.load("no such model")


@needs_embedded
def test_the_first_example_draws_with_the_embedded_model():
    (picture,) = sdedge.generate("a red house at night", steps=2, width=64, height=64, seed=1)
    assert picture.pixels.shape == (64, 64, 3)
