"""Inpainting and outpainting: nothing outside the mask changes, and what is under it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.catalog import MaskedContent
from sdedge.generation.start import Start
from sdedge.sampling.noise import stream
from tests.conftest import needs_embedded
from tests.generation.conftest import SIDE, drawn, from_photo, pixels_of, psnr


@pytest.mark.parametrize(
    ("channels", "preset", "content"),
    [*((4, "sdedge", content) for content in MaskedContent), (9, "sdedge", "original"), (9, "sdedge", "noise"),
     (4, "a1111", "fill"), (9, "compvis", "original"), (4, "compvis", "nothing"), (4, "apple", "original")],
)  # fmt: skip
def test_nothing_outside_the_mask_changes(pipeline, models, files, channels, preset, content):
    request = from_photo(models[channels], files, mask=str(files / "mask.png"), masked_content=content, steps=2,
                         sampler="ddim" if preset == "compvis" else "dpmpp_2m", preset=preset,
                         strength=0.6)  # fmt: skip
    (ours,) = drawn(pipeline, request)
    photo, mask = pixels_of(files / "photo.png"), pixels_of(files / "mask.png") > 127
    assert np.array_equal(ours.pixels[~mask], photo[~mask])
    assert np.mean(ours.pixels[mask] != photo[mask]) > 0.5


@pytest.mark.parametrize("mask_only", [False, True])
@pytest.mark.parametrize("size", [(None, None), (64, 64), (96, 64)])
def test_a_large_picture_keeps_its_size_and_every_pixel_outside(pipeline, models, files, mask_only, size):
    request = from_photo(models[4], files, image=str(files / "large.png"), mask=str(files / "large-mask.png"), steps=2,
                         mask_only=mask_only, width=size[0], height=size[1], mask_padding=8)  # fmt: skip
    (ours,) = drawn(pipeline, request)
    photo, mask = pixels_of(files / "large.png"), pixels_of(files / "large-mask.png") > 127
    assert ours.pixels.shape == photo.shape and np.array_equal(ours.pixels[~mask], photo[~mask])
    assert np.mean(ours.pixels[mask] != photo[mask]) > 0.5


def test_the_finished_latent_is_the_picture_s_own_where_it_is_held():
    """Which the pixels put back over it would hide."""
    x, latent = torch.randn(2, 4, 6, 8), torch.randn(2, 4, 6, 8)
    held = torch.zeros(1, 1, 6, 8)
    held[..., 2:] = 1
    held[..., 4] = 0.25
    blended = Start(x, 0.5, latent, held).keep(x)
    assert torch.equal(blended[..., :2], latent[..., :2]) and torch.equal(blended[..., 5:], x[..., 5:])
    torch.testing.assert_close(blended[..., 4], 0.25 * x[..., 4] + 0.75 * latent[..., 4])
    for free in (Start(x, 0.5, latent), Start(x)):
        assert free.keep(x) is x


def test_outpainting_keeps_the_picture_and_draws_around_it(pipeline, models, files):
    request = from_photo(models[4], files, outpaint=(8, 0, 19, 5), steps=2, strength=1.0)
    (ours,) = drawn(pipeline, request)
    photo = pixels_of(files / "photo.png")
    assert ours.pixels.shape == (SIDE + 5, SIDE + 27, 3)
    assert (ours.request.width, ours.request.height) == (88, 72)
    assert np.array_equal(ours.pixels[:SIDE, 8 : 8 + SIDE], photo)
    extended = np.pad(photo, ((0, 5), (8, 19), (0, 0)), mode="edge")
    assert np.mean(ours.pixels[:, -10:] != extended[:, -10:]) > 0.8


def test_a_batch_inpaints_as_each_alone(pipeline, models, files):
    request = from_photo(models[4], files, mask=str(files / "mask.png"), steps=3, sampler="euler_a")
    together = drawn(pipeline, request, count=3, batch=3)
    for i, picture in enumerate(together):
        assert psnr(picture.pixels, drawn(pipeline, request.replace(seed=7 + i))[0].pixels) > 60


def test_full_content_is_hidden_from_the_start_where_it_should_be(pipeline, models, files, tmp_path):
    """With "fill" and "nothing" what was under the mask has no influence; with "original" it has."""
    photo, mask = pixels_of(files / "photo.png").copy(), pixels_of(files / "mask.png") > 127
    photo[mask] = 255 - photo[mask]
    Image.fromarray(photo).save(tmp_path / "other.png")
    for content, hidden in (("fill", True), ("original", False)):
        request = from_photo(models[4], files, mask=str(files / "mask.png"), masked_content=content, strength=0.5,
                             mask_blur=0, steps=4)  # fmt: skip
        (first,), (second,) = (
            drawn(pipeline, r) for r in (request, request.replace(image=str(tmp_path / "other.png")))
        )
        assert np.array_equal(first.pixels[mask], second.pixels[mask]) == hidden


@pytest.mark.parametrize("image", [False, True])
def test_an_inpainting_model_without_a_mask_is_told_that_all_is_masked(pipeline, models, files, monkeypatch, image):
    request = from_photo(models[9], files, steps=1, **({} if image else {"image": None}))
    engine, seen = pipeline.engine(request), []
    predict = engine.predict
    monkeypatch.setattr(engine, "predict", lambda inputs: seen.append(inputs.sample) or predict(inputs))
    drawn(pipeline, request)
    draw = stream(7)
    noise = [draw((4, 8, 8)) for _ in range(3)][2 if image else 1]
    assert seen[0].shape == (2, 9, 8, 8) and torch.all(seen[0][:, 4] == 1)
    expected = engine.encode(torch.zeros(1, 3, SIDE, SIDE), noise[None])
    assert torch.equal(seen[0][:1, 5:], expected)


@needs_embedded
@pytest.mark.parametrize("cases", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_inpainting_an_object_in_another_colour_changes_the_colour_and_nothing_outside(pipeline, tmp_path, cases):
    from tests.benchmarks.inpainting import recolour

    results = list(recolour(pipeline, cases, tmp_path))
    assert len(results) == cases and all(result.outside_equal for result in results)
    assert all(result.colour_right for result in results)
