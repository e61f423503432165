"""ControlNets that a conversion starts from: from every file that sdedge reads, fitted to the model's UNet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdedge.engines.torch.networks import NETWORKS
from sdedge.errors import InvalidRequest, ModelError
from sdedge.library.bundle_controls import CONTROLNET, hash_of_control
from sdedge.library.control_models import find_control, whole_name
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
        if source.component in opened:
            raise InvalidRequest(
                f"Two of the ControlNets are called {shown(source.name)}; give one of their files another name.",
                field="controls",
            )
        opened[source.component] = source
    return opened


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
