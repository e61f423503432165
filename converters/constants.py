"""A network's weights as constants of an ML Program: half precision, mapped from the file where it holds that, or
compressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from converters.toolchain import Var, mb
from sdedge.errors import ModelError


class Stored(Protocol):
    """What a checkpoint's tensors answer."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> torch.dtype: ...

    def read(self) -> Tensor: ...

    def copy(self, dtype: torch.dtype | None = None) -> Tensor: ...


class Packed(Protocol):
    """A compressed weight: writes the operation that the system unpacks at load."""

    def emit(self, name: str) -> Var: ...


class Weights:
    """Names under `prefix` of a checkpoint's component. `packed` holds those that are compressed."""

    def __init__(self, tensors: Mapping[str, Stored], packed: Mapping[str, Packed] | None = None) -> None:
        self.tensors = tensors
        self.packed = packed or {}

    @classmethod
    def of_module(cls, module: torch.nn.Module) -> Weights:
        """Those a module holds."""
        return cls({name: _Held(tensor) for name, tensor in module.state_dict().items()})

    @staticmethod
    def label(name: str) -> str:
        """A layer's name as an operation's."""
        return name.replace(".", "_")

    def array(self, name: str) -> np.ndarray:
        """In half precision; a view of the file's pages where that is what it holds. Raises ModelError if it overflows."""
        stored = self.tensors[name]
        if stored.dtype == torch.float16:
            return stored.read().numpy()
        values = stored.copy(torch.float16).numpy()
        if not np.isfinite(values).all():
            raise ModelError(
                f"{name} has values beyond half precision, which Core ML computes in; check the model's file."
            )
        return values

    def kernel(self, name: str) -> Var:
        """Of a convolution (out, in, kh, kw), or of a linear layer (out, in) as (out, in, 1, 1)."""
        if name in self.packed:
            return self.packed[name].emit(self.label(name))
        return self._const(name, as_kernel(self.array(name)))

    def bias(self, name: str) -> Var | None:
        """None where the layer has none."""
        return self._const(name, self.array(name)) if name in self.tensors else None

    def vector(self, name: str, shape: tuple[int, ...]) -> Var:
        return self._const(name, self.array(name).reshape(shape))

    def table(self, name: str) -> Var:
        return self._const(name, self.array(name))

    def _const(self, name: str, value: np.ndarray) -> Var:
        return mb.const(val=value, name=self.label(name))


@dataclass(frozen=True)
class _Held:
    """A tensor in memory, answering as a stored one."""

    tensor: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    @property
    def dtype(self) -> torch.dtype:
        return self.tensor.dtype

    def read(self) -> Tensor:
        return self.tensor

    def copy(self, dtype: torch.dtype | None = None) -> Tensor:
        return self.tensor.to(dtype or self.dtype)


def as_kernel(weight: np.ndarray) -> np.ndarray:
    return weight if weight.ndim == 4 else weight[:, :, None, None]
