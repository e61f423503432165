"""A network's weights as constants of an ML Program: half precision, mapped from the file where it holds that, or
compressed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from converters.compress import Compress, emit
from converters.toolchain import Var, mb
from sdedge.engines.coreml.compressed import Packed, as_kernel
from sdedge.errors import ModelError


class Stored(Protocol):
    """What a checkpoint's tensors answer."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def numel(self) -> int: ...

    def read(self) -> Tensor: ...

    def copy(self, dtype: torch.dtype | None = None) -> Tensor: ...


class Weights:
    """The tensors of a checkpoint's component by name; `compress` decides which kernels are packed, and how.

    `shared` weights are written once for all functions of a program that use them.
    """

    def __init__(
        self,
        tensors: Mapping[str, Stored],
        compress: Compress | None = None,
        target: str = "macOS13",
        shared: bool = False,
    ) -> None:
        self.tensors = tensors
        self.compress = compress
        self.target = target
        self.shared = shared
        self._packed: dict[str, Packed] = {}

    @staticmethod
    def label(name: str) -> str:
        """Returns a layer's name as an operation's."""
        return name.replace(".", "_")

    def count(self, prefixes: tuple[str, ...]) -> int:
        """Returns how many numbers are stored under the prefixes."""
        return sum(tensor.numel for name, tensor in self.tensors.items() if name.startswith(prefixes))

    def array(self, name: str) -> np.ndarray:
        """Returns a tensor in half precision; a view of the file's pages where that is what it holds.

        Raises ModelError if it overflows.
        """
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
        """Returns the kernel of a convolution (out, in, kh, kw), or of a linear layer (out, in) as (out, in, 1, 1)."""
        packed = self._packed.get(name)
        if packed is None:
            kernel = as_kernel(self.array(name))
            packed = self.compress(name, kernel) if self.compress else None
            if packed is None:
                return self._const(name, kernel)
            if self.shared:
                self._packed[name] = packed
        return self._deduplicate(name, emit(packed, self.label(name), self.target))

    def bias(self, name: str) -> Var | None:
        """Returns a layer's bias, or None where it has none."""
        return self._const(name, self.array(name)) if name in self.tensors else None

    def vector(self, name: str, shape: tuple[int, ...], times: int = 1) -> Var:
        """Returns a tensor of this shape, repeated so many times along its first axis."""
        value = self.array(name).reshape(shape)
        return self._const(name, value if times == 1 else np.concatenate([value] * times))

    def table(self, name: str) -> Var:
        return self._const(name, self.array(name))

    def _const(self, name: str, value: np.ndarray) -> Var:
        return self._deduplicate(name, mb.const(val=value, name=self.label(name)))

    def _deduplicate(self, name: str, value: Var) -> Var:
        """Constants of the same identity are stored once."""
        if self.shared:
            parts = {"val": value} if value.op.op_type == "const" else value.op.inputs
            for part, constant in parts.items():
                if constant.op.weight_id is None:
                    constant.op.weight_id = f"{name}/{part}"
        return value
