"""Whole pictures of a converted bundle and of torch, and what they show."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.protocol import Engine
from sdedge.evaluation.obedience import obedience
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.request import Request
from sdedge.training.tally import Tally


def draw(engine: Engine, prompt: str, seed: int, steps: int) -> Tensor:
    """Draws a whole picture of a bundle's size and returns it, (H, W, 3) of 0 … 255 in float32."""
    W, H = engine.facts.width, engine.facts.height
    request = Request(prompt=prompt, model=engine.facts.name, seed=seed, steps=steps, width=W, height=H, safety=None)
    pipeline = Pipeline(lambda model, vae: engine)
    pixels = next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))
    return torch.from_numpy(pixels.astype(np.float32))


def obeyed(engine: Engine, pictures: int) -> dict[str, float]:
    """Returns the share of the facts of held-out prompts that the engine's pictures show."""
    pipeline = Pipeline(lambda model, vae: engine)
    tally = Tally()
    for drawn in obedience(pipeline, Request(prompt="", model=engine.facts.name), pictures, seeds=(1,)):
        tally.add(drawn.answers)
    return {name: round(fraction, 4) for name, fraction in tally.fractions().items()}
