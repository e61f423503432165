"""Weights in fewer bits: palettes found by k-means, linear int8, and for macOS 15 palettes per group and int4 in blocks.

Only kernels of convolutions and linear layers of the text encoder and the UNet are compressed; embeddings, norms, biases and
small kernels stay in half precision, as do the VAE and the safety checker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from converters.toolchain import Var, kmeans1d, mb, types

SMALLEST = 2048
"""Kernels of fewer numbers stay as they are."""
GROUP, BLOCK = 16, 32
"""Output channels that share a palette, and input channels that share a scale."""
EFFORT = 1 << 19
"""Centres times different values up to which k-means is exact: a fifth of a second."""
ROUNDS, SETTLED = 300, 1e-5
"""Of Lloyd's algorithm: at most so many, or until no centre moves by more than this share of their range."""
HALVES = 1 << 16


@dataclass(frozen=True, eq=False)
class Palette:
    """A kernel (out, in, kh, kw) as `indices` uint8 of its shape into `lut` (groups, 2^bits); groups cut the out channels."""

    indices: np.ndarray
    lut: np.ndarray
    bits: int

    def dense(self) -> np.ndarray:
        groups = len(self.lut)
        flat = self.indices.reshape(groups, -1)
        return np.take_along_axis(self.lut, flat.astype(np.intp), axis=1).reshape(self.indices.shape)

    @property
    def nbytes(self) -> int:
        return -(-self.indices.size * self.bits // 8) + self.lut.nbytes

    def emit(self, name: str, target: str) -> Var:
        if target == "macOS15":
            kind = types.nptype_from_builtin(getattr(types, f"uint{self.bits}"))
            lut = self.lut.reshape(len(self.lut), 1, 1, 1, -1, 1)
            return mb.constexpr_lut_to_dense(indices=self.indices.astype(kind), lut=lut, name=name)
        shape = np.array(self.indices.shape, np.uint32)
        packed = pack(self.indices.reshape(-1), self.bits)
        return mb.constexpr_lut_to_dense(indices=packed, lut=self.lut[0], shape=shape, name=name)


@dataclass(frozen=True, eq=False)
class Scaled:
    """A kernel as integers `data` int8 (of 8 or 4 bits) and scales (out, 1, 1, 1) or (out, in / 32, 1, 1)."""

    data: np.ndarray
    scale: np.ndarray
    bits: int

    def dense(self) -> np.ndarray:
        width = self.data.shape[1] // self.scale.shape[1]
        scale = np.repeat(self.scale.astype(np.float32), width, axis=1)
        return (self.data * scale).astype(np.float16)

    @property
    def nbytes(self) -> int:
        return -(-self.data.size * self.bits // 8) + self.scale.nbytes

    def emit(self, name: str, target: str) -> Var:
        if target == "macOS15":
            kind = types.nptype_from_builtin(getattr(types, f"int{self.bits}"))
            return mb.constexpr_blockwise_shift_scale(data=self.data.astype(kind), scale=self.scale, name=name)
        scale = self.scale.reshape(-1)
        return mb.constexpr_affine_dequantize(
            quantized_data=self.data, zero_point=np.int8(0), scale=scale, axis=np.int32(0), name=name
        )


Packed = Palette | Scaled


# One kernel


def as_kernel(weight: np.ndarray) -> np.ndarray:
    """Returns a linear layer's (out, in) as the (out, in, 1, 1) of a convolution."""
    return weight if weight.ndim == 4 else weight[:, :, None, None]


def cluster(values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Clusters half-precision numbers by k-means: uint8 indices of their shape, and the palette (2^bits,) in ascending order.

    Over the 65536 possible values and how often each occurs. Exact (Grønlund et al. 2017) within EFFORT, near it beyond.
    """
    codes = np.ascontiguousarray(values, np.float16).view(np.uint16)
    counts = np.bincount(codes.reshape(-1), minlength=HALVES)
    present = np.flatnonzero(counts)
    numbers = present.astype(np.uint16).view(np.float16).astype(np.float64)
    order = np.argsort(numbers)
    present, numbers, weights = present[order], numbers[order], counts[present][order].astype(np.float64)
    k = 2**bits
    if len(numbers) <= k:
        centres = np.concatenate([numbers, np.full(k - len(numbers), numbers[-1])])
    elif len(numbers) * k <= EFFORT:
        centres = np.array(kmeans1d.cluster(numbers, k, weights=weights).centroids)
    else:
        centres = _lloyd(numbers, weights, k)
    table = np.zeros(HALVES, np.uint8)
    table[present] = _nearest(numbers, centres)
    return table[codes], centres.astype(np.float16)


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
    wide = kernel.astype(np.float32).reshape(out, blocks, -1)
    scale = (np.abs(wide).max(2, keepdims=True) / (2 ** (bits - 1) - 1)).astype(np.float16)
    scale = np.maximum(scale, np.float16(2.0**-24))
    limit = 2 ** (bits - 1) - 1
    data = np.clip(np.round(wide / scale.astype(np.float32)), -limit, limit).astype(np.int8)
    return Scaled(data.reshape(kernel.shape), scale.reshape(out, blocks, 1, 1), bits)


def pack(indices: np.ndarray, bits: int) -> np.ndarray:
    """Packs numbers of `bits` bits, lowest first, into bytes."""
    if bits == 8:
        return indices
    spread = np.unpackbits(indices[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(spread.reshape(-1), bitorder="little")


# Schemes

Compress = Callable[[str, np.ndarray], "Packed | None"]
"""Takes a kernel's name and half-precision values; None leaves it as it is."""


@dataclass(frozen=True)
class Scheme:
    """A way to compress every kernel."""

    title: str
    bits: float
    pack: Callable[[np.ndarray], Packed]


SCHEMES: dict[str, Scheme] = {
    "8bit": Scheme("palettes of 256", 8, lambda kernel: palette(kernel, 8)),
    "6bit": Scheme("palettes of 64", 6, lambda kernel: palette(kernel, 6)),
    "4bit": Scheme("palettes of 16", 4, lambda kernel: palette(kernel, 4)),
    "2bit": Scheme("palettes of 4", 2, lambda kernel: palette(kernel, 2)),
    "int8": Scheme("linear, a scale per channel", 8, linear),
    "4bit-grouped": Scheme("palettes of 16 per 16 channels", 4, lambda kernel: palette(kernel, 4, GROUP)),
    "int4": Scheme("linear, a scale per 32 inputs", 4, lambda kernel: linear(kernel, 4, BLOCK)),
}


def compressor(scheme: str) -> Compress | None:
    """Returns the function of a scheme's name; None where nothing is compressed."""
    if scheme == "none":
        return None
    chosen = SCHEMES[scheme]
    return lambda name, kernel: chosen.pack(kernel) if kernel.size >= SMALLEST else None


def mixed(bits: Mapping[str, int]) -> Compress:
    """Palettes of so many bits for each kernel by name; those of 16, and those not named, stay."""
    return lambda name, kernel: palette(kernel, bits[name]) if bits.get(name, 16) < 16 else None
