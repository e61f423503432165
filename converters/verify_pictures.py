"""Whole pictures of a converted bundle and of torch, and what they show."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from converters.synthetic_picture import with_picture
from sdedge.engines.protocol import Engine
from sdedge.evaluation.obedience import obedience
from sdedge.evaluation.tally import Tally
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.library.manifest import Manifest
from sdedge.request import Request

LATENT_CHANNELS = 4


def draws(manifest: Manifest) -> bool:
    """Returns whether a bundle holds all that a picture of its model needs: a UNet that reads more than latents is given an
    encoded picture as well.
    """
    held, channels = manifest.components.keys(), manifest.facts.get("in_channels", LATENT_CHANNELS)
    needed = {"text_encoder", "vae_decoder", *(["vae_encoder"] if channels != LATENT_CHANNELS else [])}
    return needed <= held and ("unet" in held or {"unet_chunk1", "unet_chunk2"} <= held)


def draw(engine: Engine, prompt: str, seed: int, steps: int, size: tuple[int, int]) -> Tensor:
    """Draws a whole picture of a size (width, height), which is a bundle's and may not be its model's own; returns it,
    (H, W, 3) of 0 … 255 in float32."""
    W, H = size
    request = Request(prompt=prompt, model=engine.facts.name, seed=seed, steps=steps, width=W, height=H, safety=None)
    pipeline = Pipeline(lambda model, vae: engine)
    with with_picture(request, engine.facts) as request:
        pixels = next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))
    return torch.from_numpy(pixels.astype(np.float32))


def obeyed(engine: Engine, pictures: int, size: tuple[int, int]) -> dict[str, float]:
    """Returns the share of the facts of held-out prompts that the engine's pictures of a size (width, height) show."""
    pipeline = Pipeline(lambda model, vae: engine)
    tally = Tally()
    request = Request(prompt="", model=engine.facts.name, width=size[0], height=size[1])
    for drawn in obedience(pipeline, request, pictures, seeds=(1,)):
        tally.add(drawn.answers)
    return {name: round(fraction, 4) for name, fraction in tally.fractions().items()}
