"""Pictures enlarged to any size, refused before they cost memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.errors import InvalidRequest, OutOfMemory
from sdedge.generation import upscale
from sdedge.generation.upscale import PictureUpscaler, choose_upscaler, load
from sdedge.models.upscaler_config import RRDBConfig
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request
from tests.upscaler_models import TINY, random_state, rrdbnet

from .conftest import SIDE, drawn


@pytest.fixture
def x4(tmp_path):
    torch.save({"params_ema": random_state(TINY)}, tmp_path / "x4.pth")
    return load(choose_upscaler(str(tmp_path / "x4.pth")), "cpu")


def _pixels(height, width):
    return np.random.default_rng(2).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _expected(pixels, state, unshuffle=1):
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy())[None] / 255
    with torch.inference_mode():
        rows = rrdbnet(state, image, unshuffle)[0]
    return (rows * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()


def test_pixels_are_those_of_the_network_and_a_scale_of_their_own_is_reached_by_lanczos(x4):
    pixels = _pixels(9, 14)
    expected, calls = _expected(pixels, random_state(TINY)), []
    own = x4.enlarge(pixels, tell=lambda done, total: calls.append((done, total)))
    assert np.abs(own.astype(int) - expected).max() <= 1 and calls[-1] == (36, 36)
    half = x4.enlarge(pixels, (28, 18))
    assert np.abs(half.astype(int) - np.array(Image.fromarray(expected).resize((28, 18), 1))).max() <= 1
    assert x4.enlarge(pixels, (100, 70)).shape == (70, 100, 3)  # through two runs


def test_a_network_that_folds_pixels_takes_odd_sides(tmp_path):
    config = RRDBConfig(8, 1, 4, unshuffle=2)
    torch.save(random_state(config), tmp_path / "x2.pth")
    upscaler = load(choose_upscaler(str(tmp_path / "x2.pth")), "cpu")
    for height, width in ((1, 1), (1, 8), (7, 9), (30, 3)):
        pixels = _pixels(height, width)
        padded = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), "reflect")
        expected = _expected(padded, random_state(config), 2)[: 2 * height, : 2 * width]
        assert np.abs(upscaler.enlarge(pixels).astype(int) - expected).max() <= 1


def test_lanczos_is_always_there_and_transparency_goes_along():
    lanczos = load(choose_upscaler("Lanczos"))
    image = Image.fromarray(np.dstack([_pixels(5, 7), np.arange(35, dtype=np.uint8).reshape(5, 7) * 7]))
    result = lanczos.enlarge_image(image, (21, 15))
    assert result.mode == "RGBA" and result.size == (21, 15)
    assert result.getchannel("A").tobytes() == image.getchannel("A").resize((21, 15), 1).tobytes()
    assert lanczos.enlarge_image(image.convert("RGB")).size == (14, 10)


def test_a_size_that_nobody_could_hold_is_refused_before_anything_is_made(monkeypatch):
    pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (40_000, 40_000, 3))  # three bytes
    upscaler = PictureUpscaler("x", 4.0)
    monkeypatch.setattr(upscale.Image, "fromarray", pytest.fail)
    with pytest.raises(InvalidRequest, match="thousand million pixels"):
        upscaler.enlarge(pixels)
    monkeypatch.setattr(upscale, "available_memory", lambda: (10**6, 10**9))
    with pytest.raises(OutOfMemory, match="1000x1000 needs"):
        upscaler.enlarge(pixels[:250, :250])


def test_a_network_that_sees_a_picture_whole_is_given_all_rows_at_once():
    class AtOnce:
        scale, unshuffle = 2, 1

        def rows_at_once(self, width):
            return None

        def enlarge(self, strips):
            for rows in strips:
                assert rows.shape == (1, 3, 6, 4)
                yield rows.repeat_interleave(2, 2).repeat_interleave(2, 3)

    pixels = _pixels(6, 4)
    upscaler = PictureUpscaler("x", 2.0, AtOnce())
    assert np.array_equal(upscaler.enlarge(pixels), pixels.repeat(2, 0).repeat(2, 1))


@pytest.mark.slow
def test_an_upscaler_is_the_last_pass_of_a_request(models, pipeline, x4, tmp_path):
    request = Request("x", model=models[4], steps=2, width=SIDE, height=SIDE, seed=1)
    (native,) = drawn(pipeline, request)
    enlarge = Pass(Changes(strength=0.0), Enlargement(str(tmp_path / "x4.pth"), 3.0))
    (picture,) = drawn(pipeline, request.replace(passes=(enlarge,)))
    assert np.array_equal(picture.pixels, x4.enlarge(native.pixels, (3 * SIDE, 3 * SIDE)))
    torch.save({"a.lora_down.weight": torch.zeros(1)}, tmp_path / "lora.pth")
    wrong = Pass(Changes(strength=0.0), Enlargement(str(tmp_path / "lora.pth")))
    with pytest.raises(InvalidRequest, match="is a LoRA, not an upscaler") as refused:
        drawn(pipeline, request.replace(passes=(wrong,)))
    assert refused.value.field == "passes"
