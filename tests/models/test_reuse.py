"""The UNet in part: with features of the same inputs it gives the whole's result, and it does run only in part."""

from __future__ import annotations

import pytest
import torch

from sdedge.models.config import UNetConfig
from sdedge.models.reuse import full, outer
from sdedge.models.unet import UNet

CONFIG = UNetConfig(block_out_channels=(8, 16, 16, 16), norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2)


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(CONFIG).eval()


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return torch.randn(2, 4, 16, 24), torch.tensor([500.0, 500.0]), torch.randn(2, 77, 12)


@pytest.mark.parametrize("depth", [1, 2, 3])
@torch.inference_mode()
def test_on_features_of_the_same_inputs_the_outer_layers_give_the_whole(unet, inputs, depth):
    eps, features = full(unet, *inputs, depth)
    assert torch.equal(eps, unet(*inputs))
    assert torch.equal(outer(unet, *inputs, features, depth), eps)


@pytest.mark.parametrize("depth", [1, 2, 3])
@torch.inference_mode()
def test_the_outer_layers_read_the_latent_of_now(unet, inputs, depth):
    x, t, context = inputs
    eps, features = full(unet, x, t, context, depth)
    assert not torch.allclose(outer(unet, x + 1, t, context, features, depth), eps, atol=1e-3)


@torch.inference_mode()
def test_nothing_deeper_runs_and_no_hook_stays(unet, inputs):
    _, features = full(unet, *inputs, 1)
    ran: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, module in unet.named_modules()
        if name.endswith(("resnets.0", "resnets.1", "resnets.2"))
    ]
    try:
        outer(unet, *inputs, features, 1)
    finally:
        for hook in hooks:
            hook.remove()
    assert ran == ["up_blocks.3.resnets.2"]
    assert not any(module._forward_pre_hooks for module in unet.modules())
