"""The calls of an engine that are about its components and their memory, answered by a residency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from sdedge.engines.protocol import AddedComponent, Component, LoraUse, ModelFacts, OptionalCalls
from sdedge.engines.torch.residency import Residency
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.machine.memory_plan import MemoryPlan
from sdedge.machine.step_times import StepTime
from sdedge.models.config import UNetConfig
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.files import LazyTensor


class ComponentCalls(OptionalCalls):
    """Hands an engine's calls about components to its `residency`."""

    checkpoint: Checkpoint
    facts: ModelFacts
    residency: Residency
    calls: UNetCalls

    @property
    def step_time(self) -> StepTime | None:
        return self.calls.latest

    @property
    def loaded(self) -> frozenset[str]:
        """The components that are in memory."""
        return self.residency.loaded

    @property
    def added(self) -> frozenset[str]:
        return self.residency.added

    @property
    def memory_mode(self) -> str:
        """One of `memory_plan.MODES`."""
        return self.residency.mode

    @property
    def numerics(self) -> str:
        form = self.residency.form(Component.UNET)
        parts = [str(form.dtype), form.mode, "fused" if form.is_fused else "plain", *self.checkpoint.report]
        return ", ".join(parts)

    def network(self, component: str) -> Any:
        """Returns the network of a component ("text_encoder", "unet", "vae"), loaded now if it is not."""
        return self.residency.network(component)

    def put(self, component: str, module: nn.Module) -> None:
        """Runs a module of the caller's in place of a component's network, until the component is released."""
        self.residency.put(component, module)

    def dtype_of(self, component: str) -> torch.dtype:
        """Returns the engine's number format, or float32 where the component overflowed in that."""
        return self.residency.dtype_of(component)

    def merged(self, component: str) -> Mapping[str, LazyTensor]:
        """Returns a component's weights as the checkpoint names them, with the LoRAs in."""
        return self.residency.merged(component)

    def choose_memory(
        self, width: int, height: int, batch: int, safety: bool = True, *, branches: int = 2, is_single: bool = False,
        window: tuple[int, int] | None = None, copies: int = 1,
    ) -> MemoryPlan:  # fmt: skip
        w, h = (side // self.facts.downscale for side in window or (width, height))
        return self.residency.choose_memory((width, height), (h, w), batch, safety, branches, is_single, window, copies)

    def use_less_memory(self) -> str | None:
        return self.residency.use_less_memory()

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        return self.residency.adapt(loras)

    def set_tiling(self, on: bool) -> None:
        self.residency.set_tiling(on)

    def unet_source(self) -> tuple[UNetConfig, Mapping[str, LazyTensor]]:
        return UNetConfig.from_json(self.checkpoint.configs["unet"]), self.checkpoint.unet

    def add(self, component: AddedComponent) -> None:
        self.residency.add(component)

    def remove(self, name: str) -> None:
        self.residency.remove(name)

    def release(self, component: str) -> None:
        self.residency.release(component)
