"""What a request's speed changes about drawing it; see `catalog.SPEEDS` for what each costs."""

from __future__ import annotations

from sdedge import catalog
from sdedge.backends.engine import Engine, PartialEngine
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


def taken(engine: Engine, request: Request) -> str:
    """The losses a picture took, in words for its facts; "" where it is exact."""
    info, words = catalog.SPEEDS[request.speed], []
    if info.reuse > 1 and isinstance(engine, PartialEngine):
        words.append(f"deep features shared by {info.reuse} steps")
    if info.guide_above and request.guidance_interval is None:
        words.append(f"no guidance below sigma {info.guide_above:g}")
    return ", ".join(words)


def untaken(engine: Engine, request: Request) -> str:
    """A sentence for the user where the engine cannot do all that the speed asks for; "" where it can."""
    if catalog.SPEEDS[request.speed].reuse == 1 or isinstance(engine, PartialEngine):
        return ""
    return f"The engine {engine.description} runs the UNet as a whole only: --speed {request.speed} reuses no features there."
