"""The image encoder of an IP-Adapter: where it is looked for, what is said where it is missing, and drawing from the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdedge.controls import Control
from sdedge.errors import ModelError, Remedy
from sdedge.images import metadata
from sdedge.library.control_models import find_control, installed_controls
from sdedge.library.hints import keep_hint
from sdedge.library.image_encoders import find_image_encoder
from sdedge.library.models import Library
from sdedge.models.config import UNetConfig
from sdedge.places import hub_cache
from sdedge.weights.control import open_control
from tests.ip_adapter_models import random_ip_adapter, write_bin, write_image_encoder
from tests.library.conftest import run


@pytest.fixture(scope="module")
def unet(tiny_model) -> dict:
    return json.loads((tiny_model / "unet" / "config.json").read_text())


@pytest.fixture(scope="module")
def published(unet, tmp_path_factory) -> Path:
    """An encoder as it is published; copy it before changing it."""
    return write_image_encoder(tmp_path_factory.mktemp("published") / "image_encoder")


@pytest.fixture
def adapter(unet, tmp_path) -> Path:
    folder = tmp_path / "adapters"
    folder.mkdir()
    return write_bin(folder / "ip-adapter_sd15.bin", random_ip_adapter(unet))


def _find(adapter: Path, unet: dict):
    model = open_control(adapter)
    return find_image_encoder(model.path, model.name, model.ip_adapter_config(UNetConfig.from_json(unet)))


def test_it_is_beside_the_adapter_or_installed_or_in_the_hub_s_cache(adapter, unet, published, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelError, match="CLIP ViT-H/14, which is not here") as missing:
        _find(adapter, unet)
    said = str(missing.value)
    assert (
        f") into {adapter.parent / 'image_encoder'}, or add" in said and "https://huggingface.co/h94/IP-Adapter" in said
    )
    monkeypatch.chdir(adapter.parent)
    with pytest.raises(ModelError, match="CLIP") as relative:  # a path that was typed from where the file is
        _find(Path(adapter.name), unet)
    assert str(relative.value) == said
    assert missing.value.remedy is Remedy.ADD_IMAGE_ENCODER and str(missing.value).count(". ") == 0
    snapshot = hub_cache() / "models--h94--IP-Adapter" / "snapshots" / "abc" / "models" / "image_encoder"
    shutil.copytree(published, snapshot)
    assert _find(adapter, unet).path == snapshot
    run("models", "add", published)
    (installed,) = Library().models()
    assert (installed.role, installed.kind) == ("control", "image-encoder")
    assert _find(adapter, unet).path == installed.path
    beside = adapter.parent / "image_encoder"
    shutil.copytree(published, beside)
    assert (_find(adapter, unet).path, _find(adapter, unet).side, _find(adapter, unet).tokens) == (beside, 32, 17)


def test_one_that_gives_other_values_says_both(adapter, unet, published):
    beside = adapter.parent / "image_encoder"
    shutil.copytree(published, beside)
    config = json.loads((beside / "config.json").read_text())
    (beside / "config.json").write_text(json.dumps({**config, "projection_dim": 768}))
    with pytest.raises(ModelError, match=r"reads 24 values for a picture, and the image encoder .* gives 768"):
        _find(adapter, unet)
    (beside / "config.json").write_text(json.dumps({**config, "projection_dim": "many"}))
    with pytest.raises(ModelError, match="has projection_dim='many', which no image encoder has"):
        _find(adapter, unet)


def test_an_encoder_is_no_control_and_an_adapter_no_model(adapter, published):
    run("models", "add", published)
    run("models", "add", adapter)
    (model,) = installed_controls()
    assert (model.name, model.kind) == ("ip-adapter_sd15", "ip-adapter") and find_control("ip-adapter") == model.path
    listed = run("models", "list")
    assert "image_encoder" in listed and "ip-adapter_sd15" in listed
    with pytest.raises(ModelError, match="a CLIP vision model"):
        open_control(published)
    assert run("models", "verify", "--weights").count("as it was added") == 2


@pytest.mark.slow
def test_a_picture_is_drawn_again_with_its_photo_from_its_record_alone(adapter, published, tiny_model, tmp_path):
    for path, *more in ((published,), (adapter,), (tiny_model, "--name", "tiny")):
        run("models", "add", path, *more)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(5).integers(0, 256, (50, 64, 3), dtype=np.uint8)).save(photo)
    settings = ["--model", "tiny", "--steps", "2", "--seed", "3", "--device", "cpu"]
    first, again, without = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    said = run("generate", "a house", *settings, "--control", f"ip-adapter:{photo}:0.9", "--dry-run")
    assert "The control ip-adapter_sd15 adds one pass a picture of an image encoder" in " ".join(said.split())
    run("generate", "a house", *settings, "--control", f"ip-adapter:{photo}:0.9", "-o", first)
    assert metadata.read(first).fields["controls"] == (Control("ip-adapter_sd15", keep_hint(str(photo)), 0.9),)
    text = metadata.Image.open(first).info["parameters"]
    assert 'ControlNet 0: "Module: ip-adapter_clip_sd15, Model: ip-adapter_sd15, Weight: 0.9' in text
    photo.unlink()
    run("generate", "--like", first, "--device", "cpu", "-o", again)
    run("generate", "a house", *settings, "-o", without)
    pixels = [np.asarray(Image.open(path)) for path in (first, again, without)]
    assert np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[0], pixels[2])
