"""Copies of a bundle's packages with LoRAs in them: made in seconds, kept among the caches, and the oldest removed.

A copy shares what it can with its package on the disk. Each has a folder of a new name, since Core ML keeps what it compiled by
the path. Another LoRA, weight or package is another copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sdedge.clones import clone_folder
from sdedge.engines.coreml.lora_changes import (
    BundleChanges,
    FindModel,
    changes_of,
    network_of,
    network_weights,
    outcome,
)
from sdedge.engines.coreml.lora_copies import MAKING, NOTICES, lora_folder, remove_oldest
from sdedge.engines.coreml.package_weights import WeightChange, write_changes
from sdedge.engines.protocol import LoraUse
from sdedge.errors import ModelError, OutputError
from sdedge.files import inside
from sdedge.json_values import read_json_file
from sdedge.library.manifest import Manifest

_VERSION = 1  # of what is written: another one makes other copies


@dataclass(frozen=True)
class AdaptedBundle:
    """The packages to use in place of a bundle's own, by component, and what is to be said of them."""

    packages: Mapping[str, Path] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def adapt_bundle(
    folder: Path, manifest: Manifest, uses: Sequence[LoraUse], find_model: FindModel | None = None
) -> AdaptedBundle:
    """Makes copies of the packages that LoRAs change, or finds those made before.

    Raises ModelError for a LoRA that does not fit, OutputError for a full disk; nothing half-written remains.
    """
    if not uses:
        return AdaptedBundle()
    changes = changes_of(folder, manifest, uses, find_model)
    packages, notices = {}, list(changes.notices)
    for name in changes.components:
        place = lora_folder() / _key(manifest, name, uses, changes)
        packages[name] = place / f"{Path(manifest.components[name].file).stem}-{place.name[:8]}.mlpackage"
        notices += _made(folder, manifest, name, changes.components[name], packages[name])
        remove_oldest({path.parent for path in packages.values()})
    return AdaptedBundle(packages, tuple(notices))


def _key(manifest: Manifest, component: str, uses: Sequence[LoraUse], changes: BundleChanges) -> str:
    """Returns a name for what a component becomes: of its package, the LoRAs, and what its weights are computed from."""
    exact = sorted(name for name, change in changes.components[component].items() if change.is_exact)
    network = str(network_of(component))
    try:
        parts = [_VERSION, manifest.components[component].sha256, network_weights(network, uses), exact]
    except OSError as error:
        raise ModelError(
            f"Cannot read the LoRA {error.filename}: {error.strerror or error}; check the disk."
        ) from error
    return hashlib.sha256(json.dumps([component, *parts]).encode()).hexdigest()[:24]


def _made(
    folder: Path, manifest: Manifest, component: str, changes: Mapping[str, WeightChange], target: Path
) -> list[str]:
    """Makes a copy unless it is there, and returns what was said when it was made."""
    place = target.parent
    with suppress(ModelError, OSError):
        notices = read_json_file(place / NOTICES)
        if target.is_dir() and isinstance(notices, list):
            os.utime(place / NOTICES)
            return [str(line) for line in notices]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=MAKING))
        try:
            package = temporary / target.name
            clone_folder(inside(folder, manifest.components[component].file), package)
            written = write_changes(package, changes)
            notices = list(outcome(manifest, component, written))
            (temporary / NOTICES).write_text(json.dumps(notices))
            _put(temporary, place)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"Cannot put the LoRA into a copy of {manifest.components[component].file} in {place.parent}: "
            f"{error.strerror or error}; free some space."
        ) from error
    return notices


def _put(temporary: Path, place: Path) -> None:
    """Gives a folder its name; of two processes that make the same, the later one takes the other's."""
    try:
        os.rename(temporary, place)
    except OSError:
        if (place / NOTICES).is_file():
            return
        shutil.rmtree(place, ignore_errors=True)  # of which a part was removed
        os.rename(temporary, place)
