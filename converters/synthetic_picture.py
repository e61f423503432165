"""A picture made up for models that change one by an instruction, which draw nothing without it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from sdedge.engines.protocol import ModelFacts
from sdedge.generation.requirements import INSTRUCT_CHANNELS
from sdedge.request import Request

_BLOCKS = 8


@contextmanager
def with_picture(request: Request, facts: ModelFacts) -> Iterator[Request]:
    """Yields the request as its model can draw it: with smooth colours as the picture of one that needs one, and as it is for
    any other. The picture's file is there within.
    """
    if facts.in_channels != INSTRUCT_CHANNELS:
        yield request
        return
    size = request.width or facts.width, request.height or facts.height
    colours = np.random.default_rng(0).integers(0, 256, (_BLOCKS, _BLOCKS, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory(prefix="sdedge-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "picture.png"
        Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC).save(path)
        yield request.replace(image=str(path))
