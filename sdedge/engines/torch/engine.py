"""The engine that runs our networks with torch on a CPU, CUDA or MPS device: it answers calls.

`components` answers what is asked about networks and their memory, `residency` knows which are there, `networks` how each is
built for a device, `unet_calls` how the UNet is called, and `vae_calls` how the VAE is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.facts import check_fit, load_tokenizer, read_facts
from sdedge.engines.protocol import Capability, Component
from sdedge.engines.torch import mps
from sdedge.engines.torch.components import ComponentCalls
from sdedge.engines.torch.cpu import int8_unet
from sdedge.engines.torch.cpu.followed_calls import FollowedCalls
from sdedge.engines.torch.residency import Residency
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.engines.torch.vae_calls import VAECalls
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.machine.formats import choose_device, choose_dtype, dtype_name
from sdedge.machine.threads import use_threads
from sdedge.models.config import UNetConfig
from sdedge.models.unet_inputs import UNetInputs
from sdedge.text.conditioning import Replacement
from sdedge.text.tokenizer import Tokenizer
from sdedge.weights.checkpoint import Checkpoint, open_checkpoint

UNET, VAE = Component.UNET, Component.VAE


class TorchEngine(ComponentCalls):
    """Answers the Engine protocol for one checkpoint. Networks are loaded on their first call and may be released."""

    can = frozenset({
        Capability.ADDED_COMPONENTS, Capability.EARLIER_LAYERS, Capability.ENCODE, Capability.FEATURE_REUSE,
        Capability.FREEU, Capability.GUIDANCE_EMBEDDING, Capability.IDENTITY_ATTENTION, Capability.IMAGE_TOKENS,
        Capability.LORAS, Capability.MEMORY_MODES, Capability.PENULTIMATE_LAYER, Capability.REGION_MASKS,
        Capability.RESIDUALS, Capability.TILING, Capability.TOKEN_MERGING, Capability.WINDOWS,
    })  # fmt: skip

    def __init__(
        self, checkpoint: Checkpoint, tokenizer: Tokenizer, device: torch.device, dtype: torch.dtype,
        memory_choice: str = "auto", recipe: int8_unet.Int8Recipe | None = None,
    ) -> None:  # fmt: skip
        self.checkpoint, self.tokenizer = checkpoint, tokenizer
        self.torch_device, self.dtype = device, dtype
        self.facts = read_facts(checkpoint)
        if device.type == "mps":
            self.report(*mps.remarks())
        self.calls = FollowedCalls(device) if device.type == "cpu" else UNetCalls(device)
        self.vae_calls = VAECalls(device)
        latent = self.facts.height // self.facts.downscale, self.facts.width // self.facts.downscale
        self.residency = Residency(
            checkpoint, device, dtype, latent, memory_choice=memory_choice, recipe=recipe, calls=self.calls,
            report=self.report,
        )  # fmt: skip
        check_fit(checkpoint, tokenizer)
        use_threads()

    @classmethod
    def load(
        cls, path: str | Path, device: str = "auto", dtype: str | None = None, *,
        vae: str | Path | None = None, ema: bool | None = None, memory: str = "auto",
    ) -> TorchEngine:  # fmt: skip
        """Opens a diffusers folder or single file; `memory` is one of `memory_plan.CHOICES`.

        Raises ModelError with what is wrong, InvalidRequest for a device.
        """
        place = choose_device(device)
        checkpoint = open_checkpoint(path, ema=ema, vae=vae)
        width = UNetConfig.from_json(checkpoint.configs["unet"]).block_out_channels[0]
        recipe = int8_unet.read_recipe(checkpoint.path, place) if dtype == "int8" else None
        floating = choose_dtype(place, None if recipe else dtype, width)
        return cls(checkpoint, load_tokenizer(checkpoint), place, floating, memory, recipe)

    @property
    def device(self) -> str:
        return str(self.torch_device)

    @property
    def description(self) -> str:
        return f"{self.device} {'int8' if self.residency.recipe else dtype_name(self.dtype)}"

    def report(self, *remarks: str) -> None:
        """Adds remarks to what the facts report, each once."""
        self.facts = replace(self.facts, report=tuple(dict.fromkeys((*self.facts.report, *remarks))))

    def check_size(self, width: int, height: int) -> None:
        """Raises InvalidRequest unless both sides are multiples of the VAE's downscale factor."""
        unit = self.facts.downscale
        for side in (width, height):
            if side % unit:
                raise InvalidRequest(f"The size {width}x{height} does not fit the model; use multiples of {unit}.")

    @torch.inference_mode()
    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        return self.network(Component.TEXT_ENCODER)(ids.to(self.torch_device), skip, replacements).float()

    @torch.inference_mode()
    def predict(self, inputs: UNetInputs) -> Tensor:
        for results in self.residency.attempts(UNET):
            results[:] = [self.calls.full(self.network(UNET), self.dtype_of(UNET), inputs)]
        return results[0]

    @torch.inference_mode()
    def predict_partly(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        for results in self.residency.attempts(UNET):
            results[:] = self.calls.partly(self.network(UNET), self.dtype_of(UNET), inputs, features)
        return results[0], results[1]

    @torch.inference_mode()
    def run(self, name: str, *tensors: Tensor) -> tuple[Tensor, ...]:
        for results in self.residency.attempts(name):
            results[:] = self.calls.added(self.network(name), self.dtype_of(name), tensors)
        return tuple(results)

    @torch.inference_mode()
    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        for results in self.residency.attempts(VAE):
            vae, dtype = self.residency.vae("encoder"), self.dtype_of(VAE)
            results[:] = [self.vae_calls.encode(vae, dtype, self.memory_mode, images, noise)]
        return results[0]

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        for results in self.residency.attempts(VAE):
            vae, dtype = self.residency.vae("decoder"), self.dtype_of(VAE)
            results[:] = [self.vae_calls.decode(vae, dtype, self.memory_mode, latents)]
        return results[0]

    def check_safety(self, images: np.ndarray) -> list[bool]:
        """Checks on the CPU in float32, whatever the engine's own: a verdict never depends on the device."""
        if self.checkpoint.safety_checker is None:
            raise ModelError(
                f"The model {self.facts.name} ships no safety checker; {Remedy.SAFETY_OPEN}.", remedy=Remedy.SAFETY_OPEN
            )
        verdicts = self.residency.checker().check(images)
        if self.memory_mode != "fast":
            self.release(Component.SAFETY_CHECKER)
        return verdicts
