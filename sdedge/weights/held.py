"""A tensor in memory in the place of one that is in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class HeldTensor:
    """Answers as a `LazyTensor` does, for what was changed or is already mapped; `name` is for messages."""

    tensor: torch.Tensor
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    @property
    def numel(self) -> int:
        return self.tensor.numel()

    @property
    def aligned(self) -> bool:
        return True

    def read(self) -> torch.Tensor:
        return self.tensor

    def copy(self, dtype: torch.dtype | None = None) -> torch.Tensor:
        return self.tensor.to(dtype or self.dtype)
