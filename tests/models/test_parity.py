"""Each network against its referee in diffusers or transformers, random weights, float32."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention import FeedForward as FeedForwardReferee
from transformers import CLIPTextConfig, CLIPTextModel

from sdedge.models.attention import chunked_attention, set_attention
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.layers import FeedForward
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE

NARROW_UNET = {
    "block_out_channels": (32, 64, 128, 128),
    "cross_attention_dim": 48,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}
NARROW_VAE = {"block_out_channels": (16, 32, 64, 64), "norm_num_groups": 4, "layers_per_block": 2}
NARROW_TEXT = {
    "vocab_size": 600,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "bos_token_id": 598,
    "eos_token_id": 599,
}


EXACT = 1e-6
"""Of values about 1: the same operators in the same order. Each bound here is some times the true error, and no more."""


def _difference(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max())


@pytest.fixture(scope="module")
def unets() -> tuple[UNet, UNet2DConditionModel]:
    torch.manual_seed(0)
    referee = UNet2DConditionModel(**NARROW_UNET).eval()
    ours = UNet(UNetConfig.from_json(dict(referee.config)))
    ours.load_state_dict(referee.state_dict(), strict=True)
    return ours.eval(), referee


@pytest.mark.parametrize(("h", "w"), [(16, 16), (12, 20), (13, 17), (1, 8)])
@torch.no_grad()
def test_unet_equals_diffusers_at_even_and_odd_sizes(unets, h, w):
    ours, referee = unets
    x, t, context = torch.randn(2, 4, h, w), torch.tensor([999.0, 3.25]), torch.randn(2, 77, 48)
    assert _difference(ours(x, t, context), referee(x, t, context).sample) < EXACT


@torch.no_grad()
def test_unet_reads_contexts_longer_than_77(unets):
    ours, referee = unets
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), torch.randn(1, 154, 48)
    assert _difference(ours(x, t, context), referee(x, t, context).sample) < EXACT


@pytest.mark.parametrize("budget", [1, 10_000, 10**9])
@torch.no_grad()
def test_chunked_attention_is_exact_whatever_the_budget(unets, budget):
    ours, referee = unets
    x, t, context = torch.randn(2, 4, 9, 16), torch.tensor([10.0, 700.0]), torch.randn(2, 77, 48)
    copy = UNet(ours.config)
    copy.load_state_dict(ours.state_dict())
    set_attention(copy, chunked_attention(budget))
    assert _difference(copy(x, t, context), referee(x, t, context).sample) < 5e-6


@torch.no_grad()
def test_vae_equals_diffusers():
    torch.manual_seed(1)
    depth = len(NARROW_VAE["block_out_channels"])
    types = {"down_block_types": ("DownEncoderBlock2D",) * depth, "up_block_types": ("UpDecoderBlock2D",) * depth}
    referee = AutoencoderKL(**NARROW_VAE, **types).eval()
    ours = VAE(VAEConfig.from_json(dict(referee.config))).eval()
    ours.load_state_dict(referee.state_dict(), strict=True)
    image = torch.rand(1, 3, 64, 72) * 2 - 1
    posterior, expected = ours.encode(image), referee.encode(image).latent_dist
    assert _difference(posterior.mean, expected.mean) < EXACT
    assert _difference(posterior.logvar, expected.logvar) < EXACT
    noise = torch.randn(posterior.mean.shape)
    assert _difference(posterior.sample(noise), expected.mean + expected.std * noise) < EXACT
    z = torch.randn(2, 4, 8, 9)
    assert _difference(ours.decode(z), referee.decode(z).sample) < 5e-5


@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@torch.no_grad()
def test_text_encoder_equals_transformers_with_and_without_clip_skip(activation):
    torch.manual_seed(2)
    referee = CLIPTextModel(CLIPTextConfig(**NARROW_TEXT, hidden_act=activation)).eval()
    ours = CLIPText(TextConfig.from_json(referee.config.to_dict())).eval()
    ours.load_state_dict(
        {k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in referee.state_dict().items()}
    )
    ids = torch.randint(0, 600, (2, 77))
    expected = referee(ids, output_hidden_states=True)
    assert _difference(ours(ids), expected.last_hidden_state) < 5e-6
    skipped = ours.text_model.final_layer_norm(expected.hidden_states[-2])
    assert _difference(ours(ids, skip=1), skipped) < 5e-6


@torch.no_grad()
def test_the_feed_forward_is_diffusers_over_all_of_the_erf():
    """Where a whole network of small random weights would hide another GELU."""
    torch.manual_seed(3)
    referee, ours = FeedForwardReferee(16, activation_fn="geglu").eval(), FeedForward(16).eval()
    with torch.no_grad():
        for parameter in referee.parameters():
            parameter.normal_(std=0.5)
    ours.load_state_dict(referee.state_dict(), strict=True)
    x = torch.randn(64, 16)
    assert _difference(ours(x), referee(x)) < 1e-5 and float(ours(x).abs().max()) > 3


@pytest.mark.parametrize(
    ("network", "config", "tensors", "parameters"),
    [
        (UNet, UNetConfig(), 686, 859_520_964),
        (UNet, UNetConfig(in_channels=9), 686, 859_535_364),
        (VAE, VAEConfig(), 248, 83_653_863),
        (CLIPText, TextConfig(), 196, 123_060_480),
    ],
)
def test_full_size_networks_have_the_published_parameters_and_no_buffers(network, config, tensors, parameters):
    with torch.device("meta"):
        module = network(config)
    assert len(module.state_dict()) == tensors
    assert sum(p.numel() for p in module.parameters()) == parameters
    assert not list(module.buffers())
