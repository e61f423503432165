"""Pictures enlarged: by an upscaler's network, strip by strip, and to any size by Lanczos.

A network that enlarges less than is asked for is run up to three times, as the A1111 web UI does, and Lanczos brings what comes
out to the size.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sdedge.engines.torch.upscalers import Enlarging, load_upscaler
from sdedge.errors import InvalidRequest, OutOfMemory
from sdedge.images.source import Size
from sdedge.library.upscalers import LANCZOS, find_upscaler
from sdedge.machine.formats import choose_device
from sdedge.machine.memory import available_memory
from sdedge.weights.upscaler import UpscalerModel, open_upscaler

MAX_PIXELS = 2**31
"""Of an enlarged picture: beyond it programs cannot open it."""
MAX_SCALE = 16
LANCZOS_SCALE = 2.0
"""How many times Lanczos enlarges where nothing else is said."""
MAX_RUNS = 3
_COPIES = (
    3  # of the result's bytes that are in memory at a time: what a network made, what Lanczos makes of it, the file
)

Tell = Callable[[int, int], None]
"""(rows done, rows in all)"""
Steps = Generator[tuple[int, int], None, np.ndarray]
"""Yields (rows done, rows in all) as it goes; returns the pixels, uint8 (H, W, 3)."""


@dataclass(frozen=True)
class UpscalerChoice:
    """What enlarges: an upscaler's file, or Lanczos where `model` is None. Nothing of it is loaded."""

    name: str
    model: UpscalerModel | None = None

    @property
    def scale(self) -> float | None:
        """How many times it enlarges by itself; None for one that only `spandrel` can ask."""
        if self.model is None:
            return LANCZOS_SCALE
        return None if self.model.config is None else float(self.model.config.scale)


def choose_upscaler(name: str) -> UpscalerChoice:
    """Returns the upscaler of a name: "lanczos", an installed one, or a file's. Raises as `find_upscaler` and
    `open_upscaler` do."""
    if name.casefold() == LANCZOS:
        return UpscalerChoice(LANCZOS)
    model = open_upscaler(find_upscaler(name))
    return UpscalerChoice(model.name, model)


@dataclass(frozen=True, eq=False)
class PictureUpscaler:
    """An upscaler that is loaded. `network` is None for Lanczos."""

    name: str
    scale: float
    network: Enlarging | None = None

    @property
    def label(self) -> str:
        """What a picture's settings call it, as the A1111 web UI does."""
        return self.name if self.network is not None else "Lanczos"

    def enlarge_image(self, image: Image.Image, size: Size | None = None, tell: Tell | None = None) -> Image.Image:
        """Returns an RGB or RGBA image enlarged as `enlarge` does; transparency by Lanczos."""
        size = size or target_size(image.size, self.scale)
        enlarged = Image.fromarray(self.enlarge(np.array(image.convert("RGB")), size, tell))
        if image.mode == "RGBA":
            enlarged.putalpha(image.getchannel("A").resize(size, Image.Resampling.LANCZOS))
        return enlarged

    def enlarge(self, pixels: np.ndarray, size: Size | None = None, tell: Tell | None = None) -> np.ndarray:
        """Returns uint8 (H, W, 3) at a size (width, height), by default `scale` times its own. Raises as `steps` does."""
        steps = self.steps(pixels, size)
        while True:
            try:
                done = next(steps)
            except StopIteration as end:
                return end.value
            if tell is not None:
                tell(*done)

    def steps(self, pixels: np.ndarray, size: Size | None = None) -> Steps:
        """Enlarges as `enlarge` does, strip by strip; stop iterating to cancel.

        Raises InvalidRequest for a size that nobody could open, and OutOfMemory, before anything is allocated.
        """
        H, W, _ = pixels.shape
        size = size or target_size((W, H), self.scale)
        check_size((W, H), size)
        if self.network is not None:
            pixels = yield from self._run(self.network, pixels, size)
        if (pixels.shape[1], pixels.shape[0]) == size:
            return pixels
        return np.array(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))

    def _run(self, network: Enlarging, pixels: np.ndarray, size: Size) -> Steps:
        """Runs the network until the picture is at least of a size; once at any rate, and three times at most."""
        for run in range(MAX_RUNS):
            H, W, _ = pixels.shape
            if run and (network.scale == 1 or (size[0] <= W and size[1] <= H)):
                break
            check_size((W, H), (W * network.scale, H * network.scale))
            pixels = yield from enlarged(network, pixels)
        return pixels


def load(choice: UpscalerChoice, device: str = "auto") -> PictureUpscaler:
    """Loads what enlarges pictures onto a device. Raises ModelError, and InvalidRequest for a device that is not there."""
    place = choose_device(device)  # also where none is needed, for the same answer to a misspelt one
    if choice.model is None:
        return PictureUpscaler(choice.name, LANCZOS_SCALE)
    network = load_upscaler(choice.model, place)
    return PictureUpscaler(choice.name, float(network.scale), network)


def target_size(size: Size, scale: float) -> Size:
    """Returns the width and height of a picture of a size, enlarged."""
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def check_size(size: Size, target: Size) -> None:
    """Raises InvalidRequest or OutOfMemory where a picture of a size cannot be enlarged to another."""
    (width, height), pixels = target, target[0] * target[1]
    if pixels > MAX_PIXELS:
        raise InvalidRequest(
            f"{size[0]}x{size[1]} enlarged to {width}x{height} would be {pixels / 1e9:.1f} thousand million pixels, and "
            f"{MAX_PIXELS / 1e9:.1f} are the most; choose a smaller scale."
        )
    needed, (free, _) = _COPIES * 3 * pixels, available_memory()
    if needed > free:
        raise OutOfMemory(
            f"A picture of {width}x{height} needs {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free; choose a "
            "smaller scale."
        )


def enlarged(network: Enlarging, pixels: np.ndarray) -> Steps:
    """Returns uint8 (H, W, 3) enlarged by a network; the memory beside the two pictures grows with the width only."""
    H, W, _ = pixels.shape
    scale = network.scale
    result = np.empty((H * scale, W * scale, 3), np.uint8)
    top = 0
    for rows in network.enlarge(_strips(network, pixels)):
        part = _to_pixels(rows[:, :, : len(result) - top, : W * scale])
        result[top : top + len(part)] = part
        top += len(part)
        yield top, len(result)
    return result


def _strips(network: Enlarging, pixels: np.ndarray) -> Iterator[Tensor]:
    """Yields the rows of a picture as (1, 3, R, W) of 0..1, mirrored at the right and the bottom to sides it takes."""
    H, W, _ = pixels.shape
    right, bottom = -W % network.unshuffle, -H % network.unshuffle
    if right or bottom:
        pixels = np.pad(pixels, ((0, bottom), (0, right), (0, 0)), "reflect")
    step = network.rows_at_once(W + right) or H + bottom
    for top in range(0, H + bottom, step):
        rows = np.ascontiguousarray(pixels[top : top + step].transpose(2, 0, 1))
        yield torch.from_numpy(rows)[None].float() / 255


def _to_pixels(rows: Tensor) -> np.ndarray:
    """Turns rows (1, 3, R, W) of 0..1 into uint8 (R, W, 3)."""
    values = (rows[0].float() * 255).round().clamp(0, 255).to(torch.uint8)
    return values.permute(1, 2, 0).cpu().contiguous().numpy()
