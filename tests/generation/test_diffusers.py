"""Image to image and inpainting equal diffusers' pipelines."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from sdedge.request import Request
from tests.conftest import cases
from tests.generation.conftest import SIDE, drawn, from_photo, pixels_of, psnr

SCHEDULERS = {
    "ddim": DDIMScheduler, "plms": PNDMScheduler, "euler": EulerDiscreteScheduler,
    "euler_a": EulerAncestralDiscreteScheduler, "dpmpp_2m": DPMSolverMultistepScheduler,
}  # fmt: skip


@cache
def _components(model: str) -> dict:
    return StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components


def _by_diffusers(kind: type, request: Request, **more) -> np.ndarray:
    referee = kind(**_components(request.model), requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": request.schedule or "leading"}
    referee.scheduler = SCHEDULERS[request.sampler].from_config(config)
    picture = referee(
        request.prompt,
        image=Image.open(request.image).convert("RGB"),
        negative_prompt=request.negative,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        strength=request.strength,
        generator=torch.Generator().manual_seed(request.seed),
        **more,
    )
    return np.asarray(picture.images[0])


@pytest.mark.parametrize(
    ("sampler", "strength"),
    cases(
        [("ddim", 0.75), ("plms", 0.5), ("euler", 1.0), ("euler_a", 0.6), ("dpmpp_2m", 0.75)],
        quick={("plms", 0.5), ("euler_a", 0.6)},
    ),
)
def test_img2img_equals_diffusers(pipeline, models, files, sampler, strength):
    request = from_photo(models[4], files, sampler=sampler, strength=strength, preset="diffusers", schedule="leading")
    (ours,) = drawn(pipeline, request)
    assert psnr(ours.pixels, _by_diffusers(StableDiffusionImg2ImgPipeline, request)) >= 50
    (another_seed,) = drawn(pipeline, request.replace(seed=8))
    assert psnr(ours.pixels, another_seed.pixels) < 40, "a referee that anything equals proves nothing"


@pytest.mark.parametrize(
    ("sampler", "strength", "channels"),
    cases(
        [(*run, channels) for run in (("ddim", 1.0), ("euler", 0.75), ("euler_a", 0.6)) for channels in (4, 9)],
        quick={("ddim", 1.0, 9), ("euler_a", 0.6, 4)},
    ),
)
def test_inpainting_equals_diffusers(pipeline, models, files, channels, sampler, strength):
    request = from_photo(models[channels], files, mask=str(files / "mask.png"), mask_blur=0, sampler=sampler,
                         strength=strength, preset="diffusers", schedule="leading")  # fmt: skip
    mask = pixels_of(files / "mask.png") > 127
    (ours,) = drawn(pipeline, request)
    theirs = _by_diffusers(
        StableDiffusionInpaintPipeline, request, mask_image=Image.open(request.mask), height=SIDE, width=SIDE
    )
    assert psnr(ours.pixels[mask], theirs[mask]) >= 50
    (another_seed,) = drawn(pipeline, request.replace(seed=8))
    assert psnr(ours.pixels[mask], another_seed.pixels[mask]) < 40
