"""`sdedge upscale` as people use it: files and folders, names, settings that go along, and the library."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdedge.errors import InvalidRequest, MissingModel, ModelError, OutputError, SdedgeError
from sdedge.generation.upscale import PictureUpscaler
from sdedge.images import metadata
from sdedge.images.output import Output
from sdedge.library.upscalers import find_upscaler, installed_upscalers
from sdedge.models.upscaler_config import SRVGGConfig
from sdedge.request import Resolved
from tests.library.conftest import run
from tests.upscaler_models import TINY, random_state

PARAMETERS = "a cat\nNegative prompt: dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 64x64, Model: x"


@pytest.fixture
def x4(tmp_path):
    torch.save({"params_ema": random_state(TINY)}, tmp_path / "RealESRGAN_x4plus.pth")
    return tmp_path / "RealESRGAN_x4plus.pth"


def _picture(path, size=(9, 7), **options):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def _ours(folder, **facts):
    request = Resolved("a fox", seed=3, width=64, height=64, guidance=7.0, schedule="karras", steps=5, noise="torch")
    return Output(folder, file="ours.png").write(np.zeros((64, 64, 3), np.uint8), request, facts, 1)


def test_a_folder_is_enlarged_under_the_same_names_and_nothing_is_overwritten(x4, tmp_path):
    for name in ("a.png", "b.jpg"):
        _picture(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / "older").mkdir()
    (tmp_path / "in" / "broken.png").write_bytes(b"x")
    with pytest.raises(OutputError, match="1 of 3 pictures were not enlarged"):
        run("upscale", tmp_path / "in", "--model", x4, "--to", tmp_path / "out")
    (tmp_path / "in" / "broken.png").unlink()
    before = (tmp_path / "out" / "a.png").read_bytes()
    output = run("upscale", tmp_path / "in", "--model", x4, "--to", tmp_path / "out", "--scale", 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a-2.png", "a.png", "b-2.png", "b.png"]
    assert (
        tmp_path / "out" / "a.png"
    ).read_bytes() == before and "no pictures by their names: notes.txt, older." in output
    assert Image.open(tmp_path / "out" / "a.png").size == (36, 28)
    assert Image.open(tmp_path / "out" / "a-2.png").size == (18, 14)


def test_the_settings_go_along_with_what_was_done_appended(x4, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", PARAMETERS)
    info.add_text("workflow", '{"nodes": []}')
    _picture(tmp_path / "in" / "theirs.png", pnginfo=info)
    ours = _ours(tmp_path / "in", model_name="m")
    run("upscale", tmp_path / "in", "--model", x4, "--to", tmp_path / "out")
    texts = Image.open(tmp_path / "out" / "theirs.png").text
    done = "Postprocess upscale by: 4, Postprocess upscaler: RealESRGAN_x4plus"
    assert texts["parameters"] == f"{PARAMETERS}, {done}" and texts["workflow"] == '{"nodes": []}'
    assert texts["postprocessing"] == done
    assert metadata.read(tmp_path / "out" / "ours.png").fields == metadata.read(ours).fields
    run("upscale", tmp_path / "out" / "ours.png", "--to", tmp_path / "twice.webp")
    again = metadata.read(tmp_path / "twice.webp")
    assert again.fields == metadata.read(ours).fields
    assert "Lanczos" in metadata.read_texts(tmp_path / "twice.webp")["parameters"]
    assert "4" in metadata.read_texts(tmp_path / "twice.webp")["description"]
    run("upscale", ours, "--to", tmp_path / "bare.png", "--no-metadata")
    assert not Image.open(tmp_path / "bare.png").text


def test_an_upscaler_is_installed_listed_called_by_a_part_of_its_name_and_removed(x4, tmp_path):
    assert "RRDBNet" in run("models", "add", x4)
    torch.save({"params": random_state(SRVGGConfig(8, 2))}, tmp_path / "realesr-general-x4v3.pth")
    run("models", "add", tmp_path / "realesr-general-x4v3.pth", "--link")
    (first, second) = sorted(installed_upscalers(), key=lambda model: model.kind)
    assert (first.role, first.kind, second.kind, first.base) == ("upscaler", "RRDBNet", "SRVGG", "")
    for name in ("RealESRGAN_x4plus", "x4plus", first.sha256[:10]):
        assert find_upscaler(name) == first.path
    with pytest.raises(InvalidRequest, match="may be"):
        find_upscaler("realesr")
    with pytest.raises(ModelError, match="There is no upscaler 'swinir'"):
        find_upscaler("swinir")
    with pytest.raises(MissingModel):  # bad usage, to a command line
        run("upscale", x4, "--model", "swinir")
    assert "4 times" in run("models", "info", "RealESRGAN_x4plus")
    assert "as it was added" in run("models", "verify", "--weights")
    image = _picture(tmp_path / "in" / "a.png")
    assert "Enlarged" in run("upscale", image, "--model", "general", "--to", tmp_path / "o", "--json")
    with pytest.raises(ModelError, match="is an ESRGAN upscaler, not a Stable Diffusion"):
        run("generate", "x", "--model", "RealESRGAN_x4plus", "--out", tmp_path / "o")
    run("models", "remove", "RealESRGAN_x4plus")
    assert not first.path.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--scale", "0.5"], "out of range"),
        (["--scale", "nan"], "out of range"),
        (["--format", "gif"], "Unknown picture format"),
        (["--device", "tpu"], "is not here"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(x4, tmp_path, options, sentence):
    image = _picture(tmp_path / "in" / "a.png")
    with pytest.raises(InvalidRequest, match=sentence):
        run("upscale", image, "--model", x4, "--to", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--device", "tpu"], "is not here"),  # though a filter needs none
        (["--model", "lanczso"], "did you mean lanczos?"),
        (["--model", "nothing-like-it"], r"\(known: lanczos\); add an upscaler with .*, or give its path"),
        (["--model", "gone/x4.pth"], "There is no file 'gone/x4.pth'; check its path"),
    ],
)
def test_what_is_not_there_is_said_with_what_may_be_meant(tmp_path, options, sentence):
    image = _picture(tmp_path / "a.png")
    with pytest.raises(SdedgeError, match=sentence):
        run("upscale", image, "--to", tmp_path / "out", *options)
    assert not (tmp_path / "out").exists()


def test_sizes_beyond_a_format_and_folders_without_pictures_are_refused(tmp_path, monkeypatch):
    image = _picture(tmp_path / "in" / "wide.png", (2000, 1))
    monkeypatch.setattr(PictureUpscaler, "enlarge_image", lambda *arguments: pytest.fail("enlarged for nothing"))
    with pytest.raises(InvalidRequest, match="more than a webp file holds"):
        run("upscale", image, "--scale", 16, "--to", tmp_path / "x.webp")
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidRequest, match="no pictures in"):
        run("upscale", tmp_path / "none", "--to", tmp_path)
    with pytest.raises(InvalidRequest, match="is one file"):
        run("upscale", image, image, "--to", tmp_path / "x.png")
    assert not (tmp_path / "x.webp").exists()
