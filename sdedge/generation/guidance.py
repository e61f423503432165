"""How a request is guided: by classifier-free guidance, by a picture and its instruction, or by a UNet that reads the scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sdedge.engines.protocol import Engine, ModelFacts
from sdedge.generation import speed
from sdedge.generation.regions import guided_by_region, with_regions
from sdedge.generation.requirements import INSTRUCT_CHANNELS
from sdedge.guides import chosen
from sdedge.models import layers
from sdedge.models.unet_inputs import FreeU
from sdedge.regions import RegionMethod
from sdedge.request import Request, Resolved
from sdedge.sampling.apg import AdaptiveProjectedGuidance
from sdedge.sampling.guidance import Branches, ClassifierFreeGuidance, Guide, prompt_branches
from sdedge.sampling.instruct import InstructGuidance, instruct_branches
from sdedge.sampling.pag import PerturbedAttentionGuidance, perturbed_branches
from sdedge.text.conditioning import Context
from sdedge.text.prompt import parse

IMAGE_GUIDANCE = 1.5
"""What suits InstructPix2Pix."""


def image_guidance(request: Request, facts: ModelFacts) -> float | None:
    """Returns how closely a request's model keeps to its picture; None, whatever is asked, for models that do not ask."""
    if facts.in_channels != INSTRUCT_CHANNELS:
        return None
    return IMAGE_GUIDANCE if request.image_guidance is None else request.image_guidance


def branches(
    engine: Engine, request: Resolved, contexts: Callable[[float], Context], channels: Tensor | None
) -> Branches:
    """Returns the conditions under which the UNet is evaluated, which all read `channels` beside the latents."""
    embedding, edits = guidance_embedding(request, engine.facts), (*speed.edits(engine, request), *_freeu(request))
    own = with_regions(prompt_branches(contexts, channels, embedding, edits), request, engine.facts.downscale, contexts)
    own = instruct_branches(own) if engine.facts.in_channels == INSTRUCT_CHANNELS else own
    return perturbed_branches(own) if chosen(request.guides, "pag") else own


def _freeu(request: Request) -> tuple[FreeU, ...]:
    numbers = chosen(request.guides, "freeu")
    return () if numbers is None else (FreeU(**numbers),)


def branch_count(request: Request, facts: ModelFacts) -> int:
    """Returns how many rows a step has for one picture at most: one a part of the prompt, and what they are weighed against.

    Regions whose predictions are blended have a row each; those by window are asked for row by row.
    """
    parts = len(parse(request.prompt).parts)
    more = parts if chosen(request.guides, "pag") else 0
    more += sum(region.by is RegionMethod.PREDICTION for region in request.regions)
    if facts.in_channels == INSTRUCT_CHANNELS:
        return parts + more + 2
    is_guided = parts > 1 or not (facts.guidance_channels or request.guidance == 1)
    return parts + more + is_guided


def guide(request: Resolved, facts: ModelFacts) -> Guide:
    """Returns what makes one output of the branches, on the whole canvas, the predictions of regions blended first.

    PAG adds to what the others make, and then rescales in their place. Each call makes a new one, since APG's serves one batch.
    """
    interval, pag = speed.guidance_interval(request), chosen(request.guides, "pag")
    own = _guide(request, facts, 0.0 if pag else request.guidance_rescale, interval)
    if pag:
        own = PerturbedAttentionGuidance(own, pag["scale"], request.guidance_rescale, interval)
    return guided_by_region(own, request, facts.downscale)


def _guide(request: Resolved, facts: ModelFacts, rescale: float, interval: tuple[float, float] | None) -> Guide:
    """Returns what guides; a UNet that reads the scale itself is not guided again."""
    if facts.in_channels == INSTRUCT_CHANNELS:
        picture = IMAGE_GUIDANCE if request.image_guidance is None else request.image_guidance
        return InstructGuidance(request.guidance, picture, rescale, interval)
    cfg = ClassifierFreeGuidance(1.0 if facts.guidance_channels else request.guidance, rescale, interval)
    apg = chosen(request.guides, "apg")
    return AdaptiveProjectedGuidance(cfg, apg["eta"], apg["norm"], apg["momentum"]) if apg else cfg


def without_effect(request: Resolved, facts: ModelFacts) -> str:
    """Returns a sentence for the user where a guide of the request changes nothing; "" where each does."""
    if chosen(request.guides, "apg") is None:
        return ""
    if facts.in_channels == INSTRUCT_CHANNELS:
        return f"The model {facts.name} is guided by its picture as well, so that apg has no effect."
    if facts.guidance_channels or request.guidance == 1:
        return "Nothing is guided away from the negative prompt here, so that apg has no effect."
    return ""


def guidance_embedding(request: Resolved, facts: ModelFacts) -> Tensor | None:
    """Embeds the guidance scale (1, D) for a UNet that reads it in place of an unconditional branch; None for others."""
    if not facts.guidance_channels:
        return None
    return layers.guidance_embedding(torch.tensor([request.guidance]), facts.guidance_channels)
