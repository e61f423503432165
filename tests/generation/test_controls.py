"""Whole pictures with controls equal diffusers', and A1111's modes follow its formulas."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    StableDiffusionAdapterPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
)
from PIL import Image

from sdedge.controls import Control, ControlMode
from sdedge.request import Request
from tests.control_models import (
    author_names,
    ldm_names,
    random_adapter,
    random_controlnet,
    write_pth,
    write_safetensors,
)
from tests.generation.conftest import SIDE, drawn, psnr

EQUAL = 50  # dB


@pytest.fixture(scope="module")
def networks(models) -> dict[str, torch.nn.Module]:
    """Random control models for the tiny model, strong enough to change its pictures."""
    unet = json.loads((Path(models[4]) / "unet" / "config.json").read_text())
    return {
        "canny": random_controlnet(unet, 1, 0.3), "depth": random_controlnet(unet, 2, 0.3),
        "shuffle": random_controlnet(unet, 3, 0.3, global_pool_conditions=True),
        "sketch": random_adapter(unet, channels=1), "color": random_adapter(unet, light=True),
    }  # fmt: skip


@pytest.fixture(scope="module")
def control_files(networks, tmp_path_factory) -> dict[str, str]:
    """Each of them in another container."""
    folder = tmp_path_factory.mktemp("controls")
    paths = {
        "canny": write_pth(folder / "control_v11p_sd15_canny.pth", ldm_names(networks["canny"].state_dict())),
        "depth": write_safetensors(folder / "depth.safetensors", ldm_names(networks["depth"].state_dict())),
        "shuffle": folder / "pooled",
        "sketch": write_pth(folder / "t2iadapter_sketch.pth", author_names(networks["sketch"].state_dict()), ""),
        "color": write_safetensors(folder / "color.safetensors", networks["color"].state_dict()),
    }  # fmt: skip
    networks["shuffle"].save_pretrained(paths["shuffle"])
    return {name: str(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def hints(tmp_path_factory) -> dict[str, str]:
    folder, rng = tmp_path_factory.mktemp("hints"), np.random.default_rng(5)
    for name in ("a", "b"):
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    return {name: str(folder / f"{name}.png") for name in ("a", "b")}


def _request(models, *controls: Control, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": models[4], "guidance": 3.0, "steps": 10,
                "sampler": "ddim", "schedule": "leading", "seed": 7, "preset": "diffusers"}  # fmt: skip
    return Request(**{**settings, **more}, controls=controls)


@cache
def _components(model: str) -> dict:
    return StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components


def _by_diffusers(kind: type, request: Request, **more) -> np.ndarray:
    name = "controlnet" if "controlnet" in more else "adapter"
    parts = {part: value for part, value in _components(request.model).items() if part != "image_encoder"}
    referee = kind(**parts, **{name: more.pop(name)}, requires_safety_checker=False)
    referee.set_progress_bar_config(disable=True)
    config = {**referee.scheduler.config, "clip_sample": False, "timestep_spacing": "leading"}
    referee.scheduler = DDIMScheduler.from_config(config)
    picture = referee(
        request.prompt, negative_prompt=request.negative, num_inference_steps=request.steps,
        guidance_scale=request.guidance, generator=torch.Generator().manual_seed(request.seed), height=SIDE, width=SIDE,
        **more,
    )  # fmt: skip
    return np.asarray(picture.images[0])


def _opened(path: str, mode: str = "RGB") -> Image.Image:
    return Image.open(path).convert(mode)


def _pixels(pipeline, request: Request) -> np.ndarray:
    (picture,) = drawn(pipeline, request)
    return picture.pixels


@pytest.mark.parametrize(
    ("mode", "weight", "span"),
    [
        (ControlMode.BALANCED, 0.8, (0.0, 1.0)),
        (ControlMode.BALANCED, 1.0, (0.2, 0.7)),
        (ControlMode.CONTROL, 1.0, (0.0, 1.0)),  # diffusers' guess mode
    ],
)
def test_a_picture_with_a_controlnet_is_that_of_diffusers(
    pipeline, models, networks, control_files, hints, mode, weight, span
):
    request = _request(models, Control(control_files["canny"], hints["a"], weight, span, mode))
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, request, controlnet=networks["canny"], image=_opened(hints["a"]),
        controlnet_conditioning_scale=weight, control_guidance_start=span[0], control_guidance_end=span[1],
        guess_mode=mode is ControlMode.CONTROL,
    )  # fmt: skip
    ours = _pixels(pipeline, request)
    assert psnr(ours, theirs) >= EQUAL
    assert psnr(ours, _pixels(pipeline, _request(models))) < 40, "a control that changes nothing proves nothing"


def test_two_controlnets_are_those_of_diffusers(pipeline, models, networks, control_files, hints):
    controls = Control(control_files["canny"], hints["a"], 0.7), Control(control_files["depth"], hints["b"], 1.2)
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, _request(models), controlnet=[networks["canny"], networks["depth"]],
        image=[_opened(hints["a"]), _opened(hints["b"])], controlnet_conditioning_scale=[0.7, 1.2],
    )  # fmt: skip
    both = _pixels(pipeline, _request(models, *controls))
    assert psnr(both, theirs) >= EQUAL
    assert psnr(both, _pixels(pipeline, _request(models, controls[0]))) < 40


def test_pooled_residuals_are_those_of_diffusers(pipeline, models, networks, control_files, hints):
    request = _request(models, Control(control_files["shuffle"], hints["a"]))
    theirs = _by_diffusers(
        StableDiffusionControlNetPipeline, request, controlnet=networks["shuffle"], image=_opened(hints["a"])
    )
    assert psnr(_pixels(pipeline, request), theirs) >= EQUAL


@pytest.mark.parametrize(("name", "mode"), [("sketch", "L"), ("color", "RGB")])
def test_a_picture_with_an_adapter_is_that_of_diffusers(pipeline, models, networks, control_files, hints, name, mode):
    request = _request(models, Control(control_files[name], hints["a"], 0.9))
    theirs = _by_diffusers(
        StableDiffusionAdapterPipeline, request, adapter=networks[name], image=_opened(hints["a"], mode),
        adapter_conditioning_scale=0.9,
    )  # fmt: skip
    ours = _pixels(pipeline, request)
    assert psnr(ours, theirs) >= EQUAL
    assert psnr(ours, _pixels(pipeline, _request(models))) < 40
