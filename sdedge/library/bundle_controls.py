"""The ControlNets that were converted with a model, as the bundle's manifest lists them. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.library.imports import hash_file, hash_of_folder
from sdedge.library.manifest import BundleComponent, Manifest, Port, is_bundle
from sdedge.library.models import EMBEDDED, Library
from sdedge.library.safe_settings import Installed, library_names
from sdedge.text.clean import shown
from sdedge.weights.control import ControlKind, open_control
from sdedge.weights.control_purpose import PHOTOS
from sdedge.weights.files import check_inside
from sdedge.weights.folders import existing

CONTROLNET = "controlnet_"
"""Begins the names of their components."""
CONTROLLED_UNETS = ("controlled_unet", "controlled_unet_chunk1", "controlled_unet_chunk2")
"""The components that take the residuals: the first, or the other two."""
HINT, RESIDUAL = "controlnet_cond", "additional_residual_"
_LONGEST = 200
"""Of a name in characters."""


@dataclass(frozen=True)
class ConvertedControl:
    """A ControlNet in a bundle.

    component     its name in the manifest
    sha256        of the file or folder it was made from
    use           what it was trained to read, such as "canny"; "" where nothing says it
    is_pooled     its residuals say nothing of places
    hint_channels, downscale   of the hint that it reads: channels, and pixels per latent cell along one axis
    """

    name: str
    component: str
    sha256: str
    use: str
    is_pooled: bool
    hint_channels: int
    downscale: int

    @property
    def kind(self) -> ControlKind:
        return ControlKind.CONTROLNET

    @property
    def purpose(self) -> str:
        """As `ControlModel.purpose`."""
        return self.use if self.use in PHOTOS else ""


def controlled_unets(manifest: Manifest) -> tuple[str, ...]:
    """Returns the components that are the controlled UNet, in the order they run; none where it was not converted."""
    unet, *chunks = CONTROLLED_UNETS
    if all(name in manifest.components for name in chunks):
        return tuple(chunks)
    return (unet,) if unet in manifest.components else ()


def converted_controls(manifest: Manifest) -> dict[str, ConvertedControl]:
    """Returns a bundle's ControlNets by name. Raises ModelError for one that is not described, or not made for its UNet."""
    parts = {name: part for name, part in manifest.components.items() if name.startswith(CONTROLNET)}
    controls = [_converted(manifest, name, part) for name, part in parts.items()]
    return {control.name: control for control in controls}


def _converted(manifest: Manifest, component: str, part: BundleComponent) -> ConvertedControl:
    record, hint, sample = part.figures.get("control"), part.inputs.get(HINT), part.inputs.get("sample")
    taken = {
        name: port.shape
        for unet in controlled_unets(manifest)
        for name, port in manifest.components[unet].inputs.items()
        if name.startswith(RESIDUAL)
    }
    outputs = {name: port.shape for name, port in part.outputs.items()}
    if not (_is_described(record) and _is_map(hint) and _is_map(sample)) or taken not in ({}, outputs):
        raise ModelError(
            f"The bundle {manifest.name} is damaged: it does not say what its {component.replace('_', ' ')} reads, or that is "
            "not made for its UNet; convert the model again.",
            field="controls",
        )
    assert isinstance(record, dict) and hint is not None and sample is not None
    downscale = (hint.shape[2] or 0) // (sample.shape[2] or 1)
    texts = {key: record[key] for key in ("name", "sha256", "use", "is_pooled")}
    return ConvertedControl(component=component, hint_channels=hint.shape[1] or 0, downscale=downscale, **texts)


def _is_described(record: object) -> bool:
    """Returns whether a record out of a manifest is such as the conversion writes."""
    if not isinstance(record, dict):
        return False
    texts = [record.get(key) for key in ("name", "sha256", "use")]
    is_texts = all(isinstance(text, str) and len(text) <= _LONGEST for text in texts)
    return is_texts and bool(texts[0]) and isinstance(record.get("is_pooled"), bool)


def _is_map(port: Port | None) -> bool:
    return port is not None and len(port.shape) == 4 and all(port.shape)


def find_converted(manifest: Manifest, name: str) -> ConvertedControl:
    """Returns the ControlNet of a bundle that is meant by its name, by a part of it that no other has, or by the path of the
    file that it was made from.

    Raises ModelError for a path of something else, and InvalidRequest where there is none such, or no UNet that takes controls.
    """
    controls = converted_controls(manifest)
    if not controlled_unets(manifest):
        raise _refused(manifest, "was converted without ControlledUnet, by which controls act", f", or {_SOURCE}")
    if (control := controls.get(name)) is not None:
        return control
    folded = name.casefold()
    same = [each for each in controls.values() if each.name.casefold() == folded]
    alike = same or [each for each in controls.values() if folded in each.name.casefold()]
    if len(alike) > 1:
        names = " and ".join(each.name for each in alike[:4])
        raise InvalidRequest(f"The ControlNet {shown(name)} may be {names}; write more of its name.", field="controls")
    if not alike and (path := existing(name)) is not None:
        open_control(path)  # what is no control model is told as such, and not read as a whole
        made_of = next((each for each in controls.values() if each.sha256 == _hash_at(path)), None)
        if made_of is None:
            raise _refused(manifest, f"has no ControlNet made of {shown(name)}", f", or {_SOURCE}")
        return made_of
    if not alike:
        there = f"it has {', '.join(controls)}" if controls else "it has none"
        raise _refused(manifest, f"has no ControlNet {shown(name)} ({there})", f", or {_SOURCE}")
    return alike[0]


_SOURCE = "draw with the model it was made from"


def _refused(manifest: Manifest, what: str, otherwise: str) -> InvalidRequest:
    return InvalidRequest(
        f"The bundle {manifest.name} {what}; {Remedy.CONVERT_CONTROLNET}{otherwise}.",
        field="controls",
        remedy=Remedy.CONVERT_CONTROLNET,
    )


def bundle_of(model: str) -> Manifest | None:
    """Returns the manifest of a model that is a bundle, by its path or installed name; None for other models, and for none."""
    path = existing(model)
    if path is None and model != EMBEDDED:
        library = Library()
        try:
            path = library.locate(model)
        except ModelError:
            return None
        finally:
            library.close()
    return Manifest.read(path) if path is not None and is_bundle(path) else None


def hash_of_control(path: Path) -> str:
    """Returns the SHA-256 of a control model's file, or one hash for the files of its folder. Raises ModelError, OutputError."""
    if path.is_file():
        return hash_file(path).sha256
    files = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    for file in files.values():
        check_inside(path, file)
    return hash_of_folder({name: hash_file(file) for name, file in files.items()})


def _hash_at(path: Path) -> str:
    status = path.stat()
    return _remembered(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _remembered(path: Path, changed: int, size: int) -> str:
    return hash_of_control(path)


def names_with_converted(model: str | None) -> Installed:
    """Returns `library_names`, to which the ControlNets of a model that is a bundle are names as well."""
    bundle = bundle_of(model) if model else None
    controls = converted_controls(bundle) if bundle is not None else {}
    return lambda name: library_names(name) or (name if name in controls else None)
