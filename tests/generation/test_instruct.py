"""InstructPix2Pix draws as diffusers does, with both guidances, from folders and single files."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from PIL import Image

from sdedge.errors import InvalidRequest
from sdedge.events import Notice
from sdedge.generation.save import Picture
from sdedge.images import metadata, metadata_a1111
from sdedge.request import Request, Resolved
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_single
from tests.generation.conftest import SIDE, drawn, psnr

EQUAL = 50  # dB


@pytest.fixture(scope="module")
def instruct(models, tmp_path_factory) -> str:
    """The random model with a UNet of 8 channels, which heeds the picture."""
    folder = tmp_path_factory.mktemp("instruct") / "instruct"
    shutil.copytree(models[4], folder)
    config = json.loads((folder / "unet" / "config.json").read_text())
    shutil.rmtree(folder / "unet")
    torch.manual_seed(3)
    unet = UNet2DConditionModel.from_config({**config, "in_channels": 8})
    with torch.no_grad():
        unet.conv_in.weight[:, 4:] *= 3
    unet.save_pretrained(folder / "unet")
    index = json.loads((folder / "model_index.json").read_text())
    index["_class_name"] = "StableDiffusionInstructPix2PixPipeline"
    (folder / "model_index.json").write_text(json.dumps(index))
    return str(folder)


@cache
def _components(model: str) -> dict:
    parts = StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components
    return {name: part for name, part in parts.items() if name != "image_encoder"}


def _by_diffusers(request: Request, scale: float, picture: float) -> np.ndarray:
    referee = StableDiffusionInstructPix2PixPipeline(**_components(request.model), requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    referee.scheduler = DDIMScheduler.from_config(config)
    images = referee(
        request.prompt, image=Image.open(request.image).convert("RGB"), negative_prompt=request.negative,
        num_inference_steps=request.steps, guidance_scale=scale, image_guidance_scale=picture,
        generator=torch.Generator().manual_seed(request.seed),
    ).images  # fmt: skip
    return np.asarray(images[0])


def _request(model: str, files: Path, **more) -> Request:
    settings = {
        "prompt": "make it a house", "negative": "trees", "model": model, "steps": 10, "sampler": "ddim", "width": SIDE,
        "height": SIDE, "schedule": "leading", "seed": 7, "preset": "diffusers", "image": str(files / "photo.png"),
    }  # fmt: skip
    return Request(**{**settings, **more})


@pytest.mark.parametrize(
    ("scale", "picture"),
    [
        (4.0, 1.5),
        pytest.param(2.0, 1.0, marks=pytest.mark.slow),
        pytest.param(1.0, 1.5, marks=pytest.mark.slow),  # these two guide nothing
        pytest.param(4.0, 0.5, marks=pytest.mark.slow),
    ],
)
def test_a_picture_of_ten_steps_is_that_of_diffusers(pipeline, instruct, files, scale, picture):
    request = _request(instruct, files, guidance=scale, image_guidance=picture)
    (ours,) = drawn(pipeline, request)
    assert psnr(ours.pixels, _by_diffusers(request, scale, picture)) >= EQUAL
    if picture == 1.5 and scale > 1:
        (another,) = drawn(pipeline, request.replace(image_guidance=4.0))
        assert psnr(ours.pixels, another.pixels) < 40, "a guidance that changes nothing proves nothing"


@pytest.mark.slow
def test_a_single_file_draws_the_same(pipeline, instruct, files, tmp_path):
    request = _request(instruct, files, guidance=3.0, steps=2)
    (expected,) = drawn(pipeline, request)
    export_single(open_checkpoint(instruct), tmp_path / "instruct.safetensors", tokenizer=Path(instruct) / "tokenizer")
    (ours,) = drawn(pipeline, request.replace(model=str(tmp_path / "instruct.safetensors")))
    assert psnr(ours.pixels, expected.pixels) >= EQUAL
    assert expected.request.image_guidance == 1.5, "what suits the model is recorded"


@pytest.mark.slow
def test_strength_does_not_count_and_a_mask_keeps_the_rest(pipeline, instruct, files):
    request = _request(instruct, files, guidance=3.0, steps=2)
    (plain,) = drawn(pipeline, request)
    (weaker,) = drawn(pipeline, request.replace(strength=0.2))
    assert np.array_equal(plain.pixels, weaker.pixels)
    (masked,) = drawn(pipeline, request.replace(mask=str(files / "mask.png"), mask_blur=0))
    photo, mask = np.array(Image.open(files / "photo.png")), np.array(Image.open(files / "mask.png")) > 127
    assert np.array_equal(masked.pixels[~mask], photo[~mask]) and not np.array_equal(masked.pixels[mask], photo[mask])


@pytest.mark.slow
def test_two_pictures_of_a_batch_are_those_drawn_alone(pipeline, instruct, files):
    request = _request(instruct, files, guidance=3.0, steps=2)
    events = [event for event in pipeline.images(request, count=2, batch=2) if isinstance(event, Picture)]
    (second,) = drawn(pipeline, request.replace(seed=8))
    assert psnr(events[1].pixels, second.pixels) >= EQUAL


def test_what_does_not_go_together_is_said(pipeline, models, instruct, files):
    with pytest.raises(InvalidRequest, match="changes a picture by an instruction") as refused:
        drawn(pipeline, Request("a", model=instruct))
    assert refused.value.field == "image"
    request = _request(models[4], files, image_guidance=2.0, steps=2)
    events = list(pipeline.images(request))
    assert any("is not InstructPix2Pix" in event.message for event in events if isinstance(event, Notice))
    (picture,) = [event for event in events if isinstance(event, Picture)]
    assert picture.request.image_guidance is None, "a setting without effect is not recorded"


def test_the_web_uis_text_holds_the_image_guidance():
    text = metadata_a1111.write(Resolved("a", image="photo.png", image_guidance=1.25), {})
    assert "Image CFG scale: 1.25" in text
    assert metadata.parse_parameters(text).fields["image_guidance"] == 1.25
