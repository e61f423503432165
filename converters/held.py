"""A tensor in memory in the place of one that is stored: what a conversion changes before it writes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Held:
    """A tensor in memory, answering as a stored one."""

    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    @property
    def numel(self) -> int:
        return self.tensor.numel()

    def read(self) -> Tensor:
        return self.tensor

    def copy(self, dtype: torch.dtype | None = None) -> Tensor:
        return self.tensor.to(dtype or self.dtype)
