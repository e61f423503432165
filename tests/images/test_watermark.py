"""The invisible watermark: bit-equal to the library that CompVis uses, and read by either."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.commands.watermark import watermark as command
from sdedge.errors import InvalidRequest
from sdedge.images.metadata import read as read_metadata
from sdedge.images.output import Output
from sdedge.images.watermark import TEXT, embed, extract, read_watermark


@pytest.fixture(scope="module")
def referee():
    for needed in ("cv2", "pywt"):
        pytest.importorskip(needed, reason="invisible-watermark needs opencv-python-headless and PyWavelets")
    return pytest.importorskip("imwatermark", reason="the referee invisible-watermark is not installed")


def _scene(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with a little grain, as in a picture."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize((width, height), Image.BICUBIC)
    return (np.asarray(small) + rng.normal(0, 2, (height, width, 3))).clip(0, 255).astype(np.uint8)


PICTURES = {
    "scene": _scene(256, 256),
    "odd sides": _scene(259, 333, 1),
    "noise": np.random.default_rng(2).integers(0, 256, (300, 270, 3), dtype=np.uint8),
    "black": np.zeros((256, 256, 3), np.uint8),
    "pure blue": np.full((256, 264, 3), (0, 0, 255), np.uint8),
    "pure red": np.full((256, 256, 3), (255, 0, 0), np.uint8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_equal_those_of_the_library(referee, name):
    encoder = referee.WatermarkEncoder()
    encoder.set_watermark("bytes", TEXT.encode())
    theirs = encoder.encode(np.ascontiguousarray(PICTURES[name][..., ::-1]), "dwtDct", scales=[0, 36, 0], block=4)
    assert np.array_equal(embed(PICTURES[name]), theirs[..., ::-1])
    # CompVis gives no scales; the library's default [0, 36, 36] never reaches its third plane.
    as_compvis = encoder.encode(np.ascontiguousarray(PICTURES[name][..., ::-1]), "dwtDct")
    assert np.array_equal(as_compvis, theirs)


@pytest.mark.parametrize("name", PICTURES)
def test_bits_read_equal_those_of_the_library(referee, name):
    for pixels in (PICTURES[name], embed(PICTURES[name])):
        bgr = np.ascontiguousarray(pixels[..., ::-1])
        theirs = referee.WatermarkDecoder("bytes", 136).decode(bgr, "dwtDct")
        assert np.packbits(extract(pixels, 136)).tobytes() == theirs


@pytest.mark.parametrize("side", [256, 512])
@pytest.mark.parametrize("seed", range(4))
def test_what_the_library_marks_is_read_and_nothing_else(referee, side, seed):
    encoder = referee.WatermarkEncoder()
    encoder.set_watermark("bytes", TEXT.encode())
    plain = _scene(side, side, seed)
    marked = encoder.encode(np.ascontiguousarray(plain[..., ::-1]), "dwtDct")[..., ::-1]
    assert read_watermark(marked).present and read_watermark(marked).deviations > 12
    assert not read_watermark(plain).present and read_watermark(plain).deviations < 4


def test_the_library_reads_what_is_marked_here(referee):
    """Grey with the grain of a photograph: the kind of picture on which the library's own decoder gets every bit."""
    rng = np.random.default_rng(0)
    marked = embed((128 + rng.normal(0, 2, (512, 512, 1)) + np.zeros(3)).clip(0, 255).astype(np.uint8))
    bgr = np.ascontiguousarray(marked[..., ::-1])
    assert referee.WatermarkDecoder("bytes", 136).decode(bgr, "dwtDct") == TEXT.encode()
    assert read_watermark(marked).agreeing == read_watermark(marked).bits == 136


def test_the_picture_stays_what_it_was():
    before, after = PICTURES["scene"].astype(int), embed(PICTURES["scene"]).astype(int)
    assert 10 * np.log10(255**2 / np.mean((before - after) ** 2)) > 30
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("name", PICTURES)
def test_unmarked_pictures_do_not_carry_it(name):
    assert not read_watermark(PICTURES[name]).present


def test_other_marked_texts_are_not_taken_for_it():
    assert not read_watermark(embed(PICTURES["scene"], "SDV2")).present


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_it_survives_the_formats_written_here(tmp_path, format):
    from sdedge.request import Request

    path = Output(tmp_path, format).write(embed(_scene(512, 512)), Request("a", seed=1, watermark=True), {}, 1)
    assert read_watermark(np.asarray(Image.open(path).convert("RGB"))).present
    assert read_metadata(path).fields["watermark"] is True


def test_small_pictures_are_refused():
    with pytest.raises(InvalidRequest, match="128x256 is too small"):
        embed(np.zeros((256, 128, 3), np.uint8))
    with pytest.raises(InvalidRequest, match="too small"):
        extract(np.zeros((255, 256, 3), np.uint8), 136)


def test_the_pipeline_marks_the_finished_pixels_last(tiny_model, tmp_path):
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Picture, Pipeline
    from sdedge.request import Request

    request = Request("a red house", model=str(tiny_model), steps=1, seed=4, width=256, height=256)
    pipeline = Pipeline(load_engine("cpu"))
    plain, marked = (
        next(event for event in pipeline.images(marked) if isinstance(event, Picture))
        for marked in (request, request.replace(watermark=True))
    )
    assert np.array_equal(marked.pixels, embed(plain.pixels)) and "watermark" not in plain.facts
    assert marked.facts["watermark"] == TEXT
    with pytest.raises(InvalidRequest, match="64x64 is too small"):
        list(pipeline.images(request.replace(watermark=True, width=64, height=64)))


def test_the_command_tells_both(tmp_path):
    Image.fromarray(embed(PICTURES["scene"])).save(tmp_path / "marked.png")
    Image.fromarray(PICTURES["scene"]).save(tmp_path / "plain.png")
    run = CliRunner().invoke
    assert "carries the watermark StableDiffusionV1" in run(command, [str(tmp_path / "marked.png")]).output
    assert "carries no watermark" in run(command, [str(tmp_path / "plain.png")]).output
    report = json.loads(run(command, [str(tmp_path / "marked.png"), "--json"]).output)
    assert report["present"] is True and report["text"] == TEXT and report["deviations"] > 12 and report["bits"] == 136


@pytest.mark.parametrize("quality", [90, 70, 50, 30])
def test_a_heavy_jpeg_of_an_unmarked_picture_is_not_taken_for_marked(quality):
    Image.fromarray(_scene(512, 512)).save(file := io.BytesIO(), "JPEG", quality=quality)
    assert not read_watermark(np.asarray(Image.open(file))).present
