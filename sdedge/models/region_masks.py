"""Cross attention over a context of its own in each region of the picture (attention couple): one place for every form of the
UNet.

out = sum over regions of f_r A(q, K_r, V_r), plus f_0 A(q, K, V) of the prompt; the fractions f are 1 in sum at every pixel.
Each context has a call of its own: keys padded with zeros would have weight in the softmax.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from sdedge.models.attention import AttentionFunction
from sdedge.models.layers import Attention
from sdedge.models.unet_inputs import RegionMasks


def region_fractions(masks: Tensor, weights: Tensor, bases: Tensor, size: tuple[int, int]) -> Tensor:
    """Returns how much of each pixel of a map of `size` (h, w) is the prompt's and each region's: (1 + R, h, w), 1 in sum.

    masks (R, H, W) in 0 … 1 are brought there by area. Regions that overlap divide a pixel by their weights (R,); the prompt
    fills what none of them covers, and has the fractions `bases` (R,) of what they cover.
    """
    parts = adaptive_avg_pool2d(masks[None], size)[0]
    covered = parts.sum(0).clamp(max=1)
    parts = parts * weights[:, None, None]
    regions = parts / parts.sum(0).clamp(min=torch.finfo(parts.dtype).tiny) * covered * (1 - bases)[:, None, None]
    return torch.cat([1 - regions.sum(0, keepdim=True), regions])


def level_fractions(region: RegionMasks, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Returns the fractions (1 + R, h w, 1) of a call's regions at the size of each level's maps."""
    masks, weights, bases = region.masks, region.weights, region.bases
    return [region_fractions(masks, weights, bases, size).flatten(1)[..., None] for size in sizes]


def by_region(
    attend: AttentionFunction, attention: Attention, regions: Sequence[RegionMasks], fractions: Sequence[Tensor]
) -> AttentionFunction:
    """Returns `attend` for one cross attention, whose rows that have regions attend to the regions' contexts in their areas."""

    def attend_by_region(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
        out = attend(q, k, v, heads)
        for region, (prompt, *areas) in zip(regions, fractions, strict=True):
            rows = slice(*region.rows)
            mixed = out[rows] * prompt.to(out)
            for context, area in zip(region.contexts, areas, strict=True):
                if area.any():  # no query of another place is asked
                    mixed = mixed + attend(q[rows], *attention.project_context(context), heads) * area.to(out)
            out = torch.cat([out[: rows.start], mixed, out[rows.stop :]])
        return out

    return attend_by_region
