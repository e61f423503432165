"""Cross attention over the tokens of pictures beside those of the context (IP-Adapter): one place for every form of the UNet.

out = A(q, K, V) + weight * A(q, K_picture, V_picture), before the last projection (Ye et al. 2023, equation 5).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sdedge.models.attention import AttentionFunction
from sdedge.models.unet_inputs import ImageTokens


def beside(
    attend: AttentionFunction, to_text: AttentionFunction, pictures: Sequence[ImageTokens], place: int, level: int
) -> AttentionFunction:
    """Returns `to_text` with attention over the pictures' tokens added, for one cross attention of the walk."""

    def attend_to_pictures(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        out = to_text(q, k, v, heads)
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
