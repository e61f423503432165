"""The UNet as OpenVINO runs it fastest on a CPU: the prompt's keys and values as inputs, heads padded for matrix units,
no result cut in two.

A network of ours is changed in place, traced by torch and read by OpenVINO's PyTorch frontend. The result computes the
same function: what is known before the first step is taken out of it, and each head's queries and keys get zeros up
to a width that matrix units take whole, which changes no product. Three models come of it, all of open sizes:

    prompt  context (B, S, D) -> keys (B, heads, S, padded) and values (B, heads, S, width) of every cross attention
    whole   latent, timesteps, keys and values -> eps, and the deep features of `models.reuse`
    outer   latent, timesteps, keys and values of the outer layers, deep features -> eps
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.openvino.devices import CPU, compile_options
from sdedge.models import reuse
from sdedge.models.layers import GEGLU, Attention, BasicTransformerBlock, linear_of
from sdedge.models.reuse import DEPTH
from sdedge.models.unet import UNet
from sdedge.models.unet_walk import walk

if TYPE_CHECKING:
    import openvino as ov

NAMES = ("prompt", "whole", "outer")
TILE = 32  # values of half precision that a matrix unit takes at once
VERSION = "2"  # of what this file makes


def load_openvino() -> Any:
    """Returns the package, kept from sending its makers statistics of use, which its converter and NNCF do unasked."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # both go on without it
    import openvino

    return openvino


class PaddedAttention(Attention):
    """`Attention` over heads whose queries and keys are padded; the scale is part of the queries' weights.

    Cross attention reads the keys and values that it is handed, as `prompt` makes them; self attention makes its own.
    """

    def __init__(self, attention: Attention, tile: int) -> None:
        nn.Module.__init__(self)  # the layers are those of another one
        self.heads, self.attend = attention.heads, _attend_padded
        width = attention.to_q.out_features // self.heads
        padded = -(-width // tile) * tile
        self.to_q = _pad_heads(attention.to_q, self.heads, padded, width**-0.5)
        self.to_k = _pad_heads(attention.to_k, self.heads, padded)
        self.to_v = attention.to_v
        self.to_out = attention.to_out
        self.keys_and_values: tuple[Tensor, Tensor] | None = None

    def prompt(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Returns keys (B, heads, S, padded) and values (B, heads, S, width) of a context (B, S, D)."""
        return self._split(self.to_k(context)), self._split(self.to_v(context))

    def project(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries are (B, heads, T, padded); keys and values as `prompt` makes them."""
        return self._split(self.to_q(x)), *(
            self.keys_and_values if self.keys_and_values is not None else self.prompt(context)
        )

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _attend_padded(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Attends over heads that are split already, and joins their results (B, T, C)."""
    return F.scaled_dot_product_attention(q, k, v, scale=1.0).transpose(1, 2).flatten(2)


class SplitGEGLU(nn.Module):
    """`GEGLU` by two products: OpenVINO copies the halves of one apart."""

    def __init__(self, layer: GEGLU) -> None:
        super().__init__()
        weights, biases = layer.proj.weight.chunk(2), layer.proj.bias.chunk(2)
        self.value, self.gate = map(linear_of, weights, biases)

    def forward(self, x: Tensor) -> Tensor:
        return self.value(x) * F.gelu(self.gate(x))


class ContextProjections(nn.Module):
    """Makes the keys and values of a context for every cross attention: the model kept as `prompt`."""

    def __init__(self, cross: list[PaddedAttention]) -> None:
        super().__init__()
        self.cross = nn.ModuleList(cross)

    def forward(self, context: Tensor) -> tuple[Tensor, ...]:
        return tuple(part for layer in self.cross for part in layer.prompt(context))  # type: ignore[operator]


class FullUNet(nn.Module):
    """Runs the UNet on keys and values that are handed to it, and returns the deep features too: the model kept as `whole`."""

    def __init__(self, unet: UNet, cross: list[PaddedAttention]) -> None:
        super().__init__()
        self.unet, self.cross = unet, cross

    def forward(self, x: Tensor, t: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        _hand_over(self.cross, tensors)
        return reuse.full(self.unet, x, t, x)  # nothing reads the context


class OuterLayers(FullUNet):
    """Runs the outer layers alone on deep features of another step: the model kept as `outer`."""

    def forward(self, x: Tensor, t: Tensor, *tensors: Tensor) -> Tensor:  # type: ignore[override]
        *prompt, features = tensors
        _hand_over(self.cross, prompt)
        return reuse.outer(self.unet, x, t, x, features)


def _hand_over(cross: list[PaddedAttention], tensors: Any) -> None:
    for layer, k, v in zip(cross, tensors[::2], tensors[1::2], strict=True):
        layer.keys_and_values = k, v


@torch.no_grad()
def convert(unet: UNet, tile: int) -> dict[str, ov.Model]:
    """Returns the three models of a float32 UNet, which is used up. `tile` 1 pads nothing.

    Traced at the smallest size the network takes, so that it costs little; sizes stay open.
    """
    cross = pad_attention(unet, tile)
    last = cross[-DEPTH:]
    width = cross[0].to_k.in_features
    x, t = torch.zeros(2, unet.config.in_channels, 8, 8), torch.full((2,), 500.0)
    context = torch.zeros(2, 77, width)
    projections, full, outer = ContextProjections(cross), FullUNet(unet, cross), OuterLayers(unet, last)
    projected = projections(context)
    _, features = full(x, t, *projected)
    return {
        "prompt": trace(projections, (context,)),
        "whole": trace(full, (x, t, *projected)),
        "outer": trace(outer, (x, t, *projected[-2 * DEPTH :], features)),
    }


def pad_attention(unet: UNet, tile: int) -> list[PaddedAttention]:
    """Changes a UNet in place and returns its cross attention in the order it runs."""
    for block in unet.modules():
        pad_block(block, tile)
    return [unet.get_submodule(layer.cross_attention) for layer in walk(unet.config) if layer.attention]  # type: ignore[misc]


def pad_block(block: nn.Module, tile: int) -> None:
    """Changes a transformer block in place; other modules stay as they are."""
    if isinstance(block, BasicTransformerBlock):
        block.attn1 = PaddedAttention(block.attn1, tile)
        block.attn2 = PaddedAttention(block.attn2, tile)
        block.ff.net[0] = SplitGEGLU(block.ff.net[0])  # type: ignore[arg-type]


def trace(module: nn.Module, inputs: tuple[Tensor, ...]) -> ov.Model:
    """Returns a module as OpenVINO reads it, of open sizes."""
    traced = torch.jit.trace(module.eval(), inputs, check_trace=False)  # a check would trace it twice more
    model = load_openvino().convert_model(traced, example_input=inputs)
    _open_attention(model)
    return model


def _open_attention(model: ov.Model) -> None:
    """Writes attention as products and softmax: OpenVINO fuses these without first turning the keys around."""
    from openvino import opset13 as op

    for node in model.get_ops():
        if node.get_type_name() == "ScaledDotProductAttention":
            q, k, v = (node.input_value(i) for i in range(3))
            scores = op.softmax(op.matmul(q, k, False, True), -1)
            node.output(0).replace(op.matmul(scores, v, False, False).output(0))


def open_products(model: ov.Model) -> list[str]:
    """Returns the names of the products of two activations, which are attention's."""
    return [
        node.get_friendly_name() for node in model.get_ops()
        if node.get_type_name() == "MatMul" and not _constant(node.input_value(1).get_node())
    ]  # fmt: skip


def _constant(node: ov.Node) -> bool:
    while node.get_type_name() in ("Convert", "Reshape", "Transpose") and node.get_input_size():
        node = node.input_value(0).get_node()
    return node.get_type_name() == "Constant"


def _pad_heads(linear: nn.Linear, heads: int, padded: int, scale: float = 1.0) -> nn.Linear:
    """Returns the layer times `scale`, each head's outputs followed by zeros up to `padded`."""
    C = linear.in_features
    weight = (linear.weight.detach() * scale).view(heads, -1, C)
    wider = weight.new_zeros(heads, padded, C)
    wider[:, : weight.shape[1]] = weight
    return linear_of(wider.flatten(0, 1))


def compile_model(
    model: ov.Model, shapes: Sequence[tuple[int, ...]], dtype: str, device: str = CPU
) -> ov.CompiledModel:
    """Compiles a copy of a model of open sizes for these input shapes and one of OpenVINO's devices, in a format of its
    (`devices.FORMATS`), one call at a time."""
    fixed = model.clone()
    fixed.reshape({port: list(shape) for port, shape in zip(fixed.inputs, shapes, strict=True)})
    return load_openvino().Core().compile_model(fixed, device, compile_options(device, dtype))
