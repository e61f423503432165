"""Which components of a checkpoint are in memory: loaded on first use, with their LoRAs, and released by the memory mode."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.engines.protocol import AddedComponent, Component, LoraUse
from sdedge.engines.torch import mps, networks
from sdedge.engines.torch.cpu import int8_unet
from sdedge.engines.torch.cpu.packed_weights import mapped_bytes, question
from sdedge.engines.torch.networks import NetworkForm
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.errors import ModelError
from sdedge.machine import allocator
from sdedge.machine import memory_plan as memory
from sdedge.machine.formats import dtype_name
from sdedge.machine.memory import available_memory
from sdedge.machine.picture_memory import plan_picture, read_sizes
from sdedge.models.config import UNetConfig
from sdedge.models.layers import wrap_edges
from sdedge.models.safety import SafetyChecker
from sdedge.models.unet_rows import set_rows
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.files import LazyTensor
from sdedge.weights.lora import Applied, LoraWeights, apply, fit, merge, open_lora
from sdedge.weights.safety import open_checker

ADAPTED = (Component.UNET, Component.TEXT_ENCODER)
"""The components that LoRAs act on."""
_FREE: dict[str, Callable[[], None]] = {
    "cpu": allocator.trim, "cuda": torch.cuda.empty_cache, "mps": torch.mps.empty_cache,
}  # fmt: skip


class Residency:
    """The components of one checkpoint on one device.

    `latent` is the height and width of the latents to expect, `memory_choice` one of `memory_plan.CHOICES`. `calls` are told
    when the UNet becomes another one, `report` what is worth telling the user.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype, latent: tuple[int, int], *,
        memory_choice: str, recipe: int8_unet.Int8Recipe | None, calls: UNetCalls, report: Callable[..., None],
    ) -> None:  # fmt: skip
        self.checkpoint, self.device, self.dtype, self.recipe = checkpoint, device, dtype, recipe
        self.mode = "fast" if memory_choice == "auto" else memory_choice
        self.loras: tuple[LoraUse, ...] = ()
        self.is_tiled = False
        self._latent, self._memory_choice, self.calls, self._report = latent, memory_choice, calls, report
        self._width = UNetConfig.from_json(checkpoint.configs["unet"]).block_out_channels[0]
        self._added: dict[str, AddedComponent] = {}
        self._networks: dict[str, nn.Module] = {}
        self._checker: SafetyChecker | None = None
        self._applied: dict[str, Applied] = {}
        self._lora_notes: tuple[str, ...] = ()
        self._wider: dict[str, torch.dtype] = {}
        self._vae_half = "decoder"
        calls.keep_recordings(self.mode == "fast")

    @property
    def loaded(self) -> frozenset[str]:
        """The components whose networks are in memory."""
        return frozenset(self._networks) | ({Component.SAFETY_CHECKER} if self._checker else frozenset())

    @property
    def added(self) -> frozenset[str]:
        """The names of the components that were added to the checkpoint's own."""
        return frozenset(self._added)

    # Loading and releasing

    def network(self, component: str) -> Any:
        """Returns the network of a component, loaded now if it is not; others go as the memory mode says."""
        for loaded in set(self._networks) - {component}:
            if not self._stays(loaded, component):
                self.release(loaded)
        if component not in self._networks:
            self._networks[component], remarks = networks.build(self.form(component), *self._source(component))
            self._report(*remarks, *self._question(component))
            self._suit_parts(component)
            self._apply(component)
        return self._networks[component]

    def _source(self, component: str) -> tuple[dict[str, Any], Mapping[str, LazyTensor], str]:
        """Returns the configuration of a component, its weights, and the name that it has for people."""
        added = self._added.get(component)
        config = self.checkpoint.configs[component] if added is None else added.config
        return dict(config), self._tensors(component), self.checkpoint.name if added is None else component

    def _question(self, component: str) -> list[str]:
        """Returns what asks, once, whether packed weights may be kept, where a UNet was just packed."""
        form = self.form(component)
        if component != Component.UNET or not form.is_fused or form.is_streamed:
            return []
        itemsize = 1 if form.recipe else form.dtype.itemsize
        size = sum(tensor.numel for tensor in self.checkpoint.unet.values()) * itemsize
        return list(filter(None, [question(size)]))

    def _stays(self, loaded: str, component: str) -> bool:
        """Returns whether a loaded component stays while another one works, as those that work at every step do together."""
        if self._works_at_every_step(loaded) and self._works_at_every_step(component):
            return True
        once = loaded != Component.VAE and not self._works_at_every_step(loaded)
        return memory.keeps(self.mode, self._bytes_of(loaded) if once else 0, once)

    def _works_at_every_step(self, component: str) -> bool:
        return component == Component.UNET or (component in self._added and self._added[component].every_step)

    def vae(self, half: str) -> Any:
        """Returns the VAE with its "encoder" or "decoder" at least."""
        if memory.is_tight(self.mode) and half != self._vae_half:
            self.release(Component.VAE)
        self._vae_half = half
        return self.network(Component.VAE)

    def checker(self) -> SafetyChecker:
        """Returns the safety checker, which is on the CPU in float32, whatever the engine's own."""
        assert self.checkpoint.safety_checker is not None
        if self._checker is None:
            self._checker = open_checker(self.checkpoint.safety_checker)
        return self._checker

    def add(self, component: AddedComponent) -> None:
        """Takes a network beside the checkpoint's own, in place of another one of its name."""
        if component.name in set(Component):
            raise ValueError(f"{component.name!r} is a component of the model itself; add it under another name")
        if self._added.get(component.name) is not component:
            self.remove(component.name)
            self._added[component.name] = component

    def remove(self, name: str) -> None:
        """Releases an added component and forgets it."""
        if self._added.pop(name, None) is not None:
            self.release(name)
            self._wider.pop(name, None)

    def put(self, component: str, module: nn.Module) -> None:
        """Runs a module of the caller's in place of a component's network, until the component is released."""
        self._networks[component] = module
        self.calls.forget()

    def release(self, component: str) -> None:
        """Gives back the memory of a component; its network is loaded again on its next use."""
        self._applied.pop(component, None)
        if component == Component.UNET:
            self.calls.forget()
        if component == Component.SAFETY_CHECKER and self._checker is not None:
            self._checker = None
            gc.collect()
        if self._networks.pop(component, None) is not None:
            gc.collect()
            _FREE[self.device.type]()

    # Forms

    def form(self, component: str) -> NetworkForm:
        """Returns what the network of a component is built as now."""
        recipe = self.recipe if component == Component.UNET else None
        kind = self._added[component].kind if component in self._added else component
        return NetworkForm(
            kind, self.device, self.dtype_of(component), self.mode, self._latent, self._width, self.is_tiled,
            self._vae_half, recipe,
        )  # fmt: skip

    def dtype_of(self, component: str) -> torch.dtype:
        """Returns the engine's number format, or float32 where the component overflowed in that."""
        return self._wider.get(component, self.dtype)

    def use_float32(self, component: str) -> None:
        """Releases a component, which is float32 from its next use on."""
        self.release(component)
        if component == Component.UNET:
            self.recipe = None
        self._wider[component] = torch.float32

    def attempts(self, component: str) -> Iterator[list[Tensor]]:
        """Yields a list for the results of a component: once, and again in float32 where what was put in is not finite.

        Some fine-tuned VAEs overflow in half precision. The component stays in float32, so that no picture is saved black.
        A loop rather than a callback, which would put frames between the sampler and the UNet.
        """
        results: list[Tensor] = []
        yield results
        dtype = self.dtype_of(component)
        if dtype == torch.float32 or torch.stack([torch.isfinite(result).all() for result in results]).all():
            return
        self.use_float32(component)
        kind = self.form(component).kind.replace("_", " ")
        self._report(f"The {kind} overflowed in {dtype_name(dtype)}; it goes on in float32, which is slower.")
        yield results

    def set_tiling(self, on: bool) -> None:
        """Lets every edge continue on the opposite side, or not."""
        if on == self.is_tiled:
            return
        self.is_tiled = on
        self.calls.forget()
        for module in self._networks.values():
            wrap_edges(module, on)

    # Memory

    def choose_memory(
        self, size: tuple[int, int], latent: tuple[int, int], batch: int, safety: bool, branches: int = 2,
        is_single: bool = False, window: tuple[int, int] | None = None, copies: int = 1,
    ) -> memory.MemoryPlan:  # fmt: skip
        """Settles how components are kept while pictures of a size (width, height) in pixels are drawn, and checked.

        The UNet sees latents of height and width `latent`, which are a `window` (width, height) of the pixels; None is all. There
        are so many `copies` of its weights.
        """
        is_single = is_single and not self._networks.keys() & {Component.UNET, Component.VAE}
        plan = plan_picture(
            read_sizes(self.checkpoint, self._added.values()), *size, batch, itemsize=self.dtype.itemsize,
            device=self.device.type, free=self.free_bytes(), safety=safety, mode=self._memory_choice,
            unet_itemsize=copies * (1 if self.recipe is not None else self.dtype.itemsize), branches=branches,
            is_single=is_single, window=window,
        )  # fmt: skip
        self.use_mode(plan.mode)
        self.use_parts(plan.in_parts)
        if latent != self._latent:
            for component in (Component.UNET, *self._added):
                if self.form(component).depends_on_size:
                    self.release(component)
        self._latent = latent
        return replace(plan, mapped=self._mapped())

    def _mapped(self) -> int:
        """Returns how many bytes of the networks that are there together are mapped from the cache, or will be."""
        together = (Component.UNET, Component.VAE) if self.mode == "fast" else (Component.UNET,)
        return sum(self._mapped_of(component) for component in (*together, *self._added))

    def _mapped_of(self, component: str) -> int:
        if component in self._networks:
            return mapped_bytes(self._networks[component])
        if self.form(component).is_streamed or (self.loras and component in ADAPTED):
            return 0  # or little, which only loading it tells
        return networks.packed_bytes(self.form(component), *self._source(component))

    def use_less_memory(self) -> str | None:
        """Goes over to the next smaller mode and returns its name; None where there is none."""
        mode = memory.smaller(self.mode)
        if mode is not None:
            self.use_mode(mode)
            self.use_parts(self.device.type == "cpu")
        return mode

    def use_mode(self, mode: str) -> None:
        """Goes over to a memory mode; every component is loaded anew in it."""
        if mode != self.mode:
            for component in (*Component, *self._added):
                self.release(component)
            self.mode = mode
            self.calls.keep_recordings(mode == "fast")

    def use_parts(self, on: bool) -> None:
        """Lets the UNet, and what works beside it, run in parts from now on, or as a whole."""
        if on != self.calls.in_parts:
            self.calls.in_parts = on
            self.calls.forget()
            for component in self._networks:
                self._suit_parts(component)

    def _suit_parts(self, component: str) -> None:
        set_rows(self._networks[component], self.calls.in_parts)
        if self.device.type == "cpu" and (component == Component.VAE or self.form(component).is_unet_like):
            networks.keep_freed(self.form(component), self.calls.in_parts)

    def free_bytes(self) -> int:
        """Returns what may be taken in all: what is free, and what the components and their process hold already."""
        held = sum(self._bytes_of(each) - mapped_bytes(self._networks[each]) for each in self._networks)
        kind = self.device.type
        if kind == "cuda":
            return torch.cuda.mem_get_info(self.device)[0] + held + memory.BASE[kind]
        free = available_memory()[0]
        return (min(free, mps.free_bytes()) if kind == "mps" else free) + held + memory.BASE[kind]

    def _bytes_of(self, component: str) -> int:
        return sum(p.numel() * p.itemsize for p in self._networks[component].parameters() if not p.is_meta)

    # LoRAs

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        """Applies exactly these LoRAs from now on, and returns what is to be said of them.

        Raises ModelError for one that does not fit; none is applied then.
        """
        if tuple(loras) == self.loras:
            return self._lora_notes
        self.calls.forget()
        self._take_off()
        self.loras, self._lora_notes = tuple(loras), ()
        try:
            adapted = {str(name): self.checkpoint.components[name] for name in ADAPTED}
            self._lora_notes = fit([lora for lora, _, _ in self._opened()], adapted)
            for component in [name for name in self._networks if name in ADAPTED]:
                if self.form(component).is_packed:
                    self.merged(component)  # which raises now for a LoRA that does not fit
                    self.release(component)
                self._apply(component)
        except ModelError:
            self._take_off()
            self.loras, self._lora_notes = (), ()
            raise
        return self._lora_notes

    def merged(self, component: str) -> Mapping[str, LazyTensor]:
        """Returns a component's weights as the checkpoint names them, with the LoRAs in."""
        tensors = self.checkpoint.components[component]
        has_loras = self.loras and component in ADAPTED
        return merge({component: tensors}, self._opened())[component] if has_loras else tensors

    def _tensors(self, component: str) -> Mapping[str, LazyTensor]:
        if component in self._added:
            return self._added[component].tensors
        return self.merged(component) if self.form(component).is_packed else self.checkpoint.components[component]

    def _apply(self, component: str) -> None:
        adapts = self.loras and component in ADAPTED and component in self._networks
        if adapts and not self.form(component).is_packed:
            self._applied[component] = apply({component: self._networks[component]}, self._opened())

    def _opened(self) -> LoraWeights:
        return [(open_lora(use.path).weighted(use.blocks), use.text_weight, use.unet_weight) for use in self.loras]

    def _take_off(self) -> None:
        while self._applied:
            self._applied.popitem()[1].remove()
