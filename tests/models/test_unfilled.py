"""A network that is about to be filled has its parameters' names and shapes, and no values were drawn for them."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from sdedge.models.unet import UNet
from sdedge.models.unfilled import unfilled
from sdedge.training.illustrations.recipe import QUICK


class Operations(TorchDispatchMode):
    """Records the names of the operators that are called."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_nothing_is_drawn_and_everything_is_declared():
    with unfilled(), Operations() as seen:
        network = UNet(QUICK.unet)
    declared = {name: (tensor.shape, tensor.dtype) for name, tensor in UNet(QUICK.unet).state_dict().items()}
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in network.state_dict().items()} == declared
    assert all(tensor.is_meta for tensor in network.parameters())
    assert seen.names and not [name for name in seen.names if "uniform" in name or "normal" in name]
    assert torch.nn.Linear(2, 2).weight.abs().sum() > 0  # and nothing of it lasts
