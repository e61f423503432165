"""The widest layers of the UNet by rows, so that a large picture is drawn in a fraction of the memory.

A residual block joins its input with a skip, normalises all of that and convolves it twice: by rows only a band of the joined and
the normalised map is there at a time, and the second convolution overwrites the first one's result. Group norms take the
statistics of the whole map, so that what differs from the whole block is rounding. The feed-forward is cut between tokens, which
know nothing of each other in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.rows import Moments

BAND = 8 << 20  # values of a band at its widest
SMALL = 1 << 20  # values; a map of fewer is not worth cutting


def set_rows(network: Any, on: bool) -> None:
    """Lets a UNet, or a network of its blocks, run its widest layers by rows, or as a whole."""
    for module in network.modules():
        if hasattr(module, "in_rows"):
            module.in_rows = on


def bands(height: int, values: int) -> Iterator[tuple[int, int]]:
    """Yields the first row and the row after the last of each band of a map whose rows have so many values."""
    step = min(max(BAND // values, 2), height)
    for start in range(0, height, step):
        yield start, min(start + step, height)


def resnet_by_rows(block: Any, parts: Sequence[Tensor], time: Tensor) -> Tensor:
    """Returns what a residual block makes of maps (B, C, H, W) that are joined along their channels."""
    pictures = [_one_picture(block, [part[i : i + 1] for part in parts], time[i : i + 1] if len(time) > 1 else time)
                for i in range(len(parts[0]))]  # fmt: skip
    return pictures[0] if len(pictures) == 1 else torch.cat(pictures)


def _one_picture(block: Any, parts: Sequence[Tensor], time: Tensor) -> Tensor:
    first, _, H, W = parts[0], *parts[0].shape[1:]
    widest = max(sum(part.shape[1] for part in parts), block.conv1.out_channels)
    shift = block.time_emb_proj(F.silu(time))[0][:, None, None]
    normalise = _joined([_moments(part, widest) for part in parts]).normaliser(block.norm1)
    h = torch.empty(1, block.conv1.out_channels, H, W, dtype=first.dtype, device=first.device).contiguous(
        memory_format=torch.channels_last
        if first.is_contiguous(memory_format=torch.channels_last)
        else torch.contiguous_format
    )
    moments: Moments | None = None
    for start, stop in bands(H, widest * W):
        rows = torch.cat([_with_neighbours(part, start, stop, block.conv1) for part in parts], dim=1)
        made = _across(block.conv1, F.silu(normalise(rows), inplace=True), start == 0, stop == H).add_(shift)
        h[:, :, start:stop] = made
        own = Moments.of(made)
        moments = own if moments is None else moments + own
    assert moments is not None
    return _second(block, parts, h, moments, widest)


def _second(block: Any, parts: Sequence[Tensor], h: Tensor, moments: Moments, widest: int) -> Tensor:
    """Runs the second convolution of a block over h, and the sum with its input; the result is in place of h."""
    H, W = h.shape[2:]
    normalise = moments.normaliser(block.norm2)
    top, above = h[:, :, :1].clone(), h[:, :, -1:].clone()  # as they are before they are overwritten
    wraps = _wraps(block.conv2)
    for start, stop in bands(H, widest * W):
        below = h[:, :, stop : stop + 1] if stop < H else top
        neighbours = [
            *([above] if start > 0 or wraps else []),
            h[:, :, start:stop],
            *([below] if stop < H or wraps else []),
        ]
        rows = torch.cat(neighbours, dim=2)
        above = h[:, :, stop - 1 : stop].clone()
        made = _across(block.conv2, F.silu(normalise(rows), inplace=True), start == 0, stop == H)
        joined = torch.cat([part[:, :, start:stop] for part in parts], dim=1)
        h[:, :, start:stop] = made.add_(joined if block.conv_shortcut is None else block.conv_shortcut(joined))
    return h


def _moments(part: Tensor, widest: int) -> Moments:
    """Returns the moments of a map, gathered by bands: a float32 copy of it all would be twice its size."""
    gathered = [Moments.of(part[:, :, start:stop]) for start, stop in bands(part.shape[2], widest * part.shape[3])]
    return sum(gathered[1:], gathered[0])


def _joined(moments: Sequence[Moments]) -> Moments:
    """Returns the moments of maps that are joined along their channels."""
    return Moments(
        moments[0].count, torch.cat([each.mean for each in moments]), torch.cat([each.square for each in moments])
    )


def _wraps(conv: nn.Conv2d) -> bool:
    return conv.padding_mode == "circular"


def _with_neighbours(part: Tensor, start: int, stop: int, conv: nn.Conv2d) -> Tensor:
    """Returns rows of a map with the one above and the one below: none beyond its edges, or those of the other edge."""
    H = part.shape[2]
    rows = part[:, :, max(start - 1, 0) : min(stop + 1, H)]
    if not _wraps(conv) or (start > 0 and stop < H):
        return rows
    pieces = [*([part[:, :, -1:]] if start == 0 else []), rows, *([part[:, :, :1]] if stop == H else [])]
    return torch.cat(pieces, dim=2)


def _across(conv: Any, rows: Tensor, is_top: bool, is_bottom: bool) -> Tensor:
    """Returns a 3x3 convolution over rows that have their neighbours, but for those beyond the map's own edges.

    The neighbours' own rows, which miss theirs, are left out: what a layer does with its edges is not changed for a call.
    """
    made: Tensor = conv(rows)
    has_above, has_below = (True, True) if _wraps(conv) else (not is_top, not is_bottom)
    return made[:, :, int(has_above) : made.shape[2] - int(has_below)]


def token_pieces(x: Tensor, add: Tensor | None, width: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yields tokens (B, T, C) and what is added to them in pieces that are `width` times as wide in between."""
    step = max(BAND // (width * x.shape[2]), 1)
    pieces = x.split(step, dim=1)
    return zip(pieces, [None] * len(pieces) if add is None else add.split(step, dim=1), strict=True)
