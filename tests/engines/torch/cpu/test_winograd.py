"""Convolutions by our own kernel are convolutions to the last digits of float32, of any size, and nothing else changes by it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sdedge.engines.torch.cpu import compiled, fused_unet, packing, winograd

pytestmark = pytest.mark.skipif(not winograd.available(), reason="not built, or no AVX2 in this processor")


def _made(B: int, C: int, O: int, H: int, W: int) -> tuple[Tensor, Tensor, Tensor]:  # noqa: E741
    """A map, a weight and a bias."""
    generator = torch.Generator().manual_seed(C + H)
    x = torch.randn(B, C, H, W, generator=generator).contiguous(memory_format=torch.channels_last)
    return x, torch.randn(O, C, 3, 3, generator=generator), torch.randn(O, generator=generator)


def _error(ours: Tensor, exact: Tensor) -> float:
    return float((ours.double() - exact).norm() / exact.norm())


VECTOR_KINDS = range(compiled.NARROW, compiled.float_level() + 1)
"""Vectors that this processor has."""


@pytest.mark.parametrize("level", VECTOR_KINDS)
@settings(max_examples=20, deadline=None)
@given(
    B=st.integers(1, 3), H=st.integers(3, 15), W=st.integers(3, 15), C=st.sampled_from([32, 64, 352]),
    O=st.sampled_from([32, 96, 160]), padding=st.integers(0, 1), has_bias=st.booleans(), adds=st.booleans(),
    strip=st.sampled_from([1, winograd.STRIP]),
)  # fmt: skip
def test_any_shape_is_exact_to_float32(level, B, H, W, C, O, padding, has_bias, adds, strip):  # noqa: E741
    x, weight, bias = _made(B, C, O, H, W)
    exact = F.conv2d(x.double(), weight.double(), bias.double() if has_bias else None, padding=padding)
    add = torch.randn(exact.shape) if adds else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "float_level", lambda: level)
        patch.setattr(winograd, "STRIP", strip)
        patch.setattr(winograd, "FEWEST", 10)
        ours = winograd.convolve(x, winograd.panels(weight), bias if has_bias else None, padding, add)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert _error(ours, exact if add is None else exact + add) < 2e-6


def test_threads_share_the_work_and_change_nothing():
    x, weight, bias = _made(2, 64, 96, 20, 30)
    before, outs = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            outs.append(winograd.convolve(x, winograd.panels(weight), bias, 1))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(out, outs[0]) for out in outs)


@pytest.mark.parametrize("usual", [torch.float64, torch.bfloat16])
def test_what_torch_makes_by_default_is_no_matter(usual):
    """A notebook may have set another number format, or another device."""
    x, weight = torch.randn(1, 64, 9, 11), torch.randn(64, 64, 3, 3)
    expected = winograd.convolve(x, winograd.panels(weight), None, 1)
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(usual)
        with torch.device("meta"):
            made = winograd.convolve(x, winograd.panels(weight), None, 1)
    finally:
        torch.set_default_dtype(before)
    assert made.dtype == torch.float32 and torch.equal(made, expected)


@pytest.mark.parametrize("wrong", ["x", "weight", "bias", "add", "channels", "bias size", "add size"])
def test_operands_that_do_not_fit_are_refused_and_never_read(wrong):
    x, weight, bias = _made(1, 64, 32, 6, 6)
    operands = {"x": x, "weight": winograd.panels(weight), "bias": bias, "add": torch.zeros(1, 32, 6, 6)}
    if wrong in operands:
        operands[wrong] = operands[wrong].bfloat16()
    elif wrong == "channels":
        operands["x"] = x[:, :32]
    else:
        operands[wrong.removesuffix(" size")] = (
            operands[wrong.removesuffix(" size")][:, :8] if wrong[0] == "a" else bias[:8]
        )
    with pytest.raises(ValueError, match=r"fit together|convert it"):
        winograd.convolve(operands["x"], operands["weight"], operands["bias"], 1, operands["add"])


def test_a_map_without_pixels_gives_one():
    x, weight, bias = _made(1, 64, 32, 2, 2)
    assert winograd.convolve(x[:0], winograd.panels(weight), bias, 1).shape == (0, 32, 2, 2)
    assert winograd.convolve(x, winograd.panels(weight), bias, 0).shape == (1, 32, 0, 0)


def test_what_is_no_number_is_not_hidden():
    x, weight, bias = _made(2, 32, 32, 8, 8)
    x[1, 3, 4, 4] = torch.nan
    out = winograd.convolve(x, winograd.panels(weight), bias, 1)
    assert out[1, :, 3:6, 3:6].isnan().all() and not out[0].isnan().any()


@torch.inference_mode()
@pytest.mark.parametrize("tiled", [False, True])
def test_a_layer_of_three_by_three_runs_by_it_and_others_do_not(monkeypatch, tiled):
    layers = {
        "own": nn.Conv2d(64, 32, 3, padding=1), "down": nn.Conv2d(64, 64, 3, 2, padding=1),
        "first": nn.Conv2d(4, 32, 3, padding=1), "one pixel": nn.Conv2d(64, 64, 1), "odd": nn.Conv2d(40, 40, 3, padding=1),
    }  # fmt: skip
    for name, layer in layers.items():
        layer.padding_mode = "circular" if tiled else "zeros"
        x = torch.randn(1, layer.in_channels, 9, 12).contiguous(memory_format=torch.channels_last)
        exact = layer.double()(x.double())
        fused = fused_unet.fuse(layer.float())
        assert (type(fused) is fused_unet.WinogradConv2d) is (name == "own")
        assert _error(fused(x), exact) < 2e-6


@torch.inference_mode()
def test_a_layer_that_waits_for_its_weight_is_made_ready_and_its_bytes_make_it_again(monkeypatch):
    x, weight, bias = _made(1, 32, 32, 6, 6)
    with torch.device("meta"):
        layer = fused_unet.fuse(nn.Conv2d(32, 32, 3, padding=1), packing=False)
    fused_unet.finish("conv", layer)
    assert type(layer) is fused_unet.WinogradConv2d and layer.weight.is_meta
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    fused_unet.finish("conv", layer)
    expected = layer(x)
    memory, form = packing.bytes_of(layer.weight)
    layer.weight = nn.Parameter(packing.weight_over(memory.clone(), form), requires_grad=False)
    assert torch.equal(layer(x), expected) and _error(expected, F.conv2d(x, weight, bias, padding=1).double()) < 2e-6


def test_it_is_used_in_float32_alone_and_where_it_was_built(monkeypatch):
    layer = nn.Conv2d(64, 64, 3, padding=1)
    assert winograd.suits(layer, torch.float32) and not winograd.suits(layer, torch.bfloat16)
    monkeypatch.setattr(winograd, "available", lambda: False)
    assert not winograd.suits(layer, torch.float32)
