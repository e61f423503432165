"""The operations of networks by arithmetic are those that torch counts while they run."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sdedge.models import operations
from sdedge.models.clip_vision import ImageEncoder
from sdedge.models.config import ControlNetConfig, T2IAdapterConfig, UNetConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.t2i_adapter import T2IAdapter
from sdedge.models.unet import UNet

SMALL = UNetConfig(
    block_out_channels=(8, 16, 24, 24),
    layers_per_block=1,
    cross_attention_dim=12,
    attention_head_dim=2,
    norm_num_groups=4,
)
NET = ControlNetConfig(replace(SMALL, layers_per_block=2), hint_channels=3, hint_widths=(4, 6, 8, 10))
SIZES = [pytest.param((8, 8), marks=pytest.mark.slow), (10, 14)]  # of which the last halves unevenly


@torch.inference_mode()
def _counted(network: nn.Module, *inputs: torch.Tensor) -> int:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # which knows no other on a CPU
        network(*inputs)
    return int(counter.get_total_flops())


def _call(config: UNetConfig, size: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    return torch.zeros(1, config.in_channels, *size), torch.zeros(1), torch.zeros(1, 77, config.cross_attention_dim)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "config",
    [
        SMALL, replace(SMALL, block_out_channels=(8, 16), attention=(False, True), has_middle=False),
        pytest.param(replace(SMALL, layers_per_block=2, in_channels=9), marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_unet_s(config, size):
    assert operations.unet_operations(config, size) == _counted(UNet(config), *_call(config, size))


@pytest.mark.parametrize("size", SIZES)
def test_a_controlnet_s_and_its_hint_s(size):
    features = torch.zeros(1, 8, *size)
    counted = _counted(ControlNet(NET), *_call(NET.encoder, size), features)
    assert operations.controlnet_operations(NET, size) == counted
    hint = torch.zeros(1, 3, 8 * size[0], 8 * size[1])
    assert operations.hint_operations(NET, size) == _counted(HintEmbedding(NET), hint)


@pytest.mark.parametrize("is_light", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_a_t2i_adapter_s(is_light, size):
    config = T2IAdapterConfig(1, (8, 16, 24, 24), is_light=is_light)
    hint = torch.zeros(1, 1, 8 * size[0], 8 * size[1])
    assert operations.adapter_operations(config, size) == _counted(T2IAdapter(config), hint)


def test_an_image_encoder_s():
    vision = {
        "architectures": ["CLIPVisionModelWithProjection"], "hidden_size": 16, "intermediate_size": 40, "num_hidden_layers": 2,
        "num_attention_heads": 2, "image_size": 28, "patch_size": 7, "projection_dim": 12, "hidden_act": "gelu",
    }  # fmt: skip
    counted = _counted(ImageEncoder(vision), torch.zeros(1, 3, 28, 28))
    assert operations.vision_operations(28, 7, 16, 40, 2, 12) == counted


def test_v1_s_own():
    """Of a guided step at 512x512: 1.607 TFLOP, to which a ControlNet adds a third and the most picture tokens a hundredth."""
    v1 = UNetConfig()
    step = operations.unet_operations(v1, (64, 64))
    assert 2 * step == pytest.approx(1.607e12, rel=1e-3)
    assert operations.controlnet_operations(ControlNetConfig(v1), (64, 64)) / step == pytest.approx(0.334, abs=0.001)
    assert operations.tokens_operations(v1, 257, (64, 64)) / step == pytest.approx(0.0148, abs=0.0005)
