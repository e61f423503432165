"""Draws coloured noise of the size and in the steps that are asked for, whatever the model: for tests of the server."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import fields

from PIL import Image

from sdedge import events
from sdedge.generation.save import Picture
from sdedge.images.source import read_source
from sdedge.library.hints import hint_path
from sdedge.request import Request, Resolved
from tests.fake_drawer import FakeDrawer, picture


class ServerDrawer(FakeDrawer):
    """Reads the pictures of a request, shows previews, and says what the word `notice=` of the prompt asks for."""

    def load(self, request: Request, options: dict[str, str]) -> Iterator[events.Event]:
        for hint in (request.image, request.mask, *(control.hint for control in request.controls)):
            if hint is not None:
                read_source(hint_path(hint))
        if "notice" in options:
            yield events.Notice("Something is to be said of /home/somebody/models/x.safetensors.")

    def steps(self, request: Request, options: dict[str, str]) -> int:
        return min(request.steps, 50)

    def preview(self, step: int) -> str:
        return small_preview(step)

    def finished(self, request: Request, index: int) -> Picture:
        size = min(request.width or 64, 512), min(request.height or 64, 512)
        values = {field.name: getattr(request, field.name) for field in fields(request)}
        values |= {"width": size[0], "height": size[1], "guidance": request.guidance or 5.0, "noise": "torch"}
        resolved = Resolved(**values).replace(seed=(request.seed or 0) + index)
        facts = {"engine": "fake", "model_name": request.model, "model_path": "/home/somebody/models/x"}
        return Picture(picture(resolved.seed, size), resolved, index, facts)


def small_preview(step: int) -> str:
    return "data:image/png;base64," + base64.b64encode(png((8, 8), (min(step * 5, 255), 80, 120))).decode()


def png(size: tuple[int, int] = (64, 64), colour: tuple[int, ...] = (200, 30, 30), mode: str = "RGB") -> bytes:
    """A picture's file."""
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()
