"""Feature maps kept in blocks of rows, in memory or in a temporary file, so that one can be made while another goes."""

from __future__ import annotations

import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.errors import OutputError
from sdedge.files import reserve

BLOCK = (
    8 << 20
)  # bytes of a block in float32, as it is normalised: small beside a whole map, enough for the convolutions


@dataclass(frozen=True)
class Moments:
    """Count, mean (C,) and sum of squared deviations (C,) of every channel, float32.

    Combined pairwise (Chan, Golub and LeVeque 1983): the difference of E[x²] and E[x]² would cancel where the mean is large.
    """

    count: int
    mean: Tensor
    square: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Moments:
        """Returns the moments of one block (1, C, R, W)."""
        values = rows.float()
        mean = values.mean((0, 2, 3))
        square = (values - mean[:, None, None]).square_().sum((0, 2, 3))
        return cls(rows.shape[2] * rows.shape[3], mean, square)

    def __add__(self, other: Moments) -> Moments:
        count = self.count + other.count
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        square = self.square + other.square + apart.square() * (self.count * other.count / count)
        return Moments(count, mean, square)

    def normaliser(self, norm: nn.GroupNorm) -> Callable[[Tensor], Tensor]:
        """Returns what `norm` does to any rows (1, C, R, W) of the map these moments are of."""
        mean, square = self.mean.view(norm.num_groups, -1), self.square.view(norm.num_groups, -1)
        middle = mean.mean(1, keepdim=True)  # (groups, 1)
        spread = square.sum(1, keepdim=True) / self.count + (mean - middle).square().sum(1, keepdim=True)
        rate = (spread / mean.shape[1] + norm.eps).rsqrt()
        scale = (rate * norm.weight.float().view_as(mean)).view(-1, 1, 1)  # (C, 1, 1)
        shift = norm.bias.float().view(-1, 1, 1) - middle.expand_as(mean).reshape(-1, 1, 1) * scale
        return lambda rows: torch.addcmul(shift, rows.float(), scale).to(rows.dtype)


class Rows(ABC):
    """A feature map (1, C, H, W) in blocks of `step` rows."""

    def __init__(self, channels: int, height: int, width: int, step: int, dtype: torch.dtype) -> None:
        self.channels, self.height, self.width = channels, height, width
        self.step, self.dtype = step, dtype
        self.moments: Moments | None = None

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Yields the first row and the row after the last of every block, from the top."""
        for start in range(0, self.height, self.step):
            yield start, min(start + self.step, self.height)

    def write(self, start: int, rows: Tensor) -> None:
        """Puts a block that begins at row `start`; it replaces the one of before."""
        self._put(start // self.step, rows)

    def measure(self, rows: Tensor) -> None:
        """Takes a block of the map into its moments."""
        moments = Moments.of(rows)
        self.moments = moments if self.moments is None else self.moments + moments

    def read(self, start: int, stop: int, wrap: bool = False) -> Tensor:
        """Returns rows start … stop - 1 as (1, C, R, W). Those beyond the edges are left out, or come from the other edge."""
        pieces = []
        if wrap and start < 0:
            pieces.append(self._get(self.height + start, self.height))
        pieces.append(self._get(max(start, 0), min(stop, self.height)))
        if wrap and stop > self.height:
            pieces.append(self._get(0, stop - self.height))
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)

    def free(self, below: int, wrap: bool = False) -> None:
        """Lets go of the blocks that lie wholly above row `below`; with `wrap` the first one stays for the last row."""
        for i in range(1 if wrap else 0, max(below, 0) // self.step):
            self._drop(i)

    @abstractmethod
    def _put(self, index: int, rows: Tensor) -> None: ...

    @abstractmethod
    def _get(self, start: int, stop: int) -> Tensor: ...

    @abstractmethod
    def _drop(self, index: int) -> None: ...


class Held(Rows):
    """Blocks in memory."""

    def __init__(self, channels: int, height: int, width: int, step: int, dtype: torch.dtype) -> None:
        super().__init__(channels, height, width, step, dtype)
        self._blocks: list[Tensor | None] = [None] * -(-height // step)

    def _put(self, index: int, rows: Tensor) -> None:
        self._blocks[index] = rows

    def _get(self, start: int, stop: int) -> Tensor:
        pieces = []
        for i in range(start // self.step, -(-stop // self.step)):
            block, top = self._blocks[i], i * self.step
            assert block is not None
            pieces.append(block[:, :, max(start - top, 0) : stop - top])
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)

    def _drop(self, index: int) -> None:
        self._blocks[index] = None


class Spill:
    """Unnamed temporary files that maps use in turn: one that is written over costs a fraction of one that grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._free: list[Any] = []

    def take(self, size: int) -> Any:
        """Returns an open file with room for `size` bytes. Raises OutputError."""
        try:
            new = partial(tempfile.TemporaryFile, dir=self.folder, buffering=0)  # which lives with the maps
            file: Any = self._free.pop() if self._free else new()
            reserve(file, 0, size)
        except OSError as error:
            raise _no_room(self.folder, error) from error
        return file

    def give(self, file: Any) -> None:
        self._free.append(file)


class Spilled(Rows):
    """Blocks in a temporary file, in row order with the channels last, so that any rows are one read."""

    def __init__(
        self, channels: int, height: int, width: int, step: int, dtype: torch.dtype, device: torch.device, spill: Spill
    ) -> None:
        super().__init__(channels, height, width, step, dtype)
        self._device = device
        self._row = channels * width * dtype.itemsize  # bytes
        self._spill, self._file = spill, spill.take(height * self._row)
        weakref.finalize(self, spill.give, self._file)

    def _put(self, index: int, rows: Tensor) -> None:
        packed = rows.permute(0, 2, 3, 1).contiguous().cpu()  # (1, R, W, C)
        left = _bytes_of(packed)
        try:
            self._file.seek(index * self.step * self._row)
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise _no_room(self._spill.folder, error) from error

    def _get(self, start: int, stop: int) -> Tensor:
        packed = torch.empty(1, stop - start, self.width, self.channels, dtype=self.dtype)
        left = _bytes_of(packed)
        self._file.seek(start * self._row)
        while left:
            left = left[self._file.readinto(left) :]
        return packed.permute(0, 3, 1, 2).to(self._device)

    def _drop(self, index: int) -> None:
        pass  # the whole file is free when the map goes


def _bytes_of(tensor: Tensor) -> memoryview:
    bytes_of: Any = tensor.view(-1).view(torch.uint8).numpy()
    return memoryview(bytes_of)


def _no_room(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot keep rows of the picture in {folder}: {error.strerror or error}; free some space there, name another folder by "
        "TMPDIR, or draw smaller."
    )
