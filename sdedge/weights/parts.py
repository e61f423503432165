"""Lazy tensors made of others: several in one, or half of one. They answer what `load_into` and streaming ask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sdedge.weights.files import LazyTensor

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class _Composed:
    """Several tensors that count as one, with the name and the dtype of the first."""

    parts: tuple[Any, ...]

    @property
    def name(self) -> str:
        return self.parts[0].name

    @property
    def dtype(self) -> torch.dtype:
        return self.parts[0].dtype


@dataclass(frozen=True)
class JoinedTensor(_Composed):
    """Tensors one after another along the first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    def fill(self, target: torch.Tensor) -> None:
        start = 0
        for part in self.parts:
            fill_tensor(part, target[start : start + part.shape[0]])
            start += part.shape[0]

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        return _copied(self, dtype).to(device)


@dataclass(frozen=True)
class TensorHalf:
    """The first (0) or second (1) half of a tensor along its first axis.

    `made` is what two halves have in common where the tensor has to be made as a whole, as one with LoRAs in it: the half that
    was not asked for waits there, so that a layer's two halves read the tensor once.
    """

    tensor: Any
    index: int
    made: dict[int, torch.Tensor] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.tensor.name

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.tensor.shape[0] // 2, *self.tensor.shape[1:])

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    def fill(self, target: torch.Tensor) -> None:
        if isinstance(self.tensor, LazyTensor) and self.tensor.stride is None:
            offset = self.tensor.offset + self.index * self.tensor.nbytes // 2
            replace(self.tensor, shape=self.shape, offset=offset).fill(target)
        else:
            if self.index not in self.made:
                self.made.update(enumerate(self.tensor.copy().chunk(2)))
            target.copy_(self.made.pop(self.index))

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        return _copied(self, dtype).to(device)


@dataclass(frozen=True)
class FirstInputs:
    """A tensor's first `count` entries along its second axis: what a layer makes of its first input channels."""

    tensor: Any
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.tensor.shape[0], self.count, *self.tensor.shape[2:])

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        return self.tensor.copy(dtype)[:, : self.count].to(device)


@dataclass(frozen=True)
class SummedTensor(_Composed):
    """The sum of tensors of one shape, in the first one's dtype; of two at most one is in memory beside the result."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.parts[0].shape

    @property
    def dtype_name(self) -> str:
        return self.parts[0].dtype_name

    @property
    def numel(self) -> int:
        return self.parts[0].numel

    @property
    def aligned(self) -> bool:
        return False  # no file holds it

    def fill(self, target: torch.Tensor) -> None:
        target.copy_(self.copy())

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        import torch

        first, *rest = self.parts
        total = first.copy(torch.float32)
        for part in rest:
            total += part.copy(torch.float32)
        return total.to(device, dtype or self.dtype)

    def read(self) -> torch.Tensor:
        return self.copy()


def halves(tensor: Any) -> tuple[TensorHalf, TensorHalf]:
    """Returns the two halves of a tensor along its first axis."""
    made: dict[int, torch.Tensor] = {}
    return TensorHalf(tensor, 0, made), TensorHalf(tensor, 1, made)


def fill_tensor(source: Any, target: torch.Tensor) -> None:
    """Writes any lazy tensor into another of its shape, contiguous and of any dtype."""
    if hasattr(source, "fill"):
        source.fill(target)
    else:  # one with LoRAs in it is made as a whole
        target.copy_(source.copy())


def is_stored(source: Any, dtype: torch.dtype) -> bool:
    """Returns whether the bytes wanted are those of the file, so that reading is all the work."""
    parts = (
        source.parts
        if isinstance(source, JoinedTensor)
        else (source.tensor,)
        if isinstance(source, TensorHalf)
        else (source,)
    )
    return all(isinstance(part, LazyTensor) and part.stride is None and part.dtype == dtype for part in parts)


def _copied(source: JoinedTensor | TensorHalf, dtype: torch.dtype | None) -> torch.Tensor:
    import torch

    result = torch.empty(source.shape, dtype=dtype or source.dtype)
    source.fill(result)
    return result
