"""What is known of a request before its first step and is to be said of it, whether it is drawn or only tried."""

from __future__ import annotations

from collections.abc import Iterator

from sdedge.engines.protocol import Engine
from sdedge.generation import control_predictor, img2img, speed
from sdedge.generation.guidance import without_effect
from sdedge.request import Request, Resolved


def known_before(
    engine: Engine, request: Request, resolved: Resolved, source: img2img.SourceImage | None
) -> Iterator[str]:
    """Yields what is to be said of a request, of which `resolved` is what the pipeline made, in sentences; its controls are
    attached to the engine. Raises ModelError and InvalidRequest for controls that do not fit."""
    yield from control_predictor.attach(engine, resolved, source)
    yield from (*engine.facts.report, *(source.notices if source else ()))
    yield from filter(
        None,
        (
            img2img.size_notice(request, resolved, source, engine),
            speed.unsupported(engine, resolved),
            without_effect(resolved, engine.facts),
        ),
    )
    if engine.facts.guidance_channels and request.negative:
        yield f"The model {engine.facts.name} reads the guidance scale itself and no negative prompt; it is left out."
    if request.image_guidance is not None and resolved.image_guidance is None:
        yield (
            f"The model {engine.facts.name} is not InstructPix2Pix; its image guidance {request.image_guidance:g} has no effect."
        )
