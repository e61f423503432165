"""What predicts for one batch: functions around the engine's `predict`, ordered here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

from sdedge.engines.protocol import Engine
from sdedge.generation import speed
from sdedge.generation.control_predictor import controlled
from sdedge.generation.img2img import SourceImage
from sdedge.generation.region_windows import region_windows
from sdedge.generation.windowed import windowed
from sdedge.models.unet_inputs import Predict
from sdedge.request import Request, Resolved
from sdedge.sampling.presets import SamplingPlan
from sdedge.sampling.reuse import reused, step_finder


def predictor(engine: Engine, request: Resolved, sampling: SamplingPlan, source: SourceImage | None = None) -> Predict:
    """Wraps the engine's `predict` in what the request asks for, innermost first.

    What is nearer to the engine sees every row of every branch; a wrapper's state is of this batch and goes with it. `source`
    is the picture to start from, which controls may read.
    """
    predict: Predict = engine.predict
    every = speed.supported(engine, request).reuse
    timesteps = [sampling.timestep(sigma) for sigma in sampling.sigmas[:-1]]
    if every > 1:
        predict = reused(engine.predict_partly, timesteps, every)  # in place of `predict`, which it calls in part
    predict = controlled(predict, engine, request, timesteps, source, every)
    facts = engine.facts
    predict = region_windows(
        predict, request, facts.downscale, (facts.height // facts.downscale, facts.width // facts.downscale)
    )
    return windowed(predict, request, facts.downscale, timesteps)


def block_finder(engine: Engine, request: Request, sampling: SamplingPlan) -> Callable[[float], int] | None:
    """Returns a function from a sigma to the block of steps that share features or residuals; None where every call is whole."""
    every = speed.supported(engine, request).reuse
    if every == 1:
        return None
    step = step_finder([sampling.timestep(sigma) for sigma in sampling.sigmas[:-1]])
    return lambda sigma: step(sampling.timestep(sigma)) // every
