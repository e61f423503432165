"""Weights in fewer bits: palettes found by k-means, linear int8, and for macOS 15 palettes per group and int4 in blocks.

The arithmetic alone, in numpy: the converters write the results into packages, and a LoRA that is put into a package computes the
kernels it touches again. No torch, and no coremltools but for the k-means that it carries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sdedge.engines.coreml.portable.package import exact_kmeans

GROUP, BLOCK = 16, 32
"""Output channels that share a palette, and input channels that share a scale."""
EFFORT = 1 << 19
"""Centres times different values up to which k-means is exact: a fifth of a second."""
ROUNDS, SETTLED = 300, 1e-5
"""Of Lloyd's algorithm: at most so many, or until no centre moves by more than this share of their range."""
HALVES = 1 << 16
PIECE = 1 << 20
"""Numbers that are worked on at a time, so that the largest kernel takes little more memory than itself."""


@dataclass(frozen=True, eq=False)
class Palette:
    """A kernel (out, in, kh, kw) as `indices` uint8 of its shape into `lut` (groups, 2^bits); groups cut the out channels."""

    indices: np.ndarray
    lut: np.ndarray
    bits: int

    def dense(self) -> np.ndarray:
        result = np.empty(self.indices.shape, self.lut.dtype)
        rows = result.reshape(len(self.lut), -1)
        for lut, flat, row in zip(self.lut, self.indices.reshape(rows.shape), rows, strict=True):
            for piece in _pieces(flat.size):
                row[piece] = lut[flat[piece]]
        return result

    @property
    def nbytes(self) -> int:
        return -(-self.indices.size * self.bits // 8) + self.lut.nbytes


@dataclass(frozen=True, eq=False)
class Scaled:
    """A kernel as integers `data` int8 (of 8 or 4 bits) and scales (out, 1, 1, 1) or (out, in / 32, 1, 1)."""

    data: np.ndarray
    scale: np.ndarray
    bits: int

    def dense(self) -> np.ndarray:
        width = self.data.shape[1] // self.scale.shape[1]
        scale = np.repeat(self.scale.astype(np.float32), width, axis=1)
        result = np.empty(self.data.shape, np.float16)
        for rows in _rows(self.data):
            result[rows] = self.data[rows] * scale[rows]
        return result

    @property
    def nbytes(self) -> int:
        return -(-self.data.size * self.bits // 8) + self.scale.nbytes


Packed = Palette | Scaled


# One kernel


def as_kernel(weight: np.ndarray) -> np.ndarray:
    """Returns a linear layer's (out, in) as the (out, in, 1, 1) of a convolution."""
    return weight if weight.ndim == 4 else weight[:, :, None, None]


def cluster(values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters half-precision numbers by k-means: uint8 indices of their shape, and the palette (2^bits,) in ascending order.

    Over the 65536 possible values and how often each occurs. Exact (Grønlund et al. 2017) within EFFORT, near it beyond.
    """
    codes = np.ascontiguousarray(values, np.float16).view(np.uint16).reshape(-1)
    counts = np.zeros(HALVES, np.int64)
    for piece in _pieces(codes.size):
        counts += np.bincount(codes[piece], minlength=HALVES)
    present = np.flatnonzero(counts)
    numbers = present.astype(np.uint16).view(np.float16).astype(np.float64)
    order = np.argsort(numbers)
    present, numbers, weights = present[order], numbers[order], counts[present][order].astype(np.float64)
    k = 2**bits
    if len(numbers) <= k:
        centres = np.concatenate([numbers, np.full(k - len(numbers), numbers[-1])])
    elif len(numbers) * k <= EFFORT:
        centres = np.array(exact_kmeans().cluster(numbers, k, weights=weights).centroids)
    else:
        centres = _lloyd(numbers, weights, k)
    table = np.zeros(HALVES, np.uint8)
    table[present] = _nearest(numbers, centres)
    indices = np.empty(values.shape, np.uint8)
    for piece in _pieces(codes.size):
        indices.reshape(-1)[piece] = table[codes[piece]]
    return indices, centres.astype(np.float16)


def _lloyd(numbers: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Runs Lloyd's algorithm from centres spaced by the cube root of the density, the optimum for many (Panter and Dite
    1951).
    """
    total, moment = (np.concatenate([[0], np.cumsum(v)]) for v in (weights, weights * numbers))
    centres = _spread(numbers, weights, k)
    for _ in range(ROUNDS):
        edges = np.searchsorted(numbers, (centres[1:] + centres[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(numbers)]])
        mass = np.diff(total[bounds])
        moved = np.where(mass > 0, np.diff(moment[bounds]) / np.maximum(mass, 1), centres)
        step = np.abs(moved - centres).max()
        centres = moved
        if step < SETTLED * (centres[-1] - centres[0]):
            break
    return centres


def _spread(numbers: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """Spreads centres at equal steps of the integral of the density's cube root."""
    gaps = np.gradient(numbers)
    integral = np.cumsum(np.cbrt(weights * gaps**2))
    return np.interp((np.arange(k) + 0.5) / k * integral[-1], integral, numbers)


def _nearest(numbers: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, numbers)


def palette(kernel: np.ndarray, bits: int, group: int | None = None) -> Palette:
    """Returns one palette for all of (out, in, kh, kw), or one for every `group` output channels where that divides them."""
    groups = kernel.shape[0] // group if group and kernel.shape[0] % group == 0 else 1
    clusters = [cluster(part, bits) for part in kernel.reshape(groups, -1)]
    indices = np.stack([indices for indices, _ in clusters]).reshape(kernel.shape)
    return Palette(indices, np.stack([lut for _, lut in clusters]), bits)


def linear(kernel: np.ndarray, bits: int = 8, block: int | None = None) -> Scaled:
    """Returns symmetric integers, a scale for each output channel, or for `block` input channels where that divides them."""
    out, channels = kernel.shape[:2]
    blocks = channels // block if block and channels % block == 0 else 1
    data, scale = np.empty(kernel.shape, np.int8), np.empty((out, blocks, 1, 1), np.float16)
    limit = 2 ** (bits - 1) - 1
    for rows in _rows(kernel):
        wide = kernel[rows].astype(np.float32).reshape(-1, blocks, kernel[0].size // blocks)
        steps = (np.abs(wide).max(2, keepdims=True) / limit).astype(np.float16)
        steps = np.maximum(steps, np.float16(2.0**-24))
        numbers = np.clip(np.round(wide / steps.astype(np.float32)), -limit, limit)
        data[rows] = numbers.reshape(data[rows].shape)
        scale[rows] = steps[..., None]
    return Scaled(data, scale, bits)


def pack(indices: np.ndarray, bits: int) -> np.ndarray:
    """Packs numbers of `bits` bits, lowest first, into bytes: uint8 (n,) to uint8 (n bits / 8,)."""
    if bits == 8:
        return indices
    packed = []
    for piece in _pieces(indices.size):  # a multiple of 8 numbers fills bytes
        spread = np.unpackbits(indices[piece, None], axis=1, count=bits, bitorder="little")
        packed.append(np.packbits(spread.reshape(-1), bitorder="little"))
    return np.concatenate(packed)


def _pieces(size: int) -> Iterator[slice]:
    return (slice(start, start + PIECE) for start in range(0, size, PIECE))


def _rows(kernel: np.ndarray) -> Iterator[slice]:
    """Yields runs of output channels of about a piece's size."""
    step = max(1, PIECE // max(1, kernel[0].size))
    return (slice(start, start + step) for start in range(0, len(kernel), step))
