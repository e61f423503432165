"""A picture by an engine alone, as its VAE decodes it: for comparing engines, so nothing is rounded, saved or checked."""

from __future__ import annotations

from torch import Tensor

from sdedge.engines.protocol import Engine
from sdedge.generation.prompts import encode_prompts
from sdedge.generation.sample import decode, make_plan
from sdedge.request import Resolved
from sdedge.sampling.denoiser import Denoiser
from sdedge.sampling.guidance import ClassifierFreeGuidance, prompt_branches
from sdedge.sampling.noise import initial


def draw_plainly(engine: Engine, request: Resolved) -> Tensor:
    """Returns the picture of a request that has a prompt and guidance and nothing else: (3, H, W) in about [-1, 1]."""
    facts = engine.facts
    plan = make_plan(request, facts)
    shape = (facts.latent_channels, request.height // facts.downscale, request.width // facts.downscale)
    context = encode_prompts(engine, [request], plan.steps).along(plan.sigmas)
    guided = ClassifierFreeGuidance(request.guidance)
    denoise = Denoiser(engine.predict, prompt_branches(context), guided, plan)
    x = plan.start(initial([request.seed], shape, request.noise).to(engine.device))
    noise = plan.step_noise([request.seed], shape, request.noise, engine.device, x.dtype)
    for latest, _ in plan.run(denoise, x, noise):
        x = latest
    return decode(engine, plan.finish(x))[0].float().cpu()
