"""What is said of a request before its first step: the size that nobody chose, and the same by a dry run as by a real one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from sdedge.engines.protocol import Capability
from sdedge.errors import Remedy
from sdedge.generation.img2img import open_source, size_notice
from sdedge.machine import canary
from sdedge.request import Request
from tests.test_cli import run


@pytest.fixture
def photo(tmp_path) -> Path:
    Image.effect_noise((256, 256), 80).convert("RGB").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture
def said(pipeline, models, tmp_path):
    """Returns what is said of the size at which a picture of a size is drawn."""

    def notice(size: tuple[int, int], **fields) -> str:
        Image.new("RGB", size).save(tmp_path / "p.png")
        request = Request("x", model=models[4], image=str(tmp_path / "p.png"), **fields)
        resolved = pipeline.resolve(request)
        return size_notice(request, resolved, open_source(resolved), pipeline.engine(request))

    return notice


@pytest.mark.parametrize(
    "size, both, more",
    [((256, 256), "256x256 pixels and is drawn at 96x96", Remedy.GIVE_SIZE.format(name="256x256")),
     ((640, 480), "640x480 pixels and is drawn at 128x96", Remedy.GIVE_SIZE.format(name="640x480")),
     ((90, 80), "90x80 pixels and is drawn at 88x80", "multiples of 8"),
     ((30, 60), "30x60 pixels and is drawn at 64x128", "from 64 to 4096 pixels"),
     ((5000, 100), "5000x100 pixels and is drawn at 128x64", "from 64 to 4096 pixels")],
)  # fmt: skip
def test_a_size_that_nobody_chose_is_told_with_both_and_what_to_do(said, size, both, more):
    notice = said(size)
    assert both in notice and more in notice and notice.count(".") == 1


@pytest.mark.parametrize("fields", [{}, {"width": 64, "height": 64}, {"width": 64}, {"height": 64}])
def test_of_a_size_that_is_its_own_or_was_chosen_nothing_is_told(said, fields):
    assert said((256, 256) if fields else (64, 64), **fields) == ""


def test_a_masked_picture_keeps_its_size_and_what_outpainting_adds_counts(said, tmp_path):
    Image.new("L", (256, 256), 255).save(tmp_path / "m.png")
    assert "drawn at 96x96 and put back into it, a size" in said((256, 256), mask=str(tmp_path / "m.png"))
    assert said((256, 256), mask=str(tmp_path / "m.png"), mask_only=True) == ""
    assert "288x256 pixels and is drawn at" in said((256, 256), outpaint=(32, 0, 0, 0))


def test_an_engine_of_few_sizes_says_that_they_are(said, pipeline, models, photo):
    class FewSizes:
        can = frozenset({Capability.NEAREST_SIZE})
        facts = pipeline.engine(Request("x", model=models[4])).facts

    request = Request("x", model=models[4], image=str(photo))
    resolved = pipeline.resolve(request)
    notice = size_notice(request, resolved, open_source(resolved), FewSizes())
    assert Remedy.CONVERT_OTHER_SIZES in notice and Remedy.GIVE_SIZE.format(name="256x256") not in notice


def notes(*arguments: object) -> list[str]:
    result = run("generate", "a red house", *arguments)
    assert result.returncode == 0, result.stderr
    lines = [re.sub(r"[\d.]+ GB", "GB", line) for line in result.stderr.splitlines()]  # what is free changes meanwhile
    return [line.removeprefix("note: ") for line in lines if line.startswith("note: ")]


@pytest.mark.parametrize(
    "options, part",
    [(["--guide", "apg", "--guidance", "1"], "apg has no effect"), (["--image-guidance", "2"], "is not InstructPix2Pix"),
     (["-i", "PHOTO"], "256x256"), (["-i", "PHOTO", "--mask", "PHOTO"], "The mask is hard"),
     (["--strength", "0.5"], "Strength has no effect"), (["--hires", "2", "--hires-size", "128x128"], "Hires has no effect"),
     (["--memory", "low"], "Memory mode low"), (["--variation-seed", "3"], "Variation seed has no effect")],
)  # fmt: skip
def test_a_dry_run_says_what_a_real_one_says(models, tmp_path, photo, options, part):
    typed = [str(photo) if each == "PHOTO" else each for each in options]
    common = ["--model", models[4], "--steps", "1", "--seed", "1", "--device", "cpu", *typed]
    drawn, dry = notes(*common, "-o", tmp_path / "a.png"), notes(*common, "--dry-run")
    assert any(part in note for note in drawn) and (tmp_path / "a.png").exists()
    assert [note for note in drawn if note not in dry] == []


def test_a_dry_run_names_tags_that_are_left_out_and_refuses_loras_that_are_not_there(models):
    common = ["--model", models[4], "--dry-run"]
    result = run("generate", "a house <hypernet:x:1>", *common)
    assert result.returncode == 0 and "hypernet" in result.stderr
    result = run("generate", "a house <lora:nobody:1>", *common)
    assert result.returncode == 2 and "nobody" in result.stderr and result.stdout == ""


def test_a_dry_run_says_that_the_engine_will_be_checked_and_begins_nothing(models, monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    monkeypatch.setattr("sdedge.process.prover.start", lambda engine: pytest.fail("a check began"))
    common = ["--model", models[4], "--device", "cpu", "--dtype", "float32", "--dry-run"]
    assert any("first time" in note and "once" in note for note in notes(*common))
    canary.keep(canary.Verdict("cpu float32", canary.State.PROVED))
    assert not any("first time" in note for note in notes(*common))
