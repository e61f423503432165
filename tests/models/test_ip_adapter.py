"""IP-Adapters against diffusers', random weights, float32: the projections, and the attention that they add to a UNet."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel

from sdedge.engines.torch.cpu import fused_unet
from sdedge.models.config import ImageProjectionKind, IPAdapterConfig, UNetConfig
from sdedge.models.cross_attention import attending_to
from sdedge.models.ip_adapter import IPAdapter
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import ImageTokens
from sdedge.models.unet_walk import attention_channels, image_numbers, walk
from tests.ip_adapter_models import HIDDEN, POOLED, SHAPES, nested, random_ip_adapter

UNET = {
    "block_out_channels": [8, 16, 16, 16], "cross_attention_dim": 12, "attention_head_dim": 2, "norm_num_groups": 4,
}  # fmt: skip
BASE = UNetConfig.from_json(UNET)
ERROR = 1e-5

needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)


@pytest.fixture(scope="module")
def referee() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**UNET).eval()


def _adapter(state: dict[str, torch.Tensor], kind: str) -> IPAdapter:
    channels, numbers = tuple(attention_channels(BASE)), tuple(image_numbers(BASE))
    ours = IPAdapter(IPAdapterConfig(context=12, numbers=numbers, channels=channels, **SHAPES[kind])).eval()
    ours.load_state_dict(state, strict=True)
    return ours


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("plus", "plain"),
        pytest.param("classic", "fused", marks=[pytest.mark.slow, needs_onednn]),  # a picture of diffusers' shows it, too
        pytest.param("full", "plain", marks=pytest.mark.slow),
        pytest.param("classic", "plain", marks=pytest.mark.slow),
        pytest.param("plus", "fused", marks=[pytest.mark.slow, needs_onednn]),
        pytest.param("full", "fused", marks=[pytest.mark.slow, needs_onednn]),
    ],
)  # fmt: skip
@torch.no_grad()
def test_a_unet_that_attends_to_a_picture_is_that_of_diffusers(referee, form, kind):
    state = random_ip_adapter(UNET, kind)
    theirs = copy.deepcopy(referee)
    theirs._load_ip_adapter_weights([nested(state)], low_cpu_mem_usage=False)
    for processor in theirs.attn_processors.values():
        if hasattr(processor, "scale"):
            processor.scale = [0.7]
    torch.manual_seed(1)
    x, t, context = torch.randn(4, 4, 9, 13), torch.tensor([441.0]), torch.randn(4, 77, 12)
    encoding = torch.randn(2, POOLED) if kind == "classic" else torch.randn(2, 17, HIDDEN)
    images = encoding.repeat_interleave(2, dim=0)[:, None]  # of two pictures under either condition
    expected = theirs(x, t, context, added_cond_kwargs={"image_embeds": [images]}).sample

    unet = UNet(BASE).eval()
    unet.load_state_dict(referee.state_dict(), strict=True)
    unet = unet if form == "plain" else fused_unet.fuse(unet)
    made = _adapter(state, kind)(encoding)
    with attending_to(unet, [ImageTokens(made[::2], made[1::2], 0.7)]):
        ours = unet(x, t, context)
    assert float((ours - expected).abs().max()) < ERROR
    plain = unet(x, t, context)
    assert float((plain - referee(x, t, context).sample).abs().max()) < ERROR, "the pictures left a trace"
    assert float((plain - expected).abs().max()) > 0.01, "a picture that changes nothing proves nothing"


def test_the_numbers_of_v1_go_down_then_up_and_the_middle_is_last():
    paths = [layer.attention for layer in walk(UNetConfig()) if layer.attention]
    numbered = dict(zip(image_numbers(UNetConfig()), paths, strict=True))
    assert sorted(numbered) == list(range(1, 32, 2))
    assert numbered[1].startswith("down_blocks.0") and numbered[11].startswith("down_blocks.2")
    assert numbered[13].startswith("up_blocks.1") and numbered[29].startswith("up_blocks.3")
    assert numbered[31].startswith("mid_block")


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [  # what the published files hold
        ({"kind": ImageProjectionKind.TOKENS, "encoding": 1024, "tokens": 4}, 22_319_616),
        ({"kind": ImageProjectionKind.PERCEIVER, "encoding": 1280, "tokens": 16, "width": 768, "heads": 12, "inner": 3072,
          "depth": 4}, 49_087_488),
    ],
)  # fmt: skip
def test_full_size_adapters_have_the_published_parameters(shape, parameters):
    numbers, channels = tuple(image_numbers(UNetConfig())), tuple(attention_channels(UNetConfig()))
    with torch.device("meta"):
        module = IPAdapter(IPAdapterConfig(context=768, numbers=numbers, channels=channels, **shape))
    assert sum(parameter.numel() for parameter in module.parameters()) == parameters
