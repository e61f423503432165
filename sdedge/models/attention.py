"""Attention functions. Each is `(q, k, v, heads) -> out` over (B, T, C); a layer holds one as an attribute."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AttentionFunction = Callable[[Tensor, Tensor, Tensor, int], Tensor]


def _split(x: Tensor, heads: int) -> Tensor:
    B, T, C = x.shape
    return x.view(B, T, heads, C // heads).transpose(1, 2)  # (B, heads, T, D)


def _merge(x: Tensor) -> Tensor:
    B, heads, T, D = x.shape
    return x.transpose(1, 2).reshape(B, T, heads * D)  # (B, T, C)


def sdpa(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Softmax attention by torch's fused kernel: (B, Tq, C), (B, Tk, C), (B, Tk, C) -> (B, Tq, C)."""
    return _merge(F.scaled_dot_product_attention(_split(q, heads), _split(k, heads), _split(v, heads)))


def chunked(budget: int) -> AttentionFunction:
    """Exact attention that never holds more than `budget` bytes of scores, by cutting the queries.

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


def pieces(budget: int) -> AttentionFunction:
    """Exact attention for MPS: few heads at a time, and few of their queries where one head's scores exceed `budget` bytes.

    Scores are float32 throughout, products included: macOS 14.5 and later give black pictures otherwise. Results are
    joined, never written into slices, which MPS gets wrong on some versions.
    """

    def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        B, T, _ = q.shape
        qh, kh, vh = (_split(x, heads).flatten(0, 1) for x in (q, k, v))  # (B heads, T, D)
        row = kh.shape[1] * 4
        group, rows = max(1, budget // (T * row)), max(1, budget // row)
        done = []
        for first in range(0, B * heads, group):
            some = slice(first, first + group)
            keys, values = kh[some].float().transpose(1, 2), vh[some]
            queries = (qh[some].float() * qh.shape[-1] ** -0.5).split(rows, dim=1)
            done.append(torch.cat([(part @ keys).softmax(-1).to(v.dtype) @ values for part in queries], dim=1))
        return _merge(torch.cat(done).unflatten(0, (B, heads)))

    return attend


def set_attention(model: nn.Module, attend: AttentionFunction) -> None:
    """Give every attention layer of `model` the same function."""
    for module in model.modules():
        if hasattr(module, "attend"):
            module.attend = attend  # type: ignore[assignment]
