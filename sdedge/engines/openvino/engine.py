"""The engine that runs the UNet by OpenVINO, on a CPU or another of its devices, and the other networks by torch.

The UNet is converted once per model and precision, which takes a minute at v1's size, and kept (`openvino_cache`) for
every picture size: giving the open sizes their values and compiling takes seconds. LoRAs and seamless tiles change the
network itself, so with those it runs by torch, as does one that reads the guidance scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from sdedge.engines.facts import load_tokenizer
from sdedge.engines.openvino import graph
from sdedge.engines.openvino.cache import cache_folder, entry_name, making
from sdedge.engines.openvino.devices import CPU, FORMATS, find_device, kind_of
from sdedge.engines.openvino.graph import compile_model, load_openvino
from sdedge.engines.protocol import AddedComponent, Capability, Component, LoraUse, ModelFacts, OptionalCalls
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import EngineError, InvalidRequest, Remedy
from sdedge.interpreter import how_to_install
from sdedge.machine.findings import openvino_version as installed
from sdedge.machine.formats import choose_dtype
from sdedge.machine.memory_plan import MemoryPlan
from sdedge.models.config import UNetConfig
from sdedge.models.reuse import DEPTH
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.unfilled import unfilled
from sdedge.text.conditioning import Replacement
from sdedge.weights.checkpoint import Checkpoint, load_into, open_checkpoint
from sdedge.weights.files import LazyTensor

if TYPE_CHECKING:
    import openvino as ov

    from sdedge.text.tokenizer import Tokenizer

COPIES = 2
"""Of the UNet's weights that are there: OpenVINO's own and, in its kernels' order, the compiled ones."""
ROWS = 2  # evaluated in one call, the two halves of guidance; sizes are fixed, so other batches are cut


class OpenVINOEngine(OptionalCalls):
    """Answers the Engine protocol for one checkpoint; `place` is one of OpenVINO's devices, `precision` one of its formats.
    `torch` runs what OpenVINO does not."""

    can = TorchEngine.can - {Capability.TOKEN_MERGING}  # the compiled network attends to every token

    def __init__(
        self, checkpoint: Checkpoint, tokenizer: Tokenizer, dtype: torch.dtype, precision: str, place: str = CPU
    ) -> None:
        self.torch = TorchEngine(checkpoint, tokenizer, torch.device("cpu"), dtype)
        self.precision, self.place = precision, place
        self._models: dict[str, ov.Model] = {}
        self._compiled: dict[tuple[object, ...], ov.CompiledModel] = {}
        self._prompts = WeakTensorKeyDictionary()
        self._has_room = True
        state = f"{installed()} {graph.VERSION}"
        self.entry = cache_folder() / entry_name(checkpoint.path, precision, state)
        if self.facts.guidance_channels:
            self.torch.report(
                "The UNet reads the guidance scale, which is not converted for OpenVINO; it runs by torch."
            )
        elif not self.entry.is_dir():
            once = "converts the UNet once" + (", quantizes it on pictures it draws," if precision == "int8" else "")
            self.torch.report(f"OpenVINO {once} and keeps it: this first picture takes longer.")

    @classmethod
    def open(
        cls, path: str | Path, dtype: str | None = None, *, device: str = "openvino", vae: str | Path | None = None,
        ema: bool | None = None,
    ) -> OpenVINOEngine:  # fmt: skip
        """Opens a diffusers folder or single file for a device such as "openvino:gpu".

        Raises InvalidRequest without OpenVINO, for a device that it does not find, or for a dtype that the device has not.
        """
        if not installed():
            raise InvalidRequest(f"OpenVINO is not installed; {how_to_install('sdedge[openvino]')}.")
        place = find_device(device)
        formats = FORMATS[kind_of(place)]
        if dtype is not None and dtype not in formats:
            where = "OpenVINO" if place == CPU else f"OpenVINO's {place}"
            raise InvalidRequest(f"Unknown dtype {dtype!r} for {where}; choose one of {', '.join(formats)}.")
        checkpoint = open_checkpoint(path, ema=ema, vae=vae)
        width = UNetConfig.from_json(checkpoint.configs["unet"]).block_out_channels[0]
        torch_dtype = choose_dtype(torch.device("cpu"), dtype if dtype in ("float32", "bfloat16") else None, width)
        usual = "float32" if torch_dtype == torch.float32 else "bfloat16"
        precision = dtype or (usual if place == CPU else next(iter(formats)))
        return cls(checkpoint, load_tokenizer(checkpoint), torch_dtype, precision, place)

    @property
    def description(self) -> str:
        return f"openvino{'' if self.place == CPU else f':{self.place.lower()}'} {self.precision}"

    @property
    def numerics(self) -> str:
        return self.torch.numerics

    def _by_torch(self, inputs: UNetInputs) -> bool:
        """Where there is too little memory. LoRAs, tiles and edits change the network, and the guidance scale and residuals are
        inputs that are not converted."""
        residency = self.torch.residency
        changed = residency.loras or residency.is_tiled or inputs.edits
        return bool(changed or not self._has_room or self.facts.guidance_channels or inputs.down or inputs.skips)

    def predict(self, inputs: UNetInputs) -> Tensor:
        if self._by_torch(inputs):
            return self.torch.predict(inputs)
        return self._predict("whole", 1, inputs)[0]

    def predict_partly(self, inputs: UNetInputs, features: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if self._by_torch(inputs):
            return self.torch.predict_partly(inputs, features)
        if features is None:
            eps, features = self._predict("whole", 2, inputs)
            return eps, features
        return self._predict("outer", 1, inputs, features)[0], features

    def release(self, component: str) -> None:
        if component == Component.UNET:
            self._forget()
        self.torch.release(component)

    def choose_memory(
        self, width: int, height: int, batch: int, safety: bool = True, *, branches: int = 2, is_single: bool = False,
        window: tuple[int, int] | None = None,
    ) -> MemoryPlan:  # fmt: skip
        """Plans with the compiled UNet; where that would ask for a mode that it cannot follow, the UNet runs by torch."""
        mode, has_room = self.torch.memory_mode, self._has_room
        choose = partial(
            self.torch.choose_memory,
            width,
            height,
            batch,
            safety,
            branches=branches,
            is_single=is_single,
            window=window,
        )
        copies = COPIES if self.place == CPU else 1  # other devices have memory of their own
        plan = choose(copies=copies)
        self._has_room = copies == 1 or (plan.fits and plan.mode in ("fast", "low") and not plan.in_parts)
        if not self._has_room:
            plan = choose()
            self._say_by_torch()
        if plan.mode != mode or has_room != self._has_room:
            self._forget()
        return plan

    def use_less_memory(self) -> str | None:
        """Leaves the UNet to torch, in its next smaller mode."""
        self._has_room = False
        self._forget()
        self._say_by_torch()
        return self.torch.use_less_memory()

    def _say_by_torch(self) -> None:
        self.torch.report("OpenVINO holds the UNet twice, and there is too little memory for that; it runs by torch.")

    def _forget(self) -> None:
        """Gives back the memory of the compiled UNet."""
        self._compiled.clear()
        self._models.clear()
        self._prompts.clear()

    # By torch

    @property
    def added(self) -> frozenset[str]:
        return self.torch.added

    def unet_source(self) -> tuple[UNetConfig, Mapping[str, LazyTensor]]:
        return self.torch.unet_source()

    def add(self, component: AddedComponent) -> None:
        self.torch.add(component)

    def remove(self, name: str) -> None:
        self.torch.remove(name)

    def run(self, name: str, *tensors: Tensor) -> tuple[Tensor, ...]:
        return self.torch.run(name, *tensors)

    @property
    def facts(self) -> ModelFacts:
        return self.torch.facts

    @property
    def tokenizer(self) -> Tokenizer:
        return self.torch.tokenizer

    @property
    def device(self) -> str:
        return self.torch.device

    def check_size(self, width: int, height: int) -> None:
        self.torch.check_size(width, height)

    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        return self.torch.encode_text(ids, skip, replacements)

    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        return self.torch.encode(images, noise)

    def decode(self, latents: Tensor) -> Tensor:
        return self.torch.decode(latents)

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        return self.torch.adapt(loras)

    def set_tiling(self, on: bool) -> None:
        self.torch.set_tiling(on)

    def check_safety(self, images: np.ndarray) -> list[bool]:
        return self.torch.check_safety(images)

    # The three models

    def _predict(self, name: str, wanted: int, inputs: UNetInputs, *features: Tensor) -> list[Tensor]:
        """Returns the first `wanted` results of a model, for any number of rows."""
        x = inputs.sample
        rows = ROWS if x.shape[0] % ROWS == 0 else 1
        outs = []
        for i, tensors in enumerate(self._projections(inputs.context, rows)):
            part = slice(i * rows, (i + 1) * rows)
            prompt = tensors if name == "whole" else tensors[-2 * DEPTH :]
            own = [tensor[part].float().contiguous().numpy() for tensor in (x, inputs.t, *features)]
            outs.append(self._run(name, [*own[:2], *prompt, *own[2:]], wanted))
        return [
            torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))
            for parts in zip(*outs, strict=True)
        ]

    def _projections(self, context: Tensor, rows: int) -> list[list[np.ndarray]]:
        """Keys and values of a context, `rows` at a time; made once and kept as long as it is."""
        cached = self._prompts.get(context)
        if cached is None or cached[0][0].shape[0] != rows:
            parts = context.float().contiguous().split(rows)
            cached = self._prompts[context] = [self._run("prompt", [part.numpy()]) for part in parts]
        return cached

    def _run(self, name: str, inputs: Sequence[np.ndarray], wanted: int | None = None) -> list[np.ndarray]:
        shapes = tuple(array.shape for array in inputs)
        if (name, shapes) not in self._compiled:
            # One size of each at a time: a compiled UNet holds weights of its own.
            self._compiled = {key: compiled for key, compiled in self._compiled.items() if key[0] != name}
            self._compiled[name, shapes] = self._compile(name, shapes)
        results = self._compiled[name, shapes](inputs, share_inputs=True, share_outputs=True)
        return [array.copy() for array in [*results.values()][:wanted]]  # the next call writes over them

    def _compile(self, name: str, shapes: Sequence[tuple[int, ...]]) -> ov.CompiledModel:
        if name not in self._models:
            self.convert_once()
            self._models[name] = load_openvino().Core().read_model(self.entry / f"{name}.xml")
        try:
            return compile_model(self._models[name], shapes, self.precision, self.place)
        except RuntimeError as error:
            if self.place == CPU:
                raise
            reason = (str(error).strip().splitlines() or [""])[-1][:200]
            raise EngineError(
                f"OpenVINO cannot compile the UNet for its {self.place} ({reason}); {Remedy.CHOOSE_CPU}.",
                remedy=Remedy.CHOOSE_CPU,
            ) from error

    def convert_once(self) -> None:
        """Makes and keeps the models, where they are not."""
        if self.entry.is_dir():
            return
        with unfilled():
            unet = UNet(UNetConfig.from_json(self.torch.checkpoint.configs["unet"]))
        self.torch.report(*load_into(unet, self.torch.checkpoint.unet, torch.float32))
        models = graph.convert(unet.eval(), 1 if self.precision == "float32" else graph.TILE)
        del unet
        if self.precision == "int8":
            from sdedge.engines.openvino.int8 import quantize

            models["whole"] = quantize(self, models)
        with making(self.entry.name) as folder:
            for name, model in models.items():
                load_openvino().save_model(model, folder / f"{name}.xml", compress_to_fp16=self.precision != "float32")
