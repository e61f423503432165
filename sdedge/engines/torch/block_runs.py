"""The canary's blocks as the torch engine runs a UNet's: fused on a CPU, by MPS's attention on MPS, on CUDA as measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from sdedge.engines.canary_blocks import BLOCKS, ROWS, filled
from sdedge.engines.torch import mps
from sdedge.engines.torch.cpu import fused_unet, kernels
from sdedge.machine import findings
from sdedge.machine.probe import LAYOUTS
from sdedge.models.attention import AttentionFunction, padded, row_pieces, sdpa, set_attention

OWN_KERNEL = ", own kernel"
WIDEST = "attention of 320 channels"


def variants(name: str, device: torch.device, dtype: torch.dtype) -> dict[str, AttentionFunction | None]:
    """Returns the ways of attention that a UNet may run by on a device, by words to be added to a block's name.

    All of them are run, whichever the probe chose: it chooses anew when the machine is measured again. Of a CPU's two ways
    the widest map, which costs as much as everything else, goes by that which was found faster alone.
    """
    if not name.startswith("attention"):
        return {"": None}
    if device.type == "mps":
        pieces = row_pieces(mps.score_budget())
        return {"": pieces, ", fused": padded(pieces)}
    if device.type == "cpu" and kernels.attends(dtype):
        ways: dict[str, AttentionFunction | None] = {"": sdpa, OWN_KERNEL: kernels.attention}
        return ways if name != WIDEST else {faster: ways[faster] for faster in (_faster(device, dtype),)}
    return {"": None}


def _faster(device: torch.device, dtype: torch.dtype) -> str:
    """Returns the words for the attention that was found faster on a CPU; the own kernel's where nothing was measured."""
    known = findings.findings().get(str(device))
    return "" if known and known.attention_in(str(dtype).removeprefix("torch.")) == "torch" else OWN_KERNEL


@torch.inference_mode()
def run_block(name: str, device: torch.device, dtype: torch.dtype, attend: AttentionFunction | None) -> torch.Tensor:
    """Returns what a device makes of a block in a format, (ROWS, C, H, W) in float32 on the CPU. Raises what it raises."""
    made, inputs = filled(name)
    module: Any = made.to(device, dtype)
    if device.type == "cpu" and fused_unet.available(dtype):
        convolutions: list[Any] = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d)]
        for layer in convolutions if fused_unet.minds_sizes(dtype) else ():
            layer.reads = tuple(BLOCKS[name].shape[1:])
        module = fused_unet.fuse(module)
    elif device.type == "mps":
        module = mps.suit(module, mps.score_budget())
    elif device.type == "cuda":
        known = findings.findings().get(str(device))
        module = module.to(memory_format=LAYOUTS[known.layout if known else "contiguous"])
    if attend is not None:
        set_attention(module, attend)
    result: torch.Tensor = module(*(tensor.to(device, dtype) for tensor in inputs))
    assert len(result) == ROWS
    return result.float().cpu()


@torch.inference_mode()
def reference_block(name: str) -> torch.Tensor:
    """Returns what plain float32 on a CPU makes of a block."""
    module, inputs = filled(name)
    result: torch.Tensor = module(*inputs)
    return result


def names(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[str, str, AttentionFunction | None]]:
    """Yields each run's name, its block and its attention."""
    for block in BLOCKS:
        for suffix, attend in variants(block, device, dtype).items():
            yield block + suffix, block, attend
