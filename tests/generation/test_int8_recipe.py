"""An int8 recipe is measured once for the same weights, and leaves out as many layers as a model's pictures ask for."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.engines.open import EMBEDDED, locate
from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.cpu.int8_unet import FILE, Int8Recipe
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest
from sdedge.evaluation import obedience
from sdedge.evaluation.obedience import fraction_obeyed
from sdedge.events import Loading
from sdedge.generation import calibrations, int8_recipe
from sdedge.generation.int8_recipe import Compared, Measured, Seen, cut, near_enough, quantize
from sdedge.weights.checkpoint import open_checkpoint

needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)
RECIPE = Int8Recipe({"a": (0.0, 1.0)}, {"b": 0.5}, {"psnr": [40.0, 41.0], "against": "cpu float32"})


def test_a_processor_without_int8_is_told_before_anything_is_copied(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr(fused_unet, "available", lambda dtype: False)
    with pytest.raises(InvalidRequest, match="int8 needs an x86 processor"):
        list(quantize(tiny_model, tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_a_layer_with_a_larger_error_stays_as_it_was():
    measured = Measured({"a": (0.0, 1.0), "b": (-1.0, 1.0), "c": (0.0, 9.0)}, {"a": 0.01, "b": 0.03, "c": 0.2})
    assert dict(measured.recipe(0.05).ranges) == {"a": (0.0, 1.0), "b": (-1.0, 1.0)}
    assert dict(measured.recipe(0.025).floating) == {"b": 0.03, "c": 0.2}


def test_a_range_is_cut_where_the_rest_gains_by_it():
    """One value far from all others makes steps that are coarse for them; what is spread evenly is cut nowhere."""
    even, narrow = torch.linspace(-1, 1, 4096), 0.03 * torch.linspace(-1, 1, 4096)
    ranges = cut({"even": Seen(-1.0, 1.0, [even, even]), "lonely": Seen(-0.08, 0.08, [narrow])})
    assert ranges["even"] == (-1.0, 1.0) and ranges["lonely"] == pytest.approx((-0.04, 0.04))


def test_what_is_kept_is_found_by_the_weights_and_not_by_the_name(tiny_model, tmp_path):
    copy = shutil.copytree(tiny_model, tmp_path / "another name")
    keys = [calibrations.key_of(open_checkpoint(folder), "cpu float32", 8) for folder in (tiny_model, copy)]
    assert keys[0] != keys[1] and calibrations.find(keys[0]) is None
    calibrations.keep(keys[0], RECIPE)
    assert calibrations.find(keys[1]) == RECIPE
    for measured_by in (("cpu bfloat16", 8), ("cpu float32", 4)):
        assert calibrations.find(calibrations.key_of(open_checkpoint(copy), *measured_by)) is None
    weights = next(copy.glob("unet/*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert calibrations.find(calibrations.key_of(open_checkpoint(copy), "cpu float32", 8)) is None


def test_a_damaged_one_is_measured_again_and_all_are_cleared_with_the_cache():
    calibrations.keep("model-abc", RECIPE)
    assert "model-abc" in CliRunner().invoke(cli, ["cache"]).output
    (calibrations.calibration_folder() / "model-abc" / FILE).write_text("{")
    assert calibrations.find("model-abc") is None
    calibrations.keep("model-def", RECIPE)
    assert CliRunner().invoke(cli, ["cache", "--clear"]).exit_code == 0
    assert calibrations.entries() == [] and not list(calibrations.calibration_folder().iterdir())


@pytest.mark.slow
@needs_onednn
def test_a_second_copy_is_not_measured_again(tiny_model, tmp_path, monkeypatch):
    first = list(int8_recipe.quantize(tiny_model, tmp_path / "first", steps=1))
    assert Loading("ranges") in first
    monkeypatch.setattr(int8_recipe, "measure_layers", lambda *_: pytest.fail("measured again"))
    second = list(int8_recipe.quantize(tiny_model, tmp_path / "second", steps=1))
    assert second == [Loading("copying"), first[-1]]
    assert (tmp_path / "first" / FILE).read_bytes() == (tmp_path / "second" / FILE).read_bytes()


@pytest.mark.slow
@needs_onednn
@pytest.mark.parametrize("enough", [int8_recipe.WORST[1], 0.0])
def test_pictures_that_are_too_far_off_leave_more_layers_out(tiny_model, tmp_path, monkeypatch, enough):
    """Until they are near, or there is nothing more to try."""
    tried = []

    def psnr(a: object, b: object) -> float:
        worst = int8_recipe.WORST[len(tried) // 2]
        tried.append(worst)
        return 40.0 if worst == enough else int8_recipe.NEAR - 1

    monkeypatch.setattr(int8_recipe, "psnr", psnr)
    errors = {"down_blocks.0.resnets.0.conv1": 0.04, "down_blocks.0.resnets.0.conv2": 0.02, "conv_out": 0.001}
    measured = Measured(dict.fromkeys(errors, (-3.0, 3.0)), errors)
    monkeypatch.setattr(int8_recipe, "measure_layers", lambda *_: measured)
    *_, recipe = int8_recipe.quantize(tiny_model, tmp_path / "made", steps=1)
    last = enough or int8_recipe.WORST[-1]
    assert recipe.figures["worst"] == last == tried[-1] and len(recipe.floating) == (1 if enough else 2)
    assert Int8Recipe.read(tmp_path / "made") == recipe


@pytest.mark.parametrize(("facts", "worst"), [((0.97, 0.95, 0.97), 1), ((0.9, 0.9), 0), ((None, None), 0)])
def test_layers_are_left_out_until_no_fact_is_lost(tmp_path, monkeypatch, facts, worst):
    shown = iter(facts)
    pictures = [np.zeros((2, 2, 3), np.uint8)] * 2

    def compared(folder: Path, dtype: str | None, steps: int, obeys: object) -> Compared:
        return Compared(pictures, 1.0, "cpu float32", next(shown))

    monkeypatch.setattr(int8_recipe, "compare", compared)
    recipe = near_enough(Measured({"a": (0.0, 1.0)}, {"a": 0.04}), tmp_path, 1)
    assert recipe.figures["worst"] == int8_recipe.WORST[worst] and ("a" in recipe.ranges) is (worst == 0)
    assert recipe.figures.get("facts") == (None if facts[0] is None else [facts[0], facts[-1]])


@pytest.mark.slow
@needs_onednn
def test_facts_are_counted_where_a_model_knows_a_world(tiny_model, monkeypatch):
    """The embedded one knows one; with few steps it shows some facts at least."""
    engine = TorchEngine.load(locate(EMBEDDED), "cpu")
    shown = fraction_obeyed(engine, 6, prompts=3)
    assert shown is not None and 0.3 < shown <= 1
    assert fraction_obeyed(TorchEngine.load(tiny_model, "cpu"), 1, prompts=3) < 0.3  # of random weights
    monkeypatch.setattr(obedience, "LARGEST", len(engine.tokenizer.vocab) - 1)  # as CLIP's is larger
    assert fraction_obeyed(engine, 1) is None
