"""Convolutions of 3x3 in float32 by our own kernel (`winograd.c`), which multiplies 16 times where others do 36 times.

Its results differ from others' by rounding: sums are made of sums of pixels and of weights. Weights take as much memory as any.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.engines.torch.cpu import compiled, kernels

UNIT = 32
"""Channels are a multiple of it."""
STRIP, FEWEST = 8 << 20, 128
"""Bytes of transformed pixels that are held at a time, and tiles that are in any case."""

_long, _pointer = ctypes.c_long, ctypes.c_void_p


class _Winograd(ctypes.Structure):
    _fields_ = [
        *((name, _long) for name in ("batch", "height", "width", "inputs", "outputs", "padding")),
        *((name, _pointer) for name in ("x", "weight", "bias", "add", "out", "scratch")),
        ("strip", _long), ("threads", ctypes.c_int), ("level", ctypes.c_int),
    ]  # fmt: skip


def suits(layer: nn.Conv2d, dtype: torch.dtype) -> bool:
    """Returns whether the kernel runs a layer in a format on this processor: with AVX2 and AVX-512 it takes two thirds of
    oneDNN's time or less (docs/performance.md).
    """
    shape = layer.kernel_size, layer.stride, layer.dilation, layer.groups
    padding = layer.padding in ((0, 0), (1, 1))
    channels = layer.in_channels % UNIT == 0 and layer.out_channels % UNIT == 0
    fits = dtype == torch.float32 and shape == ((3, 3), (1, 1), (1, 1), 1) and padding and channels
    return fits and available()


@functools.cache
def available() -> bool:
    """Returns whether the kernel was built and this processor can run it."""
    return kernels.available(torch.float32) and hasattr(compiled.library(), "winograd")


def panels(weight: Tensor) -> Tensor:
    """Returns a weight (O, I, 3, 3) as the kernel reads it: (O / P, 9, I, P), where P is two vectors."""
    outputs, inputs = weight.shape[:2]
    wide = _panel()
    return weight.view(outputs // wide, wide, inputs, 9).permute(0, 3, 2, 1).contiguous()


def convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, add: Tensor | None = None
) -> Tensor:  # fmt: skip
    """Returns the convolution of a map (B, C, H, W) with the `panels` of a weight, channels-last, with `add` of its shape.

    All are float32; raises ValueError for others, and where channels or shapes do not belong together.
    """
    B, C, H, W = x.shape
    outputs, around = len(weight) * weight.shape[-1], 2 * padding - 2
    shape = B, outputs, H + around, W + around
    if any(each is not None and each.dtype != torch.float32 for each in (x, weight, bias, add)):
        raise ValueError(f"A map of {x.dtype} was given to a convolution of float32; convert it.")
    if weight.shape[2] != C or (bias is not None and len(bias) != outputs) or (add is not None and add.shape != shape):
        raise ValueError(
            f"A map {tuple(x.shape)} and a weight of {weight.shape[2]} channels for {shape} do not fit together."
        )
    out = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
    if not out.numel():
        return out
    x = x.contiguous(memory_format=torch.channels_last)
    add = None if add is None else add.contiguous(memory_format=torch.channels_last)
    tiles, threads = B * -(-(H + around) // 2) * -(-(W + around) // 2), torch.get_num_threads()
    most = max(FEWEST, STRIP // (16 * C * 4))
    strip = -(-tiles // -(-tiles // most))
    scratch = x.new_empty(_library().winograd_scratch(C, strip, threads))
    places = [None if each is None else each.data_ptr() for each in (x, weight, bias, add, out, scratch)]
    arguments = _Winograd(B, H, W, C, outputs, padding, *places, strip, threads, compiled.float_level())
    _library().winograd(ctypes.byref(arguments), kernels.parallel())
    return out


def _panel() -> int:
    """Returns the outputs of a panel."""
    return int(_library().winograd_panel(compiled.float_level()))


@functools.cache
def _library() -> Any:
    library = compiled.library()
    assert library is not None
    library.winograd_scratch.restype, library.winograd_scratch.argtypes = _long, [_long] * 3
    library.winograd_panel.restype, library.winograd_panel.argtypes = _long, [ctypes.c_int]
    library.winograd.restype, library.winograd.argtypes = None, [_pointer, _pointer]
    return library
