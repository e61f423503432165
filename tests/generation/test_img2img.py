"""Drawing from pictures: what the strength means, which noise is drawn, what sizes and files people give."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from sdedge.engines.protocol import UNetInputs
from sdedge.errors import InvalidRequest
from sdedge.events import Notice
from sdedge.generation.prompts import encode_prompts
from sdedge.generation.sample import decode_pixels
from sdedge.generation.start import ENCODED_ASIDE
from sdedge.images.convert import from_pixels, to_pixels
from sdedge.request import Request
from sdedge.sampling.noise import stream
from sdedge.sampling.presets import sampling_plan
from tests.conftest import cases
from tests.generation.conftest import SIDE, drawn, from_photo, pixels_of, psnr


@pytest.mark.parametrize("preset", ["sdedge", "diffusers", "compvis"])
def test_strength_zero_is_the_encoded_and_decoded_picture(pipeline, models, files, preset):
    request = from_photo(models[4], files, strength=0.0, preset=preset)
    engine = pipeline.engine(request)
    draw = stream(7)
    noise = [draw((4, 8, 8)) for _ in range(2)][0 if preset in ("diffusers", "compvis") else 1]
    latent = engine.encode(from_pixels(pixels_of(files / "photo.png")[None]), noise[None])
    expected = to_pixels(engine.decode(latent), "truncate" if preset == "compvis" else "round")[0]
    assert np.array_equal(drawn(pipeline, request)[0].pixels, expected)


def test_the_steps_of_a1111_begin_with_the_second_draw(pipeline, models, files):
    """rng.py and sd_samplers_common.py there, written out: the first draw is the initial noise, the next the first step's."""
    more = {"preset": "a1111", "sampler": "euler_a", "schedule": "karras", "guidance": 1.0, "negative": ""}
    request = from_photo(models[4], files, strength=0.5, steps=6, **more)
    engine = pipeline.engine(request)
    (picture,) = drawn(pipeline, request)
    plan = sampling_plan("euler_a", "karras", 6, "a1111", engine.facts.schedule, strength=0.5)
    context = encode_prompts(engine, [picture.request], 6)
    draw, encoding = stream(7), stream(7 ^ ENCODED_ASIDE)((4, 8, 8))  # posteriors are drawn from a global state there
    latent = engine.encode(from_pixels(pixels_of(files / "photo.png")[None]), encoding[None])
    x = latent + draw((4, 8, 8)) * plan.sigmas[0]
    for sigma, below in itertools.pairwise(plan.sigmas):
        t = torch.tensor([plan.timestep(sigma)])
        eps = engine.predict(UNetInputs(x / (sigma**2 + 1) ** 0.5, t, context.cond))
        up = min(below, (below**2 * (sigma**2 - below**2) / sigma**2) ** 0.5)
        x = x + eps * ((below**2 - up**2) ** 0.5 - sigma)
        x = x + draw((4, 8, 8)) * up
    assert psnr(picture.pixels, decode_pixels(engine, picture.request, x)) >= 50


@pytest.mark.parametrize(
    ("preset", "sampler"),
    cases(
        [("sdedge", "dpmpp_2m"), ("sdedge", "euler_a"), ("sdedge", "dpmpp_sde"), ("apple", "plms")],
        quick={("sdedge", "euler_a"), ("apple", "plms")},
    ),
)
def test_strength_one_is_the_picture_of_the_noise_alone(pipeline, models, files, sampler, preset):
    request = from_photo(models[4], files, strength=1.0, sampler=sampler, preset=preset, steps=4)
    (ours,) = drawn(pipeline, request)
    (free,) = drawn(pipeline, request.replace(image=None, width=SIDE, height=SIDE))
    assert np.array_equal(ours.pixels, free.pixels)


def test_more_strength_leaves_less_of_the_picture(pipeline, models, files):
    request = from_photo(models[4], files, steps=10)
    unchanged = drawn(pipeline, request.replace(strength=0.0))[0].pixels
    near, far = (psnr(drawn(pipeline, request.replace(strength=s))[0].pixels, unchanged) for s in (0.1, 0.9))
    assert near > far + 3


def test_a_scheduled_prompt_changes_at_the_same_noise_as_from_noise_alone(pipeline, models, files):
    request = from_photo(models[4], files, strength=0.5)
    (scheduled,) = drawn(pipeline, request.replace(prompt="a [red:blue:0.5] house"))
    (late,) = drawn(pipeline, request.replace(prompt="a blue house"))
    assert np.array_equal(scheduled.pixels, late.pixels)


@pytest.mark.parametrize(
    ("picture", "size", "expected"),
    [((64, 64), {}, (64, 64)), ((640, 480), {}, (128, 96)), ((90, 80), {}, (88, 80)), ((30, 60), {}, (64, 128)),
     ((2000, 100), {}, (128, 64)), ((640, 480), {"width": 80}, (80, 64)), ((640, 480), {"height": 96}, (128, 96)),
     ((640, 480), {"width": 64, "height": 64}, (64, 64))],
)  # fmt: skip
def test_an_open_size_follows_the_picture(pipeline, models, tmp_path, picture, size, expected):
    Image.new("RGB", picture).save(tmp_path / "p.png")
    resolved = pipeline.resolve(Request("x", model=models[4], image=str(tmp_path / "p.png"), **size))
    assert (resolved.width, resolved.height) == expected


def test_notes_about_the_files_are_told(pipeline, models, tmp_path):
    frames = [Image.new("RGB", (64, 64), (i, 0, 0)) for i in (0, 200)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    request = Request("x", model=models[4], image=str(tmp_path / "moving.gif"), steps=1, seed=1)
    assert any("first" in e.message for e in pipeline.images(request) if isinstance(e, Notice))


@pytest.mark.parametrize(
    "fields",
    [{"outpaint": (8, 8, 8, 8)}, {"image": "a", "outpaint": (0, 0, 0, 0)}, {"image": "a", "outpaint": (8, 8)},
     {"image": "a", "outpaint": (8.5, 0, 0, 0)}, {"image": "a", "outpaint": (-8, 0, 0, 0)}, {"mask": "m"},
     {"image": "a", "strength": 1.1}, {"image": "a", "masked_content": "blank"}],
)  # fmt: skip
def test_requests_that_mean_nothing_are_refused(fields):
    with pytest.raises(InvalidRequest):
        Request("x", **fields)


def test_the_command_line_has_every_field(models, files):
    from sdedge.commands.generate import generate

    options = ["--strength", "0.4", "--mask", str(files / "mask.png"), "--mask-blur", "2", "--masked-content", "fill",
               "--mask-only", "--mask-padding", "16", "--outpaint", "8,0,8,0", "--variation-seed", "5",
               "--variation-strength", "0.1", "--tiling", "--seed", "1", "--dry-run"]  # fmt: skip
    result = CliRunner().invoke(generate, ["x", "-m", models[4], "-i", str(files / "photo.png"), *options])
    assert result.exit_code == 0, result.output
    request = Request.from_json(result.output)
    assert request.outpaint == (8, 0, 8, 0) and request.tiling and request.mask_only
    assert (request.strength, request.mask_blur, request.masked_content, request.mask_padding) == (0.4, 2.0, "fill", 16)
    assert (request.variation_seed, request.variation_strength) == (5, 0.1)
