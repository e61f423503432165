"""Weights that come from their file layer by layer: the same results, in whatever order layers are called."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from sdedge.engines.torch.cpu import fused_loading, streaming
from sdedge.engines.torch.cpu.streaming import STREAMED, Scratch, call_order, stream
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.files import open_tensors
from sdedge.weights.loading import load_into
from sdedge.weights.parts import JoinedTensor, TensorHalf

CPU = torch.device("cpu")


def _unet(model: Path, dtype: torch.dtype, streamed: bool) -> tuple[UNet, dict]:
    checkpoint = open_checkpoint(model)
    with torch.device("meta"):
        unet = UNet(UNetConfig.from_json(checkpoint.configs["unet"]))
    if streamed:
        stream(unet, checkpoint.unet, dtype, CPU)
    else:
        load_into(unet, checkpoint.unet, dtype, mapped=False)
    return unet.eval(), checkpoint.unet


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_streamed_unet_is_the_unet(tiny_model, dtype):
    (ours, tensors), (reference, _) = _unet(tiny_model, dtype, True), _unet(tiny_model, dtype, False)
    width = reference.config.cross_attention_dim
    for side in (8, 16, 8):
        inputs = torch.randn(2, 4, side, side).to(dtype), torch.tensor([7.0]), torch.randn(2, 77, width).to(dtype)
        assert torch.equal(ours(*inputs), reference(*inputs))
        held = sum(p.numel() for p in ours.parameters() if not p.is_meta)
        assert held < 0.1 * sum(t.numel for t in tensors.values())


@torch.inference_mode()
def test_the_order_of_the_layers_is_that_of_their_calls(tiny_model):
    unet, _ = _unet(tiny_model, torch.float32, False)
    called: list[str] = []
    for path, layer in unet.named_modules():
        if isinstance(layer, STREAMED):
            layer.register_forward_pre_hook(lambda *_, path=path: called.append(path))
    unet(torch.randn(1, 4, 8, 8), torch.tensor([7.0]), torch.randn(1, 77, unet.config.cross_attention_dim))
    assert call_order(unet) == called


class Choosy(nn.Module):
    """Calls its layers in an order that changes from pass to pass."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(8, 8) for _ in range(6)])
        self.norm = nn.LayerNorm(8)

    def forward(self, x: torch.Tensor, order: list[int]) -> torch.Tensor:
        for i in order:
            x = self.norm(self.layers[i](x))
        return x


@torch.inference_mode()
def test_layers_may_be_skipped_repeated_and_reordered(tmp_path):
    from safetensors.torch import save_file

    reference = Choosy().eval()
    save_file(reference.state_dict(), tmp_path / "weights.safetensors")
    with torch.device("meta"):
        ours = Choosy().eval()
    stream(ours, open_tensors(tmp_path / "weights.safetensors"), torch.float32, CPU)
    x = torch.randn(3, 8)
    for order in (
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5],
        [5, 4, 0],
        [0, 0, 1, 0, 0],
        [2],
        [2, 2, 2],
        [0, 2, 4],
        [5, 3],
    ):
        torch.testing.assert_close(ours(x, order), reference(x, order))


@torch.inference_mode()
def test_a_file_that_was_cut_since_is_told(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "weights.safetensors"
    save_file(Choosy().state_dict(), path)
    with torch.device("meta"):
        ours = Choosy().eval()
    stream(ours, open_tensors(path), torch.float32, CPU)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with pytest.raises(ModelError, match="ends at byte"):
        ours(torch.randn(1, 8), [0, 1, 2, 3, 4, 5])


@torch.inference_mode()
def test_weights_of_another_dtype_are_converted_once_or_again_where_the_disk_is_full(tiny_model, monkeypatch):
    reference, _ = _unet(tiny_model, torch.bfloat16, False)
    context = torch.randn(1, 77, reference.config.cross_attention_dim).bfloat16()
    inputs = torch.randn(1, 4, 8, 8).bfloat16(), torch.tensor([7.0]), context
    sources = []
    plain = Scratch.keep

    def keep(scratch: Scratch, memory: torch.Tensor, form: object, source: object, dtype: torch.dtype) -> object:
        sources.append(source)
        return plain(scratch, memory, form, source, dtype)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Scratch, "keep", keep)
    for disk_is_full in (False, True):
        if disk_is_full:
            monkeypatch.setattr(streaming, "reserve", no_room)
        ours, _ = _unet(tiny_model, torch.bfloat16, True)
        sources.clear()
        counts = []
        for _ in range(3):
            assert torch.equal(ours(*inputs), reference(*inputs))
            counts.append(len(sources))
        assert counts[0] > 50 and counts[2] > 2 * counts[0] if disk_is_full else counts[2] == counts[0]


@torch.inference_mode()
def test_parts_are_what_their_names_say(tiny_model):
    tensors = open_checkpoint(tiny_model).unet
    fused = fused_loading.fused_tensors(tensors)
    name = next(n for n in fused if n.endswith("qkv.weight"))
    three = [tensors[name.replace("qkv", n)].copy() for n in ("to_q", "to_k", "to_v")]
    assert isinstance(fused[name], JoinedTensor) and torch.equal(fused[name].copy(), torch.cat(three))
    name = next(n for n in fused if n.endswith("gate.weight"))
    assert isinstance(fused[name], TensorHalf)
    second = tensors[name.replace("gate", "proj")].copy().chunk(2)[1]
    assert torch.equal(fused[name].copy(torch.bfloat16), second.bfloat16())


@pytest.mark.slow
def test_a_lora_acts_in_the_streamed_unet_and_leaves_no_trace(tiny_model, tmp_path):
    from safetensors.torch import save_file

    from sdedge.engines.protocol import LoraUse

    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    weight = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"
    width = open_checkpoint(tiny_model).unet[weight].shape[0]
    g = torch.Generator().manual_seed(1)
    down, up = torch.randn(2, width, generator=g), torch.randn(width, 2, generator=g)
    path = tmp_path / "style.safetensors"
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, path)
    engines = [TorchEngine.load(tiny_model, "cpu", "float32", memory=mode) for mode in ("fast", "stream")]
    inputs = torch.randn(1, 4, 8, 8), torch.tensor([500.0]), torch.randn(1, 77, engines[0].facts.context_width)
    plain = [engine.predict(UNetInputs(*inputs)) for engine in engines]
    for engine in engines:
        engine.adapt([LoraUse(path, 1.0, 1.0)])
    styled = [engine.predict(UNetInputs(*inputs)) for engine in engines]
    for engine in engines:
        engine.adapt([])
    torch.testing.assert_close(styled[1], styled[0], atol=1e-5, rtol=0)
    assert (styled[1] - plain[1]).abs().max() > 1e-4
    assert torch.equal(engines[1].predict(UNetInputs(*inputs)), plain[1])
