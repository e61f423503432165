"""Pictures enlarged: by a filter at once, or by an upscaler's network in a process of its own, one at a time."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
from pathlib import Path

from PIL import Image

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images.opening import megapixels
from sdedge.images.source import Size, flatten
from sdedge.interpreter import python_command, python_environment
from sdedge.library.upscalers import installed_upscalers
from sdedge.server import pictures
from sdedge.server.answers import PictureTooLarge, TooManyJobs
from sdedge.text.clean import shown

FILTERS = {"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST}
MAX_PIXELS = 64_000_000
PATIENCE = 1800.0  # seconds for a network
MAX_WAITING = 8
"""Pictures that wait in memory for a network, and the one that it has."""
_turn = asyncio.Semaphore(1)
_waiting: set[int] = set()


def upscaler_names() -> list[str]:
    """Returns what enlarges here, by name."""
    return [*FILTERS, *(model.name for model in installed_upscalers())]


async def enlarged(data: bytes, name: str, size: Size | None, factor: float, crop: bool = False) -> Image.Image:
    """Returns a picture at `size`, or `factor` times as large where that is None. With `crop` it covers the size.

    Raises InvalidRequest for an upscaler that is not there, PictureTooLarge, and SdedgeError where its process fails.
    """
    image = await asyncio.to_thread(lambda: flatten(pictures.read(data)))
    target = size or (max(round(image.width * factor), 1), max(round(image.height * factor), 1))
    if target[0] * target[1] > MAX_PIXELS:
        raise PictureTooLarge(
            f"{target[0]}x{target[1]} would be {megapixels(target[0] * target[1])}, and {MAX_PIXELS // 10**6} are the most; "
            "enlarge it less.", field="upscaling_resize",
        )  # fmt: skip
    names = {known.casefold(): known for known in await asyncio.to_thread(upscaler_names)}
    if (known := names.get(name.strip().casefold())) is None:
        raise InvalidRequest(
            f"There is no upscaler {shown(name)} here; choose one of {', '.join(names.values())}.", field="upscaler_1"
        )
    method = FILTERS.get(known, Image.Resampling.LANCZOS)
    if known not in FILTERS:
        image = await _in_turn(image, known, max(target[0] / image.width, target[1] / image.height))
    box = _covered(image.size, target) if crop else None
    return await asyncio.to_thread(image.resize, target, method, box)


def _covered(size: Size, target: Size) -> tuple[float, float, float, float]:
    """Returns the part of a picture that covers a size of other proportions, as left, top, right, bottom."""
    (W, H), scale = size, max(target[0] / size[0], target[1] / size[1])
    left, top = max((W - target[0] / scale) / 2, 0.0), max((H - target[1] / scale) / 2, 0.0)
    return left, top, min(W - left, float(W)), min(H - top, float(H))


async def _in_turn(image: Image.Image, name: str, scale: float) -> Image.Image:
    """Returns a picture enlarged by a network. Raises TooManyJobs where too many wait for that, and SdedgeError."""
    if len(_waiting) >= MAX_WAITING:
        raise TooManyJobs(f"{MAX_WAITING} pictures wait to be enlarged already; ask again when some are.")
    _waiting.add(id(image))
    try:
        async with _turn:
            return await _by_network(image, name, scale)
    finally:
        _waiting.discard(id(image))


async def _by_network(image: Image.Image, name: str, scale: float) -> Image.Image:
    with tempfile.TemporaryDirectory(prefix="sdedge-upscale-") as folder:
        source, target = Path(folder, "in.png"), Path(folder, "out.png")
        command = python_command(
            "sdedge", "upscale", str(source), "--model", name, "--scale", f"{max(scale, 1):g}", "--to", str(target)
        )
        device = os.environ.get("SDEDGE_DEVICE")
        command += ["--device", device] if device else []
        await asyncio.to_thread(image.save, source, compress_level=1)
        process = await asyncio.create_subprocess_exec(
            *command, env=python_environment(), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
        except TimeoutError:
            raise SdedgeError(
                f"The upscaler {name} took more than {PATIENCE / 60:.0f} minutes; send a smaller picture."
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0 or not target.is_file():
            lines = said.decode("utf-8", "replace").strip().splitlines()
            raise SdedgeError((lines[-1] if lines else "The upscaler ended early.").removeprefix("sdedge: "))
        return await asyncio.to_thread(lambda: flatten(pictures.read(target.read_bytes())))


def as_png(image: Image.Image) -> bytes:
    """Returns the bytes of a picture's file."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()
