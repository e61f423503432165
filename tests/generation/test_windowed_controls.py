"""Controls in windows: each network reads the part of the hint that the UNet sees, and masks are cropped alike."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from sdedge.controls import Control
from sdedge.generation.hints import hint_tensor, read_control_mask, read_hint
from sdedge.request import Request
from sdedge.windows import Blend, Windows
from tests.control_models import ldm_names, random_adapter, random_controlnet, write_pth, write_safetensors
from tests.generation.conftest import drawn, write_model
from tests.ip_adapter_models import random_ip_adapter, write_file, write_image_encoder

SIZE = (104, 72)  # 13 x 9 latents in windows of 8 x 8 that share 3: four of them
WINDOWS = Windows((64, 64), 24, Blend.MULTIDIFFUSION)
PLACES = [(0, 0), (0, 5), (1, 0), (1, 5)]


@pytest.fixture(scope="module")
def models(made_once) -> dict[int, str]:
    return {4: str(made_once("tiny-4-deep", partial(write_model, 4, layers=2)))}


@pytest.fixture(scope="module")
def files(models, tmp_path_factory) -> dict[str, str]:
    folder, unet = (
        tmp_path_factory.mktemp("windowed"),
        json.loads((Path(models[4]) / "unet" / "config.json").read_text()),
    )
    write_pth(folder / "tile.pth", ldm_names(random_controlnet(unet, 1, 0.3).state_dict()))
    write_safetensors(folder / "color.safetensors", random_adapter(unet, light=True).state_dict())
    write_file(folder / "picture.safetensors", random_ip_adapter(unet, "classic"))
    write_image_encoder(folder / "image_encoder")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)).save(folder / "hint.png")
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    mask[:, : SIZE[0] // 2] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    return {path.stem: str(path) for path in folder.iterdir()}


def tiled(models, files, *controls: Control, **more) -> Request:
    settings = {"prompt": "a red house", "model": models[4], "guidance": 3.0, "steps": 2, "sampler": "euler", "seed": 7,
                "width": SIZE[0], "height": SIZE[1], "windows": WINDOWS}  # fmt: skip
    return Request(**{**settings, **more}, controls=controls)


def _noted(engine, monkeypatch) -> tuple[list, list]:
    """Returns what added networks and the UNet are called with from now on."""
    runs, calls, run, predict = [], [], engine.run, engine.predict
    monkeypatch.setattr(engine, "run", lambda name, *tensors: (runs.append((name, tensors)), run(name, *tensors))[1])
    monkeypatch.setattr(engine, "predict", lambda inputs: (calls.append(inputs), predict(inputs))[1])
    return runs, calls


@pytest.mark.slow
def test_a_hint_is_read_window_by_window_and_remembered(pipeline, models, files, monkeypatch):
    control = Control(files["tile"], files["hint"], mask=files["mask"])
    request = tiled(models, files, control)
    engine = pipeline.engine(request)
    runs, calls = _noted(engine, monkeypatch)
    drawn(pipeline, request)
    full = hint_tensor(read_hint(control, "tile", "tile", SIZE, None), "tile", "tile", 3)
    hints = [tensors[0] for name, tensors in runs if name.endswith(" hint")]
    assert len(hints) == 4 and len(calls) == 8
    for (top, left), hint in zip(PLACES, hints, strict=True):
        assert torch.equal(hint, full[..., 8 * top : 8 * top + 64, 8 * left : 8 * left + 64])
    mask, networks = (
        read_control_mask(control, SIZE, None),
        [tensors for name, tensors in runs if not name.endswith(" hint")],
    )
    name = next(name for name, _ in runs if not name.endswith(" hint"))
    top, left = PLACES[1]
    residuals = engine.run(name, *networks[1])
    expected = residuals[0] * interpolate(
        mask[..., 8 * top : 8 * top + 64, 8 * left : 8 * left + 64], size=(8, 8), mode="bilinear"
    )
    assert torch.allclose(calls[1].skips[0], expected, atol=1e-6) and not torch.allclose(expected, residuals[0])


@pytest.mark.slow
def test_an_adapter_reads_the_window_and_an_ip_adapter_s_mask_is_cropped(pipeline, models, files, monkeypatch):
    controls = (
        Control(files["color"], files["hint"]), Control(files["picture"], files["hint"], mask=files["mask"]),
    )  # fmt: skip
    request = tiled(models, files, *controls)
    runs, calls = _noted(pipeline.engine(request), monkeypatch)
    drawn(pipeline, request)
    assert len([name for name, _ in runs if "image encoder" in name]) == 1
    shapes = {tuple(tensors[0].shape) for name, tensors in runs if "color" in name}
    assert shapes == {(1, 3, 64, 64)}
    masks = [inputs.pictures[0].masks[0].reshape(8, 8) for inputs in calls[:4]]
    assert all(inputs.down is not None for inputs in calls)
    assert masks[0][:, :6].min() > 0.9 and masks[0][:, 7].max() < 0.6  # latents from 6.5 on are black
    assert masks[1][:, 2:].max() < 0.1 and torch.equal(masks[0], masks[2])
    assert calls[0].pictures[0].keys[0] is calls[5].pictures[0].keys[0], "engines cache by them"
