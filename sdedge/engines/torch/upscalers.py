"""Upscalers on a device: their networks, filled from their files, and those that the package `spandrel` knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sdedge.errors import InvalidRequest, ModelError
from sdedge.interpreter import how_to_install
from sdedge.machine import allocator
from sdedge.models.strips import enlarge_strips, rows_at_once
from sdedge.models.unfilled import unfilled
from sdedge.models.upscalers import Upscaler, upscaler
from sdedge.weights.loading import load_into
from sdedge.weights.upscaler import UpscalerModel


class Enlarging(Protocol):
    """What enlarges images by a whole number: `unshuffle` is what their sides must be multiples of."""

    @property
    def scale(self) -> int: ...

    @property
    def unshuffle(self) -> int: ...

    def rows_at_once(self, width: int) -> int | None:
        """Returns how many rows of an image it takes at a time; None for all of them."""
        ...

    def enlarge(self, strips: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yields the rows of an enlarged image, (1, 3, R, W) of about 0..1, from its rows (1, 3, R, W)."""
        ...


@dataclass(frozen=True)
class StripUpscaler:
    """A network that is known here, in float32, run by rolling strips."""

    network: Upscaler
    device: torch.device

    @property
    def scale(self) -> int:
        return self.network.config.scale

    @property
    def unshuffle(self) -> int:
        return self.network.config.unshuffle

    def rows_at_once(self, width: int) -> int:
        config = self.network.config
        return config.unshuffle * rows_at_once(width // config.unshuffle, config.features)

    def enlarge(self, strips: Iterable[Tensor]) -> Iterator[Tensor]:
        layout = torch.channels_last if self.device.type == "cpu" else torch.contiguous_format
        return enlarge_strips(self.network, (rows.to(self.device, memory_format=layout) for rows in strips))


@dataclass(frozen=True)
class SpandrelUpscaler:
    """A network of the package `spandrel`, which sees the picture whole: its memory grows with the picture."""

    descriptor: Any
    device: torch.device

    @property
    def scale(self) -> int:
        return int(self.descriptor.scale)

    @property
    def unshuffle(self) -> int:
        return 1  # it pads by itself

    def rows_at_once(self, width: int) -> None:
        return None

    def enlarge(self, strips: Iterable[Tensor]) -> Iterator[Tensor]:
        with torch.inference_mode():
            yield from (self.descriptor(rows.to(self.device)) for rows in strips)


def load_upscaler(model: UpscalerModel, device: torch.device) -> Enlarging:
    """Loads an upscaler. Raises ModelError for weights that do not fit, and for a network that needs `spandrel` without it."""
    if model.config is None:
        return _by_spandrel(model, device)
    with unfilled():
        network = upscaler(model.config)
    try:
        broken = load_into(network, model.tensors, torch.float32, device, mapped=False)
    except ModelError as error:
        raise ModelError(f"The upscaler {model.path} cannot be used: {error}") from None
    if broken:
        raise ModelError(f"The upscaler {model.path} is damaged: {broken[0]}; get the file again.")
    if device.type == "cpu":
        allocator.keep()
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return StripUpscaler(network.eval(), device)


def _by_spandrel(model: UpscalerModel, device: torch.device) -> SpandrelUpscaler:
    """Gives the tensors, read here, to `spandrel`, which therefore opens no file and unpickles nothing."""
    try:
        import spandrel
    except ImportError:
        raise ModelError(
            f"{model.path} is an upscaler of the architecture {model.architecture}, which needs the package spandrel; "
            f"{how_to_install('spandrel')}, or choose an ESRGAN, Real-ESRGAN or compact one."
        ) from None
    state = {name: tensor.copy() for name, tensor in model.tensors.items()}
    try:
        descriptor = spandrel.ModelLoader(device).load_from_state_dict(state)
    except Exception as error:  # whatever its own readers raise
        raise ModelError(
            f"spandrel cannot read the upscaler {model.path} ({str(error)[:200]}); choose another."
        ) from error
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3):
        raise InvalidRequest(f"The upscaler {model.path} does not work on colour pictures; choose another.")
    return SpandrelUpscaler(descriptor.eval(), device)
