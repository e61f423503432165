"""What pictures are drawn on and whether they fit there, from what was measured and by arithmetic. No Qt, no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdedge.backends.machine import Finding, findings, processor
from sdedge.backends.manifest import is_bundle
from sdedge.backends.memory import Job, Plan, Sizes, plan
from sdedge.process.shelf import available_memory
from sdedge.weights.checkpoint import open_checkpoint

_ORDER = ("cuda", "mps", "cpu")
_ITEMSIZES = {"float32": 4, "float16": 2, "bfloat16": 2}
UNKNOWN = 1 << 49  # bytes, from which on nobody knows how much memory there is


@dataclass(frozen=True)
class Device:
    """The device that pictures are drawn on, as far as it was measured; memory in bytes."""

    finding: Finding | None
    free: int
    total: int

    @property
    def kind(self) -> str:
        """ "cpu", "cuda" or "mps"."""
        return self.finding.device.partition(":")[0] if self.finding else "cpu"

    @property
    def name(self) -> str:
        return self.finding.name if self.finding else processor()

    @property
    def itemsize(self) -> int:
        """Bytes of a number while drawing."""
        return _ITEMSIZES.get(self.finding.dtype, 4) if self.finding else 4


def look(mine: int = 0) -> Device:
    """The device that SDEDGE_DEVICE names, or the best measured one. `mine` are bytes that the engine's process has
    already, which a picture may use as well."""
    found, wanted = findings(), os.environ.get("SDEDGE_DEVICE", "auto")
    known = sorted(found, key=lambda name: _ORDER.index(name.partition(":")[0]))
    chosen = wanted if wanted != "auto" else next(iter(known), "")
    free, total = available_memory()
    return Device(found.get(chosen), min(free + mine, total), total)


def read_sizes(model: Path) -> Sizes | None:
    """The sizes of a model's networks from the headers of its files; None for a converted one. Raises ModelError."""
    if is_bundle(model):
        return None
    checkpoint = open_checkpoint(model)
    counts = {name: sum(tensor.numel for tensor in part.values()) for name, part in checkpoint.components.items()}
    return Sizes(
        counts["text_encoder"], counts["unet"], counts["vae"],
        unet_width=_width(checkpoint.configs["unet"], 320), vae_width=_width(checkpoint.configs["vae"], 128),
    )  # fmt: skip


def plan_picture(device: Device, sizes: Sizes, width: int, height: int, batch: int) -> Plan:
    """How a picture of this size is drawn on the device, and whether it fits."""
    return plan(Job(width, height, batch, device.itemsize, device.kind), device.free, sizes)


def _width(config: Mapping[str, object], usual: int) -> int:
    channels = config.get("block_out_channels")
    return int(channels[0]) if isinstance(channels, (list, tuple)) and channels else usual
