"""What a request needs of its engine beyond the calls that all engines answer: asked once, before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdedge.engines.protocol import Capability, Engine, ModelFacts
from sdedge.errors import InvalidRequest, Remedy
from sdedge.request import Request


@dataclass(frozen=True)
class Need:
    """A capability without which a request cannot be drawn; the sentence says what the engine cannot do, and what to do."""

    capability: Capability
    sentence: str
    field: str = ""
    remedy: Remedy | None = None


def needs(request: Request, facts: ModelFacts) -> Iterator[Need]:
    """Yields what a request for a model needs. What only makes it faster (`generation.speed`) is not among them."""
    if request.tiling:
        yield Need(Capability.TILING, "cannot draw seamless tiles; turn tiling off.", "tiling")
    if facts.guidance_channels:
        yield Need(
            Capability.GUIDANCE_EMBEDDING,
            f"cannot tell the guidance scale to the model {facts.name}, which reads it; {Remedy.OTHER_ENGINE}.",
            remedy=Remedy.OTHER_ENGINE,
        )


def residual_needs(feature: str, field: str) -> Iterator[Need]:
    """Yields what a feature needs whose own networks add to the UNet's maps, such as control nets and adapters."""
    for capability, lack in (
        (Capability.ADDED_COMPONENTS, "run networks beside the model's own"),
        (Capability.RESIDUALS, "add to what the UNet computes"),
    ):
        sentence = (
            f"cannot {lack}, which {feature} need; leave them out, or use the model that the bundle was made from."
        )
        yield Need(capability, sentence, field)


def refuse_unsupported(engine: Engine, request: Request) -> None:
    """Raises InvalidRequest, by name, for the first thing that a request needs and its engine cannot do."""
    for need in needs(request, engine.facts):
        if need.capability not in engine.can:
            raise InvalidRequest(
                f"The engine {engine.description} {need.sentence}", field=need.field, remedy=need.remedy
            )
