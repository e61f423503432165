"""The places where features enter the UNet, against diffusers' arguments for them, on every form of ours."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NetworkForm, build
from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.layers import Attention
from sdedge.models.reuse import full, outer
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.unet_walk import feature_shapes, residual_shapes, walk
from sdedge.weights.files import open_tensors
from tests.conftest import cases

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


@pytest.fixture(scope="module", params=["plain", pytest.param("fused", marks=needs_onednn), "streamed"])
def form(request, unet, tmp_path_factory) -> UNet:
    if request.param == "streamed":
        path = tmp_path_factory.mktemp("streamed") / "unet.safetensors"
        save_file(unet.state_dict(), path)
        built = NetworkForm(
            "unet", torch.device("cpu"), torch.float32, "stream", SIZES[0], NARROW["block_out_channels"][0]
        )
        return build(built, NARROW, open_tensors(path))[0]
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


@pytest.mark.parametrize("places", cases(["down", "skips", "down and skips"], quick=["down and skips"]))
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


@pytest.mark.parametrize("depth", cases([1, 3], quick=[3]))
@torch.inference_mode()
def test_reused_features_leave_the_outer_places_open(form, inputs, depth):
    down, skips = _features(), _residuals()
    eps, features = full(form, *inputs, depth, down=down, skips=skips)
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


@pytest.mark.parametrize("size", [(16, 24), (9, 7)])
@torch.inference_mode()
def test_the_shapes_at_the_places_are_those_of_the_maps_there(unet, size):
    config = unet.config
    if size == SIZES[0]:
        assert [tuple(feature.shape[1:]) for feature in _features()] == feature_shapes(config, *size)
        assert [tuple(residual.shape[1:]) for residual in _residuals()] == residual_shapes(config, *size)
    encoder = unet.layers[: 1 + next(i for i, bound in enumerate(unet.layers) if bound.layer.is_middle)]
    skips, x, context = list[Tensor](), torch.randn(1, 4, *size), torch.randn(1, 7, 48)
    middle = unet.run(encoder, x, unet.embed(torch.tensor([1.0]), x.dtype), context, skips)
    assert [tuple(part.shape[1:]) for part in (*skips, middle)] == residual_shapes(config, *size)
    ends = [bound.layer.is_down_end for bound in encoder if bound.layer.keeps_skip]
    maps = [tuple(part.shape[1:]) for part, is_end in zip(skips, ends, strict=True) if is_end]
    assert maps == feature_shapes(config, *size)


@pytest.fixture(scope="module")
def engine(deep_model) -> TorchEngine:
    return TorchEngine.load(deep_model, "cpu", "float32")


def _ones(shapes: list[tuple[int, int, int]]) -> tuple[Tensor, ...]:
    return tuple(torch.ones(1, *shape) for shape in shapes)


@pytest.mark.parametrize(
    ("places", "change", "said"),
    [
        ("down", lambda maps: maps[:-1], "The UNet takes 4 features on the way down and gets 3; choose an adapter"),
        ("skips", lambda maps: maps[:-1], "takes 13 residuals and gets 12; choose a control net"),
        ("skips", lambda maps: (*maps, maps[0]), "takes 13 residuals and gets 14"),
        ("down", lambda maps: (maps[0], maps[1][:, :3], *maps[2:]), r"Number 2 of the features .* \(2, 16, 4, 4\)"),
        (
            "skips",
            lambda maps: (maps[0][..., :4], *maps[1:]),
            r"Number 1 of the residuals has the shape \(1, 8, 8, 4\)",
        ),
        ("skips", lambda maps: (*maps[:-1], torch.ones(3, *maps[-1].shape[1:])), r"Number 13 .* \(3, "),
        ("skips", lambda maps: (maps[0][0], *maps[1:]), "Number 1 of the residuals"),
    ],
)
def test_what_fits_no_place_is_refused_in_a_sentence(engine, places, change, said):
    config = engine.network("unet").config
    shapes = {"down": feature_shapes(config, 8, 8), "skips": residual_shapes(config, 8, 8)}[places]
    x, context = torch.randn(2, 4, 8, 8), torch.randn(2, 77, engine.facts.context_width)
    inputs = UNetInputs(x, torch.tensor([441.0, 441.0]), context, **{places: change(_ones(shapes))})
    for call in (engine.predict, engine.predict_partly):
        with pytest.raises(ModelError, match=said):
            call(inputs)
    engine.predict(replace(inputs, **{places: _ones(shapes)}))


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
