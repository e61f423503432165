"""What LoRAs change in a bundle: which weights of which packages, computed from what.

A conversion with a LoRA adds it to the checkpoint's numbers and rounds once. That is done here too where the package holds the
checkpoint's own numbers (it was in half precision, and nothing was compressed or fused), and where the model is at hand: its
weights are then read again, if they are those that were converted. Elsewhere the LoRA is added to numbers that were rounded
before, which a notice says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sdedge.engines.coreml.package_weights import PackageWeights, WeightChange, Written, source_of
from sdedge.engines.coreml.stored_weights import KEY, StoredWeight, recorded_weights
from sdedge.engines.protocol import LoraUse
from sdedge.errors import SdedgeError
from sdedge.files import inside
from sdedge.library.adapters import loras as installed_loras
from sdedge.library.file_hashes import hashes_of
from sdedge.library.manifest import Manifest
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.lora import LoraWeights, MergedTensor, fit, merge, open_lora
from sdedge.weights.lora_keys import TEXT, UNET

FindModel = Callable[[str], Path]
"""From a model's name to its path; raises ModelError where it is not installed."""
_CHUNK = re.compile(r"_chunk\d$")
_UNETS = re.compile(r"(controlled_)?unet(_chunk\d)?")


@dataclass(frozen=True)
class BundleChanges:
    """By component the weights that change, and what is to be said of the LoRAs."""

    components: Mapping[str, Mapping[str, WeightChange]]
    notices: tuple[str, ...]


def network_of(component: str) -> str | None:
    """Returns the network ('unet', 'text_encoder') that a bundle's component is or is a part of; None for one without LoRAs."""
    if component == TEXT:
        return TEXT
    return UNET if _UNETS.fullmatch(component) else None


def lora_weights(uses: Sequence[LoraUse]) -> LoraWeights:
    """Opens the files. Raises ModelError."""
    return [(open_lora(use.path).weighted(use.blocks), use.text_weight, use.unet_weight) for use in uses]


def changes_of(
    folder: Path, manifest: Manifest, uses: Sequence[LoraUse], find_model: FindModel | None = None
) -> BundleChanges:
    """Finds what LoRAs change in a bundle; nothing is computed yet.

    Raises ModelError for a LoRA that does not fit, and for a bundle whose weights are not where it says.
    """
    loras = lora_weights(uses)
    packages = {
        name: PackageWeights(inside(folder, part.file), recorded_weights(part, manifest.name))
        for name, part in manifest.components.items()
        if network_of(name) is not None
    }
    networks: dict[str, dict[str, Any]] = {}  # chunks together
    for name, package in packages.items():
        networks.setdefault(_CHUNK.sub("", name), {}).update(package.tensors())
    names = {cast(str, network_of(name)): tensors for name, tensors in networks.items()}
    notices = fit([lora for lora, _, _ in loras], names)
    source = _Source(manifest, loras, find_model)
    components: dict[str, dict[str, WeightChange]] = {}
    for name, tensors in networks.items():
        network = cast(str, network_of(name))
        merged = _changed_only(merge({network: tensors}, loras))[network]
        for part, package in packages.items():
            if _CHUNK.sub("", part) == name and (changed := merged.keys() & package.stored.keys()):
                weights = {key: package.stored[key] for key in package.stored if key in changed}
                components[part] = {key: source.change(network, weights[key], merged[key]) for key in weights}
    return BundleChanges(components, (*notices, *_missing(names, loras, manifest)))


def _changed_only(merged: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, MergedTensor]]:
    return {
        network: {name: tensor for name, tensor in tensors.items() if isinstance(tensor, MergedTensor)}
        for network, tensors in merged.items()
    }


def _missing(tensors: Mapping[str, object], loras: LoraWeights, manifest: Manifest) -> Iterator[str]:
    """Yields what LoRAs change in networks that a bundle was converted without."""
    for lora, *weights in loras:
        for network, weight in zip((TEXT, UNET), weights, strict=True):
            if network in lora.targets and network not in tensors and weight:
                what = network.replace("_", " ").replace("unet", "UNet")
                yield f"The LoRA {lora.name} changes the {what}, which the bundle {manifest.name} was converted without."


class _Source:
    """The model that a bundle came from, opened when the first weight asks for it."""

    def __init__(self, manifest: Manifest, loras: LoraWeights, find_model: FindModel | None) -> None:
        self._manifest, self._loras, self._find_model = manifest, loras, find_model
        self._is_fused = bool(manifest.source.get("loras"))
        self._opened: tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, MergedTensor]]] | None = None
        self._is_known = False

    def change(self, network: str, weight: StoredWeight, from_package: MergedTensor) -> WeightChange:
        """Returns what a weight becomes, computed from the best numbers there are."""
        if weight.form == "dense" and weight.source == "float16" and not self._is_fused:
            return WeightChange(weight, from_package, True)
        merged = self._reread(network, weight)
        return WeightChange(weight, merged or from_package, merged is not None)

    def _reread(self, network: str, weight: StoredWeight) -> MergedTensor | None:
        """Returns the changed weight of the model itself, where that holds what was converted."""
        if not self._is_known:
            self._opened, self._is_known = self._open(), True
        if self._opened is None or not weight.sample:
            return None
        bases, merged = (tensors.get(network, {}).get(weight.name) for tensors in self._opened)
        is_same = bases is not None and tuple(bases.shape) == weight.shape
        if not is_same or merged is None or source_of(bases) != (weight.source, weight.sample):
            return None
        return cast(MergedTensor, merged)

    def _open(self) -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, MergedTensor]]] | None:
        name, fused = self._manifest.source.get("name"), fused_loras(self._manifest)
        if self._find_model is None or not isinstance(name, str) or fused is None:
            return None
        with suppress(SdedgeError, OSError):
            components = open_checkpoint(self._find_model(name)).components
            networks = {network: components[network] for network in (TEXT, UNET) if network in components}
            return networks, _changed_only(merge(networks, [*fused, *self._loras]))
        return None


def fused_loras(manifest: Manifest) -> LoraWeights | None:
    """Returns the LoRAs that a bundle was converted with, from among those installed; None where one is not."""
    entries = manifest.source.get("loras") or []
    opened = []
    for entry in entries if isinstance(entries, list) else (None,):
        path = _installed(entry)
        if path is None:
            return None
        weight = float(cast(Any, entry)[1])
        opened.append((open_lora(path), weight, weight))
    return opened


def _installed(entry: Any) -> Path | None:
    """Returns the installed file of a manifest's [name, weight, hash]."""
    if not (isinstance(entry, list) and len(entry) == 3 and isinstance(entry[1], int | float)):
        return None
    for path in installed_loras().values():
        with suppress(OSError):
            if path.name == entry[0] and hashes_of(path).file == entry[2]:
                return path
    return None


def outcome(manifest: Manifest, component: str, written: Written) -> Iterator[str]:
    """Yields what is to be said of weights that were written, in sentences."""
    title = component.replace("_", " ").replace("unet", "UNet")
    if written.inexact and not written.compressed:
        count = f"{written.inexact} of {written.weights} weights of the {title}"
        yield (
            f"{count} were computed from numbers that the conversion had rounded, since {_why(manifest, component)}: "
            "they may be one unit in the last place from those of a conversion with the LoRA."
        )
    if written.compressed:
        base = f", computed from compressed ones since {_why(manifest, component)}" if written.inexact else ""
        yield (
            f"{written.compressed} weights of the {title} were compressed again as they were{base}: "
            f"the furthest is {written.psnr:.1f} dB from the exact ones."
        )


def _why(manifest: Manifest, component: str) -> str:
    if KEY not in manifest.components[component].figures:
        return "the bundle is from before the model's own were recorded"
    name = str(manifest.source.get("name") or manifest.name)[:80]
    fused = " and the LoRAs that were fused into it are" if manifest.source.get("loras") else " is"
    return f"the model {name}{fused} not installed here as converted"


def network_weights(network: str, uses: Sequence[LoraUse]) -> list[list[object]]:
    """Returns hash, weight and factors of the LoRAs that change a network, as far as they do. Raises OSError."""
    weights = [(use, use.text_weight if network == TEXT else use.unet_weight) for use in uses]
    return [[hashes_of(use.path).file, weight, use.blocks] for use, weight in weights if weight]
