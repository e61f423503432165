"""What MPS needs, as far as it can be proved without a Mac; `tests/mps` is for one that is here."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from sdedge.engines.torch import mps, networks
from sdedge.engines.torch.cpu.streaming import Reader
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import is_out_of_memory
from sdedge.machine import probe
from sdedge.models.attention import TERMS, padded, row_pieces, sdpa
from sdedge.process.worker import describe_failure
from sdedge.weights.files import open_tensors


class _Stored:
    """A weight that a reader makes."""

    dtype, name = torch.float32, "weight"

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.shape = tensor, tuple(tensor.shape)

    def copy_into(self, target: torch.Tensor) -> None:
        target.copy_(self.tensor)


def test_weights_go_to_mps_from_the_drawing_thread_alone(monkeypatch):
    """Two threads that use MPS at once abort inside Metal (pytorch #197805)."""
    movers = []

    def to(tensor, device, *rest):
        movers.append((str(device), threading.current_thread()))
        return tensor

    monkeypatch.setattr(torch.Tensor, "to", to)
    monkeypatch.setattr(
        "sdedge.engines.torch.cpu.streaming.fill_tensor", lambda source, tensor: source.copy_into(tensor)
    )
    monkeypatch.setattr("sdedge.engines.torch.cpu.streaming.is_stored", lambda source, dtype: True)
    layers = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    weights = [layer.weight.detach().clone() for layer in layers]
    for threads, device in (({threading.current_thread()}, "mps"), (None, "cuda")):
        reader = Reader(torch.float32, torch.device(device), 4096)
        for index, (layer, weight) in enumerate(zip(layers, weights)):
            layer._forward_pre_hooks.clear()
            layer._forward_hooks.clear()
            reader.attach(str(index), layer, {"weight": _Stored(weight)})
        reader.expect(list(layers))
        movers.clear()
        x = torch.ones(1, 4)
        with torch.inference_mode():
            for _ in range(2):
                assert torch.equal(layers(x), x @ weights[0].T @ weights[1].T)
        assert len(movers) >= 4 and {name for name, _ in movers} == {device}
        moving = {thread for _, thread in movers}
        assert moving == threads if threads else len(moving) == 2


def test_what_torch_has_cached_is_free(monkeypatch):
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 10 << 30)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 9 << 30)
    monkeypatch.setattr(torch.mps, "current_allocated_memory", lambda: 2 << 30)
    assert mps.free_bytes() == 8 << 30


@pytest.mark.parametrize(
    "said", ["Invalid buffer size: 24.00 GiB", "MPS backend out of memory (MPS allocated: 9 GiB, max allowed: 9 GiB)."]
)
def test_what_mps_says_of_memory_is_out_of_memory(said):
    assert is_out_of_memory(RuntimeError(said)) and describe_failure(RuntimeError(said)).kind == "memory"


# Fused attention


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("width", [40, 80, 160])
def test_padding_a_head_changes_nothing(width, dtype):
    """Whole numbers are multiplied and added without rounding, so the scores are equal to the last bit."""
    generator = torch.Generator().manual_seed(width)
    q, k = (torch.randint(-3, 4, (2, n, 2 * width), generator=generator).to(dtype) for n in (96, 77))
    v = torch.randn(2, 77, 2 * width, generator=generator, dtype=torch.float64).to(dtype)
    assert torch.equal(_scores(q, k, width), _scores(*(F.pad(_heads(x, width), (0, 96)) for x in (q, k)), width))
    ours, plain = padded(row_pieces(2**20))(q, k, v, 2), sdpa(q, k, v, 2)
    assert (ours - plain).abs().max() <= 2 * torch.finfo(dtype).eps * plain.abs().max()


def _heads(x, width):
    return x.unflatten(-1, (2, width)).transpose(1, 2)


def _scores(q, k, width):
    q, k = (_heads(x, width) if x.dim() == 3 else x for x in (q, k))
    return (q @ k.transpose(-1, -2)) * width**-0.5


def test_heads_are_padded_to_what_metal_takes_with_the_scale_of_their_own_width(monkeypatch):
    asked = []
    real = F.scaled_dot_product_attention

    def attend(q, k, v, scale=None):
        asked.append((q.shape[-1], scale))
        return real(q, k, v, scale=scale)

    monkeypatch.setattr(F, "scaled_dot_product_attention", attend)
    left = []
    function = padded(lambda q, k, v, heads: left.append(q.shape[-1] // heads) or q)
    for width in (40, 80, 160, 512):
        x = torch.randn(1, 9, width)
        function(x, x, x, 1)
    function(*[torch.randn(1, TERMS + 1, 40)] * 3, 1)  # sums that M1 and M2 get wrong
    assert asked == [(64, 40**-0.5), (80, 80**-0.5), (256, 160**-0.5)] and left == [512, 40]


@pytest.mark.parametrize("fault", [None, "scale", "nan", "refuses"])
def test_the_probe_requires_that_fused_attention_agrees(monkeypatch, fault):
    real = F.scaled_dot_product_attention

    def attend(q, k, v, scale=None):
        if fault == "refuses":
            raise RuntimeError("not on this device")
        out = real(q, k, v, scale=q.shape[-1] ** -0.5 if fault == "scale" else scale)
        return out * float("nan") if fault == "nan" else out

    monkeypatch.setattr(F, "scaled_dot_product_attention", attend)
    for dtype in (torch.float32, torch.float16):
        assert probe.fused_agrees(torch.device("cpu"), dtype) == (fault is None)


@pytest.mark.parametrize("fused, agrees, chosen", [(0.2, True, "fused"), (0.2, False, "torch"), (0.9, True, "torch")])
def test_the_faster_attention_of_mps_is_chosen_by_a_race(monkeypatch, fused, agrees, chosen):
    def seconds(device, kernel, dtype, layout, limit):
        return fused if layout == "fused" else 1.0 if dtype == torch.float32 else 0.5

    monkeypatch.setattr(probe, "time_kernel", seconds)
    monkeypatch.setattr(probe, "APART", 0.0)
    monkeypatch.setattr(probe, "fused_agrees", lambda device, dtype: agrees)
    finding = probe.probe(torch.device("mps"))
    assert (finding.attention, finding.dtype) == (chosen, "float16")
    assert ("fused" in {t.layout for t in finding.timings if t.seconds}) == agrees


def test_the_engine_takes_the_attention_that_was_found(tiny_model, monkeypatch):
    engine = TorchEngine.load(tiny_model, "cpu", "float16")
    unet = engine.network("unet")
    monkeypatch.setattr(mps, "score_budget", lambda: 2**20)
    monkeypatch.setattr("sdedge.engines.torch.networks.NARROW", 1)
    finding = probe.DeviceFinding("mps", "Apple M4", "float16", "contiguous", 0, "", (), "fused")
    monkeypatch.setattr("sdedge.engines.torch.networks.measured", lambda device: finding)
    for component, attention in (("unet", "padded"), ("vae", "row_pieces")):
        module = networks.suit(replace(engine.residency.form(component), device=torch.device("mps")), unet)
        attend = module.mid_block.attentions[0].transformer_blocks[0].attn1.attend
        assert attend.__qualname__.startswith(attention)


# Weights


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
def test_weights_go_to_mps_in_large_pieces_of_their_own_format(tmp_path, monkeypatch, stored):
    weight = torch.arange(3000).to(stored)
    save_file({"w": weight}, tmp_path / "w.safetensors")
    sent, got = [], torch.zeros(3000, dtype=torch.float16)

    class Target:
        """A half-precision tensor on MPS."""

        device, dtype, itemsize = torch.device("mps"), torch.float16, 2

        def view(self, *shape):
            return self

        def __getitem__(self, index):
            return got[index]

    def to(tensor, device):
        sent.append((str(device), tensor.dtype, len(tensor)))
        return tensor

    monkeypatch.setattr("sdedge.weights.files._SENT", 2000 * stored.itemsize)
    lazy = open_tensors(tmp_path / "w.safetensors")["w"]
    monkeypatch.setattr(torch.Tensor, "to", to)
    lazy.fill(Target())
    assert sent == [("mps", stored, 2000), ("mps", stored, 1000)] and torch.equal(got, weight.half())
