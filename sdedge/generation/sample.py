"""The path of one batch: noise, sigmas, prompts, steps, and pixels out of the latents."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from sdedge import catalog
from sdedge.engines.protocol import Engine, ModelFacts
from sdedge.errors import Remedy, SdedgeError
from sdedge.events import Event, Step
from sdedge.generation.guidance import branches, guide
from sdedge.generation.img2img import SourceImage
from sdedge.generation.journaled import RecordedRun
from sdedge.generation.predictors import predictor
from sdedge.generation.prompts import PreparedRequest, encode_prompts
from sdedge.generation.start import Start
from sdedge.images.convert import to_pixels
from sdedge.images.preview import data_uri, preview
from sdedge.request import Request, Resolved
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.presets import SamplingPlan, sampling_plan
from sdedge.sampling.samplers import Denoise


def sample(
    engine: Engine, group: Sequence[PreparedRequest], start: Start, source: SourceImage | None, previews: bool
) -> Generator[Event, None, Tensor]:
    """Denoises one batch of pictures, which differ only in their seeds and prompts, and yields a Step after each step.

    Returns scaled latents (B, 4, h, w). Raises SdedgeError when they are not numbers.
    """
    requests = [prepared.request for prepared in group]
    request, facts, first = requests[0], engine.facts, group[0]
    if start.strength == 0 and start.latent is not None:
        return start.latent

    # The sigmas: all of them from noise, the last part of them from a picture.
    sampling, prompt_steps = plan_from(start, request, facts)
    noise = start.step_noise(sampling, [request.seed for request in requests], request.noise)

    # denoise(x, sigma) -> x0: the UNet under every branch of the prompts, guided, and the picture outside a mask.
    contexts = encode_prompts(engine, requests, prompt_steps).along(sampling.sigmas)
    conditions = branches(engine, request, contexts, start.channels)
    guided = guide(request, facts)
    denoise: Denoise = Denoiser(predictor(engine, request, sampling, source), conditions, guided, sampling)
    run = RecordedRun.begin(engine, group, sampling, guided)
    denoise = run.wrap(denoise)
    denoise = start.preserve_unmasked(denoise, noise, sampling)

    # The sampler's steps.
    x = sampling.start(start.noise, None if start.strength is None else start.latent)
    yield from run.opening()
    for i, (latest, x0) in enumerate(sampling.run(denoise, x, noise)):
        picture = data_uri(preview(x0[:1], facts.preview)[0]) if previews else None
        total = max(sampling.yields or 0, i + 1)
        step = Step(i + 1, total, first.index, len(group), picture, first.pass_number, first.passes)
        yield from run.events_of(step)
        x = latest
    x = start.keep(sampling.finish(x))
    _check_latents(engine, request, x)
    return x


def _check_latents(engine: Engine, request: Resolved, latents: Tensor) -> None:
    if not torch.isfinite(latents).all():
        raise SdedgeError(
            f"The {engine.description} UNet gave values that are not numbers at {request.width}x{request.height}; "
            f"{Remedy.FLOAT32}.",
            remedy=Remedy.FLOAT32,
        )


def plan_from(start: Start, request: Resolved, facts: ModelFacts) -> tuple[SamplingPlan, int]:
    """Returns the sigmas that a batch runs, and the number of steps over which its prompts change."""
    if start.strength is None:
        plan = make_plan(request, facts)
        return plan, plan.steps
    plan = make_plan(request, facts, start.strength, start.all_steps)
    return plan, plan.full_steps


def make_plan(
    request: Request, facts: ModelFacts, strength: float | None = None, all_steps: bool = False
) -> SamplingPlan:
    """Returns the sigmas and options of a resolved request, from noise or with a strength from a picture.

    With `all_steps` a strength leaves as many steps as the request has, where the preset knows such passes.

    Raises InvalidRequest for pairs that do not go together.
    """
    return sampling_plan(
        request.sampler,
        request.schedule,
        request.steps,
        preset=request.preset,
        noise_schedule=facts.schedule,
        strength=strength,
        all_steps=all_steps,
        sigmas=request.sigmas,
        timesteps=request.timesteps,
        options={**request.options, **({} if request.eta is None else {"eta": request.eta})},
    )


def decode_pixels(engine: Engine, request: Resolved, latent: Tensor) -> np.ndarray:
    """Decodes one scaled latent (1, 4, h, w) to pixels (H, W, 3)."""
    return to_pixels(decode(engine, latent), catalog.PRESETS[request.preset].rounding)[0]


def decode(engine: Engine, latents: Tensor) -> Tensor:
    """Decodes and insists on numbers: a black picture is never saved silently."""
    images = engine.decode(latents)
    if not torch.isfinite(images).all():
        raise SdedgeError(
            f"The {engine.description} VAE gave values that are not numbers; {Remedy.FLOAT32} or another VAE.",
            remedy=Remedy.FLOAT32,
        )
    return images
