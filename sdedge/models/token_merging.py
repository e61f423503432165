"""Fewer tokens for self attention at the highest resolution (token merging, Bolya & Hoffman 2023, arXiv 2303.17604).

Neighbouring pixels of a feature map are much alike. Of every cell of 2x2 tokens one is a destination and three are
sources; the sources most like any destination are averaged into it, attention runs on what is left, and its results
are copied back to every token of a set. Only self attention at the highest resolution is merged: it is what grows with
the square of the pixels, and merging elsewhere saves little.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.unet import UNet
from sdedge.models.unet_walk import walk

CELL = 2
SEED = 0
"""Of the destinations: a fixed one, so that a picture comes out the same again, and every step merges alike."""

SCORES = 1 << 22
"""Similarities held at once; all of them would grow with the square of the pixels."""


@lru_cache(maxsize=8)
def split(height: int, width: int, device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Positions (int64, row by row) of a map's destinations (one in every 2x2 cell) and of its sources, on a device.

    The place within the cell is drawn anew for each: the paper found a regular grid to show in the picture.
    """
    rows, columns = height // CELL, width // CELL
    chosen = torch.randint(CELL * CELL, (rows, columns), generator=torch.Generator().manual_seed(SEED))
    y = torch.arange(rows)[:, None] * CELL + chosen // CELL
    x = torch.arange(columns) * CELL + chosen % CELL
    is_destination = torch.zeros(height * width, dtype=torch.bool)
    is_destination[(y * width + x).flatten()] = True
    return is_destination.nonzero().flatten().to(device), (~is_destination).nonzero().flatten().to(device)


@dataclass(frozen=True, eq=False)
class Merging:
    """Which tokens become one: `rows` (B, T) int64 is the place of every token among the `count` that are left."""

    rows: Tensor
    count: int

    @property
    def _flat(self) -> Tensor:
        """Places (B T,) among the tokens of the whole batch."""
        first = torch.arange(len(self.rows), device=self.rows.device)[:, None] * self.count
        return (self.rows + first).flatten()

    def merge(self, x: Tensor) -> Tensor:
        """Merges (B, T, C) into (B, count, C): the mean of every set, summed in float32 since one may hold many tokens."""
        B, T, C = x.shape
        flat = self._flat
        sums = torch.zeros(B * self.count, C, device=x.device).index_add_(0, flat, x.reshape(B * T, C).float())
        sizes = torch.zeros(B * self.count, device=x.device).index_add_(0, flat, torch.ones(B * T, device=x.device))
        return (sums / sizes[:, None]).to(x.dtype).view(B, self.count, C)

    def unmerge(self, x: Tensor) -> Tensor:
        """Spreads (B, count, C) over (B, T, C): every token gets what its set has."""
        B, T = self.rows.shape
        return x.reshape(B * self.count, -1).index_select(0, self._flat).view(B, T, -1)


def match(x: Tensor, height: int, width: int, ratio: float) -> Merging | None:
    """Returns the merging of tokens (B, height width, C) that leaves out `ratio` of them, or all sources where that is fewer.

    Bipartite soft matching: those sources go that are most like any destination, each to the one it is most like.
    Every picture of a batch is matched for itself. None where nothing is to be merged: a ratio below one token, or a
    map that cells do not fill.
    """
    B, T, _ = x.shape
    merged = min(int(T * ratio), T - T // CELL**2)
    if merged <= 0 or height % CELL or width % CELL:
        return None
    destinations, sources = split(height, width, x.device)
    likeness, nearest = _nearest(x[:, sources], x[:, destinations])
    order = likeness.argsort(dim=-1, descending=True, stable=True)
    gone, staying = order[:, :merged], order[:, merged:]
    # Destinations come first among what is left, then the sources that stay.
    left = torch.arange(T - merged, device=x.device)
    rows = torch.empty(B, T, dtype=torch.int64, device=x.device)
    rows[:, destinations] = left[: len(destinations)]
    rows.scatter_(1, sources[gone], nearest.gather(1, gone))
    rows.scatter_(1, sources[staying], left[len(destinations) :].expand(B, -1))
    return Merging(rows, T - merged)


def _nearest(sources: Tensor, destinations: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the cosine similarity to the most similar destination, and its number, for (B, S, C) and (B, D, C): (B, S)
    each.
    """
    sources, destinations = (F.normalize(x, dim=-1, eps=1e-6) for x in (sources, destinations))
    few = max(1, SCORES // (destinations.shape[0] * destinations.shape[1]))
    matches = [(part @ destinations.transpose(1, 2)).max(-1) for part in sources.split(few, dim=1)]
    return torch.cat([best.values for best in matches], dim=1), torch.cat([best.indices for best in matches], dim=1)


@contextmanager
def merging(unet: UNet, ratio: float, height: int, width: int) -> Iterator[None]:
    """Within: `unet` (plain or fused) merges for latents of height x width; after: it has no trace of it.

    Attention layers get a `forward` of their own and lose it again, so nothing runs through here when it is off.
    """
    layers = _highest(unet)
    for layer in layers:
        layer.forward = _merged(layer, ratio, height, width)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _highest(unet: UNet) -> list[Any]:
    """Returns the self attention layers at the latent's own resolution."""
    paths = [layer.self_attention for layer in walk(unet.config) if layer.level == 0 and layer.attention]
    return [unet.get_submodule(path) for path in paths]


def _merged(layer: nn.Module, ratio: float, height: int, width: int) -> Any:
    plain = layer.forward

    def forward(x: Tensor, context: Tensor | None = None, add: Tensor | None = None) -> Tensor:
        """Runs `layer` on fewer tokens; `add`, the residual, which a fused layer sums in its kernel, keeps its full length."""
        sets = match(x, height, width, ratio)
        if sets is None:
            return plain(x) if add is None else plain(x, add=add)
        out = sets.unmerge(plain(sets.merge(x)))
        return out if add is None else out.add_(add)

    return forward
