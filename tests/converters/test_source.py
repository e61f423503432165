"""What a bundle records of its model: the same wherever the model lies, and what earlier versions recorded is known still."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from itertools import islice

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from converters.cli import convert as convert_group
from converters.coreml import convert
from converters.recipe import PackageRecipe
from converters.source import ConversionSource, open_source
from sdedge.events import Notice, Progress
from sdedge.library.imports import hash_file, hash_of_folder
from sdedge.library.manifest import Manifest
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_single
from tests.engines.coreml.test_lora_packages import random_lora


def _recorded_earlier(source: ConversionSource) -> str:
    """What versions before recorded: places by the last folder alone, of a single file by the one it lay in."""
    files = {tensor.file.path for part in source.checkpoint.components.values() for tensor in part.values()}
    hashed = {f"{path.parent.name}/{path.name}": hash_file(path) for path in files}
    text = hash_of_folder(hashed) + json.dumps(source.checkpoint.configs, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("is_file", [True, False])
def test_a_model_that_is_moved_is_the_same(tiny_model, tmp_path, is_file):
    made = tmp_path / ("tiny.safetensors" if is_file else "tiny")
    if is_file:
        export_single(open_checkpoint(tiny_model), made)
    else:
        shutil.copytree(tiny_model, made)
    before = open_source(str(made))
    identity, earlier = before.identify(), _recorded_earlier(before)
    assert before.identify({"sha256": earlier})["sha256"] == earlier
    assert before.identify({"sha256": "another", "loras": 5}) == identity
    (tmp_path / "elsewhere").mkdir()
    moved = made.rename(tmp_path / "elsewhere" / f"renamed{made.suffix}")
    assert open_source(str(moved)).identify()["sha256"] == identity["sha256"]


def test_a_bundle_of_an_earlier_version_keeps_its_model(tiny_model, tmp_path):
    """Its parts are kept by another conversion, and it is verified."""
    model, folder = tmp_path / "tiny.safetensors", tmp_path / "b"
    export_single(open_checkpoint(tiny_model), model, tokenizer=tiny_model / "tokenizer")
    recipe = PackageRecipe(((64, 64),), components=("vae_encoder",))
    list(convert(str(model), folder, recipe))
    manifest, source = Manifest.read(folder), open_source(str(model))
    part, earlier = manifest.components["vae_encoder"], _recorded_earlier(source)
    part = replace(part, figures={**part.figures, "recipe": {**part.figures["recipe"], "source": earlier}})
    recorded = {**manifest.source, "sha256": earlier}
    replace(manifest, components={"vae_encoder": part}, source=recorded).write(folder)
    phases = [event.phase for event in convert(str(model), folder, recipe) if isinstance(event, Progress)]
    assert phases[0] == "VAEEncoder: kept"
    assert Manifest.read(folder).source["sha256"] == earlier != source.identify()["sha256"]
    done = CliRunner().invoke(convert_group, ["verify", str(folder), "--model", str(model), "--no-picture"])
    assert done.exit_code == 0, done.output


def test_a_lora_whose_file_is_renamed_is_the_same(tiny_model, tmp_path):
    """Its parts are kept, under the name that they were made with, and ControlNets may be added to them."""
    style = random_lora(tmp_path / "style.safetensors", tiny_model, networks=("text_encoder",))
    recipe, folder = PackageRecipe(((64, 64),), components=("text_encoder",), loras=((style, 0.5),)), tmp_path / "b"
    list(convert(str(tiny_model), folder, recipe))
    recorded = Manifest.read(folder).source
    renamed = style.rename(tmp_path / "renamed.safetensors")
    source = open_source(str(tiny_model), ((renamed, 0.5),))
    assert source.identify(recorded)["loras"] == recorded["loras"] != source.identify()["loras"]
    for others in (((renamed, 0.25),), ()):
        loras = open_source(str(tiny_model), others).identify(recorded)["loras"]
        assert [lora[:2] for lora in loras] == [[path.name, weight] for path, weight in others]
    again = replace(recipe, loras=((renamed, 0.5),))
    phases = [event.phase for event in convert(str(tiny_model), folder, again) if isinstance(event, Progress)]
    assert phases[0] == "TextEncoder: kept" and Manifest.read(folder).source["loras"] == recorded["loras"]


def test_what_a_lora_holds_that_matches_nothing_is_said(tiny_model, tmp_path):
    pieces = load_file(random_lora(tmp_path / "style.safetensors", tiny_model, networks=("text_encoder",)))
    save_file({**pieces, "lora_te_nowhere.vera_d": torch.ones(2)}, tmp_path / "style.safetensors")
    recipe = PackageRecipe(((64, 64),), components=("vae_encoder",), loras=((tmp_path / "style.safetensors", 0.5),))
    events = convert(str(tiny_model), tmp_path / "b", recipe)
    said = [event.message for event in islice(events, 5) if isinstance(event, Notice)]
    assert any("style has 1 names that match nothing in this model (first lora_te_nowhere" in text for text in said)
