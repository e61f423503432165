"""What a converted bundle can draw, as its manifest says: known before an engine opens it. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdedge.engines.capability import Capability
from sdedge.errors import InvalidRequest, Remedy
from sdedge.library.bundle_controls import controlled_unets, find_converted
from sdedge.library.manifest import Manifest

BUNDLE_CAPABILITIES: Mapping[str, frozenset[Capability]] = {
    "coreml": frozenset({Capability.NEAREST_SIZE, Capability.LORAS}),
    "graph": frozenset({Capability.NEAREST_SIZE, Capability.PENULTIMATE_LAYER}),
}
"""By the manifest's kind: what every bundle of it can."""
LATENT_UNIT = 8
"""Latent cells: a dynamic graph's sides are multiples of these, as often as its UNet halves them."""


def bundle_capabilities(manifest: Manifest) -> frozenset[Capability]:
    """Returns what a bundle can, by its kind and the components that were converted."""
    encode = {Capability.ENCODE} if "vae_encoder" in manifest.components else set()
    is_controlled = manifest.kind == "coreml" and bool(controlled_unets(manifest))
    controls = {Capability.CONVERTED_CONTROLS, Capability.RESIDUALS} if is_controlled else set()
    return BUNDLE_CAPABILITIES[manifest.kind] | encode | controls


def check_bundle_controls(manifest: Manifest, names: Sequence[str]) -> None:
    """Raises InvalidRequest for a control that is no ControlNet of a bundle."""
    for name in names:
        find_converted(manifest, name)


def check_bundle_size(manifest: Manifest, width: int | None, height: int | None) -> None:
    """Raises InvalidRequest for a size in pixels that a bundle does not draw: one of a list, or within a graph's range."""
    if draws_size(manifest, width, height):
        return
    drawn = ", ".join(f"{w}x{h}" for w, h in manifest.sizes)
    if manifest.kind == "graph":
        least, most, unit = size_range(manifest)
        drawn = f"multiples of {unit} from {least} to {most} pixels"
    raise InvalidRequest(
        f"The bundle {manifest.facts['name']} draws {drawn}, not {width or 'any'}x{height or 'any'}; choose such a size, or "
        f"{Remedy.CONVERT_OTHER_SIZES}.",
        field="width",
        remedy=Remedy.CONVERT_OTHER_SIZES,
    )


def longest_context(manifest: Manifest) -> int | None:
    """Returns how many tokens the UNet of a bundle takes, 77 for each chunk of a prompt; None where it does not say."""
    if manifest.kind == "graph":
        tokens = manifest.recipe.get("tokens")
    else:
        names = ("unet_chunk1", "unet", "controlled_unet_chunk1", "controlled_unet")
        unet = next((manifest.components[name] for name in names if name in manifest.components), None)
        context = unet.inputs.get("encoder_hidden_states") if unet is not None else None
        tokens = context.shape[-1] if context is not None and context.shape else None
    return tokens if isinstance(tokens, int) else None


def draws_size(manifest: Manifest, width: int | None, height: int | None) -> bool:
    """Returns whether a bundle draws pictures of this size in pixels; a side that is None is left to the engine."""
    if manifest.kind != "graph":
        return any(width in (None, w) and height in (None, h) for w, h in manifest.sizes)
    least, most, unit = size_range(manifest)
    return all(side % unit == 0 and least <= side <= most for side in (width, height) if side is not None)


def size_range(manifest: Manifest) -> tuple[int, int, int]:
    """Returns the shortest and the longest side of a graph's pictures and what they are multiples of, in pixels."""
    (least, _), (most, _) = manifest.sizes[0], manifest.sizes[-1]
    return least, most, LATENT_UNIT * int(manifest.facts["downscale"])
