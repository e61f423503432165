"""The UNet by oneDNN's fused operators, for a CPU: weights packed once, and biases, activations and sums in the kernels.

`fuse` gives every block a fused class: the same layer with the same results to rounding and another forward. Feature maps
are channels-last throughout, so that tokens and pixels are one memory and nothing is copied between them. Queries,
keys and values of self attention are one product; keys and values of a context are made once and kept with it.

The weights a network had are given up as they are packed. LoRAs therefore go in before (`weights.lora.merge`).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from sdedge.engines.torch.cpu import kernels, winograd
from sdedge.machine.instruction_sets import Instructions, onednn_may_use
from sdedge.models.controlnet import ControlNet
from sdedge.models.layers import (
    GEGLU,
    Attention,
    BasicTransformerBlock,
    FeedForward,
    ResnetBlock2D,
    Transformer2DModel,
    linear_of,
)
from sdedge.models.unet import UNet, UNetEncoder
from sdedge.models.unet_rows import token_pieces
from sdedge.models.unet_walk import level_sizes

_ops = torch.ops.mkldnn
LARGE = 1 << 20  # values


def available(dtype: torch.dtype) -> bool:
    """Returns whether this torch was built with the operators and this processor has them in `dtype`."""
    if not torch.backends.mkldnn.is_available() or platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    supported: dict[torch.dtype, Callable[[], bool]] = {
        torch.float32: lambda: True, torch.bfloat16: _ops._is_mkldnn_bf16_supported,
        torch.float16: _ops._is_mkldnn_fp16_supported,
    }  # fmt: skip
    return dtype in supported and bool(supported[dtype]())


class PackedConv2d(nn.Conv2d):
    """A convolution whose weight is in oneDNN's own order: channels-last in, channels-last out.

    `rounding` is the scale and zero point of inputs that it takes in uint8 as well; None where it takes none. `reads` is the
    height and width of the maps it is packed for, where that matters.
    """

    rounding: tuple[float, int] | None = None
    reads: tuple[int, int] | None = None

    def forward(self, x: Tensor, add: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """`add`, of the result's shape, is summed in the kernel; `bias` (C,) stands in for the layer's own."""
        padding, bias = self.padding, self.bias if bias is None else bias
        if self.padding_mode == "circular":
            x, padding = F.pad(x, self._reversed_padding_repeated_twice, mode="circular"), (0, 0)
        shape = padding, self.stride, self.dilation, self.groups
        if add is None:
            return _ops._convolution_pointwise(x, self.weight, bias, *shape, "none", [], "")
        return _ops._convolution_pointwise.binary(x, add, self.weight, bias, *shape, "add", 1.0, None, [], None)


class WinogradConv2d(PackedConv2d):
    """A convolution of 3x3 by our own kernel, its weight in `winograd.panels`."""

    def forward(self, x: Tensor, add: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        is_circular = self.padding_mode == "circular"
        if is_circular:
            x = F.pad(x, self._reversed_padding_repeated_twice, mode="circular")
        padding = 0 if is_circular else int(self.padding[0])
        return winograd.convolve(x, self.weight, self.bias if bias is None else bias, padding, add)


class PackedLinear(nn.Linear):
    """A linear layer whose weight is in oneDNN's own order. `rounding` as a convolution's."""

    rounding: tuple[float, int] | None = None

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """`add`, of the result's shape, is summed in the kernel."""
        if add is None:
            return _ops._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return _ops._linear_pointwise.binary(x, add, self.weight, self.bias, "add")

    def prepare(self, x: Tensor) -> Tensor:
        """Returns what the layer, and others like it, can read in place of x without doing the same work again."""
        return x

    def gelu(self, x: Tensor) -> Tensor:
        """Returns the erf GELU of the result."""
        return _ops._linear_pointwise(x, self.weight, self.bias, "gelu", [], "none")

    def times(self, x: Tensor, factor: Tensor) -> Tensor:
        """Returns the result times `factor` of its shape."""
        return _ops._linear_pointwise.binary(x, factor, self.weight, self.bias, "mul")


def normalised(norm: nn.GroupNorm, x: Tensor, reader: Any, silu: bool = False) -> Tensor:
    """Returns a norm of a map, or its SiLU, as the convolution that reads it takes it."""
    if kernels.takes_norm(x):
        return kernels.group_norm(x, norm, silu, reader.rounding)
    return F.silu(norm(x), inplace=True) if silu else norm(x)


class FusedResnet(ResnetBlock2D):
    """The time embedding goes into the first convolution's bias, the shortcut into the second convolution."""

    cached: WeakTensorKeyDictionary

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        h = normalised(self.norm1, x, self.conv1, silu=True)
        if time is None:
            h = self.conv1(h)
        elif time.shape[0] == 1:
            h = self.conv1(h, bias=self._bias(time))
        else:
            h = self.conv1(h) + self.time_emb_proj(F.silu(time))[:, :, None, None]  # type: ignore[misc]
        h = normalised(self.norm2, h, self.conv2, silu=True)
        return self.conv2(h, add=x if self.conv_shortcut is None else self.conv_shortcut(x))

    def _bias(self, time: Tensor) -> Tensor:
        if time not in self.cached:
            self.cached[time] = self.conv1.bias + self.time_emb_proj(F.silu(time))[0]  # type: ignore[misc]
        return self.cached[time]


class FusedAttention(Attention):
    """The residual is summed in the kernel of the last projection."""

    def project_out(self, x: Tensor, add: Tensor | None) -> Tensor:
        return self.to_out[0](x, add)


class FusedSelfAttention(FusedAttention):
    """Queries, keys and values are one product."""

    qkv: PackedLinear

    def project(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        return q, k, v


class FusedCrossAttention(FusedAttention):
    """Keys and values of a context are made once, and go when the context does."""

    cached: WeakTensorKeyDictionary

    def project_context(self, context: Tensor) -> tuple[Tensor, Tensor]:
        if context not in self.cached:
            self.cached[context] = super().project_context(context)
        return self.cached[context]


class FusedGEGLU(GEGLU):
    """The halves as two products, the second times the GELU of the first."""

    value: PackedLinear
    gate: PackedLinear

    def forward(self, x: Tensor, rounding: tuple[float, int] | None = None) -> Tensor:
        """Returns uint8 by the scale and zero point of the layer that reads it, where that takes it so."""
        x = self.value.prepare(x)
        if rounding is None:
            return self.value.times(x, self.gate.gelu(x))
        return kernels.round_uint8(self.value(x), *rounding, self.gate.gelu(x))


class FusedFeedForward(FeedForward):
    """Large maps go through one picture at a time: nothing in a step takes more memory than what is between the products."""

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        gated: FusedGEGLU = self.net[0]  # type: ignore[assignment]
        last: PackedLinear = self.net[2]  # type: ignore[assignment]
        if self.in_rows and x.numel() > LARGE:
            pieces = token_pieces(x, add, 8)
            return torch.cat([last(gated(piece, last.rounding), its) for piece, its in pieces], dim=1)
        if x.numel() < LARGE:
            return last(gated(x, last.rounding), add)
        adds = [None] * len(x) if add is None else add.split(1)
        return torch.cat([last(gated(picture, last.rounding), its) for picture, its in zip(x.split(1), adds)])


class FusedTransformer(Transformer2DModel):
    """Channels-last pixels are tokens already."""

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        B, C, H, W = x.shape
        h = self.proj_in(normalised(self.norm, x, self.proj_in)).permute(0, 2, 3, 1).reshape(B, H * W, C)
        for block in self.transformer_blocks:
            h = block(h, context)
        return self.proj_out(h.reshape(B, H, W, C).permute(0, 3, 1, 2), add=x)


class FusedEncoder(UNetEncoder):
    """Caches embeddings by timestep and guidance embedding, and with each what every residual block makes of it."""

    times: dict[tuple[float, bytes | None], Tensor]

    def embed(self, t: Tensor, dtype: torch.dtype, embedding: Tensor | None = None) -> Tensor:
        if t.shape[0] > 1 or (embedding is not None and embedding.shape[0] > 1):
            return super().embed(t, dtype, embedding)
        key = float(t), None if embedding is None else embedding.numpy().tobytes()
        if key not in self.times:
            if len(self.times) >= 1000:  # as many as a schedule has
                self.times.clear()
            self.times[key] = super().embed(t, dtype, embedding)
        return self.times[key]


class FusedUNet(FusedEncoder, UNet):
    """A UNet whose embeddings are cached."""


class FusedControlNet(FusedEncoder, ControlNet):
    """A control net whose embeddings are cached."""


def fuse(module: nn.Module, packing: bool = True) -> Any:
    """Turns a UNet on the CPU, or a part of one, of any floating dtype, into its fused form, in place.

    `packing=False` leaves weights in their usual order, which the kernels take as well; `pack` does it layer by layer.
    """
    with torch.no_grad():
        _fuse(module, packing)
    return module


def _fuse(module: nn.Module, packing: bool) -> None:
    if type(module) in _FUSED:
        fused, prepare = _FUSED[type(module)]
        module.__class__ = fused
        prepare(module)
        if packing and isinstance(module, PackedConv2d | PackedLinear):
            pack(module)
    for child in module.children():
        _fuse(child, packing)


def minds_sizes(dtype: torch.dtype) -> bool:
    """Returns whether the best order of a convolution's weight depends on the size of the maps, as without AVX-512 it does.

    There a weight in the order for another size takes twice the time and more.
    """
    narrow = not torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return dtype == torch.float32 and (narrow or not onednn_may_use(Instructions.AVX512))


def expect_maps(unet: Any, height: int, width: int) -> None:
    """Tells every convolution of a UNet's layers which maps it reads for latents of a size, before it is packed."""
    sizes = level_sizes(unet.config, height, width)
    parts = [(unet.get_submodule(path), bound.layer.level) for bound in unet.layers for path in bound.layer.paths]
    for part, level in [*parts, *([(unet.conv_out, 0)] if isinstance(unet, UNet) else [])]:
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                layer.reads = sizes[level]


def pack(layer: Any) -> None:
    """Puts a fused layer's weight in the order of the kernel that runs it; while it is on the meta device, chooses that only."""
    if type(layer) is PackedConv2d and winograd.suits(layer, layer.weight.dtype):
        layer.__class__ = WinogradConv2d
    if not layer.weight.is_meta:
        layer.weight = _fixed(packed(layer, layer.weight))


def finish(path: str, layer: Any) -> None:
    """Packs like `pack`, for those who tell layers apart by their paths."""
    pack(layer)


def packed(layer: Any, weight: Tensor) -> Tensor:
    """Returns a weight of a fused layer in the order of its kernel, which is oneDNN's or our own."""
    if isinstance(layer, WinogradConv2d):
        return winograd.panels(weight)
    if isinstance(layer, PackedConv2d):
        maps = None if layer.reads is None else [2, layer.in_channels, *layer.reads]  # of both halves of guidance
        return _ops._reorder_convolution_weight(weight, layer.padding, layer.stride, layer.dilation, layer.groups, maps)
    return _ops._reorder_linear_weight(weight)


def _prepare_attention(block: Any) -> None:
    """Puts one layer in place of three for self attention; a memory of contexts for cross attention."""
    own, cross = block.attn1, block.attn2
    own.__class__, cross.__class__ = FusedSelfAttention, FusedCrossAttention
    own.qkv = linear_of(_joined([own.to_q.weight, own.to_k.weight, own.to_v.weight]))
    del own.to_q, own.to_k, own.to_v
    cross.cached = WeakTensorKeyDictionary()


def _joined(weights: Sequence[Tensor]) -> Tensor:
    """Returns the tensors one below the other. torch would import 80 MB of its compiler to do so on the meta device."""
    if not weights[0].is_meta:
        return torch.cat([*weights])
    return weights[0].new_empty(sum(len(weight) for weight in weights), weights[0].shape[1])


def _remember_times(module: Any) -> None:
    module.cached = WeakTensorKeyDictionary()


def _split(layer: Any) -> None:
    weights, biases = layer.proj.weight.chunk(2), layer.proj.bias.chunk(2)
    layer.value, layer.gate = (linear_of(weight.clone(), bias.clone()) for weight, bias in zip(weights, biases))
    del layer.proj


def _fixed(tensor: Tensor) -> nn.Parameter:
    return nn.Parameter(tensor, requires_grad=False)


def _as_it_is(module: Any) -> None:
    """The fused class needs nothing that the layer lacks."""


def _forget_times(unet: Any) -> None:
    unet.times = {}


_FUSED: dict[type[nn.Module], tuple[type[nn.Module], Callable[[Any], None]]] = {
    nn.Conv2d: (PackedConv2d, _as_it_is),
    nn.Linear: (PackedLinear, _as_it_is),
    ResnetBlock2D: (FusedResnet, _remember_times),
    GEGLU: (FusedGEGLU, _split),
    FeedForward: (FusedFeedForward, _as_it_is),
    BasicTransformerBlock: (BasicTransformerBlock, _prepare_attention),
    Transformer2DModel: (FusedTransformer, _as_it_is),
    UNet: (FusedUNet, _forget_times),
    ControlNet: (FusedControlNet, _forget_times),
}
