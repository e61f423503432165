"""The places where features enter the UNet, against diffusers' arguments for them, on every form of ours."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.config import UNetConfig
from sdedge.models.layers import Attention
from sdedge.models.reuse import outer, whole
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.unet_walk import walk

NARROW = {
    "block_out_channels": (32, 64, 128, 128),
    "cross_attention_dim": 48,
    "attention_head_dim": 4,
    "norm_num_groups": 8,
}
SIZES = [(16, 24), (8, 12), (4, 6), (2, 3)]  # of the levels, for the latent below
ERROR = 4e-6  # of values about 1: the referee itself is 2e-6 from float64 at this size

needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)


@pytest.fixture(scope="module")
def referee() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(**NARROW).eval()


@pytest.fixture(scope="module")
def unet(referee) -> UNet:
    ours = UNet(UNetConfig.from_json(dict(referee.config)))
    ours.load_state_dict(referee.state_dict(), strict=True)
    return ours.eval()


@pytest.fixture(scope="module", params=["plain", pytest.param("fused", marks=needs_onednn)])
def form(request, unet) -> UNet:
    return unet if request.param == "plain" else fused_unet.fuse(copy.deepcopy(unet))


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 4, *SIZES[0]), torch.tensor([441.0]), torch.randn(2, 77, 48)


def _features() -> list[Tensor]:
    torch.manual_seed(2)
    return [torch.randn(2, channels, *size) for channels, size in zip(NARROW["block_out_channels"], SIZES, strict=True)]


def _residuals() -> list[Tensor]:
    """Of the twelve skips and the middle."""
    torch.manual_seed(3)
    (a, b, c, d), (p, q, r, s) = NARROW["block_out_channels"], SIZES
    shapes = [(a, p), (a, p), (a, p), (a, q), (b, q), (b, q), (b, r), (c, r), (c, r), (c, s), (d, s), (d, s), (d, s)]
    return [torch.randn(2, channels, *size) for channels, size in shapes]


@pytest.mark.parametrize("places", ["down", "skips", "down and skips"])
@torch.inference_mode()
def test_features_and_residuals_enter_where_diffusers_adds_them(form, referee, inputs, places):
    theirs: dict[str, object] = {}
    ours: dict[str, list[Tensor]] = {}
    if "down" in places:
        ours["down"] = _features()
        theirs["down_intrablock_additional_residuals"] = [
            feature.clone() for feature in _features()
        ]  # it takes them away
    if "skips" in places:
        ours["skips"] = _residuals()
        theirs["down_block_additional_residuals"] = _residuals()[:-1]
        theirs["mid_block_additional_residual"] = _residuals()[-1]
    expected = referee(*inputs, **theirs).sample
    assert float((form(*inputs, **ours) - expected).abs().max()) < ERROR
    assert float((form(*inputs) - expected).abs().max()) > 0.01


@pytest.mark.parametrize("depth", [1, 3])
@torch.inference_mode()
def test_reused_features_leave_the_outer_places_open(form, inputs, depth):
    down, skips = _features(), _residuals()
    eps, features = whole(form, *inputs, depth, down=down, skips=skips)
    assert torch.equal(eps, form(*inputs, down=down, skips=skips))
    assert torch.equal(outer(form, *inputs, features, depth, down=down, skips=skips), eps)
    changed = [residual + 1 if i == 0 else residual for i, residual in enumerate(skips)]
    assert not torch.equal(outer(form, *inputs, features, depth, down=down, skips=changed), eps)


@pytest.mark.parametrize("layers", [1, 2])
def test_the_walk_names_every_module_once_in_the_order_it_runs(layers):
    torch.manual_seed(4)
    config = UNetConfig(
        block_out_channels=(8, 16, 16), norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2,
        layers_per_block=layers,
    )  # fmt: skip
    unet, ran = UNet(config).eval(), []
    paths = [path for layer in walk(config) for path in layer.paths]
    for path in paths:
        unet.get_submodule(path).register_forward_hook(lambda *_, path=path: ran.append(path))
    with torch.inference_mode():
        unet(torch.randn(1, 4, 8, 8), torch.tensor([1.0]), torch.randn(1, 7, 12))
    assert ran == paths
    attentions = {name for name, module in unet.named_modules() if isinstance(module, Attention)}
    places = [
        place for layer in walk(config) if layer.attention for place in (layer.self_attention, layer.cross_attention)
    ]
    assert attentions == set(places) and len(places) == len(attentions)


def test_v1_has_the_places_that_adapters_and_control_nets_are_made_for():
    layers = walk(UNetConfig())
    assert sum(layer.is_down_end for layer in layers) == 4
    assert sum(layer.keeps_skip for layer in layers) == sum(layer.reads_skip for layer in layers) == 12
    assert sum(layer.is_middle for layer in layers) == 1 and sum(bool(layer.attention) for layer in layers) == 16
    assert all(abs(a.level - b.level) <= 1 for a, b in pairwise(layers))


def test_an_engine_takes_them_from_the_inputs_and_a_streamed_one_as_well(tiny_model):
    loaded, streamed = (TorchEngine.load(tiny_model, "cpu", "float32", memory=mode) for mode in ("fast", "stream"))
    widths = loaded.network("unet").config.block_out_channels
    torch.manual_seed(5)
    inputs = UNetInputs(
        torch.randn(2, 4, 8, 8), torch.tensor([441.0, 441.0]), torch.randn(2, 77, loaded.facts.context_width)
    )
    down = tuple(torch.randn(1, width, 8 // 2**level, 8 // 2**level) for level, width in enumerate(widths))
    skips = tuple(torch.zeros(1, 1, 1, 1) for layer in walk(loaded.network("unet").config) if layer.keeps_skip)
    with_down, with_middle = replace(inputs, down=down), replace(inputs, skips=(*skips, torch.ones(1, 1, 1, 1)))
    plain = loaded.predict(inputs)
    for changed in (with_down, with_middle):
        eps = loaded.predict(changed)
        assert not torch.allclose(eps, plain, atol=1e-3)
        assert torch.equal(streamed.predict(changed), eps) and torch.equal(loaded.predict_partly(changed)[0], eps)
