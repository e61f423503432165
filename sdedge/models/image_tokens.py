"""Cross attention over the tokens of pictures beside those of the context (IP-Adapter): one place for every form of the UNet.

out = A(q, K, V) + weight * A(q, K_picture, V_picture), before the last projection (Ye et al. 2023, equation 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from sdedge.models.attention import AttentionFunction
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import ImageTokens
from sdedge.models.unet_walk import walk


@contextmanager
def attending_to(unet: UNet, pictures: Sequence[ImageTokens]) -> Iterator[None]:
    """Within: every cross attention of `unet` (plain, fused, streamed or int8) attends to the pictures as well; after: none."""
    layers = [layer for layer in walk(unet.config) if layer.attention]
    attentions: list[Any] = [unet.get_submodule(layer.cross_attention) for layer in layers]
    plain = [attention.attend for attention in attentions]
    for i, (layer, attention) in enumerate(zip(layers, attentions, strict=True)):
        attention.attend = beside(attention.attend, pictures, i, layer.level)
    try:
        yield
    finally:
        for attention, attend in zip(attentions, plain, strict=True):
            attention.attend = attend


def beside(attend: AttentionFunction, pictures: Sequence[ImageTokens], place: int, level: int) -> AttentionFunction:
    """Returns `attend` with that over the pictures' tokens added, for one cross attention of the walk."""

    def attend_to_pictures(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        out = attend(q, k, v, heads)
        for picture in pictures:
            keys, values = (_for_rows(x[place], q.shape[0]) for x in (picture.keys, picture.values))
            seen = attend(q, keys, values, heads)
            if picture.masks is not None:
                seen = seen * picture.masks[level]
            out = out + picture.weight * seen
        return out

    return attend_to_pictures


def _for_rows(x: Tensor, rows: int) -> Tensor:
    """Returns (K, T, C) as (rows, T, C), where each of the K stands for as many rows."""
    return x if x.shape[0] == rows else x.repeat_interleave(rows // x.shape[0], dim=0)
