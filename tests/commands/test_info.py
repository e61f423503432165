"""What a picture says of its making is shown in rows and words; JSON is for `--json`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from sdedge.batch import overrides
from sdedge.commands.rows import value_rows
from sdedge.images import metadata
from sdedge.request import Request
from tests.test_cli import run

REQUEST = Request("a red house\nat night", model="pocket", width=512, height=640, seed=7, tiling=True).replace(
    **overrides({
        "guides": "apg;freeu", "passes": '[{"enlarge": {"scale": 1.5}, "changes": {"strength": 0.5}}]',
        "regions": 'left: a "blue" boat\n0.25,0,1,0.5 weight=2 by=prediction: a balloon\nsky.png: clouds',
        "controls": "canny.pth:photo.jpg:canny:0.8:0-0.5;depth.pth::depth",
    })
)  # fmt: skip
FACTS = {
    "engine": "cpu float32", "version": "0.1.0", "model_name": "pocket", "canary": "not proved yet",
    "choices": [["colour", "red"], ["time", "night"]], "lora_hashes": "ink: 0123456789ab",
}  # fmt: skip
ROWS = """\
  prompt               a red house
                       at night
  size                 512x640
  guide                apg (eta 0, norm 7.5, momentum 0)
  guide                freeu (b1 1.3, b2 1.4, s1 0.9, s2 0.2)
  tiling               yes
  pass                 enlarged 1.5 times by latent (strength 0.5)
  region               a "blue" boat, in the left half
  region               a balloon, from 25% to 100% across and 0% to 50% down (weight 2, by prediction)
  region               clouds, where sky.png is white
  control              canny.pth with photo.jpg by canny (weight 0.8, from 0% to 50% of the steps)
  control              depth.pth with the picture to start from by depth
  choices
    1                  colour, red
    2                  time, night
  lora hashes          ink: 0123456789ab
"""


@pytest.fixture
def picture(tmp_path) -> Path:
    with open(tmp_path / "a.png", "wb") as file:
        metadata.write(file, np.zeros((64, 64, 3), np.uint8), "png", REQUEST, FACTS)
    return tmp_path / "a.png"


def is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False


def test_info_shows_every_part_in_words(picture):
    lines = run("info", picture).stdout.splitlines()
    assert [line for line in ROWS.splitlines() if line not in lines] == []
    assert not any(is_json(line[23:]) for line in lines)
    assert sum("pocket" in line for line in lines) == 1 and sum("0.1.0" in line for line in lines) == 1


def test_that_the_engine_s_check_was_not_finished_is_said_with_what_to_do(picture):
    (line,) = [line for line in run("info", picture).stdout.splitlines() if "check of the engine" in line]
    assert "not finished" in line and "`sdedge doctor`" in line and "once" in line and "canary" not in line
    assert json.loads(run("info", picture, "--json").stdout)["details"]["canary"] == "not proved yet"


def test_the_gallery_shows_a_picture_in_the_same_rows(picture, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(picture.parent / "home"))
    assert run("gallery", "rescan", picture.parent).returncode == 0
    lines = run("gallery", "show", picture).stdout.splitlines()
    assert [line for line in ROWS.splitlines() if line not in lines] == []
    assert not any(is_json(line[23:]) for line in lines)


def test_json_inside_of_another_program_s_text_becomes_rows(tmp_path):
    texts = PngImagePlugin.PngInfo()
    texts.add_text("parameters", 'a cat\nSteps: 20, Sampler: Euler, Seed: 1, Size: 64x64, Civitai resources: [{"type":'
                   '"checkpoint","modelName":"v1"}], Civitai metadata: {}')  # fmt: skip
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png", pnginfo=texts)
    lines = run("info", tmp_path / "a.png").stdout.splitlines()
    at = lines.index("  Civitai resources")
    assert lines[at + 1 : at + 4] == ["    1", "      type             checkpoint", "      modelName        v1"]
    assert not any("Civitai metadata" in line for line in lines)


@pytest.mark.parametrize(
    "value, rows",
    [([1, 2.5], ["  x                    1, 2.5"]), (True, ["  x                    yes"]), ({}, []),
     ("[a cat] in a {blue|red} house", ["  x                    [a cat] in a {blue|red} house"]),
     ({"a": {"b_c": None}}, ["  x", "    a", "      b c              none"])],
)  # fmt: skip
def test_values_of_any_kind_are_rows(value, rows):
    assert list(value_rows("x", value)) == rows
