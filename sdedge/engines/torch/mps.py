"""What MPS needs that other devices do not; `mps_rules` checks it on any machine."""

from __future__ import annotations

import os

import torch
from torch import nn

from sdedge.models.attention import padded, row_pieces, set_attention

WATERMARK = "PYTORCH_MPS_HIGH_WATERMARK_RATIO"
LEAST, MOST = 2**24, 2**28  # bytes of attention scores at a time


def suit(module: nn.Module, budget: int, fused: bool = False) -> nn.Module:
    """Gives a network the attention that MPS needs, at most `budget` bytes of scores, and contiguous weights.

    With `fused`, which the probe decides on the device, Metal's own kernel attends where it takes the heads.
    """
    in_pieces = row_pieces(budget)
    set_attention(module, padded(in_pieces) if fused else in_pieces)
    for parameter in module.parameters():
        parameter.data = parameter.data.contiguous()
    return module


def free_bytes() -> int:
    """Returns what may still be allocated below the watermark that keeps macOS responsive; what torch has cached is free."""
    return torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory()


def score_budget(free: int | None = None) -> int:
    """Returns the bytes of attention scores at a time: an eighth of the free memory, 16 to 256 MB."""
    free = free_bytes() if free is None else free
    return min(max(free // 8, LEAST), MOST)


def remarks() -> tuple[str, ...]:
    """Returns a warning where the user has turned off the watermark."""
    try:
        off = float(os.environ.get(WATERMARK, "1")) == 0
    except ValueError:
        off = False
    return (f"{WATERMARK}=0 lets torch take all memory and may freeze the Mac; unset it.",) if off else ()
