"""How a request is guided: by classifier-free guidance, or by a UNet that reads the scale itself."""

from __future__ import annotations

import torch
from torch import Tensor

from sdedge.engines.protocol import ModelFacts
from sdedge.generation import speed
from sdedge.models import layers
from sdedge.request import Resolved
from sdedge.sampling.guidance import ClassifierFreeGuidance, Guide


def guide(request: Resolved, facts: ModelFacts) -> Guide:
    """Returns what makes one output of the branches; a UNet that reads the scale itself is not guided again."""
    scale = 1.0 if facts.guidance_channels else request.guidance
    return ClassifierFreeGuidance(scale, request.guidance_rescale, speed.guidance_interval(request))


def guidance_embedding(request: Resolved, facts: ModelFacts) -> Tensor | None:
    """Embeds the guidance scale (1, D) for a UNet that reads it in place of an unconditional branch; None for others."""
    if not facts.guidance_channels:
        return None
    return layers.guidance_embedding(torch.tensor([request.guidance]), facts.guidance_channels)
