"""What MPS needs, as far as it can be proved without a Mac; `tests/mps` is for one that is here."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from sdedge.engines.torch import mps
from sdedge.engines.torch.cpu.streaming import Reader
from sdedge.errors import is_out_of_memory
from sdedge.process.worker import describe_failure


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
    monkeypatch.setattr("sdedge.engines.torch.cpu.streaming.fill", lambda source, tensor: source.copy_into(tensor))
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
        found = {thread for _, thread in movers}
        assert found == threads if threads else len(found) == 2


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
