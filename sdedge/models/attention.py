"""Attention functions. Each is `(q, k, v, heads) -> out` over (B, T, C); a layer holds one as an attribute."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AttentionFunction = Callable[[Tensor, Tensor, Tensor, int], Tensor]
TERMS = 32_766
"""Of a sum of products on MPS: torch 2.13 gets longer ones silently wrong on M1 and M2 (pytorch #195163, #193487)."""

FUSED_WIDTHS = (32, 64, 72, 80, 96, 128, 256)
"""Widths of a head that torch 2.13's tiled attention on Metal takes, which holds no scores (pytorch #181575)."""


def _split(x: Tensor, heads: int) -> Tensor:
    B, T, C = x.shape
    return x.view(B, T, heads, C // heads).transpose(1, 2)  # (B, heads, T, D)


def _merge(x: Tensor) -> Tensor:
    B, heads, T, D = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * D)  # (B, T, C)


def sdpa(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Computes softmax attention by torch's fused kernel: (B, Tq, C), (B, Tk, C), (B, Tk, C) -> (B, Tq, C)."""
    return _merge(F.scaled_dot_product_attention(_split(q, heads), _split(k, heads), _split(v, heads)))


def chunked_attention(budget: int) -> AttentionFunction:
    """Computes exact attention and never holds more than `budget` bytes of scores, by cutting the queries.

    Scores and softmax are float32 for half-precision inputs, which keeps macOS 14.5 and later free of black images.
    """

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        qh, kh, vh = _split(q, heads), _split(k, heads), _split(v, heads)
        B, _, T, D = qh.shape
        rows = max(1, min(T, budget // (B * heads * kh.shape[2] * 4)))
        out = torch.empty_like(qh)
        for start in range(0, T, rows):
            scores = (qh[:, :, start : start + rows] * D**-0.5) @ kh.transpose(-1, -2)  # (B, heads, rows, Tk)
            out[:, :, start : start + rows] = scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ vh
        return _merge(out)

    return attend


def row_pieces(budget: int, terms: int = TERMS) -> AttentionFunction:
    """Returns exact attention for MPS: few heads at a time, and few of their queries where one head's scores exceed `budget`
    bytes.

    Scores are float32 throughout, products included: macOS 14.5 and later give black pictures otherwise. Results are
    joined, never written into slices, which MPS gets wrong on some versions. No sum has more than `terms` products.
    """

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        B, T, _ = q.shape
        qh, kh, vh = (_split(x, heads).flatten(0, 1) for x in (q, k, v))  # (B heads, T, D)
        row = kh.shape[1] * 4
        group, rows = max(1, budget // (T * row)), max(1, budget // row)
        done = []
        for first in range(0, B * heads, group):
            block = slice(first, first + group)
            keys, values = kh[block].float().transpose(1, 2), vh[block]
            queries = (qh[block].float() * qh.shape[-1] ** -0.5).split(rows, dim=1)
            done.append(torch.cat([_weighted((part @ keys).softmax(-1), values, terms) for part in queries], dim=1))
        return _merge(torch.cat(done).unflatten(0, (B, heads)))

    return attend


def _weighted(weights: Tensor, values: Tensor, terms: int) -> Tensor:
    """Returns weights (N, T, S) in float32 times values (N, S, D) -> (N, T, D), at most `terms` of S summed at a time."""
    S = values.shape[1]
    if terms >= S:
        return weights.to(values.dtype) @ values
    parts = zip(weights.chunk(-(-S // terms), dim=2), values.chunk(-(-S // terms), dim=1), strict=True)
    first, *rest = ((part.to(values.dtype) @ value).float() for part, value in parts)
    return sum(rest, first).to(values.dtype)


def fused_width(width: int) -> int | None:
    """Returns the width that a head is padded to for Metal's tiled attention; None where it takes none so wide."""
    return next((taken for taken in FUSED_WIDTHS if taken >= width), None)


def padded(otherwise: AttentionFunction, terms: int = TERMS) -> AttentionFunction:
    """Returns exact attention for MPS by torch's fused kernel, which holds no scores: heads of 40 and 160 are padded to 64
    and 256.

    Zeros add nothing to a product, and the scale is that of the true width, so that the result is the same. Heads wider
    than any that the kernel takes, and more keys than `terms`, are left to `otherwise`.
    """

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        width = q.shape[-1] // heads
        taken = fused_width(width)
        if taken is None or k.shape[1] > terms:
            return otherwise(q, k, v, heads)
        qh, kh, vh = (F.pad(_split(x, heads), (0, taken - width)).contiguous() for x in (q, k, v))
        return _merge(F.scaled_dot_product_attention(qh, kh, vh, scale=width**-0.5)[..., :width])

    return attend


def set_attention(model: nn.Module, attend: AttentionFunction) -> None:
    """Gives every attention layer of `model` the same function."""
    for module in model.modules():
        if hasattr(module, "attend"):
            module.attend = attend  # type: ignore[assignment]
