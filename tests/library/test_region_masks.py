"""Masks of regions are kept by their content, found again by `--like` and the queue, and no path out of a picture is opened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.cli import cli
from sdedge.errors import InvalidRequest
from sdedge.images import metadata
from sdedge.library.control_models import settled_controls
from sdedge.library.hints import is_stored, keep_hint
from sdedge.library.safe_settings import safe_settings, unconfirmed_paths
from sdedge.regions import Region
from sdedge.request import Request


@pytest.fixture
def mask(tmp_path) -> Path:
    picture = Image.new("L", (64, 64))
    picture.paste(255, (0, 0, 32, 64))
    picture.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_no_mask_out_of_a_picture_is_opened(mask):
    stored = Region("a", mask=keep_hint(str(mask)))
    regions = (stored, Region("b", mask="/dev/stdin"), Region("c", mask="sha256:" + "0" * 64), Region("d"))
    assert unconfirmed_paths({"regions": regions}) == {"regions": ("/dev/stdin",)}
    safe, notices = safe_settings({"regions": regions}, lambda name: None)
    assert safe["regions"] == (stored, Region("d"))
    assert len(notices) == 2 and all("without this region" in notice and "--region" in notice for notice in notices)


def test_a_path_of_a_lora_is_taken_out_of_regions_as_out_of_the_prompt():
    settings = {"prompt": "x <lora:/srv/ink.safetensors:1>", "regions": (Region("y <lora:/srv/ink.safetensors:1>"),)}
    safe, _ = safe_settings(settings, lambda name: None)
    assert "/" not in safe["regions"][0].prompt and Request(**safe)


def test_a_mask_that_is_no_picture_is_refused_before_anything_is_kept(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(InvalidRequest) as refused:
        settled_controls(Request("x", regions=(Region("y", mask=str(tmp_path / "a.png")),)))
    assert refused.value.field == "regions"


def test_a_mask_of_another_shape_is_named_by_its_region_and_not_by_the_content_it_is_kept_by(tmp_path):
    from sdedge.generation.regions import region_mask

    for name, size, colour, said in (("tall", (20, 60), 255, "20x60"), ("black", (64, 64), 0, "is black")):
        Image.new("L", size, colour).save(tmp_path / f"{name}.png")
        region = Region("a boat", mask=keep_hint(str(tmp_path / f"{name}.png")))
        with pytest.raises(InvalidRequest, match=said) as refused:
            region_mask(region, (8, 8))
        assert "the region 'a boat'" in str(refused.value) and "sha256" not in str(refused.value)


@pytest.mark.slow
def test_like_draws_the_regions_again_and_the_queue_holds_them(tiny_model, mask, tmp_path):
    def run(*arguments: str) -> str:
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    drawn = ["--model", str(tiny_model), "--device", "cpu", "--steps", "1", "--seed", "3", "--size", "64"]
    out = tmp_path / "out"
    regions = ["--region", f"{mask}: a boat", "--region", "right base=0.2: snow"]
    run("generate", "a house", *drawn, *regions, "--out", str(out))
    (first,) = out.glob("*.png")
    recorded = metadata.read(first).fields["regions"]
    assert [region.prompt for region in recorded] == ["a boat", "snow"] and is_stored(recorded[0].mask)
    mask.unlink()
    again = tmp_path / "again"
    run("generate", "--like", str(first), "--model", str(tiny_model), "--device", "cpu", "--out", str(again))
    (second,) = again.glob("*.png")
    assert Image.open(first).tobytes() == Image.open(second).tobytes()
    none = tmp_path / "none"
    run("generate", "--like", str(first), *drawn[:4], "--region", "", "--out", str(none))
    assert "regions" not in metadata.read(next(none.glob("*.png"))).fields
    job = json.loads(run("queue", "add", "a house", "--model", str(tiny_model), "--region", "left: a boat", "--json"))
    assert job["request"]["regions"] == [{"prompt": "a boat", "area": [0.0, 0.0, 0.5, 1.0]}]
