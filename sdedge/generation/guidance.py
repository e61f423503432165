"""How a request is guided: by classifier-free guidance, by a picture and its instruction, or by a UNet that reads the scale."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from sdedge.engines.protocol import Engine, ModelFacts
from sdedge.generation import speed
from sdedge.generation.regions import guided_by_region, with_regions
from sdedge.generation.requirements import INSTRUCT_CHANNELS
from sdedge.models import layers
from sdedge.request import Request, Resolved
from sdedge.sampling.guidance import Branches, ClassifierFreeGuidance, Guide, prompt_branches
from sdedge.sampling.instruct import InstructGuidance, instruct_branches
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
    embedding, edits = guidance_embedding(request, engine.facts), speed.edits(engine, request)
    prompts = with_regions(
        prompt_branches(contexts, channels, embedding, edits), request, engine.facts.downscale, contexts
    )
    return instruct_branches(prompts) if engine.facts.in_channels == INSTRUCT_CHANNELS else prompts


def branch_count(request: Request, facts: ModelFacts) -> int:
    """Returns how many rows a step has for one picture at most: one a part of the prompt, and what they are weighed against."""
    parts = len(parse(request.prompt).parts)
    if facts.in_channels == INSTRUCT_CHANNELS:
        return parts + 2
    is_guided = parts > 1 or not (facts.guidance_channels or request.guidance == 1)
    return parts + is_guided


def guide(request: Resolved, facts: ModelFacts) -> Guide:
    """Returns what makes one output of the branches, on the whole canvas, the predictions of regions blended first."""
    return guided_by_region(_guide(request, facts), request, facts.downscale)


def _guide(request: Resolved, facts: ModelFacts) -> Guide:
    """Returns what guides; a UNet that reads the scale itself is not guided again."""
    interval = speed.guidance_interval(request)
    if facts.in_channels == INSTRUCT_CHANNELS:
        picture = IMAGE_GUIDANCE if request.image_guidance is None else request.image_guidance
        return InstructGuidance(request.guidance, picture, request.guidance_rescale, interval)
    scale = 1.0 if facts.guidance_channels else request.guidance
    return ClassifierFreeGuidance(scale, request.guidance_rescale, interval)


def guidance_embedding(request: Resolved, facts: ModelFacts) -> Tensor | None:
    """Embeds the guidance scale (1, D) for a UNet that reads it in place of an unconditional branch; None for others."""
    if not facts.guidance_channels:
        return None
    return layers.guidance_embedding(torch.tensor([request.guidance]), facts.guidance_channels)
