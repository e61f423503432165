"""Finished pictures, and the one loop that numbers, writes and announces them. No torch.

The command line, the queue's worker (and through it the app) and `Pipeline.generate` all save through `save_pictures`.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdedge.errors import InvalidRequest
from sdedge.events import Continued, Event, Finished, ImageDone, Notice, Step
from sdedge.images.output import LARGEST, Output, output_at
from sdedge.request import Resolved


@dataclass(frozen=True)
class Picture:
    """A finished picture: uint8 (H, W, 3) pixels, the resolved request that made it, and facts for its metadata."""

    pixels: np.ndarray
    request: Resolved
    index: int
    facts: dict[str, Any] = field(default_factory=dict)
    filtered: bool = False
    """The pixels are a card that says so, in place of what the safety checker flagged."""

    @property
    def seed(self) -> int:
        """The seed that draws it again."""
        return self.request.seed

    @property
    def image(self) -> Image.Image:
        """The pixels as Pillow's image."""
        return Image.fromarray(self.pixels)

    def save(self, path: str | os.PathLike[str], metadata: bool = True) -> Path:
        """Writes the picture and how it was made to a .png, .jpg or .webp file, which is replaced; complete or not at all.

        Raises InvalidRequest for another suffix, and OutputError.
        """
        target = Path(path)
        output = output_at(target, private=not metadata)
        if not output.file:
            raise InvalidRequest(f"{target} names no picture; end it in .png, .jpg or .webp.")
        output.write_to(target, self.pixels, self.request, self.facts)
        return target


def save_pictures(events: Iterable[Event | Picture], output: Output, first: int = 0) -> Iterator[Event]:
    """Writes each picture among the events and yields an ImageDone in its place; yields every other event as it is.

    Steps and pictures are numbered from `first` on, which is how many pictures of the job came before these. A file is
    complete on disk before its ImageDone; it is a PNG where the format does not hold its size. Raises OutputError, and whatever
    `events` raises; pictures saved before stay.
    """
    for event in events:
        if isinstance(event, Picture):
            index = first + event.index
            height, width, _ = event.pixels.shape
            holding = output.holding(width, height)
            if holding is not output:
                most = f"a {output.format} file holds {LARGEST[output.format]} a side"
                yield Notice(f"The picture has {width}x{height} pixels and {most}; it is saved as PNG.")
            path = holding.write(event.pixels, event.request, event.facts, index + 1)
            yield ImageDone(str(path), event.seed, index, event.filtered)
        elif isinstance(event, Step | Continued):
            yield dataclasses.replace(event, first=first + event.first)
        else:
            yield event


def save_job(events: Iterable[Event | Picture], output: Output, first: int = 0) -> Iterator[Event]:
    """Saves a whole job as `save_pictures` does: checks the folder before any work and yields Finished at the end."""
    start = time.monotonic()
    output.check()
    count = 0
    for event in save_pictures(events, output, first):
        count += isinstance(event, ImageDone)
        yield event
    yield Finished(count, time.monotonic() - start)


def save_sheet(sheet: np.ndarray, output: Output, request: Resolved, index: int = 0, alone: bool = True) -> ImageDone:
    """Writes a sheet of several pictures with the request of one of them and returns its announcement.

    `alone` says that its pictures are not saved beside it. Raises OutputError.
    """
    return ImageDone(str(output.write_sheet(sheet, request, alone)), request.seed, index)
