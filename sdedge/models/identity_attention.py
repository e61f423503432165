"""Self attention in which every pixel attends to itself alone, which perturbed attention guidance draws away from.

out = to_out(to_v(h)) in the last self attention before the way up, for some rows of a batch (Ahn et al. 2024, equation 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sdedge.models.attention import AttentionFunction
from sdedge.models.unet import UNet
from sdedge.models.unet_walk import deepest_self_attention


@contextmanager
def attending_to_itself(unet: UNet, rows: Sequence[range]) -> Iterator[None]:
    """Within: the deepest self attention of `unet` (plain, fused, streamed or int8) is the identity in these rows."""
    attention: Any = unet.get_submodule(deepest_self_attention(unet.config))
    plain = attention.attend
    attention.attend = identity_in(plain, rows)
    try:
        yield
    finally:
        attention.attend = plain


def identity_in(attend: AttentionFunction, rows: Sequence[range]) -> AttentionFunction:
    """Returns `attend` with the values themselves in place of what it makes of them, in some rows of a batch."""

    def attend_in_others(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        parts, done = [], 0
        for each in sorted(rows, key=lambda each: each.start):
            if each.start > done:
                parts.append(attend(q[done : each.start], k[done : each.start], v[done : each.start], heads))
            parts.append(v[each.start : each.stop])
            done = each.stop
        if done < len(q):
            parts.append(attend(q[done:], k[done:], v[done:], heads))
        return torch.cat(parts)

    return attend_in_others
