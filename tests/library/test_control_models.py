"""Control models in the library, hints by their content, and what a picture's record may lead to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file

from sdedge.cli import cli
from sdedge.controls import Control
from sdedge.errors import InvalidRequest, ModelError, Remedy, SdedgeError
from sdedge.images import metadata
from sdedge.library.control_models import find_control, installed_controls, settled_controls
from sdedge.library.hints import hint_folder, hint_path, is_reference, keep_hint
from sdedge.library.jobs import Queue
from sdedge.library.models import Library
from sdedge.library.safe_settings import library_names, safe_settings, unconfirmed_paths
from sdedge.library.schema import MIGRATIONS
from sdedge.library.store import open_store
from sdedge.request import Request
from tests.control_models import ldm_names, random_controlnet, write_pth, write_safetensors
from tests.library.conftest import run


@pytest.fixture(scope="module")
def controlnet(tiny_model):
    return random_controlnet(json.loads((tiny_model / "unet" / "config.json").read_text()), 1, 0.3)


@pytest.fixture
def control(controlnet, tmp_path) -> Path:
    return write_pth(tmp_path / "control_v11p_sd15_canny.pth", ldm_names(controlnet.state_dict()))


@pytest.fixture
def hint(tmp_path) -> Path:
    rng = np.random.default_rng(5)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / "hint.png")
    return tmp_path / "hint.png"


def test_a_control_model_is_installed_listed_and_called_by_a_part_of_its_name(control, controlnet, tmp_path):
    assert "control_v11p_sd15_canny" in run("models", "add", control)
    assert "control_v11p_sd15_canny" in run("models", "list")
    (model,) = installed_controls()
    assert (model.role, model.kind) == ("control", "controlnet")
    for name in ("control_v11p_sd15_canny", "canny", "CANNY", model.sha256[:10], model.legacy_hash):
        assert find_control(name) == model.path
    run("models", "add", write_safetensors(tmp_path / "canny2.safetensors", controlnet.state_dict()))
    assert find_control("canny2") != model.path
    with pytest.raises(InvalidRequest, match="may be canny2 and control_v11p"):
        find_control("canny")
    with pytest.raises(
        ModelError, match="There is no control model 'depth'"
    ) as missing:  # as any model that is not there
        find_control("depth")
    assert (missing.value.field, missing.value.remedy) == ("controls", Remedy.ADD_CONTROL)
    controlnet.save_pretrained(tmp_path / "folder")
    run("models", "add", tmp_path / "folder", "--name", "by diffusers")
    assert (find_control("by diffusers") / "config.json").is_file()


def test_a_hint_is_its_content_whatever_becomes_of_its_file(hint, tmp_path):
    reference = keep_hint(str(hint))
    assert is_reference(reference) and keep_hint(str(hint)) == reference == keep_hint(reference)
    content = hint.read_bytes()
    hint.unlink()
    assert hint_path(reference).read_bytes() == content and len([*hint_folder().iterdir()]) == 1
    with pytest.raises(InvalidRequest, match="Cannot read the hint"):
        keep_hint(str(hint))
    with pytest.raises(InvalidRequest, match="not kept on this machine"):
        hint_path("sha256:" + "0" * 64)
    request = Request(controls=(Control("canny", reference), Control("depth", reference, mask=reference)))
    assert Request.from_json(request.to_json()) == request


def test_a_picture_is_drawn_again_with_its_hint_from_its_record_alone(control, hint, tiny_model, tmp_path):
    run("models", "add", control)
    run("models", "add", tiny_model, "--name", "tiny")
    settings = ["--model", "tiny", "--steps", "2", "--seed", "3", "--device", "cpu"]
    first, again, without = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    run("generate", "a house", *settings, "--control", f"canny:{hint}:0.9:0-1", "-o", first)
    recorded = metadata.read(first).fields["controls"]
    assert recorded == (Control("control_v11p_sd15_canny", keep_hint(str(hint)), 0.9),)
    assert (
        'ControlNet 0: "Module: none, Model: control_v11p_sd15_canny, Weight: 0.9'
        in metadata.Image.open(first).info["parameters"]
    )
    hint.unlink()
    run("generate", "--like", first, "--device", "cpu", "-o", again)
    run("generate", "a house", *settings, "-o", without)
    pixels = [np.asarray(Image.open(path)) for path in (first, again, without)]
    assert np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[0], pixels[2])


@pytest.mark.slow
def test_like_refuses_a_control_whose_model_is_not_installed_until_it_is(control, hint, tiny_model, tmp_path):
    run("models", "add", tiny_model, "--name", "tiny")
    first, like = tmp_path / "a.png", ("generate", "--like", tmp_path / "a.png", "--device", "cpu")
    settings = ["--model", "tiny", "--steps", "1", "--size", "64", "--seed", "3", "--device", "cpu"]
    run("generate", "a house", *settings, "--control", f"{control}:{hint}", "-o", first)
    with pytest.raises(
        InvalidRequest, match=r"'control_v11p_sd15_canny', which is not installed; add its file"
    ) as refused:
        run(*like, "-o", tmp_path / "b.png")
    assert refused.value.field == "controls" and not (tmp_path / "b.png").exists()
    said = run(*like, "--control", "", "-o", tmp_path / "without.png")
    assert "note:" not in said
    run("models", "add", control)
    assert "note" not in run(*like, "-o", tmp_path / "b.png")
    pixels = [np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png", "without.png")]
    assert np.array_equal(pixels[0], pixels[1]) and not np.array_equal(pixels[0], pixels[2])


def test_a_job_keeps_the_hint_it_was_added_with(control, hint):
    run("models", "add", control)
    run("queue", "add", "a house", "--control", f"canny:{hint}:0.5", "--control", f"{control}:{hint}")
    with open_store() as store:
        (job,) = Queue(store).jobs()
        reference = keep_hint(str(hint))
        assert job.request.controls == (
            Control("control_v11p_sd15_canny", reference, 0.5),
            Control(str(control), reference),
        )


def test_no_path_of_a_control_out_of_a_picture_is_opened(control, hint):
    run("models", "add", control)
    stored = keep_hint(str(hint))
    controls = (
        Control("control_v11p_sd15_canny", stored), Control("canny", "/dev/stdin"), Control("C:\\nets\\unknown.pth", stored),
        Control("/elsewhere/control_v11p_sd15_canny.pth", stored, mask="//share/m.png"), Control("control_v11p_sd15_canny"),
        Control("/elsewhere/control_v11p_sd15_canny.pth", stored, 0.5), Control("control_v11p_sd15_canny", "sha256:" + "0" * 64),
    )  # fmt: skip
    safe, notices = safe_settings({"controls": controls}, library_names)
    assert safe["controls"] == (
        Control("control_v11p_sd15_canny", stored), Control("control_v11p_sd15_canny", stored, 0.5)
    )  # fmt: skip
    assert len(notices) == 5 and all("drawn without this control and will differ" in notice for notice in notices)
    assert ["--control" in notice for notice in notices] == [False, False, True, True, True]
    assert "add its file with `sdedge models add`" in notices[1]
    assert unconfirmed_paths({"controls": controls})["controls"][:2] == ("/dev/stdin", "C:\\nets\\unknown.pth")


def test_a_refused_kind_is_not_installed(tmp_path):
    names = ("lllite_unet_a.conditioning1.0.weight", "lllite_unet_a.up.weight")
    save_file({name: torch.zeros(2, 2) for name in names}, tmp_path / "lllite.safetensors")
    with pytest.raises(ModelError, match="LLLite"):
        run("models", "add", tmp_path / "lllite.safetensors")
    assert installed_controls() == []


def test_models_of_before_control_models_are_still_there(tmp_path, monkeypatch, tiny_model):
    with monkeypatch.context() as before:
        before.setattr("sdedge.library.models.MIGRATIONS", MIGRATIONS[:1])
        library = Library(tmp_path)
        library.add(tiny_model, "mine", link=True)
        library.accept("a licence")
        library.close()
    grown = Library(tmp_path)
    assert [model.name for model in grown.models()] == ["mine"] and grown.verify("mine") == []
    files = grown.database.execute("SELECT count(*) AS n FROM model_files").fetchone()["n"]
    grown.remove("mine")
    assert files > 3 and grown.database.execute("SELECT count(*) AS n FROM model_files").fetchone()["n"] == 0


def test_a_word_in_the_place_of_a_preprocessor_is_named(tmp_path, control):
    photo = tmp_path / "photo.png"
    Image.new("RGB", (8, 8)).save(photo)
    with pytest.raises(InvalidRequest, match="no preprocessor 'cany'") as refused:
        settled_controls(Request("a", controls=(Control(str(control), f"{photo}:cany"),)))
    assert refused.value.field == "controls"
    with pytest.raises(InvalidRequest, match="no preprocessor 'cany'"):
        run("generate", "a", "--control", f"{control}:{photo}:cany")


def test_a_control_that_is_refused_leaves_no_hint_behind(tiny_model, control, hint, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("no picture")
    draw = ("generate", "a", "--model", tiny_model, "--steps", "2", "--size", "64", "-o", tmp_path / "out")
    for wrong in (
        f"{control}:{text}", f"{hint}:{control}", f"{text}", f"nothing:{hint}", f"{control}:{hint}:1:0.9-0.95",
        f"{tiny_model}:{hint}",
    ):  # fmt: skip
        with pytest.raises(SdedgeError):
            run(*draw, "--control", f"{control}:{hint}", "--control", wrong)
        assert not hint_folder().is_dir() or not [*hint_folder().iterdir()], wrong
    with pytest.raises(SdedgeError):
        run("queue", "add", "a", "--control", f"{control}:{hint}", "--control", f"{control}:{text}")
    assert not hint_folder().is_dir() or not [*hint_folder().iterdir()]
    run(*draw, "--control", f"{control}:{hint}")
    assert len([*hint_folder().iterdir()]) == 1


def test_a_refused_dry_run_prints_no_request_and_is_refused_as_the_drawing(tiny_model, control, hint, tmp_path):
    draw = ("generate", "a", "--model", tiny_model, "--steps", "2", "--size", "64", "-o", tmp_path / "out")
    good = CliRunner().invoke(cli, list(map(str, (*draw, "--dry-run", "--control", f"{control}:{hint}"))))
    assert good.exit_code == 0 and json.loads(good.stdout)["steps"] == 2 and "0.0 GB" not in good.stderr
    assert "MB of memory" in good.stderr and "cut off" not in good.stderr and not hint_folder().exists()
    for wrong in (
        f"{control}:{tmp_path / 'none.png'}",
        f"{control}:{hint}:1:0.9-0.95",
        str(control),
        f"{hint.parent}/no.pth:{hint}",
    ):
        refused = [
            CliRunner().invoke(cli, list(map(str, (*draw, *dry, "--control", wrong)))) for dry in (("--dry-run",), ())
        ]
        assert [result.stdout for result in refused] == ["", ""], wrong
        assert repr(refused[0].exception) == repr(refused[1].exception) and isinstance(
            refused[0].exception, SdedgeError
        )


@pytest.mark.parametrize("text", ["{hint}", "{hint}:0.8", "{hint}:canny", "model={hint},hint={hint}"])
def test_a_picture_in_the_place_of_the_model_is_named(hint, text):
    with pytest.raises(InvalidRequest, match=r"is a picture and no control model; write the model before its hint"):
        run("generate", "a", "--control", text.format(hint=hint))
