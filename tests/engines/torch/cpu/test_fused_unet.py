"""The fused UNet is the UNet: same results to rounding in every dtype, size and padding, and nothing stale kept."""

from __future__ import annotations

import copy
import itertools
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from sdedge.engines.openvino import graph
from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.config import UNetConfig
from sdedge.models.layers import GEGLU, FeedForward, wrap_edges
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from tests.conftest import cases

CONFIG = UNetConfig(
    block_out_channels=(32, 64, 64, 64),
    layers_per_block=1,
    cross_attention_dim=48,
    attention_head_dim=4,
    norm_num_groups=8,
)

pytestmark = pytest.mark.skipif(not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN")


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(5)
    return UNet(CONFIG).eval()


def _inputs(height: int = 16, width: int = 16, rows: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(9)
    x = torch.randn(rows, 4, height, width, generator=generator)
    return x, torch.tensor([441.0]), torch.randn(rows, 7, 48, generator=generator)


def _error(ours: Tensor, referee: Tensor) -> float:
    return float((ours.float() - referee).norm() / referee.norm())


@torch.inference_mode()
@pytest.mark.parametrize(
    ("tiled", "size"),
    cases(
        itertools.product((False, True), ((16, 16), (13, 24), (8, 8))),
        quick={(False, (8, 8)), (False, (13, 24)), (True, (13, 24))},
    ),
)
def test_equal_in_float32(unet: UNet, size: tuple[int, int], tiled: bool) -> None:
    plain = copy.deepcopy(unet)
    wrap_edges(plain, tiled)
    inputs = _inputs(*size)
    assert _error(fused_unet.fuse(copy.deepcopy(plain))(*inputs), plain(*inputs)) < 2e-6


@torch.inference_mode()
@pytest.mark.parametrize("size", [(16, 16), (13, 24)])
def test_convolutions_know_the_maps_they_read(unet: UNet, size: tuple[int, int]) -> None:
    packed = copy.deepcopy(unet)
    fused_unet.expect_maps(packed, *size)
    read = {}
    for layer in packed.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(lambda layer, inputs: read.update({layer: tuple(inputs[0].shape[2:])}))
    inputs = _inputs(*size)
    packed(*inputs)
    assert read and all(layer.reads == maps for layer, maps in read.items())
    packed = fused_unet.fuse(copy.deepcopy(packed))
    for read_inputs in (inputs, _inputs(size[1], size[0])):
        assert _error(packed(*read_inputs), unet(*read_inputs)) < 2e-6


def test_where_the_kernels_mind_another_size_is_packed_for(tiny_model, monkeypatch) -> None:
    monkeypatch.setattr(fused_unet, "minds_sizes", lambda dtype: True)
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    reads = []
    for width, height in ((64, 64), (96, 64), (96, 64)):
        engine.choose_memory(width, height, 1)
        reads.append((engine.network("unet").conv_in.reads, engine.network("unet")))
    assert [size for size, _ in reads] == [(8, 8), (8, 12), (8, 12)]
    assert reads[0][1] is not reads[1][1] and reads[1][1] is reads[2][1]


@torch.inference_mode()
@pytest.mark.skipif(not fused_unet.available(torch.bfloat16), reason="no bfloat16 here")
def test_as_near_to_float32_as_the_plain_network_in_bfloat16(unet: UNet) -> None:
    x, t, context = _inputs()
    half = copy.deepcopy(unet).bfloat16()
    inputs = x.bfloat16(), t, context.bfloat16()
    plain = _error(half(*inputs), unet(x, t, context))
    assert _error(fused_unet.fuse(half)(*inputs), unet(x, t, context)) < 1.2 * plain


@torch.inference_mode()
def test_rows_of_different_timesteps(unet: UNet) -> None:
    x, _, context = _inputs(rows=3)
    t = torch.tensor([3.0, 500.0, 999.0])
    assert _error(fused_unet.fuse(copy.deepcopy(unet))(x, t, context), unet(x, t, context)) < 2e-6


@torch.inference_mode()
def test_what_is_kept_follows_context_and_timestep(unet: UNet) -> None:
    fused = fused_unet.fuse(copy.deepcopy(unet))
    x, t, first = _inputs()
    second = first.flip(0).contiguous()
    for context in (first, second, first):
        for time in (t, t / 2, t):
            assert _error(fused(x, time, context), unet(x, time, context)) < 2e-6
    cached = fused.mid_block.attentions[0].transformer_blocks[0].attn2.cached
    assert len(cached) == 2
    del first, context
    assert len(cached) == 1


def test_tiling_is_turned_on_and_off_in_a_running_engine(tiny_model) -> None:
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    x, t, context = torch.randn(1, 4, 8, 16), torch.tensor([500.0]), torch.randn(1, 77, engine.facts.context_width)
    plain = engine.predict(UNetInputs(x, t, context))
    engine.set_tiling(True)
    tiled = engine.predict(UNetInputs(x, t, context))
    assert not torch.allclose(plain, tiled)
    rolled = engine.predict(UNetInputs(x.roll(8, dims=3), t, context)).roll(-8, dims=3)
    assert torch.allclose(rolled, tiled, atol=1e-4)
    engine.set_tiling(False)
    assert torch.equal(engine.predict(UNetInputs(x, t, context)), plain)


@torch.inference_mode()
def test_the_fused_feed_forward_has_the_erf_too() -> None:
    torch.manual_seed(3)
    plain = FeedForward(16).eval()
    for parameter in plain.parameters():
        parameter.normal_(std=0.5)
    x = torch.randn(1, 64, 16)
    expected = plain(x)
    assert (
        float((fused_unet.fuse(copy.deepcopy(plain))(x) - expected).abs().max()) < 1e-5
        and float(expected.abs().max()) > 3
    )


@torch.inference_mode()
def test_what_openvino_reads_is_the_network(unet: UNet) -> None:
    """The network as `openvino_graph` changes it before OpenVINO sees it, run by torch."""
    x, t, context = _inputs()
    expected = unet(x, t, context)
    changed = copy.deepcopy(unet)
    cross = graph.pad_attention(changed, 8)
    projected = graph.ContextProjections(cross)(context)
    assert _error(graph.FullUNet(changed, cross)(x, t, *projected)[0], expected) < 2e-6
    plain = GEGLU(16, 24)
    plain.proj.weight.normal_(std=0.5)
    wide = 2 * torch.randn(64, 16)
    assert float((graph.SplitGEGLU(plain)(wide) - plain(wide)).abs().max()) < 2e-5


def test_weights_that_are_not_finite_are_reported_as_they_are_read_ahead(tiny_model, tmp_path) -> None:
    """By the name of the layer, and no other one."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    path = next((folder / "unet").glob("*.safetensors"))
    tensors = load_file(path)
    tensors["conv_out.weight"].view(-1)[3] = float("inf")
    save_file(tensors, path)
    engine = TorchEngine.load(folder, "cpu")
    engine.network("unet")
    assert [line for line in engine.facts.report if "not finite" in line] == [
        "1 weights are not finite (NaN or infinite) (conv_out.weight)"
    ]
