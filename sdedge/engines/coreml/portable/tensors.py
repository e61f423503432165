"""Types of the values in a program, and their bytes as numpy arrays. No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sdedge.errors import ModelError


@dataclass(frozen=True)
class TensorType:
    """Element type, such as "float16" or "uint4", and shape; a dimension that may vary is None, a scalar has none."""

    dtype: str
    shape: tuple[int | None, ...] = ()

    @property
    def bits(self) -> int:
        """Of one element; 0 for strings."""
        digits = "".join(c for c in self.dtype.partition("e")[0] if c.isdigit())
        return int(digits) if digits else 8 if self.dtype == "bool" else 0

    @property
    def static(self) -> tuple[int, ...]:
        """The shape where dimensions that may vary are 1."""
        return tuple(n or 1 for n in self.shape)

    @property
    def elements(self) -> int:
        return math.prod(self.static)

    @property
    def bytes(self) -> int:
        return -(-self.elements * self.bits // 8)

    @property
    def numpy(self) -> np.dtype:
        """Raises ModelError for a type numpy lacks."""
        try:
            return np.dtype(self.dtype)
        except TypeError:
            raise ModelError(
                f"The package holds {self.dtype} data, which sdedge cannot read; convert with other options."
            ) from None


def unpack(packed: np.ndarray, kind: TensorType) -> np.ndarray:
    """Returns bytes (uint8, n) as stored as an array of `kind`. Elements of under 8 bits are packed from the lowest bit up."""
    if kind.bits >= 8:
        return packed.view(kind.numpy).reshape(kind.static)
    values = from_bits(packed, kind.bits, kind.elements)
    if kind.dtype.startswith("int"):
        values = (values.astype(np.int8) ^ (1 << kind.bits - 1)) - (1 << kind.bits - 1)
    return values.reshape(kind.static)


def from_bits(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """Returns the first `count` unsigned numbers of `bits` bits each in a row of bytes, lowest bits first: uint8 (count,)."""
    if bits == 8:
        return packed[:count]
    groups = -(-count // 8)  # 8 numbers fill `bits` bytes
    padded = np.zeros((groups, bits), np.uint8)
    padded.reshape(-1)[: len(packed)] = packed[: groups * bits]
    values = np.empty((groups, 8), np.uint8)
    mask = (1 << bits) - 1
    for i in range(8):
        byte, shift = divmod(i * bits, 8)
        wide = padded[:, byte].astype(np.uint16)
        if shift + bits > 8:
            wide |= padded[:, byte + 1].astype(np.uint16) << 8
        values[:, i] = (wide >> shift) & mask
    return values.reshape(-1)[:count]
