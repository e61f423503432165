"""Decoding the weights of an ML Program: palettes, scales and offsets, sparse masks (constexpr operations).

iOS 16 keeps bits packed in bytes and one palette or scale per tensor; iOS 18 has types of under 8 bits, a palette or scale per
block, and operations that stay sparse. Both have the same names and are told apart by their arguments.
Source: the operation definitions of coremltools 9.0 (ops/defs/iOS16/constexpr_ops.py, iOS18/compression.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdedge.engines.coreml.portable.tensors import from_bits

Decode = Callable[..., np.ndarray | tuple[np.ndarray, np.ndarray]]
CONSTANTS: dict[str, Decode] = {}


def _constant(function: Decode) -> Decode:
    CONSTANTS[f"constexpr_{function.__name__}"] = function
    return function


@_constant
def affine_dequantize(
    quantized_data: np.ndarray, zero_point: np.ndarray, scale: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Returns scale (data - zero point), both numbers or vectors along `axis`."""
    along = [1] * quantized_data.ndim
    along[int(axis)] = -1
    shift, factor = (np.asarray(v).reshape(along) if np.ndim(v) else v for v in (zero_point, scale))
    return _scaled(quantized_data, factor, shift)


@_constant
def cast(source_val: np.ndarray, output_dtype: str) -> np.ndarray:
    return source_val.astype(np.float32)


@_constant
def lut_to_dense(
    indices: np.ndarray, lut: np.ndarray, shape: np.ndarray | None = None, vector_axis: np.ndarray | None = None
) -> np.ndarray:
    """Returns each index replaced by its palette's entry.

    iOS 16: packed indices, lut (n,), `shape`. iOS 18: indices of any shape (d0 … dk); lut (g0 … gk, n, v) with gi palettes along
    axis i and entries of v numbers, which are laid out along `vector_axis`.
    """
    if shape is not None:
        bits = int(np.log2(len(lut)))
        return lut[from_bits(indices, bits, int(np.prod(shape)))].reshape(shape)
    groups, (_, size) = lut.shape[:-2], lut.shape[-2:]
    blocked = _blocks(indices, groups)  # (g0, d0 / g0, g1, d1 / g1 …)
    palette = np.arange(np.prod(groups)).reshape([n for g in groups for n in (g, 1)])
    entries = lut.reshape(-1, *lut.shape[-2:])[palette, blocked]  # (…, v)
    entries = entries.reshape(*indices.shape, size)
    if size == 1:
        return entries[..., 0]
    axis = int(vector_axis) % indices.ndim  # type: ignore[arg-type]
    moved = np.moveaxis(entries, -1, axis + 1)
    return moved.reshape(*indices.shape[:axis], indices.shape[axis] * size, *indices.shape[axis + 1 :])


@_constant
def blockwise_shift_scale(data: np.ndarray, scale: np.ndarray, offset: np.ndarray | None = None) -> np.ndarray:
    """Returns scale (data - offset); a scale holds for a block, whose sizes are those of the data over those of the scales."""
    spread = [v for g in scale.shape for v in (g, 1)]
    shift = 0 if offset is None else offset.reshape(spread)
    return _scaled(_blocks(data, scale.shape), scale.reshape(spread), shift).reshape(data.shape)


@_constant
def sparse_to_dense(nonzero_data: np.ndarray, mask: np.ndarray, shape: np.ndarray | None = None) -> np.ndarray:
    """Zeros but where the mask is set: there the data, in order. iOS 16 has packed bits for a mask, and a shape."""
    bits = mask if shape is None else from_bits(mask, 1, int(np.prod(shape))).reshape(shape)
    dense = np.zeros(bits.shape, nonzero_data.dtype)
    dense[bits != 0] = nonzero_data
    return dense


@_constant
def lut_to_sparse(
    indices_mask: np.ndarray, indices_nonzero_data: np.ndarray, lut: np.ndarray, vector_axis: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A palette applied where the mask is set -> mask and values there, both repeated along `vector_axis`."""
    dense = lut_to_dense(sparse_to_dense(indices_nonzero_data, indices_mask), lut, None, vector_axis)
    size = lut.shape[-1]
    mask = indices_mask if size == 1 else np.repeat(indices_mask, size, int(vector_axis))  # type: ignore[arg-type]
    return mask, dense[mask != 0]


@_constant
def sparse_blockwise_shift_scale(
    data_mask: np.ndarray, nonzero_data: np.ndarray, scale: np.ndarray, offset: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Scales applied where the mask is set -> mask and values there."""
    dense = blockwise_shift_scale(sparse_to_dense(nonzero_data, data_mask), scale, offset)
    return data_mask, dense[data_mask != 0]


def _blocks(x: np.ndarray, groups: tuple[int, ...]) -> np.ndarray:
    """(d0, d1 …) -> (g0, d0 / g0, g1, d1 / g1 …)."""
    return x.reshape([n for d, g in zip(x.shape, groups, strict=True) for n in (g, d // g)])


def _scaled(data: np.ndarray, scale: Any, offset: Any) -> np.ndarray:
    """Scales in float32, rounded once to the scale's type."""
    wide = data.astype(np.float32) - np.asarray(offset, np.float32)
    return (wide * np.asarray(scale, np.float32)).astype(np.asarray(scale).dtype)
