"""What a request needs of its engine beyond the calls that all engines answer: asked once, before anything is drawn. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sdedge.engines.capability import Capability
from sdedge.errors import InvalidRequest, Remedy
from sdedge.passes import Pass
from sdedge.regions import RegionMethod
from sdedge.request import Request
from sdedge.text.tags import extract_loras

if TYPE_CHECKING:
    from sdedge.engines.protocol import Engine

INPAINTING_CHANNELS = 9
"""What the UNet of an inpainting checkpoint reads: latents, mask, and the latents of the masked picture."""
INSTRUCT_CHANNELS = 8
"""What the UNet of an InstructPix2Pix checkpoint reads: latents, and those of the picture that is to be changed."""

_REGIONS_NEED = {RegionMethod.ATTENTION: Capability.REGION_MASKS, RegionMethod.WINDOW: Capability.WINDOWS}
"""What an engine needs for regions; the UNet by itself is enough for those by prediction."""


class ModelInputs(Protocol):
    """What a model reads: the part of `ModelFacts` that decides what is needed."""

    @property
    def name(self) -> str: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def guidance_channels(self) -> int: ...


@dataclass(frozen=True)
class Need:
    """A capability without which a request cannot be drawn; the sentence says what the engine cannot do, and what to do."""

    capability: Capability
    sentence: str
    field: str = ""
    remedy: Remedy | None = None


def needs(request: Request, facts: ModelInputs) -> Iterator[Need]:
    """Yields what a request for a model needs. What only makes it faster (`generation.speed`) is not among them.

    Raises InvalidRequest for a LoRA tag in the prompt that cannot be read.
    """
    if request.image is not None or facts.in_channels == INPAINTING_CHANNELS:
        yield Need(
            Capability.ENCODE,
            f"cannot read pictures without a VAE encoder; {Remedy.CONVERT_WITH_ENCODER}.",
            "image" if request.image is not None else "model",
            Remedy.CONVERT_WITH_ENCODER,
        )
    if any(_encodes(each, request) for each in request.passes):
        yield Need(
            Capability.ENCODE,
            f"enlarges no pixels to draw them again without a VAE encoder; enlarge latents, or {Remedy.CONVERT_WITH_ENCODER}.",
            "passes",
            Remedy.CONVERT_WITH_ENCODER,
        )
    if request.clip_skip > 1:
        layer = Capability.PENULTIMATE_LAYER if request.clip_skip == 2 else Capability.EARLIER_LAYERS
        yield Need(
            layer, f"cannot do clip skip {request.clip_skip}; lower it, or use the model it was made from.", "clip_skip"
        )
    if loras := extract_loras(request.prompt)[1]:
        yield Need(
            Capability.LORAS,
            f"cannot take the LoRA {loras[0].name}: its weights are fixed; {Remedy.CONVERT_WITH_LORA}, or use the model it "
            "was made from.",
            "prompt",
            Remedy.CONVERT_WITH_LORA,
        )
    if request.tiling:
        yield Need(Capability.TILING, "cannot draw seamless tiles; turn tiling off.", "tiling")
    yield from _guide_needs(request)
    if request.windows is not None:
        yield Need(
            Capability.WINDOWS,
            f"draws pictures as a whole only, at the sizes it was converted for; {Remedy.OTHER_ENGINE}.",
            "windows",
            Remedy.OTHER_ENGINE,
        )
    if request.controls:
        yield Need(
            Capability.RESIDUALS,
            f"draws without control models: it has no ControlledUnet; {Remedy.CONVERT_CONTROLNET}, or draw with the model it was "
            "made from.",
            "controls",
            Remedy.CONVERT_CONTROLNET,
        )
    for by in {region.by for region in request.regions} & {*_REGIONS_NEED}:
        yield Need(
            _REGIONS_NEED[by],
            f"cannot draw regions by {by}; {Remedy.BLEND_REGIONS}, or {Remedy.OTHER_ENGINE}.",
            "regions",
            Remedy.BLEND_REGIONS,
        )
    if facts.guidance_channels:
        yield Need(
            Capability.GUIDANCE_EMBEDDING,
            f"cannot tell the guidance scale to the model {facts.name}, which reads it; {Remedy.OTHER_ENGINE}.",
            remedy=Remedy.OTHER_ENGINE,
        )


def _encodes(each: Pass, request: Request) -> bool:
    """Returns whether a pass denoises pixels."""
    is_latent = each.enlarge is not None and each.enlarge.is_latent
    return not is_latent and each.changes.get("strength", request.strength) != 0


def _guide_needs(request: Request) -> Iterator[Need]:
    """Yields what the guides of a request need inside the UNet; APG needs nothing there."""
    capabilities = {"pag": Capability.IDENTITY_ATTENTION, "freeu": Capability.FREEU}
    for guide in request.guides:
        if guide.name in capabilities:
            sentence = f"cannot draw with {guide.name}, which changes the UNet inside; {Remedy.OTHER_ENGINE}."
            yield Need(capabilities[guide.name], sentence, "guides", Remedy.OTHER_ENGINE)


def unmet(request: Request, facts: ModelInputs, can: frozenset[Capability]) -> Iterator[Need]:
    """Yields what a request needs and what is not among the things that an engine can do."""
    return (need for need in needs(request, facts) if need.capability not in can)


def refuse_unsupported(engine: Engine, request: Request) -> None:
    """Raises InvalidRequest, by name, for the first thing that a request needs and its engine cannot do."""
    if engine.facts.in_channels == INSTRUCT_CHANNELS and request.image is None:
        raise InvalidRequest(
            f"The model {engine.facts.name} changes a picture by an instruction; {Remedy.GIVE_IMAGE}.",
            field="image",
            remedy=Remedy.GIVE_IMAGE,
        )
    if engine.facts.in_channels == INSTRUCT_CHANNELS and request.passes:
        raise InvalidRequest(
            f"The model {engine.facts.name} changes a picture by an instruction and draws no second pass; leave the passes out.",
            field="passes",
        )
    if engine.facts.in_channels == INSTRUCT_CHANNELS and request.soft_mask and request.mask is not None:
        raise InvalidRequest(
            f"The model {engine.facts.name} changes a picture by an instruction and begins with noise, so that a mask's grey "
            "cannot be strength; use a hard mask.",
            field="soft_mask",
        )
    for need in unmet(request, engine.facts, engine.can):
        raise InvalidRequest(f"The engine {engine.description} {need.sentence}", field=need.field, remedy=need.remedy)
