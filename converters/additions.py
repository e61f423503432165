"""ControlNets for a bundle that is there: its own choices, and a refusal before anything is written where they do not hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from converters import bundle as bundle_files
from converters.coreml import convert_source
from converters.fitting import in_words
from converters.recipe import PackageRecipe
from converters.source import open_source
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.events import Event, Loading
from sdedge.library.manifest import Manifest


def add_controlnets(
    bundle: Path, manifest: Manifest, names: Sequence[str], model: str, loras: Sequence[tuple[Path, float]] = ()
) -> Iterator[Event]:
    """Adds packages of ControlNets to a bundle, and of a UNet that takes them where it has none; yields as `convert` does.

    `model` and `loras` are those that the bundle was made of. Raises ModelError where they are not, or a ControlNet does not
    fit, and InvalidRequest for a bundle of another kind; then the bundle is as it was.
    """
    if manifest.kind != "coreml":
        raise InvalidRequest(
            f"The bundle {bundle} holds graphs for MPS, which take no controls; convert its model to Core ML, or draw with the "
            "model."
        )
    recipe = _recipe(manifest, tuple(names), tuple(loras))
    yield Loading("opening the model")
    source = open_source(model, recipe.loras, recipe.controlnets)
    _check_source(bundle, manifest, model, source.identify(manifest.source), recipe)
    yield from convert_source(source, bundle, recipe)


def _recipe(manifest: Manifest, names: tuple[str, ...], loras: tuple[tuple[Path, float], ...]) -> PackageRecipe:
    """Returns the choices of a bundle, for its UNet that takes controls and some ControlNets. Raises ModelError."""
    made = manifest.recipe
    try:
        return PackageRecipe(
            sizes=manifest.sizes,
            attention=str(made["attention"]),
            target=str(made["target"]),
            compute_units=str(made["compute_units"]),
            batch=int(made["batch"]),
            compress=str(made["compress"]),
            chunk=made["chunk"] is True,
            components=("controlled_unet",),
            loras=loras,
            controlnets=names,
        )
    except (KeyError, TypeError, ValueError, InvalidRequest) as error:
        raise ModelError(
            f"The bundle {manifest.name} does not say how it was made ({str(error).rstrip('.'):.200}); convert the model again."
        ) from error


def _check_source(
    bundle: Path, manifest: Manifest, model: str, identity: dict[str, object], recipe: PackageRecipe
) -> None:
    """Raises ModelError where a bundle was made of other files, or by a version whose packages do not belong with this one's."""
    if identity["sha256"] != manifest.source.get("sha256"):
        raise ModelError(
            f"The bundle was made from other weights than {model}; {Remedy.NAME_ITS_MODEL}.",
            remedy=Remedy.NAME_ITS_MODEL,
        )
    if identity["loras"] != manifest.source.get("loras"):
        fused = ", ".join(f"{name!s:.80}:{weight!s:.20}" for name, weight in manifest.recipe.get("loras", [])) or "none"
        raise ModelError(f"The bundle has these LoRAs fused: {fused}; {Remedy.SAME_LORAS}.", remedy=Remedy.SAME_LORAS)
    _, misfits = bundle_files.parts(bundle, identity, recipe)
    odd = {name: choices for name, choices in misfits.items() if name in manifest.components}
    if any("converter" in choices for choices in odd.values()):
        raise ModelError(
            f"The bundle {manifest.name} was made by another version of sdedge, whose packages do not belong with new ones; "
            "convert the model again."
        )
    if odd:
        raise ModelError(
            f"The bundle {manifest.name} has parts that were made with other choices than it names, so that ControlNets would "
            f"not fit: {', '.join(in_words(name, choices) for name, choices in odd.items())}; convert the model again."
        )
