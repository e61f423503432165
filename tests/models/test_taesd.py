"""TAESD: equal to diffusers' AutoencoderTiny, loaded from its folder as the VAE of a model, refused where it is not v1's."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny

from sdedge.engines.open import load_engine
from sdedge.errors import ModelError
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.library.models import Library
from sdedge.models.taesd import TinyConfig, TinyVAE
from sdedge.request import Request

WIDTHS = {"encoder_block_out_channels": (8, 8, 8, 8), "decoder_block_out_channels": (8, 8, 8, 8)}


@pytest.fixture(scope="module")
def referee() -> AutoencoderTiny:
    torch.manual_seed(0)
    return AutoencoderTiny(**WIDTHS).eval()


@pytest.fixture(scope="module")
def folder(referee, tmp_path_factory):
    path = tmp_path_factory.mktemp("taesd")
    referee.save_pretrained(path)
    return path


@torch.inference_mode()
def test_full_size_equals_diffusers():
    torch.manual_seed(1)
    referee = AutoencoderTiny().eval()
    ours = TinyVAE(TinyConfig()).eval()
    ours.load_state_dict(referee.state_dict(), strict=True)
    assert sum(p.numel() for p in ours.decoder.parameters()) == 1_222_531
    z, image = torch.randn(2, 4, 8, 12) * 3, torch.rand(1, 3, 64, 96) * 2 - 1
    assert torch.equal(ours.decode(z), referee.decode(z).sample)
    latents = ours.encode(image).sample(torch.randn(1, 4, 8, 12))
    assert torch.equal(latents, referee.encode(image).latents)


def test_a_folder_serves_as_the_vae_of_a_model(referee, folder, tiny_model):
    pipeline = Pipeline(load_engine("cpu"))
    request = Request(model=str(tiny_model), vae=str(folder), seed=1, steps=2)
    events = list(pipeline.images(request))
    assert any("less detail" in getattr(event, "message", "") for event in events)
    assert not any("colours may be wrong" in getattr(event, "message", "") for event in events)
    engine = pipeline.engine(request)
    latents = torch.randn(1, 4, 8, 8)
    with torch.inference_mode():
        assert torch.allclose(engine.decode(latents), referee.decode(latents).sample, atol=1e-6)
    (picture,) = [event for event in events if isinstance(event, Picture)]
    assert picture.pixels.shape == (64, 64, 3) and picture.pixels.dtype == np.uint8


def test_the_library_takes_one(folder):
    library = Library()
    try:
        assert library.add(folder, "tiny").role == "vae"
    finally:
        library.close()


@pytest.mark.parametrize(("key", "value"), [("latent_channels", 16), ("act_fn", "mish"), ("shift_factor", 0.1)])
def test_another_familys_is_refused_by_name(referee, folder, tiny_model, tmp_path, key, value):
    config = json.loads((folder / "config.json").read_text()) | {key: value}
    if key == "latent_channels":
        AutoencoderTiny(**WIDTHS, latent_channels=value).save_pretrained(tmp_path)
    else:
        referee.save_pretrained(tmp_path)
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"latent channels|act_fn|shifts"):
        load_engine("cpu")(str(tiny_model), str(tmp_path))
