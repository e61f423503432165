"""A request's speed: what it changes about drawing. `catalog.SPEEDS` says what each costs."""

from __future__ import annotations

from dataclasses import replace

from sdedge import catalog
from sdedge.engines.protocol import Capability, Engine
from sdedge.errors import Remedy
from sdedge.generation.control_predictor import fitted_controls
from sdedge.models.config import ControlNetConfig
from sdedge.models.unet_inputs import Edit, TokenMerging
from sdedge.regions import RegionMethod
from sdedge.request import Request


def supported(engine: Engine, request: Request) -> catalog.SpeedInfo:
    """Returns the request's speed without what the engine cannot do.

    Tokens are not merged across regions, and windows share no features: those of all of them would be as large as the canvas.
    A region that is drawn in a window of its own has other features than the canvas.
    """
    info = catalog.SPEEDS[request.speed]
    is_whole = request.windows is None or request.windows.covers(request.width, request.height)
    is_whole &= not any(region.by is RegionMethod.WINDOW for region in request.regions)
    reuse = info.reuse if Capability.FEATURE_REUSE in engine.can and is_whole else 1
    merges = Capability.TOKEN_MERGING in engine.can and not request.regions
    return replace(info, reuse=reuse, merge=info.merge if merges else 0.0)


def guidance_interval(request: Request) -> tuple[float, float] | None:
    """Returns the sigmas that are guided, None for all of them: the request's own choice comes before its speed's."""
    above = catalog.SPEEDS[request.speed].guide_above
    return request.guidance_interval or ((above, float("inf")) if above else None)


def edits(engine: Engine, request: Request) -> tuple[Edit, ...]:
    """Returns the merging of as many tokens as the request's speed says, if the engine can."""
    ratio = supported(engine, request).merge
    return (TokenMerging(ratio),) if ratio else ()


def losses(engine: Engine, request: Request) -> str:
    """Describes for a picture's facts what its speed cost it; "" where it is exact."""
    info, phrases = supported(engine, request), []
    if info.reuse > 1:
        phrases.append(f"deep features shared by {info.reuse} steps")
        if any(isinstance(each.config, ControlNetConfig) for each in fitted_controls(engine, request)):
            phrases.append(f"control residuals shared by {info.reuse} steps")
    if info.merge:
        phrases.append(f"{info.merge:.0%} of the tokens merged in the highest self attention")
    if info.guide_above and request.guidance_interval is None and not engine.facts.guidance_channels:
        phrases.append(f"no guidance below sigma {info.guide_above:g}")
    return ", ".join(phrases)


def unsupported(engine: Engine, request: Request) -> str:
    """Returns a sentence for the user where the engine cannot do all that the speed asks for; "" where it can."""
    wanted, info, missing = catalog.SPEEDS[request.speed], supported(engine, request), []
    if wanted.reuse != info.reuse and Capability.FEATURE_REUSE not in engine.can:
        missing.append("reuses no features")
    if wanted.merge != info.merge and Capability.TOKEN_MERGING not in engine.can:
        missing.append("merges no tokens")
    if not missing:
        return ""
    chosen = Remedy.SPEED.format(name=request.speed)
    return f"The engine {engine.description} {' and '.join(missing)}, which {chosen} does elsewhere."
