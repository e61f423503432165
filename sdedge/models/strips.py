"""Networks that enlarge pictures, run by rolling strips: rows go in from the top and come out as soon as they are settled.

Every 3x3 convolution keeps the two rows above the ones to come, every shortcut the rows its branch still lacks. Nothing is
computed twice and nothing is cut off, so the result is that of the whole picture at any height, though the networks look at 350
rows around each pixel; and the memory is that of those few rows, which grows with the picture's width only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.models.upscalers import RESIDUAL, RRDB, SLOPE, ResidualDenseBlock, RRDBNet, SRVGGNet, Upscaler

STRIP = 2 << 20
"""Bytes of a strip of a network's features: about what a processor keeps in its caches."""
SMALLEST = 4
"""Rows of a strip, however wide the picture is."""

Rows = Tensor | None
"""Rows of a map (1, C, R, W), R > 0; None where there are none."""
Stage = Callable[[Rows, bool], Rows]
"""Takes the rows that follow the ones it has had, and whether they are the last; returns those that are settled by now. When it
was told of the last ones it has returned all of its rows."""


def rows_at_once(width: int, features: int) -> int:
    """Returns how many rows of float32 features a strip has."""
    return max(STRIP // (4 * width * features), SMALLEST)


def enlarge_strips(network: Upscaler, strips: Iterable[Tensor]) -> Iterator[Tensor]:
    """Yields the rows of an enlarged image from the top down, as (1, 3, R', W') with any R' > 0.

    `strips` are the rows of the image, (1, 3, R, W) of 0..1. For a network that folds squares of pixels all heights and the
    width must be multiples of `config.unshuffle`.
    """
    settled: list[Tensor] = []
    stage, waiting = stage_of(network, each(settled.append)), None
    for rows in strips:
        if waiting is not None:
            _call(stage, waiting, False)
        waiting = rows
        yield from settled
        settled.clear()
    if waiting is not None:
        _call(stage, waiting, True)
        yield from settled


@torch.inference_mode()
def _call(stage: Stage, rows: Tensor, last: bool) -> None:
    stage(rows, last)


def stage_of(network: Upscaler, then: Stage) -> Stage:
    """Returns a network and what takes its rows as one stage, for one picture."""
    return _srvgg(network, then) if isinstance(network, SRVGGNet) else _rrdb(network, then)


def _rrdb(network: RRDBNet, then: Stage) -> Stage:
    """Every part hands its rows in pieces to the rest, so that those of a picture's end are nowhere together."""
    unshuffle, past_body = network.config.unshuffle, Shortcut()
    rest = chain(Convolution(network.conv_hr, leaky_relu), Convolution(network.conv_last), then)
    for conv in reversed(network.ups):
        rest = InPieces(chain(each(_doubled), Convolution(conv, leaky_relu), rest), growth=4)
    rest = chain(Convolution(network.conv_body), past_body.add, rest)
    for block in reversed([*network.blocks]):
        rest = InPieces(chain(_residual_block(block), rest))
    folded = each(lambda rows: F.pixel_unshuffle(rows, unshuffle))
    return chain(folded, Convolution(network.conv_first), past_body.keep, rest)


def _residual_block(block: RRDB) -> Stage:
    past, parts = Shortcut(RESIDUAL), (DenseBlock(block.rdb1), DenseBlock(block.rdb2), DenseBlock(block.rdb3))
    return chain(past.keep, *parts, past.add)


def _srvgg(network: SRVGGNet, then: Stage) -> Stage:
    scale = network.config.scale
    past = Shortcut(way=lambda rows: F.interpolate(rows, scale_factor=scale))
    convs = [Convolution(conv, activation) for conv, activation in network.layers]
    ending = (Convolution(network.last), each(lambda rows: F.pixel_shuffle(rows, scale)))
    return chain(past.keep, *convs, *ending, past.add, then)


def leaky_relu(rows: Tensor) -> Tensor:
    return F.leaky_relu(rows, SLOPE, inplace=True)


def _doubled(rows: Tensor) -> Tensor:
    return F.interpolate(rows, scale_factor=2, mode="nearest")


def chain(*stages: Stage) -> Stage:
    """Returns stages one after the other as one."""

    def run(rows: Rows, last: bool) -> Rows:
        for stage in stages:
            rows = stage(rows, last)
        return rows

    return run


def each(function: Callable[[Tensor], Rows]) -> Stage:
    """Returns what works on every row by itself as a stage."""
    return lambda rows, last: None if rows is None else function(rows)


def joined(above: Rows, below: Rows) -> Rows:
    """Returns rows on top of other rows."""
    if above is None or below is None:
        return below if above is None else above
    return torch.cat([above, below], dim=2)


class Convolution:
    """A 3x3 convolution with zeros around the map, and its activation: one row behind."""

    def __init__(self, conv: nn.Conv2d, activation: Callable[[Tensor], Tensor] | None = None) -> None:
        self.conv, self.activation = conv, activation
        self.above: Rows = None
        self.began = False

    def __call__(self, rows: Rows, last: bool) -> Rows:
        rows = joined(self.above, rows)
        if rows is None or (rows.shape[2] < 2 and not last):
            self.above = rows
            return None
        self.above = rows[:, :, -2:].clone()
        began, self.began = self.began, True
        if rows.shape[2] + (not began) + last < 3:
            return None
        settled = convolved(self.conv, rows, top=not began, bottom=last)
        return settled if self.activation is None else self.activation(settled)


def convolved(conv: nn.Conv2d, rows: Tensor, top: bool, bottom: bool) -> Tensor:
    """Returns the rows of a 3x3 convolution whose neighbours above and below are there; zeros stand for them at the edges."""
    if top or bottom:
        rows = F.pad(rows, (0, 0, int(top), int(bottom)))
    return F.conv2d(rows, conv.weight, conv.bias, padding=(0, 1))


class Shortcut:
    """Two stages, before and behind others: `keep` keeps the rows as `way` makes them, `add` adds them to `scale` times what
    the others made of them."""

    def __init__(self, scale: float = 1.0, way: Callable[[Tensor], Tensor] | None = None) -> None:
        self.scale, self.way = scale, way
        self.waiting: deque[Tensor] = deque()

    def keep(self, rows: Rows, last: bool) -> Rows:
        if rows is not None:
            self.waiting.append(rows if self.way is None else self.way(rows))
        return rows

    def add(self, rows: Rows, last: bool) -> Rows:
        return None if rows is None else self._taken(rows.shape[2]).add(rows, alpha=self.scale)

    def _taken(self, count: int) -> Tensor:
        """Takes so many rows from the top of those that wait."""
        parts = []
        while count:
            rows = self.waiting.popleft()
            if rows.shape[2] > count:
                self.waiting.appendleft(rows[:, :, count:].clone())
                rows = rows[:, :, :count]
            parts.append(rows)
            count -= rows.shape[2]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


class DenseBlock:
    """A residual dense block, five rows behind: its maps are kept once for all convolutions that read them.

    `maps` are the input and the results of the first four convolutions, all from row `top` of the picture on; `done` says how
    many rows each convolution has given.
    """

    def __init__(self, block: ResidualDenseBlock) -> None:
        self.convs = block.convs
        self.maps: list[Rows] = [None] * len(self.convs)
        self.done = [0] * len(self.convs)
        self.top = 0

    def __call__(self, rows: Rows, last: bool) -> Rows:
        for i, conv in enumerate(self.convs):
            self.maps[i] = joined(self.maps[i], rows)
            rows = self._convolved(i, conv, last)
            if rows is not None and i + 1 < len(self.convs):
                rows = leaky_relu(rows)
        if rows is None:
            return None
        stop = self.done[-1] - self.top
        settled = self._of(0, stop - rows.shape[2], stop).add(rows, alpha=RESIDUAL)
        self._forget()
        return settled

    def _convolved(self, i: int, conv: nn.Conv2d, last: bool) -> Rows:
        """Returns the rows of a convolution that are settled and were not before."""
        rows = self.maps[i]
        height = 0 if rows is None else self.top + rows.shape[2]
        start, stop = self.done[i], height if last else height - 1
        if stop <= start:
            return None
        self.done[i] = stop
        above, below = max(start - 1, 0) - self.top, min(stop + 1, height) - self.top
        read = [self._of(j, above, below) for j in range(i + 1)]
        return convolved(conv, read[0] if i == 0 else torch.cat(read, dim=1), start == 0, last)

    def _of(self, i: int, start: int, stop: int) -> Tensor:
        rows = self.maps[i]
        assert rows is not None
        return rows[:, :, start:stop]

    def _forget(self) -> None:
        """Lets go of the rows that no convolution will read again."""
        top = max(self.done[-1] - 1, 0)
        self.maps = [None if rows is None else rows[:, :, top - self.top :].clone() for rows in self.maps]
        self.top = top


class InPieces:
    """A stage that is given its rows in pieces, of which it makes no more than STRIP bytes: `growth` times as much as they are.

    At the end of a picture every stage lets go of all rows that it kept, and the next one gets ever more of them at once.
    """

    def __init__(self, stage: Stage, growth: int = 1) -> None:
        self.stage, self.growth = stage, growth

    def __call__(self, rows: Rows, last: bool) -> Rows:
        if rows is None:
            return self.stage(None, last)
        row = self.growth * rows.shape[1] * rows.shape[3] * rows.element_size()
        pieces = rows.split(max(STRIP // row, SMALLEST // self.growth), dim=2)
        settled = [self.stage(piece, last and piece is pieces[-1]) for piece in pieces]
        made = [piece for piece in settled if piece is not None]
        return torch.cat(made, dim=2) if made else None
