"""The model a conversion starts from: its weights with LoRAs fused, its configurations, its vocabulary, its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from converters.control_source import ControlSource, open_controls
from sdedge.engines.facts import is_tiny, load_tokenizer, read_facts
from sdedge.engines.open import installed_name, locate
from sdedge.engines.protocol import LoraUse, ModelFacts
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NETWORKS
from sdedge.errors import ModelError, Remedy
from sdedge.library.imports import Hashed, hash_file, hash_of_folder
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.safety import SafetyChecker
from sdedge.models.unfilled import unfilled
from sdedge.text.tokenizer import Tokenizer
from sdedge.weights.architecture import TINY_VAE
from sdedge.weights.checkpoint import Checkpoint, load_into, open_checkpoint
from sdedge.weights.files import check_inside
from sdedge.weights.held import HeldTensor
from sdedge.weights.lora import fit, merge, open_lora
from sdedge.weights.safety import open_checker


@dataclass(frozen=True)
class ConversionSource:
    """A v1 checkpoint, opened. `components` are its networks' tensors by name, with the LoRAs in; `name` is the installed model's
    where it is one.
    """

    name: str
    checkpoint: Checkpoint
    components: Mapping[str, Mapping[str, Any]]
    facts: ModelFacts
    loras: tuple[tuple[Path, float], ...]
    controls: Mapping[str, ControlSource] = field(default_factory=dict)
    """ControlNets by their components' names."""
    notes: tuple[str, ...] = ()
    """What is to be said of the LoRAs, such as names in them that match nothing."""

    @property
    def text(self) -> TextConfig:
        return TextConfig.from_json(self.checkpoint.configs["text_encoder"])

    @property
    def unet(self) -> UNetConfig:
        return UNetConfig.from_json(self.checkpoint.configs["unet"])

    @property
    def vae(self) -> VAEConfig:
        """Raises ModelError for a tiny VAE."""
        if is_tiny(self.checkpoint.configs["vae"]):
            raise ModelError(
                f"The VAE of {self.name} is a tiny one ({TINY_VAE}), which is not converted for Apple devices; put that of "
                "another v1 model in its place, or draw with the model itself."
            )
        return VAEConfig.from_json(self.checkpoint.configs["vae"])

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Raises ModelError where the model comes without a vocabulary and there is none on this machine."""
        return load_tokenizer(self.checkpoint)

    @cached_property
    def checker(self) -> SafetyChecker:
        """Raises ModelError where the model has none."""
        if self.checkpoint.safety_checker is None:
            raise ModelError(
                f"The model {self.name} ships no safety checker; {Remedy.OTHER_COMPONENTS}.",
                remedy=Remedy.OTHER_COMPONENTS,
            )
        return open_checker(self.checkpoint.safety_checker)

    def tensors(self, component: str) -> Mapping[str, Any]:
        """Returns those of a component of a bundle: encoder and decoder share the VAE's, both UNets theirs."""
        if component == "safety_checker":
            return {name: HeldTensor(tensor) for name, tensor in self.checker.state_dict().items()}
        if component in self.controls:
            return self.controls[component].tensors
        return self.components[
            {"vae_encoder": "vae", "vae_decoder": "vae"}.get(component, component.removeprefix("controlled_"))
        ]

    def engine(self) -> TorchEngine:
        """Returns the model in torch, float32 on the CPU, LoRAs included."""
        engine = TorchEngine(self.checkpoint, self.tokenizer, torch.device("cpu"), torch.float32)
        engine.adapt([LoraUse(path, weight, weight) for path, weight in self.loras])
        return engine

    def network(self, stage: str) -> torch.nn.Module:
        """Returns a network in float32 as the checkpoint has it, LoRAs included; an engine may rebuild its own for speed."""
        with unfilled():
            module = NETWORKS[stage](self.checkpoint.configs[stage])
        load_into(module, self.components[stage], torch.float32)
        return module.eval()

    def release(self, component: str) -> None:
        """Gives back the pages of a network's files."""
        self.__dict__.pop("checker", None)
        if component in self.controls:
            self.controls[component].release()
        elif component != "safety_checker":
            for tensor in self.tensors(component).values():
                tensor.release()

    def identify(self, recorded: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Returns name and hashes: of the weights' files and the configurations, and of the LoRAs. Reads all files, once.

        Places are those in the model's folder, so that it may be moved and a single file renamed as well. Where a bundle has
        `recorded` the hash that an earlier version made of this model, or these LoRAs by other names of their files, that is
        given back: it stays of one model.
        """
        recorded = recorded or {}
        files, loras = self._hashed
        earlier = self._digest({f"{path.parent.name}/{path.name}": file for path, file in files.items()})
        is_earlier = recorded.get("sha256") == earlier
        sha256 = earlier if is_earlier else self._digest({self._place(path): files[path] for path in files})
        known = recorded.get("loras")
        same = isinstance(known, list) and _without_names(known) == _without_names(loras)
        return {"name": self.name, "sha256": sha256, "loras": known if same else [list(lora) for lora in loras]}

    def _digest(self, hashed: Mapping[str, Hashed]) -> str:
        text = hash_of_folder(hashed) + json.dumps(self.checkpoint.configs, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _place(self, path: Path) -> str:
        root = Path(self.checkpoint.path)
        if path == root:
            return ""
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else f"{path.parent.name}/{path.name}"

    @cached_property
    def _hashed(self) -> tuple[dict[Path, Hashed], list[list[Any]]]:
        files = {t.file.path for tensors in self.checkpoint.components.values() for t in tensors.values()}
        if self.checkpoint.safety_checker is not None:
            checker = [path for path in self.checkpoint.safety_checker.iterdir() if path.is_file()]
            for path in checker:
                check_inside(self.checkpoint.safety_checker.parent, path)
            files |= {*checker}
        loras = [[path.name, weight, hash_file(path).sha256] for path, weight in self.loras]
        return {Path(path): hash_file(path) for path in files}, loras


def _without_names(loras: Sequence[object]) -> list[object]:
    """Returns the weights and hashes of LoRAs as a bundle records them, which a file that is renamed keeps."""
    return [lora[1:] if isinstance(lora, list) else lora for lora in loras]


def open_source(
    model: str, loras: tuple[tuple[Path, float], ...] = (), controlnets: Sequence[str] = ()
) -> ConversionSource:
    """Returns the model of a name or path, with ControlNets of names or paths.

    Raises ModelError for a model that cannot be loaded, or a LoRA or ControlNet that does not fit.
    """
    checkpoint = open_checkpoint(locate(model))
    opened = [(open_lora(path), weight, weight) for path, weight in loras]
    facts = read_facts(checkpoint)
    components = merge(checkpoint.components, opened) if opened else checkpoint.components
    notes = fit([lora for lora, _, _ in opened], checkpoint.components)
    if facts.guidance_channels:
        raise ModelError(
            f"The UNet of {facts.name} reads the guidance scale, which the programs of Apple devices have no input for; "
            "draw with the model itself, or convert one without it."
        )
    controls = open_controls(
        controlnets, UNetConfig.from_json(checkpoint.configs["unet"]), checkpoint.components["unet"]
    )
    return ConversionSource(installed_name(model) or facts.name, checkpoint, components, facts, loras, controls, notes)
