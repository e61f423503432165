"""What a request's speed changes about drawing it; see `catalog.SPEEDS` for what each costs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

from sdedge import catalog
from sdedge.engines.protocol import Engine, MergingEngine, PartialEngine
from sdedge.errors import Remedy
from sdedge.request import Request
from sdedge.sampling.denoiser import Predict
from sdedge.sampling.presets import Plan
from sdedge.sampling.reuse import Reuse


def predictor(engine: Engine, request: Request, plan: Plan) -> Predict:
    """What predicts for one batch: the engine, whole at every call, or reusing features along the plan's levels.

    An engine that runs the UNet as a whole only is as exact, and as slow, as ever.
    """
    info = catalog.SPEEDS[request.speed]
    if info.reuse == 1 or not isinstance(engine, PartialEngine):
        return engine.predict
    timesteps = [plan.timestep(sigma) for sigma in plan.sigmas[:-1]]
    return Reuse(engine.predict_partly, timesteps, info.reuse)


def guidance_interval(request: Request) -> tuple[float, float] | None:
    """The sigmas that are guided: the request's own choice before its speed's."""
    above = catalog.SPEEDS[request.speed].guide_above
    return request.guidance_interval or ((above, float("inf")) if above else None)


@contextmanager
def merging(engine: Engine, request: Request) -> Iterator[None]:
    """Within: the engine merges as many tokens as the request's speed says, if it can; afterwards none."""
    ratio = catalog.SPEEDS[request.speed].merge
    if not (ratio and _merges(engine)):
        yield
        return
    engine.set_merging(ratio)
    try:
        yield
    finally:
        engine.set_merging(0)


def taken(engine: Engine, request: Request) -> str:
    """The losses a picture took, in words for its facts; "" where it is exact."""
    info, words = catalog.SPEEDS[request.speed], []
    if info.reuse > 1 and isinstance(engine, PartialEngine):
        words.append(f"deep features shared by {info.reuse} steps")
    if info.merge and _merges(engine):
        words.append(f"{info.merge:.0%} of the tokens merged in the highest self attention")
    if info.guide_above and request.guidance_interval is None and not engine.facts.guidance_channels:
        words.append(f"no guidance below sigma {info.guide_above:g}")
    return ", ".join(words)


def untaken(engine: Engine, request: Request) -> str:
    """A sentence for the user where the engine cannot do all that the speed asks for; "" where it can."""
    info, missing = catalog.SPEEDS[request.speed], []
    if info.reuse > 1 and not isinstance(engine, PartialEngine):
        missing.append("reuses no features")
    if info.merge and not _merges(engine):
        missing.append("merges no tokens")
    if not missing:
        return ""
    chosen = Remedy.SPEED.format(name=request.speed)
    return f"The engine {engine.description} {' and '.join(missing)}, which {chosen} does elsewhere."


def _merges(engine: Engine) -> TypeGuard[MergingEngine]:
    return isinstance(engine, MergingEngine) and engine.merges
