"""The engine of a bundle of Core ML packages, whatever runs the packages: torch (`mil`) or Core ML itself (`coreml`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.bundle_limits import BUNDLE_CAPABILITIES, bundle_capabilities, check_bundle_size
from sdedge.engines.bundles import fill_batch, nearest_of, recorded_facts
from sdedge.engines.coreml.lora_changes import FindModel
from sdedge.engines.coreml.lora_packages import AdaptedBundle, adapt_bundle
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.protocol import Component, LoraUse, ModelFacts, OptionalCalls, check_inputs
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.library.bundle_controls import (
    CONTROLLED_UNETS,
    CONTROLNET,
    HINT,
    RESIDUAL,
    ConvertedControl,
    controlled_unets,
    converted_controls,
    find_converted,
)
from sdedge.library.manifest import BundleComponent, Manifest
from sdedge.machine.threads import use_threads
from sdedge.models.safety import prepare
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.vae import Posterior
from sdedge.text.conditioning import Replacement
from sdedge.text.tokenizer import LENGTH, Tokenizer

Model = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]
"""Runs one function of one package: inputs to outputs, by name."""

UNETS = ("unet", "unet_chunk1", "unet_chunk2")
PACKAGES: Mapping[str, tuple[str, ...]] = {
    Component.TEXT_ENCODER: ("text_encoder",),
    Component.UNET: UNETS + CONTROLLED_UNETS,
    Component.VAE: ("vae_encoder", "vae_decoder"),
    Component.SAFETY_CHECKER: ("safety_checker",),
}
"""The bundle's packages of each component of an engine."""


class PackageEngine(OptionalCalls, ABC):
    """Answers the Engine protocol for a bundle that `sdedge convert coreml` made. Sizes and batch are fixed there.

    Packages are opened on their first call and may be released. With LoRAs, copies of those that they change are opened instead.
    """

    can = BUNDLE_CAPABILITIES["coreml"]
    device = "cpu"

    def __init__(self, folder: str | Path, description: str, find_model: FindModel | None = None) -> None:
        """`find_model` finds the installed model that the bundle came from, whose numbers LoRAs are added to.

        Raises ModelError for a bundle that is damaged.
        """
        self.folder = Path(folder)
        self.manifest = Manifest.read(folder)
        self.can = type(self).can | bundle_capabilities(self.manifest)
        self.description = description
        self.facts = _read_facts(self.manifest)
        if "text_encoder" in self.manifest.components:
            _ = self.tokenizer  # a damaged one is told at once
        self._find_model = find_model
        self._loras: tuple[object, ...] = ()
        self._adapted = AdaptedBundle()
        self._packages: dict[str, Package] = {}
        self.models: dict[tuple[str, str], Model] = {}
        use_threads()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Raises ModelError for a bundle without one, as those without a text encoder may be."""
        return Tokenizer.from_folder(self.folder)

    @abstractmethod
    def open_model(self, package: Package, function: str) -> Model:
        """Makes a function of a package ready to run. Raises ModelError."""

    def check_size(self, width: int, height: int) -> None:
        """The sizes are those the bundle was converted for."""
        check_bundle_size(self.manifest, width, height)

    def nearest_size(self, wanted: tuple[int, int], fixed: tuple[int | None, int | None]) -> tuple[int, int]:
        return nearest_of(self.manifest.sizes, wanted, fixed)

    def adapt(self, loras: Sequence[LoraUse]) -> tuple[str, ...]:
        """Makes or finds the packages with these LoRAs; those that stay the same stay open."""
        asked = tuple((use, *_state(use.path)) for use in loras)
        if asked != self._loras or not all(path.is_dir() for path in self._adapted.packages.values()):
            adapted = adapt_bundle(self.folder, self.manifest, loras, self._find_model)
            before, now = self._adapted.packages, adapted.packages
            self._close([name for name in {*before, *now} if before.get(name) != now.get(name)])
            self._loras, self._adapted = asked, adapted
        return self._adapted.notices

    def encode_text(self, ids: Tensor, skip: int = 0, replacements: Sequence[Replacement] = ()) -> Tensor:
        """Raises InvalidRequest for what the converted encoder has no input for: clip skip and learned embeddings."""
        if skip or replacements:
            what = f"clip skip {skip + 1}" if skip else "embeddings"
            raise InvalidRequest(
                f"The converted bundle {self.facts.name} cannot do {what}: its text encoder takes token ids and gives its "
                "last layer; leave it out, or use the model it was made from."
            )
        return self._batched("text_encoder", {"input_ids": ids.float()}, ["last_hidden_state"])["last_hidden_state"]

    def predict(self, inputs: UNetInputs) -> Tensor:
        """Predicts in calls of the batch that the UNet was converted for; the last one is filled up with its last row.

        Raises InvalidRequest for contexts of another length than it was converted for.
        """
        check_inputs(self.can, inputs)
        assert not inputs.down, "a bundle has no adapter that makes features on the way down"
        names = self._unet(inputs.skips is not None)
        self._check_context(names[0], inputs.context)
        arrays = self._unet_arrays(inputs.sample, inputs.t, inputs.context)
        if names[0] in CONTROLLED_UNETS:
            arrays |= self._residual_arrays(names[0], arrays["sample"], inputs.skips)
        return self._batched(names[0], arrays, ["noise_pred"], *names[1:])["noise_pred"]

    @property
    def converted_controls(self) -> Mapping[str, ConvertedControl]:
        return converted_controls(self.manifest)

    def find_control(self, name: str) -> ConvertedControl:
        return find_converted(self.manifest, name)

    def run_control(self, name: str, x: Tensor, t: Tensor, context: Tensor, hint: Tensor) -> tuple[Tensor, ...]:
        component = self.converted_controls[name].component
        self._check_context(component, context)
        arrays = {**self._unet_arrays(x, t.expand(len(x)), context), HINT: hint.expand(len(x), *hint.shape[1:])}
        outputs = [f"{RESIDUAL}{i}" for i in range(len(self._component(component).outputs))]
        made = self._batched(component, arrays, outputs)
        return tuple(made[output] for output in outputs)

    def _unet(self, is_controlled: bool) -> tuple[str, ...]:
        """Returns the packages of the UNet for a call, in the order they run. The controlled one serves without residuals as
        well, in place of a plain one that is not there or not loaded while it is."""
        controlled, held = controlled_unets(self.manifest), self.manifest.components
        chunks, unet = UNETS[1:], UNETS[:1]
        plain = next((names for names in (chunks, unet) if all(name in held for name in names)), ())
        loaded = [names[0] in self._packages for names in (plain, controlled) if names]
        if controlled and (is_controlled or not plain or loaded == [False, True]):
            return controlled
        return plain or unet

    def _check_context(self, name: str, context: Tensor) -> None:
        length = self._component(name).inputs["encoder_hidden_states"].shape[-1]
        if context.shape[1] != length:
            raise InvalidRequest(
                f"The prompt fills {context.shape[1] // LENGTH} chunks of {LENGTH} tokens, and the converted bundle "
                f"{self.facts.name} takes {(length or LENGTH) // LENGTH}; shorten it, or use the model it was made from."
            )

    @staticmethod
    def _unet_arrays(sample: Tensor, t: Tensor, context: Tensor) -> dict[str, Tensor]:
        return {
            "sample": sample,
            "timestep": t.half().to(t),  # what the package reads: from 512 on, half precision holds steps of 0.5
            "encoder_hidden_states": context.transpose(1, 2).unsqueeze(2).contiguous(),
        }

    def _residual_arrays(self, name: str, sample: Tensor, skips: Sequence[Tensor] | None) -> dict[str, Tensor]:
        """Returns the residuals as a controlled UNet takes them, zeros without any: a row or pixel may stand for all."""
        package = self._package(name)
        function = _fitting(package, {"sample": (self._batch(name), *sample.shape[1:])})
        shapes = {
            key: (len(sample), *kind.static[1:])
            for key, kind in package.functions[function].inputs.items()
            if key.startswith(RESIDUAL)
        }
        if skips is None:
            return {key: torch.zeros(shape) for key, shape in shapes.items()}
        if len(skips) != len(shapes):
            raise ModelError(
                f"The UNet of {self.facts.name} takes {len(shapes)} residuals and gets {len(skips)}; choose a control net "
                "that is made for this model."
            )
        return {f"{RESIDUAL}{i}": skip.expand(shapes[f"{RESIDUAL}{i}"]) for i, skip in enumerate(skips)}

    def encode(self, images: Tensor, noise: Tensor) -> Tensor:
        factor = self._latent_factor("vae_encoder")
        moments = self._batched("vae_encoder", {"x": images}, ["latent"])["latent"]
        mean, logvar = moments.chunk(2, dim=1)
        return Posterior(mean, logvar.clamp(-30.0, 20.0)).sample(noise.to(mean)) * factor

    def decode(self, latents: Tensor) -> Tensor:
        z = latents / self._latent_factor("vae_decoder")
        return self._batched("vae_decoder", {"z": z}, ["image"])["image"]

    def _latent_factor(self, name: str) -> float:
        """Returns the scale of latents that a package speaks; bundles made before it was recorded speak the model's own."""
        return self._component(name).latent_factor or self.facts.scaling_factor

    def check_safety(self, images: np.ndarray) -> list[bool]:
        self._model("safety_checker", {})  # a damaged one is told before the work, not after
        return [bool((self.concept_scores(picture).round(decimals=3) > 0).any()) for picture in images]

    def concept_scores(self, picture: np.ndarray) -> Tensor:
        """Returns how far a uint8 RGB picture (H, W, 3) is above each concept's threshold: (17,). Raises ModelError."""
        inputs = self._component("safety_checker").inputs
        zeros = {name: torch.zeros([n or 1 for n in port.shape]) for name, port in inputs.items()}
        zeros["clip_input"] = prepare(picture, zeros["clip_input"].shape[-1])[None]
        scores = self.run_package("safety_checker", zeros)["concept_scores"][0].float()
        if not torch.isfinite(scores).all():
            raise ModelError(
                f"The safety checker of {self.facts.name} gave values that are not numbers; {Remedy.SAFETY_OFF}.",
                remedy=Remedy.SAFETY_OFF,
            )
        return scores

    def release(self, component: str) -> None:
        nets = [name for name in self.manifest.components if name.startswith(CONTROLNET)]
        self._close((*PACKAGES[component], *nets) if component == Component.UNET else PACKAGES[component])

    def _close(self, names: Sequence[str]) -> None:
        for key in [key for key in self.models if key[0] in names]:
            del self.models[key]
        for name in names:
            self._packages.pop(name, None)

    def _batched(
        self, name: str, inputs: Mapping[str, Tensor], outputs: Sequence[str], then: str | None = None
    ) -> dict[str, Tensor]:
        """Runs rows in groups of the package's batch; `then` is a second package that takes what the first gives."""
        size, rows = self._batch(name), len(next(iter(inputs.values())))
        made: dict[str, list[Tensor]] = {output: [] for output in outputs}
        for start in range(0, rows, size):
            group = {key: fill_batch(value[start : start + size], size) for key, value in inputs.items()}
            results = self.run_package(name, self._wanted(name, group))
            if then is not None:
                results = self.run_package(then, self._wanted(then, {**group, **results}))
            for output in outputs:
                made[output].append(results[output][: rows - start].float())
        return {output: torch.cat(parts) for output, parts in made.items()}

    def _batch(self, name: str) -> int:
        """Returns how many rows a package takes at once."""
        first = next(iter(self._component(name).inputs.values()))
        return first.shape[0] or 1

    def _wanted(self, name: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {key: values[key] for key in self._component(name).inputs}

    def run_package(self, name: str, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return self._model(name, {key: tuple(value.shape) for key, value in inputs.items()})(inputs)

    def _model(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> Model:
        package = self._package(name)
        function = _fitting(package, shapes)
        if (name, function) not in self.models:
            self.models[name, function] = self.open_model(package, function)
        return self.models[name, function]

    def _package(self, name: str) -> Package:
        if name not in self._packages:
            own = self.folder / self._component(name).file
            self._packages[name] = Package.open(self._adapted.packages.get(name, own))
        return self._packages[name]

    def _component(self, name: str) -> BundleComponent:
        if name not in self.manifest.components:
            raise ModelError(
                f"The bundle {self.folder} was converted without its {name.replace('_', ' ')}; convert the model with it."
            )
        return self.manifest.components[name]


def _state(file: Path) -> tuple[int, int]:
    """Returns size and time of a file, by which a change is seen; one that is missing is told where it is opened."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _fitting(package: Package, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Returns the function that takes inputs of these shapes, the default one where there is a choice or none."""
    for name in sorted(package.functions, key=lambda name: name != package.default):
        inputs = package.functions[name].inputs
        if all(key in inputs and inputs[key].shape == shape for key, shape in shapes.items()):
            return name
    return package.default


def _read_facts(manifest: Manifest) -> ModelFacts:
    """Returns the model's facts, but for what the conversion settled."""
    facts = recorded_facts(manifest)
    native = (facts.width, facts.height)
    width, height = native if native in manifest.sizes else manifest.sizes[0]
    has_checker = "safety_checker" in manifest.components
    return replace(facts, width=width, height=height, has_safety_checker=has_checker)
