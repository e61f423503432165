"""How the network of a component is built for a device: number formats, fused and int8 classes, streaming, layouts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sdedge.engines.facts import is_tiny, vae_config
from sdedge.engines.protocol import Component
from sdedge.engines.torch import mps
from sdedge.engines.torch.cpu import fused_loading, fused_unet, int8_unet, integer_attention, kernels
from sdedge.engines.torch.cpu.packed_weights import Packing, packed_weights, stored_bytes, streamed_weights
from sdedge.engines.torch.cpu.streaming import call_order, stream
from sdedge.machine import allocator
from sdedge.machine import memory_plan as memory
from sdedge.machine.formats import dtype_name, measured
from sdedge.machine.picture_memory import NARROW
from sdedge.machine.probe import FUSED, LAYOUTS, OWN
from sdedge.models.attention import AttentionFunction, set_attention
from sdedge.models.clip import CLIPText
from sdedge.models.clip_vision import ImageEncoder
from sdedge.models.config import ControlNetConfig, IPAdapterConfig, T2IAdapterConfig, TextConfig, UNetConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.ip_adapter import IPAdapter
from sdedge.models.layers import wrap_edges
from sdedge.models.t2i_adapter import T2IAdapter
from sdedge.models.taesd import TinyVAE
from sdedge.models.unet import UNet
from sdedge.models.unfilled import unfilled
from sdedge.models.vae import VAE
from sdedge.weights.checkpoint import load_into

IMAGE_ENCODER = "image_encoder"
"""The kind of network that reads a picture for IP-Adapters: as large as a UNet, and used once a picture."""

NETWORKS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    Component.TEXT_ENCODER: lambda config: CLIPText(TextConfig.from_json(config)),
    Component.UNET: lambda config: UNet(UNetConfig.from_json(config)),
    Component.VAE: lambda config: TinyVAE(vae_config(config)) if is_tiny(config) else VAE(vae_config(config)),
    "controlnet": lambda config: ControlNet(ControlNetConfig(**config)),
    "controlnet_hint": lambda config: HintEmbedding(ControlNetConfig(**config)),
    "t2i_adapter": lambda config: T2IAdapter(T2IAdapterConfig(**config)),
    "ip_adapter": lambda config: IPAdapter(IPAdapterConfig(**config)),
    IMAGE_ENCODER: ImageEncoder,
}
"""The class of every kind of network: a kind is one of `Component`, or of what may be added (`protocol.AddedComponent.kind`)."""

UNET_LIKE = {str(Component.UNET), "controlnet"}
"""Kinds made of the UNet's blocks, in the order of its walk: they are fused, packed, streamed and attend as it does."""


@dataclass(frozen=True)
class NetworkForm:
    """What the network of a component is built as.

    kind      of network, a key of NETWORKS
    dtype     of the weights and of what is computed
    mode      of memory, one of `memory_plan.MODES`
    latent    height and width that the UNet is packed for, where the kernels depend on it
    width     channels of the UNet at its widest resolution
    vae_half  "encoder" or "decoder": the one that is needed, where memory is tight the one that is loaded
    recipe    of the UNet in int8
    """

    kind: str
    device: torch.device
    dtype: torch.dtype
    mode: str
    latent: tuple[int, int]
    width: int
    is_tiled: bool = False
    vae_half: str = "decoder"
    recipe: int8_unet.Int8Recipe | None = None

    @property
    def is_unet_like(self) -> bool:
        """Whether the network is made of the UNet's blocks."""
        return self.kind in UNET_LIKE

    @property
    def is_fused(self) -> bool:
        """Whether the network runs by the fused classes of `cpu.fused_unet`."""
        return self.is_unet_like and self.device.type == "cpu" and fused_unet.available(self.dtype)

    @property
    def is_streamed(self) -> bool:
        """Whether weights stay in their file until their layer is called."""
        return (self.is_unet_like or self.kind == IMAGE_ENCODER) and self.mode == "stream"

    @property
    def is_packed(self) -> bool:
        """Whether the weights are given up for packed ones, so that LoRAs go in as they are read."""
        return self.is_streamed or self.is_fused

    @property
    def depends_on_size(self) -> bool:
        """Whether the network is packed for one size of latents; the int8 one is not."""
        return self.is_fused and self.recipe is None and fused_unet.minds_sizes(self.dtype)


def build(
    form: NetworkForm, config: dict[str, Any], tensors: Mapping[str, Any], name: str = ""
) -> tuple[Any, list[str]]:
    """Returns the network filled with the tensors, and what is worth reporting. Raises ModelError as `load_into`.

    `name` is the model's, for people, under which its packed weights are kept.
    """
    with unfilled():
        module = NETWORKS[form.kind](config)
    wrap_edges(module, form.is_tiled)
    if form.device.type == "cpu":
        allocator.give_back()
    module, remarks = _fill(form, module, tensors, _packing(form, config, name, tensors))
    if attend := own_attention(form):
        set_attention(module, attend)
    if form.device.type == "cpu":
        keep_freed(form)
    return module.eval(), remarks


def _fill(
    form: NetworkForm, module: Any, tensors: Mapping[str, Any], how: Packing | None
) -> tuple[Any, list[str]]:  # fmt: skip
    """`how` is what packed weights depend on, which the cache may have; None where nothing is packed or converted."""
    finish = _finisher(form, tensors)
    if finish is not None and fused_unet.minds_sizes(form.dtype):
        fused_unet.expect_maps(module, *form.latent)
    if form.is_streamed:
        return _streamed(form, module, tensors, finish, how)
    with packed_weights(how, tensors) if how else nullcontext() as packed:
        if finish is not None:
            remarks = fused_loading.load(module, tensors, form.dtype, finish, packed)
        else:
            stored = packed.in_place_of(tensors) if packed else tensors
            remarks = load_into(module, stored, form.dtype, form.device, skip=_unneeded(form, tensors))
            if packed and not remarks:
                packed.add_converted(module, tensors)
            module = suit(form, module)
    if packed:
        module.mapped, remarks = packed.mapped, [*remarks, *packed.remarks]
    return module, remarks


def _streamed(
    form: NetworkForm, module: Any, tensors: Mapping[str, Any], finish: Callable[[str, Any], None] | None, how: Packing | None
) -> tuple[Any, list[str]]:  # fmt: skip
    """Returns a network whose weights come whenever a layer is called: out of the cache, or made once."""
    stored = streamed_weights(how, tensors) if form.is_fused and how else None
    order = call_order(module)
    if form.is_fused:
        tensors, order = fused_loading.fused_tensors(tensors), [fused_loading.fused_layer(path) for path in order]
    keep = form.is_unet_like  # what runs once need not be kept as it was made
    sources = stored.sources if stored else None
    module = stream(suit(form, module), tensors, form.dtype, form.device, order, finish, keep, sources)
    return module, stored.remarks if stored else []


def packed_bytes(form: NetworkForm, config: dict[str, Any], tensors: Mapping[str, Any], name: str) -> int:
    """Returns how many bytes of a network would be mapped from the cache, were it built now."""
    what = _packing(form, config, name, tensors)
    return 0 if what is None else stored_bytes(what, tensors)


def _packing(form: NetworkForm, config: dict[str, Any], name: str, tensors: Mapping[str, Any]) -> Packing | None:
    """Returns what a network's packed weights depend on; None where nothing is packed or converted."""
    floating = [tensor for tensor in tensors.values() if tensor.dtype.is_floating_point]
    if form.device.type != "cpu" or not (form.is_fused or any(tensor.dtype != form.dtype for tensor in floating)):
        return None
    halved = form.kind == Component.VAE and memory.is_tight(form.mode)
    sizes = form.latent if form.is_fused and fused_unet.minds_sizes(form.dtype) else None
    what = {
        "kind": form.kind, "dtype": dtype_name(form.dtype), "config": config, "latent": sizes,
        "half": form.vae_half if halved else "", "int8": None if form.recipe is None else dict(form.recipe.ranges),
    }  # fmt: skip
    label = f"{name}-{form.kind}-{'int8' if form.recipe else dtype_name(form.dtype)}"
    return Packing(what, label, form.dtype.itemsize, form.recipe.ranges if form.recipe else ())


def _finisher(form: NetworkForm, tensors: Mapping[str, Any]) -> Callable[[str, Any], None] | None:
    """Returns what packs the layers of a network that is fused; None for others."""
    if not form.is_fused:
        return None
    return int8_unet.finisher(tensors, form.recipe) if form.recipe else fused_unet.finish


def _unneeded(form: NetworkForm, tensors: Mapping[str, Any]) -> set[str]:
    """Returns the names of the VAE's half that nobody asked for, where memory is tight."""
    if form.kind != Component.VAE or not memory.is_tight(form.mode):
        return set()
    unneeded = ("decoder.", "post_quant_conv.") if form.vae_half == "encoder" else ("encoder.", "quant_conv.")
    return {name for name in tensors if name.startswith(unneeded)}


def suit(form: NetworkForm, module: Any) -> Any:
    """Returns the network with what its device needs beside the weights."""
    if form.device.type == "mps":
        return mps.suit(module, mps.score_budget(), fused=form.is_unet_like and _has_fused_attention(form))
    if form.device.type == "cuda" and form.kind != Component.TEXT_ENCODER:
        module = module.to(memory_format=_layout(form))
        if form.kind == Component.UNET and os.environ.get("SDEDGE_COMPILE") == "1":
            module.compile(dynamic=False)
        return module
    return fused_unet.fuse(module, packing=False) if form.is_fused else module


def keep_freed(form: NetworkForm, in_parts: bool = False) -> None:
    """Sets how much of freed memory stays at hand while the network works; in parts, no more than where memory is tight."""
    if not memory.is_tight(form.mode) and not in_parts:
        allocator.keep()
    else:  # blocks of the VAE's rows, or what is small of the UNet's maps
        allocator.keep_small((16 if form.kind == Component.VAE else 2) << 20)


def _has_fused_attention(form: NetworkForm) -> bool:
    """Returns whether Metal's kernel was found faster than attention in pieces, and equal to it; narrow networks ask no
    probe.
    """
    return form.width >= NARROW and measured(form.device).attention == FUSED


def own_attention(form: NetworkForm) -> AttentionFunction | None:
    """Returns our kernel where it is faster than torch's: in whole numbers for int8 models in float32, else as the probe found.

    Narrow networks, which gain nothing, ask for no probe.
    """
    if not form.is_unet_like or form.width < NARROW or form.device.type != "cpu":
        return None
    if form.recipe is not None and form.dtype == torch.float32 and integer_attention.available():
        return integer_attention.attention
    if not kernels.attends(form.dtype) or measured(form.device).attention_in(dtype_name(form.dtype)) != OWN:
        return None
    return kernels.attention


def _layout(form: NetworkForm) -> torch.memory_format:
    """Returns what the probe found faster on a GPU; narrow networks are not worth a probe."""
    return LAYOUTS["contiguous" if form.width < NARROW else measured(form.device).layout]
