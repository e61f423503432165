"""The engine of a bundle of graphs that `sdedge convert mps` made: on MPS, CUDA or a CPU, without the model's code."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.bundle_limits import BUNDLE_CAPABILITIES, bundle_capabilities, check_bundle_size
from sdedge.engines.bundles import fill_batch, nearest_within, refuse_loras
from sdedge.engines.graph.bundle import (
    AGAIN,
    check_files,
    check_program,
    check_vocabulary,
    input_shapes,
    open_program,
    open_weights,
    port_dtype,
    read_bundle,
    stored_dtype,
)
from sdedge.engines.graph.program import Program
from sdedge.engines.protocol import Component, LoraUse, ModelFacts, OptionalCalls, check_inputs
from sdedge.engines.torch import mps
from sdedge.errors import InvalidRequest, ModelError, Remedy, is_out_of_memory
from sdedge.files import inside
from sdedge.library.manifest import BundleComponent, Manifest
from sdedge.machine.formats import choose_device, choose_dtype
from sdedge.machine.threads import use_threads
from sdedge.models.safety import SafetyChecker
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.vae import Posterior
from sdedge.text.conditioning import Replacement
from sdedge.text.tokenizer import LENGTH, Tokenizer
from sdedge.weights.files import LazyTensor
from sdedge.weights.safety import open_checker

GRAPHS: Mapping[str, tuple[str, ...]] = {
    Component.TEXT_ENCODER: ("text_encoder",), Component.UNET: ("unet",), Component.VAE: ("vae_encoder", "vae_decoder"),
}  # fmt: skip
"""The bundle's graphs of each component of an engine."""
Run = Callable[..., tuple[Tensor, ...]]
FindModel = Callable[[str], Path]
"""From a model's name to its path; raises ModelError where it is not installed."""


class GraphEngine(OptionalCalls):
    """Answers the Engine protocol for a graph bundle. Sizes are a range, LoRAs are fixed at conversion.

    Programs are opened on their first call and may be released. On a CPU they run in the format that suits it, never
    in float16, whose kernels there are a hundred times slower.
    """

    can = BUNDLE_CAPABILITIES["graph"]

    def __init__(
        self, folder: str | Path, device: str = "auto", dtype: str | None = None, *, find_model: FindModel | None = None
    ) -> None:
        """`find_model` finds the installed model that goes on where a graph fails on MPS.

        Raises ModelError for a damaged bundle or one from another torch, InvalidRequest for a device or dtype.
        """
        self.folder = Path(folder)
        self.manifest, facts = read_bundle(self.folder)
        self.torch_device = choose_device(device)
        self.dtype = _choose_dtype(self.manifest, self.torch_device, dtype)
        self.can = bundle_capabilities(self.manifest)
        self.facts = _suited(facts, self.manifest)
        self.tokenizer = Tokenizer.from_folder(folder)
        self._find_model = find_model
        self._modules: dict[str, Run] = {}
        self._programs: dict[str, Program] = {}
        self._checked: set[tuple[object, ...]] = set()
        self._checker: SafetyChecker | None = None
        self._eager: Any = None
        self._on_mps = self.torch_device.type == "mps"
        check_files(self.folder, self.manifest)
        use_threads()

    @property
    def device(self) -> str:
        return str(self.torch_device)

    @property
    def description(self) -> str:
        return f"graph {self.device} {str(self.dtype).removeprefix('torch.')}"

    def check_size(self, width: int, height: int) -> None:
        """Both sides are within the bundle's range and multiples of 64; on MPS, what it takes is below the watermark."""
        check_bundle_size(self.manifest, width, height)
        if self._on_mps and (need := self._need(width, height)) > (free := mps.free_bytes()):
            raise InvalidRequest(
                f"{width}x{height} needs {need / 2**30:.1f} GB on MPS and {free / 2**30:.1f} GB are free below its watermark; "
                "choose a smaller size, or close other apps."
            )

    def nearest_size(self, wanted: tuple[int, int], fixed: tuple[int | None, int | None]) -> tuple[int, int]:
        (least, _), (most, _) = self.manifest.sizes[0], self.manifest.sizes[-1]
        return nearest_within(least, most, 8 * self.facts.downscale, wanted, fixed)

    def _need(self, width: int, height: int) -> int:
        """Returns the bytes of the largest network's weights and of its activations at the next larger size the manifest
        knows.
        """
        needs = []
        for part in (component for component in self.manifest.components.values() if "peak_bytes" in component.figures):
            peaks = {int(size.split("x")[0]): peak for size, peak in part.figures["peak_bytes"].items()}
            needs.append(part.bytes + peaks[min(side for side in peaks if side * side >= width * height)])
        return max(needs)

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        refuse_loras(self.facts.name, loras)
        return ()

    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        """Raises InvalidRequest for a clip skip that leaves out more than one layer."""
        if skip > 1:
            raise InvalidRequest(
                f"The converted bundle {self.facts.name} cannot do clip skip {skip + 1}: its text encoder gives its last "
                "layer and the one before; use 1 or 2, or the model it was made from."
            )
        rows = []
        for row, line in enumerate(ids):
            vectors = torch.zeros(1, LENGTH, self.facts.context_width)
            replaced = torch.zeros(1, LENGTH, 1, dtype=torch.bool)
            for _, position, embeddings in (replacement for replacement in replacements if replacement[0] == row):
                vectors[0, position : position + len(embeddings)] = embeddings
                replaced[0, position : position + len(embeddings)] = True
            rows.append(self._run("text_encoder", line[None], vectors, replaced)[skip])
        return torch.cat(rows).float()

    def predict(self, inputs: UNetInputs) -> Tensor:
        """Predicts in calls of the batch that the UNet was converted for; the last one is filled up with its last row.

        Raises InvalidRequest for a prompt that is longer than the program's largest.
        """
        check_inputs(self.can, inputs)
        x, t, context = inputs.sample, inputs.t, inputs.context
        longest = self.manifest.recipe["tokens"]
        if context.shape[1] > longest:
            raise InvalidRequest(
                f"The prompt fills {context.shape[1] // LENGTH} chunks of {LENGTH} tokens, and the converted bundle "
                f"{self.facts.name} takes {longest // LENGTH}; shorten it, or use the model it was made from."
            )
        size = int(self.manifest.recipe["batch"])
        made = []
        for start in range(0, len(x), size):
            rows = [fill_batch(tensor[start : start + size], size) for tensor in (x, t.float(), context)]
            made.append(self._run("unet", *rows)[0][: len(x) - start].float())
        return torch.cat(made)

    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        latents = []
        for image, image_noise in zip(images, noise, strict=True):
            mean, logvar = self._run("vae_encoder", image[None])
            latents.append(Posterior(mean.float(), logvar.float()).sample(image_noise[None].to(mean.device)))
        return torch.cat(latents) * self.facts.scaling_factor

    def decode(self, latents: Tensor) -> Tensor:
        return torch.cat([self._decode(latent[None] / self.facts.scaling_factor) for latent in latents])

    def _decode(self, latent: Tensor) -> Tensor:
        (image,) = self._run("vae_decoder", latent)
        if self.dtype != torch.float32 and not torch.isfinite(image).all():
            # A fine-tuned VAE may overflow where the conversion saw none; once more, wider, never a black picture.
            wide = self.open_component("vae_decoder", torch.float32)
            (image,) = wide(latent.to(self.torch_device, torch.float32))
        return image.float()

    def check_safety(self, images: np.ndarray) -> list[bool]:
        """Checks on the CPU in float32, as the eager engine does: a verdict never depends on the device."""
        if self._checker is None:
            self._checker = open_checker(inside(self.folder, self._component("safety_checker").file))
        return self._checker.check(images)

    def release(self, component: str) -> None:
        if component == Component.SAFETY_CHECKER:
            self._checker = None
        for name in GRAPHS.get(component, ()):
            self._modules.pop(name, None)
            self._programs.pop(name, None)
        if self._eager is not None:
            self._eager.release(component)
        gc.collect()
        if self.torch_device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.torch_device.type == "mps":
            torch.mps.empty_cache()

    # ---- Programs ---------------------------------------------------------------------------------------------------

    @torch.inference_mode()
    def _run(self, name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns the results of one call of a component, its inputs brought to the device and, where they are numbers of
        ours, the format.
        """
        if self._eager is not None:
            return self._run_eager(name, *inputs)
        brought = [self._bring(name, i, value) for i, value in enumerate(inputs)]
        try:
            module = self._module(name)
            self._check(name, brought)
            return module(*brought)
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            if not self._on_mps and is_out_of_memory(error):
                raise
            if not self._on_mps:
                raise self._unfit(name, error) from error
            self._fall_back(name, error)
            return self._run_eager(name, *inputs)

    def _check(self, name: str, inputs: Sequence[Tensor]) -> None:
        """Checks once for every shape that the program gives what it must, and takes no more than its size needs."""
        key = (name, self.dtype, *(tensor.shape for tensor in inputs))
        if name in self._programs and key not in self._checked:
            height, width = inputs[0].shape[2:] if inputs[0].dim() == 4 else (0, 0)
            cell = 1 if name == "vae_encoder" else self.facts.downscale
            tokens = inputs[-1].shape[1] if name == "unet" else LENGTH
            batch = inputs[0].shape[0]
            check_program(
                name, self._programs[name], self.facts, self.dtype, batch, width * cell, height * cell, tokens
            )
            self._checked.add(key)

    def _unfit(self, name: str, error: Exception) -> ModelError:
        first = str(error).split("\n")[0].rstrip(".")
        return ModelError(f"The {name.replace('_', ' ')} graph of {self.facts.name} failed ({first:.300}); {AGAIN}.")

    def _bring(self, name: str, index: int, value: Tensor) -> Tensor:
        stored = port_dtype(list(self._component(name).inputs.values())[index])
        dtype = self.dtype if stored in (torch.float16, torch.bfloat16) else stored
        return value.to(self.torch_device, dtype).contiguous()

    def _module(self, name: str) -> Run:
        if name not in self._modules:
            self._modules[name] = self.open_component(name, self.dtype)
            if self._on_mps:
                self._warm_up(name)
        return self._modules[name]

    def open_component(self, name: str, dtype: torch.dtype) -> Run:
        """Returns a component ready to run. Weights that have the device and format already stay pages of their file."""
        program = self._program(name, dtype)
        if dtype == self.dtype:
            self._programs[name] = program
        return program.module()

    def _program(self, name: str, dtype: torch.dtype) -> Program:
        part = self._component(name)
        tensors = open_weights(self.folder, part)
        weights = {key: _load(lazy, self.torch_device, dtype) for key, lazy in tensors.items()}
        program = open_program(self.folder, part, weights)
        if name == "text_encoder":
            check_vocabulary(program, self.tokenizer, self.facts)
        return program if dtype == stored_dtype(self.manifest) else program.recast(dtype)

    def _warm_up(self, name: str) -> None:
        """Metal compiles its kernels on their first use: done at the smallest size, so that no step has to wait."""
        least, batch = self.manifest.sizes[0][0], int(self.manifest.recipe["batch"])
        shapes = input_shapes(name, self.facts, batch, least, least, LENGTH)
        inputs = [self._bring(name, i, torch.zeros(shape)) for i, shape in enumerate(shapes.values())]
        self._check(name, inputs)
        self._modules[name](*inputs)
        torch.mps.synchronize()

    def _component(self, name: str) -> BundleComponent:
        return self.manifest.components[name]

    # ---- When a graph fails on MPS ----------------------------------------------------------------------------------

    def _fall_back(self, name: str, error: Exception) -> None:
        """Goes on with the model the bundle was made from. Raises ModelError where that is not there any more."""
        from sdedge.engines.torch.engine import TorchEngine

        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        try:
            source = self._original()
        except ModelError:
            raise ModelError(
                f"The {name.replace('_', ' ')} graph of {self.facts.name} failed on MPS ({first:.300}), and the model it was "
                f"made from is not installed to draw with; install {self._source_name()!r:.80}, or {Remedy.CPU}.",
                remedy=Remedy.CPU,
            ) from error
        notice = f"The {name.replace('_', ' ')} graph failed on MPS ({first:.300}); drawing with {source.name} itself."
        self.facts = replace(self.facts, report=(*self.facts.report, notice))
        self._modules.clear()
        self._programs.clear()
        self._eager = TorchEngine.load(source, self.device)

    def _original(self) -> Path:
        """Returns the model that the bundle was made from, by its installed name: a path in a file is never followed."""
        if self._find_model is None:
            raise ModelError(f"There is no library to look in; {Remedy.CPU}.", remedy=Remedy.CPU)
        return self._find_model(self._source_name())

    def _source_name(self) -> str:
        name = self.manifest.source.get("name")
        return name if isinstance(name, str) else ""

    def _run_eager(self, name: str, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Returns what the eager networks answer to the same call."""
        device, dtype = self.torch_device, self._eager.dtype
        if name == "text_encoder":
            ids, vectors, replaced = inputs
            replacements = [(0, int(i), vectors[0, i : i + 1]) for i in replaced[0, :, 0].nonzero().flatten()]
            return tuple(self._eager.encode_text(ids, skip, replacements) for skip in (0, 1))
        if name == "unet":
            x, t, context = inputs
            return (self._eager.predict(UNetInputs(x, t, context)),)
        vae = self._eager.network("vae")
        if name == "vae_encoder":
            posterior = vae.encode(inputs[0].to(device, dtype))
            return posterior.mean, posterior.logvar
        return (self._eager.decode(inputs[0] * vae.config.scaling_factor),)


def _choose_dtype(manifest: Manifest, device: torch.device, name: str | None) -> torch.dtype:
    """Returns the one named; on a CPU what suits it, elsewhere the bundle's own."""
    if name is None and device.type != "cpu":
        return stored_dtype(manifest)
    dtype = choose_dtype(device, name)
    if device.type == "cpu" and dtype == torch.float16:
        raise InvalidRequest(
            f"Graphs in float16 would take hours on a CPU; {Remedy.FLOAT32_OR_BFLOAT16}.",
            remedy=Remedy.FLOAT32_OR_BFLOAT16,
        )
    return dtype


def _load(lazy: LazyTensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    narrow = lazy.dtype_name in ("float16", "bfloat16")
    wanted = dtype if narrow else lazy.dtype
    return lazy.read() if device.type == "cpu" and wanted == lazy.dtype else lazy.copy(wanted, device)


def _suited(facts: ModelFacts, manifest: Manifest) -> ModelFacts:
    """Returns the model's facts with a size the bundle draws, and remarks on this machine."""
    (least, _), (most, _) = manifest.sizes[0], manifest.sizes[-1]
    side = min(max(facts.width, least), most), min(max(facts.height, least), most)
    remarks = mps.remarks() if torch.backends.mps.is_available() else ()
    return replace(
        facts, width=side[0], height=side[1], has_safety_checker="safety_checker" in manifest.components,
        report=(*facts.report, *remarks),
    )  # fmt: skip
