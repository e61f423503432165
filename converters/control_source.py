"""ControlNets that a conversion starts from: from every file that sdedge reads, fitted to the model's UNet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from converters.bundle import compiled_name
from sdedge.engines.torch.networks import NETWORKS
from sdedge.errors import InvalidRequest, ModelError
from sdedge.library.bundle_controls import CONTROLNET, hash_of_control
from sdedge.library.control_models import find_control, whole_name
from sdedge.library.manifest import BundleComponent
from sdedge.models.config import ControlNetConfig, UNetConfig
from sdedge.models.unfilled import unfilled
from sdedge.text.clean import shown
from sdedge.weights.control import HINT_FIRST_DIFFUSERS, ControlKind, ControlModel, open_control
from sdedge.weights.folders import existing
from sdedge.weights.held import HeldTensor
from sdedge.weights.loading import load_into

_LONGEST = 100
"""Of a component's name in characters, so that it is one of a file as well."""


@dataclass(frozen=True)
class ControlSource:
    """A ControlNet, opened and fitted to a UNet. `tensors` have all of its weights, under diffusers names.

    component   its name in the bundle, of letters that file names have everywhere
    """

    name: str
    component: str
    model: ControlModel
    config: ControlNetConfig
    tensors: Mapping[str, Any]
    sha256: str

    def record(self) -> dict[str, Any]:
        """Returns what the manifest keeps of it, as `bundle_controls` reads it."""
        use, is_pooled = self.model.use, self.config.is_pooled
        return {"name": self.name, "sha256": self.sha256, "use": use, "is_pooled": is_pooled}

    def release(self) -> None:
        """Gives back the pages of its file."""
        for tensor in self.model.tensors.values():
            tensor.release()


def open_controls(names: Sequence[str], base: UNetConfig, unet: Mapping[str, Any]) -> dict[str, ControlSource]:
    """Returns the ControlNets of names or paths by their components' names.

    Raises ModelError for one that is missing, damaged, of another kind or made for another UNet, and InvalidRequest for two of
    one name.
    """
    opened: dict[str, ControlSource] = {}
    for name in dict.fromkeys(names):
        source = _open(name, base, unet)
        for earlier in opened.values():
            if _place(earlier.component) == _place(source.component):
                raise InvalidRequest(
                    f"Two of the ControlNets are called {_both(earlier.name, source.name)}; give one of their files "
                    "another name.",
                    field="controls",
                )
        opened[source.component] = source
    return opened


def refuse_namesakes(controls: Mapping[str, ControlSource], held: Mapping[str, BundleComponent]) -> None:
    """Raises InvalidRequest where a ControlNet would take the place of another one among a bundle's components."""
    for source in controls.values():
        for component, part in held.items():
            record = part.figures.get("control")
            if not (component.startswith(CONTROLNET) and isinstance(record, dict)):
                continue
            is_it = component == source.component and record.get("sha256") == source.sha256
            if _place(component) == _place(source.component) and not is_it:
                name, sha256 = shown(str(record.get("name", ""))), str(record.get("sha256", ""))
                raise InvalidRequest(
                    f"The bundle holds the ControlNet {name} ({sha256:.10}) where {shown(source.name)} ({source.sha256:.10}) "
                    "would be; give the file of one of them another name.",
                    field="controls",
                )


def _place(component: str) -> str:
    """Returns what two ControlNets of a bundle must differ in: the compiled package's name, on drives that heed no case."""
    return compiled_name(component).casefold()


def _both(first: str, second: str) -> str:
    return shown(first) if first == second else f"{shown(first)} and {shown(second)}, which are one name in a bundle"


def _open(name: str, base: UNetConfig, unet: Mapping[str, Any]) -> ControlSource:
    path = find_control(name)
    model = open_control(path)
    if model.kind is not ControlKind.CONTROLNET:
        raise ModelError(
            f"{shown(model.name)} is a {_KINDS[model.kind]}, and the controlled UNet of Core ML takes what ControlNets give; "
            "name a ControlNet, and draw with this one from the model itself.",
            field="controls",
        )
    config = model.controlnet_config(base)
    for network, part in (("controlnet", "encoder"), ("controlnet_hint", "hint")):
        with unfilled():
            module = NETWORKS[network](vars(config))
        tensors = model.component(part, unet)
        load_into(module, tensors, skip=set(tensors))  # names and shapes alone
    called = (model.name if existing(name) is not None else whole_name(name))[:_LONGEST]
    component = CONTROLNET + re.sub(r"[^A-Za-z0-9_.+-]+", "_", called)
    return ControlSource(
        called, component, model, config, _in_rgb(model.with_base(unet), config), hash_of_control(path)
    )


_KINDS = {ControlKind.T2I_ADAPTER: "T2I-Adapter", ControlKind.IP_ADAPTER: "IP-Adapter"}


def _in_rgb(tensors: Mapping[str, Any], config: ControlNetConfig) -> Mapping[str, Any]:
    """Returns a ControlNet's tensors for hints in red, green, blue: those of one that reads blue first are turned round."""
    if not config.is_bgr:
        return tensors
    return {**tensors, HINT_FIRST_DIFFUSERS: HeldTensor(tensors[HINT_FIRST_DIFFUSERS].copy().flip(1))}
