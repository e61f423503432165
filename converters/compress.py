"""How a conversion compresses weights: schemes by name, and their results as operations of an ML Program.

Only kernels of convolutions and linear layers of the text encoder and the UNet are compressed; embeddings, norms, biases and
small kernels stay in half precision, as do the VAE and the safety checker. The arithmetic is `sdedge.engines.coreml.compressed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from converters.toolchain import Var, mb, types
from sdedge.engines.coreml.compressed import BLOCK, GROUP, Packed, Palette, Scaled, linear, pack, palette

SMALLEST = 2048
"""Kernels of fewer numbers stay as they are."""


def emit(packed: Packed, name: str, target: str) -> Var:
    """Writes the operation that decodes a compressed kernel."""
    return _emit_palette(packed, name, target) if isinstance(packed, Palette) else _emit_scaled(packed, name, target)


def _emit_palette(packed: Palette, name: str, target: str) -> Var:
    if target == "macOS15":
        kind = types.nptype_from_builtin(getattr(types, f"uint{packed.bits}"))
        lut = packed.lut.reshape(len(packed.lut), 1, 1, 1, -1, 1)
        return mb.constexpr_lut_to_dense(indices=packed.indices.astype(kind), lut=lut, name=name)
    shape = np.array(packed.indices.shape, np.uint32)
    indices = pack(packed.indices.reshape(-1), packed.bits)
    return mb.constexpr_lut_to_dense(indices=indices, lut=packed.lut[0], shape=shape, name=name)


def _emit_scaled(packed: Scaled, name: str, target: str) -> Var:
    if target == "macOS15":
        kind = types.nptype_from_builtin(getattr(types, f"int{packed.bits}"))
        return mb.constexpr_blockwise_shift_scale(data=packed.data.astype(kind), scale=packed.scale, name=name)
    scale = packed.scale.reshape(-1)
    return mb.constexpr_affine_dequantize(
        quantized_data=packed.data, zero_point=np.int8(0), scale=scale, axis=np.int32(0), name=name
    )


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
