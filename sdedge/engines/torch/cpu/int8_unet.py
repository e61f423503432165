"""The UNet in int8 on a CPU: oneDNN's int8 convolutions and products, with ranges of the activations measured before.

A recipe says which layers run in int8 and what range the input of each has; it is a small file beside the UNet's
ordinary weights (`unet/int8.json`), which are read, given their LoRAs and quantised block by block. Weights are symmetric
per output channel, activations one uint8 range per layer, sums int32; norms, softmax and the residual stream stay
in the floating dtype. Layers that lose most (measured, see `sdedge.generation.int8_recipe`) are left out of the recipe.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.torch.cpu import fused_unet, kernels
from sdedge.engines.torch.cpu.fused_unet import PackedConv2d, PackedLinear
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.files import atomic_write
from sdedge.json_values import read_json_file
from sdedge.machine.instruction_sets import Instructions, onednn_may_use, processor_has
from sdedge.machine.picture_memory import INT8_RECIPE

FILE = Path(INT8_RECIPE)
VERSION = 1
_ops = torch.ops.onednn
_JOINED = {"qkv": ("to_q", "to_k", "to_v"), "value": ("proj",), "gate": ("proj",)}
"""Layers of the fused UNet, and those of the plain one that they stand for."""

EIGHT_BITS, SEVEN_BITS = 127, 63
"""Largest stored weights: of eight bits with their sign, and of seven, with which two products fit into 16 bits."""
_EXTREMES = ((8, 64, 32), (96, 320, 64))
"""Rows, inputs and outputs of the layers by which saturation is looked for."""
PIECE, CACHED = 1 << 20, 1 << 18  # values

# It is the one kernel that scales, rounds and clips in one pass; torch is pinned below the version that drops it.
warnings.filterwarnings("ignore", message="torch.quantize_per_tensor")


@dataclass(frozen=True)
class Int8Recipe:
    """What calibration found for one UNet.

    ranges   input range (low <= 0 <= high) of every layer that runs in int8, by the plain network's names
    floating layers left in the floating dtype, and the relative error that int8 would make in each
    figures  quality against the floating dtype, and how it was measured
    """

    ranges: Mapping[str, tuple[float, float]]
    floating: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Int8Recipe:
        """Returns the recipe in a model folder. Raises ModelError where there is none, saying how to make one."""
        path = folder / FILE
        if not path.is_file():
            raise ModelError(
                f"The model {folder.name} has no int8 recipe; {Remedy.QUANTIZE}, or {Remedy.WITHOUT_INT8}.",
                remedy=Remedy.WITHOUT_INT8,
            )
        try:
            record = read_json_file(path, remedy="quantize the model again")
            if record.pop("version") != VERSION:
                raise ValueError("another version")
            ranges = {name: (float(low), float(high)) for name, (low, high) in record["ranges"].items()}
            return cls(ranges, dict(record["kept"]), dict(record["figures"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{path} is damaged ({error}); quantize the model again.") from error

    def write(self, folder: Path) -> None:
        """Raises OutputError."""
        with atomic_write(folder / FILE) as file:
            file.write(
                json.dumps(
                    {"version": VERSION, "ranges": self.ranges, "kept": self.floating, "figures": self.figures},
                    indent=1,
                ).encode()
            )


def read_recipe(path: str | Path, device: torch.device) -> Int8Recipe:
    """Returns the recipe of a model folder, for a device that can use it. Raises InvalidRequest, ModelError."""
    check_device(device)
    return Int8Recipe.read(Path(path))


def check_device(device: torch.device) -> None:
    """Raises InvalidRequest for a device on which nothing runs in int8."""
    if device.type != "cpu" or not fused_unet.available(torch.float32):
        raise InvalidRequest(
            f"int8 needs an x86 processor, and the device is {device}; {Remedy.CHOOSE_CPU} or another dtype.",
            remedy=Remedy.CHOOSE_CPU,
        )


def affine(low: float, high: float) -> tuple[float, int]:
    """Returns scale and zero point of a range in uint8: real = (stored - zero) * scale, and 0 is exact."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, 1e-6) / 255
    return scale, round(-low / scale)


@functools.cache
def weight_steps() -> int:
    """Returns the largest stored weight, for as long as the process lasts.

    Without VNNI kernels add two products of a byte and a weight in 16 bits, which 127 overflows. Flags and caps say whether there
    is VNNI, and products of the largest values whether every kernel uses it.
    """
    return EIGHT_BITS if _has_vnni() and sums_exactly(EIGHT_BITS) else SEVEN_BITS


def _has_vnni() -> bool:
    """Returns whether the processor has dot products of bytes, of 512 bits or of 256, that oneDNN may use."""
    wide, narrow = processor_has(Instructions.VNNI), processor_has(Instructions.AVX_VNNI)
    if wide is None:  # not Linux
        wide = torch.cpu._is_vnni_supported()
    return bool(wide and onednn_may_use(Instructions.VNNI)) or bool(narrow and onednn_may_use(Instructions.AVX_VNNI))


@torch.inference_mode()
def sums_exactly(weight: int) -> bool:
    """Returns whether products and convolutions add up the largest bytes times such weights, of either sign, without loss."""
    exact = True
    for sign in (1, -1):
        for count, inputs, outputs in _EXTREMES:
            linear, conv = nn.Linear(inputs, outputs, bias=False), nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            for layer, x in ((linear, torch.ones(count, inputs)), (conv, torch.ones(1, inputs, 6, count // 4))):
                layer.weight.fill_(sign * weight)
                made: Any = fused_unet.fuse(layer, packing=False)
                _store(made, (0.0, 1.0), weight)
                out = made(x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x)
                inner = out if x.ndim == 2 else out[:, :, 1:-1, 1:-1]
                taps = inputs if x.ndim == 2 else 9 * inputs
                exact &= bool(((inner - sign * weight * taps).abs() < 1e-3 * weight * taps).all())
    return exact


def quantise_weight(weight: Tensor, steps: int | None = None) -> tuple[Tensor, Tensor]:
    """Returns symmetric int8 of a weight (O, …) and the scale (O,) of every output channel, float32; by pieces that fit a
    cache. `steps` is the largest stored value, this machine's by default.
    """
    steps = weight_steps() if steps is None else steps
    rows = weight.flatten(1)
    stored, scale = torch.empty(rows.shape, dtype=torch.int8), torch.empty(len(rows))
    step = max(1, CACHED // rows.shape[1])
    wide = torch.empty(min(step, len(rows)), rows.shape[1])
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        part = wide[: len(rows[block])].copy_(rows[block])
        low, high = part.aminmax(dim=1)
        torch.maximum(high, -low, out=scale[block]).clamp_(min=1e-12).div_(steps)
        stored[block] = part.div_(scale[block, None]).round_()
    return stored.view(weight.shape), scale


def quantise(x: Tensor, scale: float, zero: int) -> Tensor:
    """Returns uint8 of a floating tensor, in its memory layout; by pieces, so that no whole float32 copy is made."""
    if kernels.available(x.dtype):
        return kernels.round_uint8(x, scale, zero)
    dense = torch.empty_like(x, dtype=torch.uint8)  # which keeps the layout of any tensor without holes
    source, target = (
        t.as_strided((t.numel(),), (1,)) for t in (x if x.stride() == dense.stride() else x.contiguous(), dense)
    )
    wide = torch.empty(min(PIECE, x.numel()))
    for part, result in zip(source.split(PIECE), target.split(PIECE)):
        stored = torch.quantize_per_tensor(wide[: len(part)].copy_(part), scale, zero, torch.quint8)
        result.copy_(torch.empty(0, dtype=torch.uint8).set_(stored.untyped_storage(), 0, stored.shape, stored.stride()))
    return dense


class QuantizedConv2d(PackedConv2d):
    """An int8 convolution in place of a packed one."""

    dtype: torch.dtype
    scale: float
    zero: int
    scales: Tensor
    zeros: Tensor

    @property
    def rounding(self) -> tuple[float, int] | None:  # type: ignore[override]
        return (self.scale, self.zero) if self.padding_mode == "zeros" else None

    def forward(self, x: Tensor, add: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        padding, bias = self.padding, self.bias if bias is None else bias
        if self.padding_mode == "circular":
            x, padding = F.pad(x, self._reversed_padding_repeated_twice, mode="circular"), (0, 0)
        stored = x if x.dtype == torch.uint8 else quantise(x, self.scale, self.zero)
        out = _ops.qconv2d_pointwise(
            stored, self.scale, self.zero, self.weight, self.scales, self.zeros,
            None if bias is None else bias.float(), self.stride, padding, self.dilation, self.groups,
            1.0, 0, self.dtype, "none", [], "",
        )  # fmt: skip
        return out if add is None else out.add_(add)


class QuantizedLinear(PackedLinear):
    """An int8 product in place of a packed one."""

    dtype: torch.dtype
    scale: float
    zero: int
    scales: Tensor
    zeros: Tensor

    @property
    def rounding(self) -> tuple[float, int] | None:  # type: ignore[override]
        return (self.scale, self.zero) if kernels.available(self.dtype) else None

    def prepare(self, x: Tensor) -> Tensor:
        return quantise(x, self.scale, self.zero)

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        return self._run(x, "none", add)

    def gelu(self, x: Tensor) -> Tensor:
        return self._run(x, "gelu", None)

    def times(self, x: Tensor, factor: Tensor) -> Tensor:
        return self._run(x, "none", None).mul_(factor)

    def _run(self, x: Tensor, activation: str, add: Tensor | None) -> Tensor:
        stored = x if x.dtype == torch.uint8 else self.prepare(x)
        layer = stored, self.scale, self.zero, self.weight, self.scales, self.zeros
        result = 1.0, 0, self.dtype
        if add is None:
            return _ops.qlinear_pointwise(*layer, self.bias, *result, activation, [], "none")
        return _ops.qlinear_pointwise.binary(*layer, add, self.bias, *result, 1.0, 0, "add", 1.0, "none", [], "")


def finisher(tensors: Mapping[str, Any], recipe: Int8Recipe) -> Callable[[str, Any], None]:
    """Returns what turns the layers of a fused UNet into those of a recipe. Raises ModelError where the recipe is another's."""
    missing = [name for name in recipe.ranges if f"{name}.weight" not in tensors]
    if missing:
        raise ModelError(f"The int8 recipe names {missing[0]}, which this UNet lacks; quantize the model again.")
    return lambda path, layer: to_int8(layer, _range(recipe, path))


def _range(recipe: Int8Recipe, name: str) -> tuple[float, float] | None:
    """Returns the range of a layer of the fused UNet; None where any of the layers it stands for has none."""
    head, _, leaf = name.rpartition(".")
    ranges = [recipe.ranges.get(f"{head}.{part}" if head else part) for part in _JOINED.get(leaf, (leaf,))]
    return None if None in ranges else ranges[0]


@torch.no_grad()
def to_int8(layer: Any, bounds: tuple[float, float] | None) -> None:
    """Quantises a fused layer that has a range, and packs one that has none.

    A weight on the meta device is yet to come: the layer is made ready for it. Modules that are not fused layers are left alone.
    """
    if isinstance(layer, PackedConv2d | PackedLinear):
        _store(layer, bounds)


def _store(layer: Any, bounds: tuple[float, float] | None, steps: int | None = None) -> None:
    if bounds is not None and type(layer) in (PackedConv2d, PackedLinear):
        layer.__class__ = QuantizedConv2d if isinstance(layer, PackedConv2d) else QuantizedLinear
        layer.scale, layer.zero = affine(*bounds)
        if layer.bias is not None:
            layer.bias = nn.Parameter(layer.bias.float(), requires_grad=False)
    layer.dtype = layer.weight.dtype
    if bounds is None:
        fused_unet.pack(layer)
        return
    if layer.weight.is_meta:
        return
    weight, layer.scales = quantise_weight(layer.weight, steps)
    layer.zeros = torch.zeros(len(layer.scales), dtype=torch.int64)
    if isinstance(layer, PackedConv2d):
        shape = layer.stride, layer.padding, layer.dilation, layer.groups
        packed = _ops.qconv_prepack(weight, layer.scales, layer.scale, layer.zero, *shape)
    else:
        packed = _ops.qlinear_prepack(weight, None)
    layer.weight = nn.Parameter(packed, requires_grad=False)
