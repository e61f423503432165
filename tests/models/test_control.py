"""ControlNets and T2I-Adapters against diffusers', random weights, float32."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from sdedge.engines.torch.cpu import fused_unet
from sdedge.models.config import ControlNetConfig, T2IAdapterConfig, UNetConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.t2i_adapter import T2IAdapter
from tests.control_models import random_adapter, random_controlnet

UNET = {
    "block_out_channels": (16, 32, 64, 64),
    "cross_attention_dim": 24,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}
ERROR = 1e-5  # of values up to 3; fused kernels sum in another order

HINT = "controlnet_cond_embedding."

needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The weights of the hint's stack, or all others."""
    return {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(HINT) == bool(prefix)}


def _difference(ours: tuple[Tensor, ...], theirs: list[Tensor]) -> float:
    assert [tuple(a.shape) for a in ours] == [tuple(b.shape) for b in theirs]
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("form", ["plain", pytest.param("fused", marks=needs_onednn)])
@pytest.mark.parametrize(("height", "width", "pooled", "order"), [(16, 24, False, "rgb"), (9, 13, True, "bgr")])
@torch.no_grad()
def test_residuals_are_those_of_diffusers(form, height, width, pooled, order):
    referee = random_controlnet(UNET, global_pool_conditions=pooled, controlnet_conditioning_channel_order=order)
    config = ControlNetConfig(UNetConfig(**UNET), 3, (4, 6, 8, 10), pooled, order == "bgr")
    ours, embed = ControlNet(config).eval(), HintEmbedding(config).eval()
    ours.load_state_dict(_under(referee.state_dict(), ""), strict=True)
    embed.load_state_dict(_under(referee.state_dict(), HINT), strict=True)
    ours = ours if form == "plain" else fused_unet.fuse(copy.deepcopy(ours))
    torch.manual_seed(1)
    x, t, context = torch.randn(2, 4, height, width), torch.tensor([441.0]), torch.randn(2, 77, 24)
    hint = torch.rand(1, 3, 8 * height, 8 * width)
    down, middle = referee(x, t, context, hint, return_dict=False)
    features = embed(hint)
    assert _difference(ours(x, t, context, features), [*down, middle]) < ERROR
    assert _difference(ours(x, t, context, 0 * features), [*down, middle]) > 0.01


@pytest.mark.parametrize(("light", "channels"), [(False, 3), (False, 1), (True, 3)])
@pytest.mark.parametrize("size", [(64, 96), (72, 104)])  # of the hint; the second has odd sides further down
@torch.no_grad()
def test_features_are_those_of_diffusers(light, channels, size):
    referee = random_adapter(UNET, light, channels=channels)
    ours = T2IAdapter(T2IAdapterConfig(channels, UNET["block_out_channels"], 4 if light else 2, light)).eval()
    ours.load_state_dict(referee.state_dict(), strict=True)
    torch.manual_seed(1)
    hint = torch.rand(2, channels, *size)
    assert _difference(ours(hint), referee(hint)) < ERROR


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        (
            lambda: nn.ModuleList([kind(ControlNetConfig(UNetConfig())) for kind in (ControlNet, HintEmbedding)]),
            361_279_120,
        ),
        (lambda: T2IAdapter(T2IAdapterConfig()), 77_369_280),
        (lambda: T2IAdapter(T2IAdapterConfig(blocks=4, is_light=True)), 18_689_200),
    ],
)
def test_full_size_networks_have_the_published_parameters(network, parameters):
    with torch.device("meta"):
        module = network()
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters and not list(module.buffers())
