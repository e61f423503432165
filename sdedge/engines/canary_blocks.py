"""The blocks that the canary runs: one of each kind of a v1 UNet at full width, with weights that are the same everywhere.

Sizes are those of a picture of 512x512 and the batch that of guidance, two rows. Weights come from `RandomState`'s bytes, whose
stream is frozen, so that a reference made once stands for all machines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdedge.models.layers import Downsample2D, ResnetBlock2D, Transformer2DModel, Upsample2D

ROWS, TOKENS, CONTEXT, TIME, GROUPS, HEADS = 2, 77, 768, 1280, 32, 8
RESIDUAL = 0.25
"""Of the inputs: so small that what a block adds to its input is most of what it gives."""
PERIOD = 999_983  # a prime: no row of a matrix begins where another one does
SHARP = 2.0
"""Factor on queries' weights: scores as peaked as a trained network's, so that a wrong scale of them shows."""


@dataclass(frozen=True)
class Block:
    """A block of one kind: how it is made, what its map is (C, H, W), and what it reads beside it."""

    make: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    reads: str = ""
    """ "time", "context" or nothing."""


def _resnet(width: int, wider: int) -> Callable[[], nn.Module]:
    return lambda: ResnetBlock2D(width, wider, GROUPS, 1e-5, TIME)


def _attention(width: int) -> Callable[[], nn.Module]:
    return lambda: Transformer2DModel(width, HEADS, CONTEXT, GROUPS)


BLOCKS = {
    "residual block of 320 channels": Block(_resnet(320, 320), (320, 64, 64), "time"),
    "attention of 320 channels": Block(_attention(320), (320, 64, 64), "context"),
    "downsampling of 320 channels": Block(lambda: Downsample2D(320), (320, 64, 64)),
    "attention of 640 channels": Block(_attention(640), (640, 32, 32), "context"),
    "upsampling of 640 channels": Block(lambda: Upsample2D(640), (640, 16, 16)),
    "residual block of 640 to 1280 channels": Block(_resnet(640, 1280), (640, 8, 8), "time"),
    "attention of 1280 channels": Block(_attention(1280), (1280, 8, 8), "context"),
}  # fmt: skip
"""By their names in sentences and in the reference."""

Filled = tuple[nn.Module, tuple[Tensor, ...]]


def filled(name: str) -> Filled:
    """Returns a block with its weights, and its inputs: the map, then what it reads beside it; all in float32 on the CPU."""
    block, stream = BLOCKS[name], np.random.RandomState(sorted(BLOCKS).index(name))
    with torch.device("meta"):
        module = block.make()
    weights = {path: torch.empty(weight.shape) for path, weight in module.named_parameters()}
    for path, weight in weights.items():
        _fill(stream, path, weight)
    module.load_state_dict(weights, assign=True)  # `to_empty` would import torch's decompositions, which take 0.7 s
    module.eval().requires_grad_(False)
    beside: dict[str, tuple[int, ...]] = {"time": (ROWS, TIME), "context": (ROWS, TOKENS, CONTEXT)}
    inputs = [_uniform(stream, torch.empty(ROWS, *block.shape), RESIDUAL)]
    inputs += [_uniform(stream, torch.empty(beside[block.reads]))] if block.reads else []
    return module, tuple(inputs)


def _fill(stream: Any, path: str, weight: Tensor) -> None:
    """Makes weights that keep the variance of what they read; norms are near 1, biases small."""
    if weight.ndim == 1:
        _uniform(stream, weight, 0.1).add_(1 if "norm" in path and path.endswith("weight") else 0)
    else:
        sharp = SHARP if ".attn1.to_q" in path or ".attn1.to_k" in path else 1.0
        _uniform(stream, weight, sharp / math.prod(weight.shape[1:]) ** 0.5)


def _uniform(stream: Any, tensor: Tensor, deviation: float = 1.0) -> Tensor:
    """Fills a tensor in place with numbers of mean 0 and this deviation out of 256 values; beyond PERIOD they come again."""
    drawn = np.frombuffer(stream.bytes(min(tensor.numel(), PERIOD)), np.uint8).astype(np.float32)
    values = torch.from_numpy((drawn - 127.5) * np.float32(deviation * 12**0.5 / 256))
    for part in tensor.view(-1).split(PERIOD):
        part.copy_(values[: len(part)])
    return tensor
