"""Random models of 4 and of 9 input channels, pictures and masks of their size, and drawing from them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.controls import Control
from sdedge.engines.open import load_engine
from sdedge.generation import journal_file
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.request import Request
from sdedge.training.illustrations.recipe import QUICK, random_networks
from sdedge.training.networks import export

SIDE = 64


@pytest.fixture(scope="session")
def models(made_once) -> dict[int, str]:
    """Random models of 4 and of 9 input channels, whose latents depend on the picture and less on its noise."""
    return {channels: str(made_once(f"tiny-{channels}", partial(write_model, channels))) for channels in (4, 9)}


def write_model(channels: int, folder: Path, layers: int = 1) -> None:
    widths = {"block_out_channels": (8, 16, 16, 16), "layers_per_block": layers, "norm_num_groups": 4, "sample_size": 8}
    recipe = replace(
        QUICK,
        unet=replace(QUICK.unet, in_channels=channels, **widths),
        vae=replace(QUICK.vae, block_out_channels=(4, 8, 8, 8), layers_per_block=1),
    )
    nets = random_networks(recipe)
    torch.manual_seed(3)
    with torch.no_grad():
        nets.conditioned.unet.conv_out.weight.normal_(std=0.1)
        nets.vae.quant_conv.weight[:4] *= 5
        nets.vae.quant_conv.bias[4:] -= 3
    export(recipe, nets, folder)


@pytest.fixture
def unhurried(monkeypatch) -> None:
    """Journals of pictures that are drawn in no time are written, too."""
    monkeypatch.setattr(journal_file, "WRITE_EVERY", 0.0)
    monkeypatch.setattr("sdedge.generation.journals.RATE", None)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline(load_engine("cpu"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """photo.png and mask.png of the models' size; large.png and large-mask.png of no multiple of 8."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for name, (w, h) in {"photo": (SIDE, SIDE), "large": (150, 117)}.items():
        blocks = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((w, h), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    for name, (w, h) in {"mask": (SIDE, SIDE), "large-mask": (150, 117)}.items():
        mask = np.zeros((h, w), dtype=np.uint8)
        mask[h // 4 : h // 2 + 3, w // 3 : w // 3 + 29] = 255
        Image.fromarray(mask).save(folder / f"{name}.png")
    return folder


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def drawn(pipeline: Pipeline, request: Request, count: int = 1, batch: int = 1) -> list[Picture]:
    return [event for event in pipeline.images(request, count, batch) if isinstance(event, Picture)]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def from_photo(model: str, files: Path, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": model, "image": str(files / "photo.png"),
                "guidance": 3.0, "steps": 5, "sampler": "ddim", "seed": 7}  # fmt: skip
    return Request(**{**settings, **more})


def controlled_request(models: dict[int, str], *controls: Control, **more) -> Request:
    """A guided picture of ten steps as diffusers draws it, with controls."""
    settings = {"prompt": "a red house", "negative": "trees", "model": models[4], "guidance": 3.0, "steps": 10,
                "sampler": "ddim", "schedule": "leading", "seed": 7, "preset": "diffusers"}  # fmt: skip
    return Request(**{**settings, **more}, controls=controls)


@cache
def diffusers_components(model: str) -> dict:
    """The networks and the tokenizer of a folder, for a pipeline of diffusers."""
    from diffusers import StableDiffusionPipeline

    return StableDiffusionPipeline.from_pretrained(model, torch_dtype=torch.float32, safety_checker=None).components
