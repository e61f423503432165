"""Sample grids while training: always the same prompts and seeds, so that sheets of different stages compare."""

from __future__ import annotations

from pathlib import Path

from sdedge.files import atomic_write
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.images.grid import grid
from sdedge.images.metadata import write
from sdedge.request import Request

PROMPTS = (
    "a red house at night",
    "a blue boat on the sea at sunset",
    "a yellow balloon over the desert in the day",
    "a white house on the snow with mountains and two trees in the day",
    "a purple house on the grass with three trees at sunset",
    "a red balloon over the sea with mountains at night",
    "a pink house in the desert with one tree in the day",
    "a green boat on the sea with mountains in the day",
)


def draw_grid(model: Path, path: Path, device: str = "cpu") -> Path:
    """Draw the fixed prompts with a model folder onto one sheet."""
    from sdedge.engines.open import load_engine

    pipeline = Pipeline(load_engine(device))
    request = Request(model=str(model), seed=7)
    pictures = [
        event.pixels
        for prompt in PROMPTS
        for event in pipeline.images(request.replace(prompt=prompt))
        if isinstance(event, Picture)
    ]
    with atomic_write(path) as file:
        write(file, grid(pictures, columns=4), "png", None, {})
    return path
