"""Filling a fused UNet: weights are read ahead and packed one by one, or put in place as they were packed before."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sdedge.engines.torch.cpu.fused_unet import PackedConv2d, PackedLinear, fuse
from sdedge.machine.threads import compute_alone
from sdedge.models.unet import UNetEncoder
from sdedge.weights.loading import is_finite, load_into, report_broken
from sdedge.weights.parts import JoinedTensor, fill_tensor, halves


class Packed(Protocol):
    """Weights that were packed before (`packed_weights.PackedWeights`)."""

    def put(self, layers: Mapping[str, Any], sources: Mapping[str, Any]) -> set[str]: ...
    def add(self, path: str, layer: Any) -> None: ...
    def finish(self, tensors: Mapping[str, Any]) -> None: ...


def load(
    unet: UNetEncoder, tensors: Mapping[str, Any], dtype: torch.dtype, finish: Callable[[str, Any], None],
    packed: Packed | None = None,
) -> list[str]:  # fmt: skip
    """Fills a UNet that is on the meta device and fuses it; `finish(path, layer)` packs each layer, as `fused_unet.finish` does.

    Weights pass through two buffers in turn, one filled while the other is packed: nothing else is held beside the packed ones,
    and memory is touched for the first time only there. What `packed` has is neither read nor packed, and it is told of the rest.
    Returns what is worth reporting and raises ModelError as `load_into`.
    """
    load_into(unet, tensors, dtype, mapped=False, skip=set(tensors))  # which says what does not fit
    fuse(unet, packing=False)
    fused = fused_tensors(tensors)
    layers = {path: layer for path, layer in unet.named_modules() if isinstance(layer, PackedConv2d | PackedLinear)}
    names = [f"{path}.weight" for path in layers]
    remarks = load_into(unet, fused, dtype, mapped=False, skip=names)
    broken: list[str] = []
    for path in _put(layers, fused, dtype, finish, packed) if packed else ():
        del layers[path]
    coming = _read_ahead([fused[f"{path}.weight"] for path in layers], dtype)
    for (path, layer), (weight, is_whole) in zip(layers.items(), coming, strict=True):
        broken += [] if is_whole else [f"{path}.weight"]
        layer.weight = nn.Parameter(weight, requires_grad=False)
        with torch.no_grad():
            finish(path, layer)
        if packed:
            packed.add(path, layer)
    if packed and not broken:
        packed.finish(tensors)
    return remarks + report_broken(broken)


def _put(
    layers: Mapping[str, Any], fused: Mapping[str, Any], dtype: torch.dtype, finish: Callable[[str, Any], None], packed: Packed
) -> set[str]:  # fmt: skip
    """Places the weights that were packed before, on layers that `finish` made ready for them; returns their paths."""
    placed = packed.put(layers, fused)
    for path in placed:
        layer = layers[path]
        weight = layer.weight
        layer.weight = nn.Parameter(
            torch.empty(fused[f"{path}.weight"].shape, dtype=dtype, device="meta"), requires_grad=False
        )
        finish(path, layer)
        layer.weight = weight
    return placed


def _read_ahead(sources: Sequence[Any], dtype: torch.dtype) -> Iterator[tuple[Tensor, bool]]:
    """Yields the tensors one by one, each good until the next is asked for, and whether all of it is finite."""
    if not sources:
        return
    sizes = [math.prod(source.shape) for source in sources]
    buffers = torch.empty(2, max(sizes), dtype=dtype)

    @torch.inference_mode()
    def read(i: int) -> tuple[Tensor, bool]:
        target = buffers[i % 2, : sizes[i]].view(sources[i].shape)
        fill_tensor(sources[i], target)
        return target, is_finite(target)  # while it is in the cache, and beside the packing

    # One thread of one core, so that packing keeps the others.
    with ThreadPoolExecutor(1, initializer=compute_alone) as reader:
        coming = reader.submit(read, 0)
        for i in range(len(sources)):
            weight, is_whole = coming.result()
            if i + 1 < len(sources):
                coming = reader.submit(read, i + 1)
            yield weight, is_whole


def fused_tensors(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a UNet's lazy tensors under the names and in the shapes that its fused form has."""
    fused: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if name.endswith("attn1.to_q.weight"):
            parts = [tensors[name.replace("to_q", projection)] for projection in ("to_q", "to_k", "to_v")]
            fused[name.replace("to_q", "qkv")] = JoinedTensor(tuple(parts))
        elif ".net.0.proj." in name:
            fused |= zip((name.replace("proj", half) for half in ("value", "gate")), halves(tensor))
        elif ".attn1.to_k." not in name and ".attn1.to_v." not in name:
            fused[name] = tensor
    return fused


def fused_layer(path: str) -> str:
    """Returns where the fused UNet has what a UNet's layer does, by the first of those it joins."""
    return path.replace("attn1.to_q", "attn1.qkv")
