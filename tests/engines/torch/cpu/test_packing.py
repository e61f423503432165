"""A packed weight's bytes make the same weight again, over any memory and without leaving any behind."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sdedge.engines.torch.cpu import fused_unet, packing

pytestmark = pytest.mark.skipif(
    not fused_unet.available(torch.float32) or not packing.available(),
    reason="this torch packs no weights or keeps them to itself",
)
DTYPES = [dtype for dtype in (torch.float32, torch.bfloat16) if fused_unet.available(dtype)]


def _again(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The weight made of a copy of its bytes, and that copy."""
    memory, form = packing.bytes_of(weight)
    memory = memory.clone()
    return packing.weight_over(memory, form), memory


@settings(max_examples=25, deadline=None)
@given(
    inputs=st.integers(1, 70),
    outputs=st.integers(1, 70),
    kernel=st.sampled_from([0, 1, 3]),
    dtype=st.sampled_from(DTYPES),
)
@torch.inference_mode()
def test_a_layer_gives_the_same_with_it(inputs, outputs, kernel, dtype):
    if kernel:
        layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        x = torch.randn(1, inputs, 5, 6).contiguous(memory_format=torch.channels_last)
    else:
        layer, x = nn.Linear(inputs, outputs), torch.randn(4, inputs)
    fused_unet.fuse(layer.to(dtype))
    before = layer(x.to(dtype))
    weight, _memory = _again(layer.weight)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    assert torch.equal(layer(x.to(dtype)), before)


@torch.inference_mode()
def test_what_changes_in_the_memory_changes_in_the_weight():
    layer = fused_unet.fuse(nn.Linear(32, 32, bias=False))
    weight, memory = _again(layer.weight)
    memory.zero_()
    layer.weight = nn.Parameter(weight, requires_grad=False)
    assert not layer(torch.randn(2, 32)).any()


def test_nothing_is_kept_of_those_that_are_gone():
    memory, form = packing.bytes_of(fused_unet.packed(nn.Linear(64, 64), torch.randn(64, 64)))
    copy = memory.clone()
    weight = packing.weight_over(copy, form)
    assert weight._use_count() == 1 and weight.shape == (64, 64)


def test_a_torch_that_lacks_it_is_found_out(monkeypatch):
    def missing() -> object:
        raise OSError("not there")

    monkeypatch.setattr(packing, "torch_library", missing)
    packing.available.cache_clear()
    try:
        assert not packing.available()
    finally:
        monkeypatch.undo()
        packing.available.cache_clear()
