"""Draws coloured noise of the size that is asked for, whatever the model: for tests of the server."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from dataclasses import fields

import numpy as np
from PIL import Image

from sdedge import events
from sdedge.generation.save import Picture
from sdedge.images.source import read_source
from sdedge.library.hints import hint_path
from sdedge.request import Request, Resolved
from tests.fake_drawer import happen


class ServerDrawer:
    """Answers `sdedge.process.worker.Drawer`. Words of the prompt such as `step=0.05` and `fail=memory@2` say how."""

    def release(self) -> None:
        pass

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]:
        options = dict(word.split("=", 1) for word in request.prompt.split() if "=" in word)
        fault, _, where = options.get("fail", "").partition("@")
        yield events.Loading("model")
        for hint in (request.image, request.mask, *(control.hint for control in request.controls)):
            if hint is not None:
                read_source(hint_path(hint))
        if "notice" in options:
            yield events.Notice("Something is to be said of /home/somebody/models/x.safetensors.")
        for index in range(count):
            for step in range(1, min(request.steps, 50) + 1):
                time.sleep(float(options.get("step", 0)))
                if where == str(step):
                    happen(fault)
                yield events.Step(step, request.steps, index, 1, small_preview(step) if previews else None)
            size = min(request.width or 64, 512), min(request.height or 64, 512)
            values = {field.name: getattr(request, field.name) for field in fields(request)}
            values |= {"width": size[0], "height": size[1], "guidance": request.guidance or 5.0, "noise": "torch"}
            resolved = Resolved(**values).replace(seed=(request.seed or 0) + index)
            facts = {"engine": "fake", "model_name": request.model, "model_path": "/home/somebody/models/x"}
            yield Picture(picture(resolved.seed, size), resolved, index, facts)


def picture(seed: int, size: tuple[int, int]) -> np.ndarray:
    """The pixels that belong to a seed."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def small_preview(step: int) -> str:
    return "data:image/png;base64," + base64.b64encode(png((8, 8), (min(step * 5, 255), 80, 120))).decode()


def png(size: tuple[int, int] = (64, 64), colour: tuple[int, ...] = (200, 30, 30), mode: str = "RGB") -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()
