"""The UNet in parts: equal to the whole one, in a fraction of its memory, however it is built."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.models import unet_rows
from sdedge.models.config import UNetConfig
from sdedge.models.layers import wrap_edges
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import (
    Edit,
    FreeU,
    IdentityAttention,
    ImageTokens,
    RegionMasks,
    TokenMerging,
    UNetInputs,
)
from sdedge.models.unet_rows import set_rows
from sdedge.models.unet_walk import attention_channels, feature_shapes, residual_shapes

from ..live_bytes import LiveBytes

CONFIG = UNetConfig(block_out_channels=(32, 64, 64), layers_per_block=1, cross_attention_dim=16, norm_num_groups=16)
SIDE = 12


@pytest.fixture(autouse=True)
def _small_maps_are_cut(monkeypatch):
    monkeypatch.setattr(unet_rows, "BAND", 1 << 11)
    for module in ("sdedge.models.unet", "sdedge.models.layers"):
        monkeypatch.setattr(f"{module}.SMALL", 0)
    monkeypatch.setattr(fused_unet, "LARGE", 0)


def unet(fused: bool = False) -> UNet:
    torch.manual_seed(0)
    network = UNet(CONFIG).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.02)
    return fused_unet.fuse(network) if fused else network


def inputs(rows: int = 2, side: int = SIDE, **more) -> UNetInputs:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 4, side, side, generator=generator)
    return UNetInputs(x, torch.full((rows,), 400.0), torch.randn(rows, 7, 16, generator=generator), **more)


def call(network: UNet, call_inputs: UNetInputs, in_parts: bool) -> Tensor:
    calls = UNetCalls(torch.device("cpu"))
    calls.in_parts = in_parts
    set_rows(network, in_parts)
    with torch.inference_mode():
        return calls.full(network, torch.float32, call_inputs)


@pytest.mark.parametrize("fused", [False, pytest.param(True, marks=pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="no such kernels here"))])  # fmt: skip
@pytest.mark.parametrize("tiled", [False, True])
def test_parts_equal_the_whole(fused, tiled):
    network, call_inputs = unet(fused), inputs()
    wrap_edges(network, tiled)
    at_once, parts = call(network, call_inputs, False), call(network, call_inputs, True)
    assert at_once.abs().max() > 0.1 and (at_once - parts).abs().max() <= 1e-5


def test_what_enters_the_unet_is_cut_with_its_rows():
    shapes = residual_shapes(CONFIG, SIDE, SIDE)
    skips = tuple(0.1 * torch.randn(2, *shape) for shape in shapes)
    down = tuple(0.1 * torch.randn(1, *shape) for shape in feature_shapes(CONFIG, SIDE, SIDE))  # one row for all
    call_inputs, network = inputs(skips=skips, down=down), unet()
    assert (call(network, call_inputs, False) - call(network, call_inputs, True)).abs().max() <= 1e-5
    assert not torch.allclose(call(network, call_inputs, True), call(network, inputs(), True), atol=1e-3)


def _edits() -> dict[str, Edit]:
    torch.manual_seed(2)
    channels = attention_channels(CONFIG)
    tokens = ImageTokens(
        tuple(torch.randn(2, 3, c) for c in channels), tuple(torch.randn(2, 3, c) for c in channels), 0.8
    )
    masks = torch.zeros(1, SIDE, SIDE)
    masks[:, :, : SIDE // 2] = 1
    region = RegionMasks((torch.randn(1, 7, 16),), masks, torch.ones(1), torch.full((1,), 0.2), rows=(1, 2))
    return {"pictures": tokens, "identity": IdentityAttention(range(1, 2)), "freeu": FreeU(1.3, 1.4, 0.9, 0.2), "regions": region,
            "merging": TokenMerging(0.4)}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pictures", "identity", "freeu", "regions", "merging"])
def test_an_edit_acts_in_its_own_row_alone(name):
    network, call_inputs = unet(), inputs(edits=(_edits()[name],))
    at_once, parts = call(network, call_inputs, False), call(network, call_inputs, True)
    assert (at_once - parts).abs().max() <= 1e-5
    assert call_inputs.of_row(0, call_inputs.context) is not None, "it was cut"
    assert (at_once - call(network, inputs(), False)).abs().max() > 1e-3, "it acts"


def test_features_of_another_step_are_cut_with_their_rows():
    network, results = unet(), []
    for in_parts in (False, True):
        calls = UNetCalls(torch.device("cpu"))
        calls.in_parts = in_parts
        set_rows(network, in_parts)
        with torch.inference_mode():
            eps, features = calls.partly(network, torch.float32, inputs(), None)
            again, _ = calls.partly(network, torch.float32, inputs(), features)
        results.append((eps, features, again))
    assert all((a - b).abs().max() <= 1e-5 for a, b in zip(*results, strict=True))


@pytest.mark.slow
def test_the_peak_of_all_tensors_is_a_fraction_of_the_whole_s(monkeypatch):
    monkeypatch.setattr(unet_rows, "BAND", 1 << 12)
    network, call_inputs, peaks = unet(), inputs(side=24), {}
    for in_parts in (False, True):
        with LiveBytes() as live:
            call(network, call_inputs, in_parts)
        peaks[in_parts] = live.peak
    assert peaks[True] <= 0.4 * peaks[False], peaks


def test_a_joined_input_goes_when_its_block_has_read_it():
    """While a later layer of a call runs, no earlier map but the skips to come is alive."""
    network, call_inputs = unet(), inputs(rows=1, side=32)
    seen: list[int] = []
    network.up_blocks[-1].attentions[0].transformer_blocks[0].attn1.to_q.register_forward_hook(
        lambda *_: seen.append(live.now)
    )
    with LiveBytes() as live, torch.inference_mode():
        network(call_inputs.x, call_inputs.t, call_inputs.context)
    assert 32 * 32 * 4 * 32 * 4 <= seen[0] <= 32 * 32 * 4 * 32 * 9, seen[0] / (32 * 32 * 4 * 32)
