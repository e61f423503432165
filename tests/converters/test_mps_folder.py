"""The folder of `sdedge convert mps`: what is there stays until all is made, and an interrupted conversion can be run again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from converters import mps
from converters.bundle import EXCHANGING, hash_files
from converters.mps import GraphRecipe, convert
from sdedge.errors import OutputError
from sdedge.events import Progress
from sdedge.library.manifest import BundleComponent, Manifest

FIGURES = {"peak_bytes": {"64x64": 1}, "largest": {"4": 64, "8": 64, "16": 64}}
RECIPE = GraphRecipe(64, 64)


@pytest.fixture(autouse=True)
def made(monkeypatch) -> list[str]:
    """A stage is one small file here, which says how many stages were made before it."""
    stages: list[str] = []

    def make(source, stage: str, recipe, out: Path) -> BundleComponent:
        (out / stage).mkdir()
        (out / stage / "program.json").write_text(str(len(stages)))
        stages.append(stage)
        return BundleComponent(stage, {}, {}, 1, hash_files(out / stage), FIGURES)

    monkeypatch.setattr(mps, "make_stage", make)
    return stages


def _texts(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def _interrupt(model: Path, folder: Path) -> None:
    running = convert(str(model), folder, RECIPE)
    next(event for event in running if isinstance(event, Progress) and event.done == 2)
    running.close()


def test_an_interrupted_conversion_leaves_nothing_and_can_be_run_again(tiny_model, tmp_path):
    _interrupt(tiny_model, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    list(convert(str(tiny_model), tmp_path / "b", RECIPE))
    assert set(Manifest.read(tmp_path / "b").components) == set(mps.STAGES)


def test_a_killed_conversion_can_be_run_again(tiny_model, tmp_path, made):
    """Its lock and what it made beside are there still."""
    (tmp_path / ".converting.lock").touch()
    (tmp_path / ".graphs-killed.part" / "unet").mkdir(parents=True)
    list(convert(str(tiny_model), tmp_path, RECIPE))
    assert {path.name for path in tmp_path.iterdir()} == {*made, "manifest.json", "vocab.json", "merges.txt"}


def test_a_bundle_stays_whole_until_another_is(tiny_model, tmp_path):
    list(convert(str(tiny_model), tmp_path, RECIPE))
    (tmp_path / "safety_checker").mkdir()  # of a model that had one
    before = _texts(tmp_path)
    _interrupt(tiny_model, tmp_path)
    assert _texts(tmp_path) == before
    list(convert(str(tiny_model), tmp_path, RECIPE))
    after = _texts(tmp_path)
    assert after.keys() == before.keys() and not (tmp_path / "safety_checker").exists()
    assert after["unet/program.json"] != before["unet/program.json"]


def test_an_interrupted_exchange_is_no_bundle_and_can_be_run_again(tiny_model, tmp_path, monkeypatch):
    list(convert(str(tiny_model), tmp_path, RECIPE))

    def full(made: Path, target: Path) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched, pytest.raises(OutputError, match=r"No space left.*free some space"):
        patched.setattr(mps, "replace_folder", full)
        list(convert(str(tiny_model), tmp_path, RECIPE))
    assert (tmp_path / EXCHANGING).exists() and not (tmp_path / "manifest.json").exists()
    list(convert(str(tiny_model), tmp_path, RECIPE))
    assert not (tmp_path / EXCHANGING).exists() and Manifest.read(tmp_path).kind == "graph"


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    def full(*arguments):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(mps, "save_file", full)
    program = mps.Program(torch.fx.Graph(), {})
    with pytest.raises(OutputError, match=r"Cannot write .*unet: .*No space left on device.*; choose another folder"):
        mps.write_stage(program, tmp_path / "unet")
