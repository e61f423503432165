"""The engine that runs our networks with torch on a CPU, CUDA or MPS device."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sdedge.engines.facts import check_fit, is_tiny, load_tokenizer, read_facts, vae_config
from sdedge.engines.protocol import STAGES, Capability, LoraUse, OptionalCalls
from sdedge.engines.torch import mps
from sdedge.engines.torch.cpu import fused_unet, int8_unet, kernels
from sdedge.engines.torch.cpu.streaming import call_order, stream
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.machine import allocator
from sdedge.machine import memory_plan as memory
from sdedge.machine.formats import choose_device, choose_dtype, measured
from sdedge.machine.memory import available_memory
from sdedge.machine.picture_memory import NARROW, plan_picture, read_sizes
from sdedge.machine.probe import FUSED, LAYOUTS, OWN
from sdedge.machine.threads import use_threads
from sdedge.models.attention import set_attention
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig
from sdedge.models.layers import wrap_edges
from sdedge.models.safety import SafetyChecker
from sdedge.models.taesd import TinyVAE
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.vae import VAE
from sdedge.models.vae_rows import RowVAE
from sdedge.text.conditioning import Replacement
from sdedge.text.tokenizer import Tokenizer
from sdedge.weights.checkpoint import Checkpoint, load_into, open_checkpoint
from sdedge.weights.files import LazyTensor
from sdedge.weights.lora import Applied, LoraWeights, apply, fit, merge, open_lora
from sdedge.weights.safety import open_checker

NETWORKS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "text_encoder": lambda config: CLIPText(TextConfig.from_json(config)),
    "unet": lambda config: UNet(UNetConfig.from_json(config)),
    "vae": lambda config: TinyVAE(vae_config(config)) if is_tiny(config) else VAE(vae_config(config)),
}


_FREE: dict[str, Callable[[], None]] = {
    "cpu": allocator.trim, "cuda": torch.cuda.empty_cache, "mps": torch.mps.empty_cache,
}  # fmt: skip


class TorchEngine(OptionalCalls):
    """Answers the Engine protocol for one checkpoint. Networks are loaded on their first call and may be released."""

    can = frozenset({
        Capability.FEATURE_REUSE, Capability.GUIDANCE_EMBEDDING, Capability.MEMORY_MODES, Capability.RESIDUALS,
        Capability.TILING, Capability.TOKEN_MERGING,
    })  # fmt: skip

    def __init__(
        self, checkpoint: Checkpoint, tokenizer: Tokenizer, device: torch.device, dtype: torch.dtype,
        memory_choice: str = "auto", recipe: int8_unet.Int8Recipe | None = None,
    ) -> None:  # fmt: skip
        self.checkpoint = checkpoint
        self.tokenizer = tokenizer
        self.torch_device = device
        self.dtype = dtype
        self.facts = read_facts(checkpoint)
        if device.type == "mps":
            self.facts = replace(self.facts, report=(*self.facts.report, *mps.remarks()))
        self._networks: dict[str, nn.Module] = {}
        self._checker: SafetyChecker | None = None
        self._loras: tuple[LoraUse, ...] = ()
        self._lora_notes: tuple[str, ...] = ()
        self._applied: dict[str, Applied] = {}
        self._tiling = False
        self._dtypes: dict[str, torch.dtype] = {}
        self._recipe = recipe
        self._calls = UNetCalls(device)
        self._memory_choice = memory_choice
        self._half = "decoder"
        self._latent = self._latent_size(self.facts.width, self.facts.height)
        self._mode = "fast" if memory_choice == "auto" else memory_choice
        self._calls.keep_recordings(self._mode == "fast")
        check_fit(checkpoint, tokenizer)
        use_threads()

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "auto",
        dtype: str | None = None,
        *,
        vae: str | Path | None = None,
        ema: bool | None = None,
        memory: str = "auto",
    ) -> TorchEngine:
        """Open a diffusers folder or single file; `memory` is one of `memory.CHOICES`.

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
        return f"{self.device} {'int8' if self._recipe else _name(self.dtype)}"

    def network(self, stage: str) -> Any:
        """The module of a stage ("text_encoder", "unet", "vae"), loaded now if it is not; others go as the mode says."""
        for other in set(self._networks) - {stage}:
            if not memory.keeps(self._mode, other, self._bytes_of(other)):
                self.release(other)
        if stage not in self._networks:
            self._networks[stage] = self._build(stage)
            self._apply(stage)
        return self._networks[stage]

    def put(self, stage: str, module: nn.Module) -> None:
        """Run a module of the caller's in place of a stage, until the stage is released."""
        self._networks[stage] = module
        self._calls.forget()

    def choose_memory(self, width: int, height: int, batch: int, safety: bool = True) -> memory.MemoryPlan:
        """Settle how networks and feature maps are kept while pictures of this size in pixels are drawn, and checked."""
        plan = plan_picture(
            read_sizes(self.checkpoint), width, height, batch, itemsize=self.dtype.itemsize, device=self.torch_device.type,
            free=self._free_bytes(), safety=safety, mode=self._memory_choice, int8=self._recipe is not None,
        )  # fmt: skip
        self._keep_as(plan.mode)
        self._expect(self._latent_size(width, height))
        return plan

    def _latent_size(self, width: int, height: int) -> tuple[int, int]:
        return height // self.facts.downscale, width // self.facts.downscale

    def _expect(self, latent: tuple[int, int]) -> None:
        """Have the UNet packed for latents of a size, where the kernels mind; those in int8 do not."""
        if (
            latent != self._latent
            and not self._recipe
            and self._fuses("unet")
            and fused_unet.minds_sizes(self.dtype_of("unet"))
        ):
            self.release("unet")
        self._latent = latent

    def use_less_memory(self) -> str | None:
        """Go over to the next smaller mode and return its name; None where there is none."""
        mode = memory.smaller(self._mode)
        if mode is not None:
            self._keep_as(mode)
        return mode

    def _keep_as(self, mode: str) -> None:
        if mode != self._mode:
            for stage in STAGES:
                self.release(stage)
            self._mode = mode
            self._calls.keep_recordings(mode == "fast")

    def _free_bytes(self) -> int:
        """What this engine may take in all: what is free, and what it and its process hold already."""
        held = sum(map(self._bytes_of, self._networks))
        kind = self.torch_device.type
        if kind == "cuda":
            return torch.cuda.mem_get_info(self.torch_device)[0] + held + memory.BASE[kind]
        free = available_memory()[0]
        return (min(free, mps.free_bytes()) if kind == "mps" else free) + held + memory.BASE[kind]

    def _bytes_of(self, stage: str) -> int:
        return sum(p.numel() * p.itemsize for p in self._networks[stage].parameters() if not p.is_meta)

    def dtype_of(self, stage: str) -> torch.dtype:
        """The engine's dtype, or a wider one where the stage overflowed in that."""
        return self._dtypes.get(stage, self.dtype)

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        if tuple(loras) == self._loras:
            return self._lora_notes
        self._calls.forget()
        self._take_off()
        self._loras, self._lora_notes = tuple(loras), ()
        try:
            adapted = {stage: self.checkpoint.components[stage] for stage in ("unet", "text_encoder")}
            self._lora_notes = fit([lora for lora, _, _ in self._opened()], adapted)
            for stage in list(self._networks):
                if self._packs(stage):
                    self._tensors(stage)  # a LoRA that does not fit is told now
                    self.release(stage)
                self._apply(stage)
        except ModelError:
            self._take_off()
            self._loras, self._lora_notes = (), ()
            raise
        return self._lora_notes

    def _apply(self, stage: str) -> None:
        if self._loras and stage in self._networks and stage != "vae" and not self._packs(stage):
            self._applied[stage] = apply({stage: self._networks[stage]}, self._opened())

    def _opened(self) -> LoraWeights:
        return [(open_lora(use.path).weighted(use.blocks), use.text_weight, use.unet_weight) for use in self._loras]

    def _take_off(self) -> None:
        while self._applied:
            self._applied.popitem()[1].remove()

    def _packs(self, stage: str) -> bool:
        """Whether a stage's weights are given up for packed ones, so that LoRAs go in as they are read."""
        return self._streams(stage) or (stage == "unet" and self._fuses(stage))

    def _fuses(self, stage: str) -> bool:
        return stage == "unet" and self.torch_device.type == "cpu" and fused_unet.available(self.dtype_of(stage))

    def _streams(self, stage: str) -> bool:
        return stage == "unet" and self._mode == "stream"

    def merged(self, stage: str) -> Mapping[str, LazyTensor]:
        """A stage's weights as the checkpoint names them, with the LoRAs in."""
        tensors = self.checkpoint.components[stage]
        return merge({stage: tensors}, self._opened())[stage] if self._loras and stage != "vae" else tensors

    def _tensors(self, stage: str) -> Mapping[str, LazyTensor]:
        return self.merged(stage) if self._packs(stage) else self.checkpoint.components[stage]

    def _build(self, stage: str) -> Any:
        with torch.device("meta"):
            module = NETWORKS[stage](self.checkpoint.configs[stage])
        wrap_edges(module, self._tiling)
        if self.torch_device.type == "cpu":
            allocator.give_back()
        tensors, dtype = self._tensors(stage), self.dtype_of(stage)
        finish = self._finisher(stage, tensors)
        if finish is not None and fused_unet.minds_sizes(dtype):
            fused_unet.expect_maps(module, *self._latent)  # type: ignore[arg-type]
        if self._streams(stage):
            order = call_order(module)  # type: ignore[arg-type]
            if self._fuses(stage):
                tensors, order = fused_unet.fused_tensors(tensors), [fused_unet.fused_layer(path) for path in order]
            stream(self._suit(stage, module), tensors, dtype, self.torch_device, order, finish)
        elif finish is not None:
            self._report(*fused_unet.load(module, tensors, dtype, finish))  # type: ignore[arg-type]
        else:
            self._report(*load_into(module, tensors, dtype, self.torch_device, skip=self._unused(stage, tensors)))
            module = self._suit(stage, module)
        if stage == "unet" and self._own_attention():
            set_attention(module, kernels.attention)
        if self.torch_device.type == "cpu":
            self._keep_freed(stage)
        return module.eval()

    def _unused(self, stage: str, tensors: Mapping[str, Any]) -> set[str]:
        """Where memory is tight, the half of the VAE that nobody asked for."""
        if stage != "vae" or not memory.is_tight(self._mode):
            return set()
        other = ("decoder.", "post_quant_conv.") if self._half == "encoder" else ("encoder.", "quant_conv.")
        return {name for name in tensors if name.startswith(other)}

    def _vae(self, half: str) -> Any:
        """The VAE with its "encoder" or "decoder" at least."""
        if memory.is_tight(self._mode) and half != self._half:
            self.release("vae")
        self._half = half
        return self.network("vae")

    def _finisher(self, stage: str, tensors: Mapping[str, Any]) -> Callable[[str, Any], None] | None:
        """What packs the layers of a network that is fused; None for others."""
        if not self._fuses(stage):
            return None
        return int8_unet.finisher(tensors, self._recipe) if self._recipe else fused_unet.finish

    def _report(self, *remarks: str) -> None:
        self.facts = replace(self.facts, report=tuple(dict.fromkeys((*self.facts.report, *remarks))))

    def _suit(self, stage: str, module: Any) -> Any:
        """What the device needs of a network beside its weights."""
        if self.torch_device.type == "mps":
            return mps.suit(module, mps.score_budget(), fused=stage == "unet" and self._fused_attention())
        if self.torch_device.type == "cuda" and stage != "text_encoder":
            module = module.to(memory_format=self._layout())
            if stage == "unet" and os.environ.get("SDEDGE_COMPILE") == "1":
                module.compile(dynamic=False)
            return module
        return fused_unet.fuse(module, packing=False) if self._fuses(stage) else module

    def _keep_freed(self, stage: str) -> None:
        """How much of freed memory stays at hand while a stage works."""
        if not memory.is_tight(self._mode):
            allocator.keep()
        else:  # blocks of the VAE's rows, or what is small of the UNet's maps
            allocator.keep_small((16 if stage == "vae" else 2) << 20)

    def _fused_attention(self) -> bool:
        """Whether Metal's kernel was found faster than attention in pieces, and equal to it; narrow networks ask no probe."""
        return self._width() >= NARROW and measured(self.torch_device).attention == FUSED

    def _own_attention(self) -> bool:
        """Whether our kernel was found faster than torch's; narrow networks, which gain nothing, ask for no probe."""
        if self._width() < NARROW or self.torch_device.type != "cpu" or self.dtype_of("unet") != torch.bfloat16:
            return False
        return kernels.attends() and measured(self.torch_device).attention == OWN

    def _layout(self) -> torch.memory_format:
        """What the probe found faster on a GPU; narrow networks are not worth a probe."""
        return LAYOUTS["contiguous" if self._width() < NARROW else measured(self.torch_device).layout]

    def _width(self) -> int:
        return UNetConfig.from_json(self.checkpoint.configs["unet"]).block_out_channels[0]

    def _by_rows(self, vae: Any) -> Any:
        """The VAE as it computes: by rows wherever that is faster, or memory asks for it."""
        if not isinstance(vae, VAE) or (self._mode == "fast" and self.torch_device.type != "cpu"):
            return vae
        return RowVAE(vae, hold=memory.HOLD if memory.is_tight(self._mode) else None)

    def _overflowed(self, stage: str, out: Tensor) -> bool:
        """Returns whether a stage's result is not finite in a narrow dtype; the stage is in float32 from then on.

        Some fine-tuned VAEs overflow in half precision. The caller runs the stage again: no picture is saved black.
        """
        dtype = self.dtype_of(stage)
        if dtype == torch.float32 or torch.isfinite(out).all():
            return False
        self.release(stage)
        if stage == "unet":
            self._recipe = None
        self._dtypes[stage] = torch.float32
        self._report(
            f"The {stage.replace('_', ' ')} overflowed in {_name(dtype)}; it goes on in float32, which is slower."
        )
        return True

    def set_tiling(self, on: bool) -> None:
        """Let every edge continue on the opposite side, so that pictures repeat without a seam; False undoes it."""
        if on == self._tiling:
            return
        self._tiling = on
        self._calls.forget()
        for module in self._networks.values():
            wrap_edges(module, on)

    def check_size(self, width: int, height: int) -> None:
        """Any multiple of the downscale works."""
        unit = self.facts.downscale
        for side in (width, height):
            if side % unit:
                raise InvalidRequest(f"The size {width}x{height} does not fit the model; use multiples of {unit}.")

    @torch.inference_mode()
    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        return self.network("text_encoder")(ids.to(self.torch_device), skip, replacements).float()

    @torch.inference_mode()
    def predict(self, inputs: UNetInputs) -> Tensor:
        out = self._calls.whole(self.network("unet"), self.dtype_of("unet"), inputs)
        if self._overflowed("unet", out):
            out = self._calls.whole(self.network("unet"), self.dtype_of("unet"), inputs)
        return out

    @torch.inference_mode()
    def predict_partly(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        out, deep = self._calls.partly(self.network("unet"), self.dtype_of("unet"), inputs, features)
        if self._overflowed("unet", out):
            out, deep = self._calls.partly(self.network("unet"), self.dtype_of("unet"), inputs, features)
        return out, deep

    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        latents = self._encode(images, noise)
        return self._encode(images, noise) if self._overflowed("vae", latents) else latents

    def decode(self, latents: Tensor) -> Tensor:
        images = self._decode(latents)
        return self._decode(latents) if self._overflowed("vae", images) else images

    @torch.inference_mode()
    def _encode(self, images: Tensor, noise: Tensor) -> Tensor:
        vae = self._vae("encoder")
        posterior = self._by_rows(vae).encode(images.to(self.torch_device, self.dtype_of("vae")))
        return posterior.sample(noise.to(posterior.mean)).float() * vae.config.scaling_factor

    @torch.inference_mode()
    def _decode(self, latents: Tensor) -> Tensor:
        vae = self._vae("decoder")
        z = latents.to(self.torch_device) / vae.config.scaling_factor
        return self._by_rows(vae).decode(z.to(self.dtype_of("vae"))).float()

    def check_safety(self, images: np.ndarray) -> list[bool]:
        """On the CPU in float32, whatever the engine's own: a verdict never depends on the device."""
        if self.checkpoint.safety_checker is None:
            raise ModelError(
                f"The model {self.facts.name} ships no safety checker; {Remedy.SAFETY_OPEN}.", remedy=Remedy.SAFETY_OPEN
            )
        if self._checker is None:
            self._checker = open_checker(self.checkpoint.safety_checker)
        verdicts = self._checker.check(images)
        if self._mode != "fast":
            self.release("safety_checker")
        return verdicts

    def release(self, stage: str) -> None:
        self._applied.pop(stage, None)
        if stage == "unet":
            self._calls.forget()
        if stage == "safety_checker" and self._checker is not None:
            self._checker = None
            gc.collect()
        if self._networks.pop(stage, None) is not None:
            gc.collect()
            _FREE[self.torch_device.type]()


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
