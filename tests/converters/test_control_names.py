"""Two ControlNets of one name in a bundle, by the letters that all file systems tell apart: none replaces another."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from converters.cli import convert as convert_group
from converters.recipe import PackageRecipe
from converters.source import open_source
from sdedge.errors import InvalidRequest
from sdedge.library.manifest import Manifest
from tests.control_models import random_controlnet


@pytest.fixture(scope="module")
def net(tiny_model, tmp_path_factory) -> Path:
    """A ControlNet for the tiny model."""
    folder = tmp_path_factory.mktemp("nets") / "line_art"
    random_controlnet(json.loads((tiny_model / "unet" / "config.json").read_text())).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("called", ["line_art", "line-art", "Line_Art", "line?art", "lineart"])
def test_two_of_one_name_are_refused_before_anything_is_made(tiny_model, net, tmp_path, called):
    another = shutil.copytree(net, tmp_path / called)
    with pytest.raises(InvalidRequest, match="Two of the ControlNets are called"):
        open_source(str(tiny_model), controlnets=(str(net), str(another)))


@pytest.mark.parametrize("name", ["line_art", "LINE_ART"])
def test_another_file_of_a_name_that_the_bundle_has_is_refused(tiny_model, tiny_bundle, net, tmp_path, name):
    folder = Path(shutil.copytree(tiny_bundle, tmp_path / "b"))
    manifest = Manifest.read(folder)
    recipe, sha256 = PackageRecipe(manifest.sizes).of(f"controlnet_{name}", manifest.source, "1" * 64), "1" * 64
    figures = {"recipe": recipe, "control": {"name": name, "sha256": sha256, "use": "", "is_pooled": False}}
    part = replace(manifest.components["unet"], figures=figures)
    replace(manifest, components={**manifest.components, f"controlnet_{name}": part}).write(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    for command in (
        ["controlnet", str(folder), str(net), "-m"],
        ["coreml", "--out", str(folder), "--controlnet", str(net)],
    ):
        done = CliRunner().invoke(convert_group, [*command, str(tiny_model)])
        with pytest.raises(InvalidRequest, match=rf"holds the ControlNet '{name}' \(1111111111\) where 'line_art' \("):
            raise done.exception
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
