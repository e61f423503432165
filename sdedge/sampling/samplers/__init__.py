"""The samplers by their canonical names; `sdedge.catalog.SAMPLERS` describes them, `needs` says what each needs of a plan."""

from __future__ import annotations

from sdedge.sampling.samplers.contract import Denoise, Sampler, StepNoise, Steps
from sdedge.sampling.samplers.needs import NEEDS, SamplerNeeds

SAMPLERS: dict[str, Sampler] = {name: needs.function for name, needs in NEEDS.items()}

__all__ = ["NEEDS", "SAMPLERS", "Denoise", "Sampler", "SamplerNeeds", "StepNoise", "Steps"]
