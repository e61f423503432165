"""int8: the recipe, its layers against the arithmetic they stand for, and a model that still draws what it is told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from sdedge.cli import cli
from sdedge.engines.open import EMBEDDED, load_engine, locate
from sdedge.engines.torch.cpu import fused_unet, int8_unet
from sdedge.engines.torch.cpu.int8_unet import (
    FILE,
    Int8Recipe,
    QuantizedConv2d,
    QuantizedLinear,
    affine,
    quantise,
    quantise_weight,
)
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.generation.int8_recipe import PROMPTS, measure, psnr
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.models.unet_inputs import ImageTokens, UNetInputs
from sdedge.models.unet_walk import attention_channels, feature_shapes, residual_shapes
from sdedge.request import Request
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_folder
from tests.conftest import cases, needs_embedded
from tests.engines.torch.test_torch import write_lora
from tests.pictures_shown import held_out, shown

pytestmark = pytest.mark.skipif(not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN")


@pytest.fixture(scope="module")
def pocket8(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("int8") / "pocket8"
    export_folder(open_checkpoint(locate(EMBEDDED)), folder, None, locate(EMBEDDED) / "tokenizer")
    config = folder / "unet" / "config.json"
    config.write_text(
        json.dumps({**json.loads(config.read_text()), "sample_size": 16})
    )  # which it obeys at as well, sooner
    measure(TorchEngine.load(folder, "cpu", memory="fast"), 2).write(folder)
    return folder


@pytest.mark.parametrize("bounds", [(-0.28, 9.3), (-4.0, 4.0), (0.0, 1.0), (0.5, 2.0), (-3.0, -1.0), (0.0, 0.0)])
def test_zero_is_exact_and_a_value_in_range_is_half_a_step_off_at_most(bounds):
    scale, zero = affine(*bounds)
    assert 0 <= zero <= 255
    x = torch.linspace(*bounds, 1000).reshape(10, 4, 5, 5).contiguous(memory_format=torch.channels_last)
    stored = quantise(x, scale, zero)
    assert stored.dtype == torch.uint8 and stored.is_contiguous(memory_format=torch.channels_last)
    assert ((stored.float() - zero) * scale - x).abs().max() <= 0.51 * scale
    assert int(quantise(torch.zeros(1), scale, zero)) == zero
    assert quantise(torch.tensor([-1e9, 1e9]), scale, zero).tolist() == [0, 255]


def test_a_weight_is_half_a_step_off_at_most_in_every_channel():
    weight = torch.randn(6, 5, 3, 3) * torch.tensor([1e-3, 1, 10, 0.1, 5, 0]).view(-1, 1, 1, 1)
    stored, scale = quantise_weight(weight)
    assert (((stored * scale.view(-1, 1, 1, 1)) - weight).abs().amax((1, 2, 3)) <= 0.51 * scale).all()


CLOSE = 5e-6
"""To values about 1: sums of the same whole numbers, scaled in another order."""


def _converted(layer: nn.Module, bounds: tuple[float, float]) -> nn.Module:
    fused = fused_unet.fuse(layer, packing=False)
    int8_unet.to_int8(fused, bounds)
    return fused


@torch.inference_mode()
@pytest.mark.parametrize("padding_mode", ["zeros", "circular"])
def test_a_convolution_is_that_of_the_rounded_numbers(padding_mode):
    conv = nn.Conv2d(16, 24, 3, padding=1, padding_mode=padding_mode)
    x, add = torch.rand(2, 16, 9, 7) * 3 - 0.28, torch.randn(2, 24, 9, 7)
    scale, zero = affine(-0.28, 2.72)
    stored, scales = quantise_weight(conv.weight)
    rounded = nn.Conv2d(16, 24, 3, padding=1, padding_mode=padding_mode)
    rounded.weight.copy_(stored * scales.view(-1, 1, 1, 1))
    rounded.bias.copy_(conv.bias)
    expected = rounded((quantise(x, scale, zero).float() - zero) * scale)
    ours = _converted(conv, (-0.28, 2.72))
    assert isinstance(ours, QuantizedConv2d)
    x = x.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(ours(x), expected, atol=CLOSE)
    before = add.clone()
    assert torch.allclose(ours(x, add=add), expected + before, atol=CLOSE) and torch.equal(add, before)


@torch.inference_mode()
def test_a_product_is_that_of_the_rounded_numbers():
    linear, x, add = nn.Linear(48, 32), torch.randn(2, 5, 48).clamp(-2, 2), torch.randn(2, 5, 32)
    scale, zero = affine(-2, 2)
    stored, scales = quantise_weight(linear.weight)
    expected = ((quantise(x, scale, zero).float() - zero) * scale) @ (stored * scales[:, None]).T + linear.bias
    ours = _converted(linear, (-2, 2))
    assert isinstance(ours, QuantizedLinear)
    assert torch.allclose(ours(x), expected, atol=CLOSE)
    assert torch.allclose(ours(x, add), expected + add, atol=CLOSE)
    assert torch.allclose(ours.times(x, add), expected * add, atol=CLOSE)
    assert torch.allclose(ours.gelu(x), nn.functional.gelu(expected), atol=CLOSE)


@pytest.mark.slow
@needs_embedded
def test_the_recipe_keeps_what_a_step_depends_on(pocket8):
    recipe = Int8Recipe.read(pocket8)
    assert len(recipe.ranges) > 90 and not set(recipe.ranges) & set(recipe.floating)
    assert not [name for name in recipe.ranges if "time_emb" in name or name in ("conv_in", "conv_out")]
    engine = TorchEngine.load(pocket8, "cpu", "int8")
    assert engine.description == "cpu int8"
    unet = engine.network("unet")
    layers = [layer for layer in unet.modules() if isinstance(layer, QuantizedConv2d | QuantizedLinear)]
    assert len(layers) > 70 and not isinstance(unet.conv_in, QuantizedConv2d)


@pytest.mark.slow
@pytest.mark.parametrize(("prompts", "steps"), [(4, 10)])
@needs_embedded
def test_pictures_show_what_their_prompts_say_and_are_near_the_exact_ones(pocket8, prompts, steps):
    right = lost = 0
    pipelines = [Pipeline(load_engine("cpu", dtype)) for dtype in ("float32", "int8")]  # which the copy is for
    for prompt in (case.prompt for case in held_out(prompts, 3)):
        request = Request(prompt, model=str(pocket8), steps=steps, seed=5)
        exact, ours = (
            next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))
            for pipeline in pipelines
        )
        wanted, answers = shown(exact, prompt), shown(ours, prompt)
        right, lost = right + sum(wanted.values()), lost + sum(wanted[fact] and not answers[fact] for fact in wanted)
        assert psnr(exact, ours) > 22
    assert prompt not in PROMPTS and right and lost <= right / 10


@pytest.mark.slow
@needs_embedded
def test_loras_go_into_the_int8_weights_and_leave_no_trace(pocket8, tmp_path):
    engine = TorchEngine.load(pocket8, "cpu", "int8")
    generator = torch.Generator().manual_seed(1)
    x, context = (torch.randn(shape, generator=generator) for shape in ((1, 4, 16, 16), (1, 77, 128)))
    inputs = x, torch.tensor([500.0]), context
    before = engine.predict(UNetInputs(*inputs))
    use = replace(write_lora(tmp_path / "style.safetensors", 48), unet_weight=30.0)
    engine.adapt([use])
    changed = engine.predict(UNetInputs(*inputs))
    exact = TorchEngine.load(pocket8, "cpu", "float32")
    plain = exact.predict(UNetInputs(*inputs))
    exact.adapt([use])
    effect = exact.predict(UNetInputs(*inputs)) - plain
    assert float((changed - before - effect).norm()) < 0.5 * float(effect.norm())
    engine.adapt([])
    assert torch.equal(engine.predict(UNetInputs(*inputs)), before)


@pytest.mark.slow
@needs_embedded
def test_features_residuals_and_pictures_act_as_on_the_exact_unet(pocket8):
    """Which is held to diffusers' (tests/models/test_unet_walk.py)."""
    quantised, exact = (TorchEngine.load(pocket8, "cpu", dtype) for dtype in ("int8", "float32"))
    config, generator = exact.network("unet").config, torch.Generator().manual_seed(3)
    x, context, *maps = (
        torch.randn(shape, generator=generator)
        for shape in ((2, 4, 16, 16), (2, 77, 128), *feature_shapes(config, 16, 16), *residual_shapes(config, 16, 16))
    )
    plain = UNetInputs(x, torch.full((2,), 500.0), context)
    down = tuple(feature[None] for feature in maps[:4])
    skips = tuple(residual[None] for residual in maps[4:])
    tokens = [tuple(torch.randn(2, 4, c, generator=generator) for c in attention_channels(config)) for _ in range(2)]
    picture = ImageTokens(*tokens, weight=1.0)
    for inputs in (replace(plain, down=down), replace(plain, skips=skips), replace(plain, edits=(picture,))):
        effects = [engine.predict(inputs) - engine.predict(plain) for engine in (quantised, exact)]
        assert float((effects[0] - effects[1]).norm()) < 0.5 * float(effects[1].norm())


@pytest.mark.parametrize("dtype", cases([torch.float32, torch.bfloat16], quick=[torch.float32]))
def test_streamed_it_is_the_same(pocket8, dtype):
    """Rounded and packed in the first pass, read from the temporary file in the next."""
    resident, streamed = (TorchEngine.load(pocket8, "cpu", "int8", memory=mode) for mode in ("fast", "stream"))
    resident.dtype = streamed.dtype = dtype  # narrow networks would choose float32
    inputs = torch.randn(2, 4, 16, 16), torch.full((2,), 500.0), torch.randn(2, 77, 128)
    expected = resident.predict(UNetInputs(*inputs))
    assert all(torch.equal(streamed.predict(UNetInputs(*inputs)), expected) for _ in range(3))
    held = [p for p in streamed.network("unet").parameters() if not p.is_meta]
    assert sum(p.numel() for p in held) < 0.1 * sum(p.numel() for p in resident.network("unet").parameters())


def test_without_a_recipe_it_is_said_how_to_make_one(tiny_model):
    with pytest.raises(ModelError, match="sdedge models quantize"):
        TorchEngine.load(tiny_model, "cpu", "int8")
    with pytest.raises(InvalidRequest, match="int8 needs an x86 processor"):
        int8_unet.read_recipe(tiny_model, torch.device("mps"))


@pytest.mark.parametrize("text", ["", "{}", '{"version": 99}', '{"version": 1, "ranges": {"a": [1]}}', "[]"])
def test_a_damaged_recipe_is_told(tmp_path, text):
    (tmp_path / "unet").mkdir()
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ModelError, match="quantize the model again"):
        Int8Recipe.read(tmp_path)


@needs_embedded
def test_a_recipe_of_another_model_is_told(pocket8, tmp_path):
    folder = tmp_path / "model"
    export_folder(open_checkpoint(locate(EMBEDDED)), folder, None, locate(EMBEDDED) / "tokenizer")
    Int8Recipe({"down_blocks.9.conv": (0.0, 1.0)}).write(folder)
    with pytest.raises(ModelError, match=r"names down_blocks\.9\.conv, which this UNet lacks"):
        TorchEngine.load(folder, "cpu", "int8").network("unet")


@pytest.mark.slow
def test_the_command_writes_a_folder_and_says_what_is_lost(tiny_model, tmp_path):
    result = CliRunner().invoke(cli, ["models", "quantize", str(tiny_model), str(tmp_path / "made"), "--steps", "1"])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "made" / FILE).read_text())
    assert len(record["figures"]["psnr"]) == 2 and "PSNR" in result.output
    assert TorchEngine.load(tmp_path / "made", "cpu", "int8").network("unet") is not None


def test_a_quantized_copy_runs_in_int8_where_the_processor_can(tiny_model, tmp_path):
    copy = shutil.copytree(tiny_model, tmp_path / "copy")
    Int8Recipe({}).write(copy)
    assert ("int8" in load_engine("cpu")(str(copy), None).description) == fused_unet.available(torch.float32)
    assert "int8" not in load_engine("cpu", "float32")(str(copy), None).description
    assert "int8" not in load_engine("cpu")(str(tiny_model), None).description
