"""Edits inside the UNet against diffusers', random weights, float32: FreeU, and self attention that is the identity."""

from __future__ import annotations

import copy

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import PAGCFGIdentitySelfAttnProcessor2_0
from diffusers.utils.torch_utils import fourier_filter

from sdedge.engines.torch.cpu import fused_unet
from sdedge.models.config import UNetConfig
from sdedge.models.freeu import reweighted, scale_lowest
from sdedge.models.identity_attention import attending_to_itself
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import FreeU
from sdedge.models.unet_walk import deepest_self_attention

UNET = {
    "block_out_channels": [8, 16, 16, 16], "cross_attention_dim": 12, "attention_head_dim": 2, "norm_num_groups": 4,
}  # fmt: skip
ERROR = 1e-5
FORMS = [
    "plain",
    pytest.param(
        "fused", marks=pytest.mark.skipif(not fused_unet.available(torch.float32), reason="no oneDNN in this torch")
    ),
]


@pytest.fixture(scope="module")
def referee() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**UNET).eval()


def _ours(referee: UNet2DConditionModel, form: str) -> UNet:
    unet = UNet(UNetConfig.from_json(UNET)).eval()
    unet.load_state_dict(referee.state_dict(), strict=True)
    return unet if form == "plain" else fused_unet.fuse(unet)


def _inputs(rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return torch.randn(rows, 4, 16, 12), torch.tensor([441.0]), torch.randn(rows, 7, 12)


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_freeu_is_that_of_diffusers(referee, form):
    theirs, ours, inputs = copy.deepcopy(referee), _ours(referee, form), _inputs(2)
    theirs.enable_freeu(b1=1.3, b2=1.6, s1=0.9, s2=0.2)
    expected = theirs(*inputs).sample
    with reweighted(ours, FreeU(1.3, 1.6, 0.9, 0.2)):
        assert float((ours(*inputs) - expected).abs().max()) < ERROR
    plain = ours(*inputs)
    assert float((plain - referee(*inputs).sample).abs().max()) < ERROR, "it left a trace"
    assert float((plain - expected).abs().max()) > 0.01, "an edit that changes nothing proves nothing"


@pytest.mark.parametrize("size", [(8, 8), (16, 12), (7, 9), (2, 2), (1, 5), (1, 1)])
def test_the_lowest_frequencies_are_those_of_diffusers(size):
    x = torch.randn(2, 6, *size, generator=torch.Generator().manual_seed(0))
    for layout in (torch.contiguous_format, torch.channels_last):
        ours = scale_lowest(x.contiguous(memory_format=layout), 0.2)
        assert torch.allclose(ours, fourier_filter(x, threshold=1, scale=0.2), atol=1e-5)
        assert ours.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("form", FORMS)
@torch.no_grad()
def test_identity_attention_is_that_of_diffusers_in_its_rows(referee, form):
    theirs, ours, (x, t, context) = copy.deepcopy(referee), _ours(referee, form), _inputs(6)
    path = "mid_block.attentions.0.transformer_blocks.0.attn1"
    assert deepest_self_attention(ours.config) == path
    theirs.get_submodule(path).processor = PAGCFGIdentitySelfAttnProcessor2_0()  # the last third of a batch
    expected = theirs(x, t, context).sample
    with attending_to_itself(ours, [range(4, 6)]):
        last = ours(x, t, context)
    assert float((last - expected).abs().max()) < ERROR
    plain = ours(x, t, context)
    assert float((plain[4:] - expected[4:]).abs().max()) > 1e-3, "an edit that changes nothing proves nothing"
    turned = torch.tensor([4, 0, 1, 5, 2, 3])
    with attending_to_itself(ours, [range(3, 4), range(0, 1)]):
        assert float((ours(x[turned], t, context[turned]) - expected[turned]).abs().max()) < ERROR
    with attending_to_itself(ours, [range(6)]):
        assert float((ours(x, t, context)[4:] - expected[4:]).abs().max()) < ERROR


def test_a_unet_without_a_middle_has_a_deepest_attention_too():
    config = UNetConfig.from_json({**UNET, "mid_block_type": None})
    assert deepest_self_attention(config) == "down_blocks.2.attentions.1.transformer_blocks.0.attn1"
