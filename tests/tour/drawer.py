"""Draws hills under a sky without torch, whatever the model, with previews: pictures that can be told apart at a look."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from sdedge import events
from sdedge.generation.save import Picture
from sdedge.request import Request
from tests.fake_drawer import FakeDrawer

SIDE = 128  # pixels
MODEL = "fake"  # the one that the drawer of noise knows


class TourDrawer(FakeDrawer):
    """The prompt says how, as for the drawer of noise; `hold=PATH` stays in the first step until that file is there."""

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]:
        name = request.model
        for event in super().images(request.replace(model=MODEL), count, batch, previews):
            if event == events.Loading("model"):
                yield event
                yield events.Loading("denoising")
                hold(request.prompt)
            elif isinstance(event, events.Step) and previews:
                yield replace(event, preview=preview((request.seed or 0) + event.first))
            elif isinstance(event, Picture):
                drawn_request = event.request.replace(model=name, width=SIDE, height=SIDE)
                yield replace(
                    event,
                    pixels=hills(drawn_request.seed),
                    request=drawn_request,
                    facts={"engine": "fake", "model_name": name},
                )
            else:
                yield event


def hold(prompt: str) -> None:
    """Stay in the first step until the file named by `hold=PATH` is there, if the prompt names one."""
    for word in prompt.split():
        while word.startswith("hold=") and not Path(word.removeprefix("hold=")).exists():
            time.sleep(0.02)


def hills(seed: int, side: int = SIDE) -> np.ndarray:
    """The pixels that belong to a seed: uint8 (side, side, 3)."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]  # type: ignore[misc]
    sky, ground, sun = random.integers(90, 220, 3), random.integers(20, 140, 3), random.uniform(0.15, 0.85, 2)
    pixels = sky + (1 - y)[..., None] * 40
    near = (x - sun[0]) ** 2 + (y - sun[1] * 0.5) ** 2 < 0.008
    pixels[near] = (255, 236, 190)
    for height, shade in ((0.55, 1.35), (0.75, 1.0)):
        ridge = height + 0.12 * np.sin(6 * x * random.uniform(0.6, 1.4) + random.uniform(0, 6))
        pixels[y > ridge] = ground * shade
    return np.clip(pixels, 0, 255).astype(np.uint8)


def preview(seed: int) -> str:
    """A small look at the picture as a PNG data URI."""
    file = io.BytesIO()
    Image.fromarray(hills(seed, SIDE // 8)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
