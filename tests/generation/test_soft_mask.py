"""Soft masks: grey is strength, black comes back bit for bit, and a hard mask is cut at half as it always was."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sdedge.errors import InvalidRequest
from sdedge.events import Notice
from sdedge.generation.requirements import refuse_unsupported
from sdedge.request import Resolved
from tests.conftest import cases
from tests.generation.conftest import SIDE, drawn, from_photo, pixels_of, psnr


@pytest.fixture
def ramp(tmp_path) -> str:
    """Black at the left, white at the right, greys between."""
    greys = np.zeros((SIDE, SIDE), np.uint8)
    greys[:, 16:48] = np.linspace(0, 255, 32).astype(np.uint8)
    greys[:, 48:] = 255
    Image.fromarray(greys).save(tmp_path / "ramp.png")
    return str(tmp_path / "ramp.png")


def _notices(pipeline, request) -> str:
    return " ".join(event.message for event in pipeline.images(request) if isinstance(event, Notice))


@pytest.mark.parametrize(
    ("channels", "preset"), cases([(4, "sdedge"), (9, "sdedge"), (4, "diffusers"), (4, "a1111")], quick={(4, "sdedge")})
)
def test_black_stays_and_grey_is_drawn_otherwise_than_by_a_hard_mask(pipeline, models, files, ramp, channels, preset):
    request = from_photo(models[channels], files, mask=ramp, soft_mask=True, steps=6, strength=1.0, preset=preset,
                         mask_blur=0, schedule="leading" if preset == "diffusers" else None, masked_content="noise")  # fmt: skip
    (soft,) = drawn(pipeline, request)
    photo, greys = pixels_of(files / "photo.png"), pixels_of(ramp)
    assert np.array_equal(soft.pixels[greys == 0], photo[greys == 0])
    assert np.mean(soft.pixels[:, 48:] != photo[:, 48:]) > 0.5
    (hard,) = drawn(pipeline, request.replace(soft_mask=False))
    assert np.array_equal(hard.pixels[greys < 128], photo[greys < 128])
    assert not np.array_equal(hard.pixels[greys >= 128], soft.pixels[greys >= 128])


def test_which_way_a_mask_is_used_is_said(pipeline, models, files, ramp):
    request = from_photo(models[4], files, mask=ramp, steps=1)
    hard, soft = _notices(pipeline, request), _notices(pipeline, request.replace(soft_mask=True))
    assert "The mask is hard" in hard and "--soft-mask" in hard and "The mask is soft" in soft
    plain = request.replace(mask=str(files / "mask.png"))
    assert "mask is" not in _notices(pipeline, plain)
    assert "no grey" in _notices(pipeline, plain.replace(soft_mask=True))


@pytest.mark.slow
def test_a_soft_mask_is_cut_and_put_back_like_a_hard_one(pipeline, models, files, tmp_path):
    photo = pixels_of(files / "large.png")
    greys = np.zeros(photo.shape[:2], np.uint8)
    greys[40:70, 50:90] = np.linspace(0, 255, 40).astype(np.uint8)
    Image.fromarray(greys).save(tmp_path / "greys.png")
    request = from_photo(models[4], files, image=str(files / "large.png"), mask=str(tmp_path / "greys.png"), soft_mask=True,
                         mask_only=True, mask_padding=8, width=SIDE, height=SIDE, steps=3)  # fmt: skip
    (ours,) = drawn(pipeline, request)
    assert np.array_equal(ours.pixels[greys == 0], photo[greys == 0])
    assert np.mean(ours.pixels[45:65, 75:88] != photo[45:65, 75:88]) > 0.5
    (wider,) = drawn(pipeline, request.replace(outpaint=(0, 0, 11, 0), mask_only=False, width=None, height=None))
    assert wider.pixels.shape[1] == photo.shape[1] + 11
    assert np.array_equal(wider.pixels[:, : photo.shape[1]][greys == 0], photo[greys == 0])


def test_a_model_that_begins_with_noise_is_told_to_use_a_hard_one():
    from types import SimpleNamespace

    facts = SimpleNamespace(name="pix2pix", in_channels=8, guidance_channels=0)
    engine = SimpleNamespace(facts=facts, description="another", can=frozenset())
    with pytest.raises(InvalidRequest, match="use a hard mask") as refusal:
        refuse_unsupported(engine, Resolved("x", image="a.png", mask="b.png", soft_mask=True))
    assert refusal.value.field == "soft_mask"


def test_a_mask_of_one_grey_is_image_to_image_of_that_strength(pipeline, models, files, tmp_path):
    """Of 6 steps a grey just below a half begins the first 4 with the picture, and so draws the last 3."""
    request = from_photo(models[4], files, steps=6, sampler="euler", strength=0.5)
    (img2img,) = drawn(pipeline, request)
    equality = []
    for grey in (127, 128):
        Image.new("L", (SIDE, SIDE), grey).save(tmp_path / f"{grey}.png")
        masked = request.replace(mask=str(tmp_path / f"{grey}.png"), strength=1.0, mask_blur=0, soft_mask=True)
        equality.append(psnr(drawn(pipeline, masked)[0].pixels, img2img.pixels))
    assert equality[0] > 55 > 40 > equality[1], equality
