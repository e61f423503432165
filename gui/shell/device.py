"""What pictures are drawn on and whether they fit there, from what was measured and by arithmetic. No Qt, no torch."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from sdedge.events import Checking
from sdedge.library.manifest import is_bundle
from sdedge.machine import picture_memory
from sdedge.machine.canary import State, Verdict, progress, verdicts
from sdedge.machine.findings import DeviceFinding, findings, processor
from sdedge.machine.memory import available_memory
from sdedge.machine.memory_plan import CHOICES, MemoryPlan, Sizes
from sdedge.weights.checkpoint import open_checkpoint

_ORDER = ("cuda", "mps", "cpu")
UNKNOWN = 1 << 49  # bytes, from which on nobody knows how much memory there is


@dataclass(frozen=True)
class Device:
    """The device that pictures are drawn on, as far as it was measured; memory in bytes."""

    finding: DeviceFinding | None
    free: int
    total: int
    expected: str = "cpu"
    """What kind it will be, while nothing was measured."""
    verdicts: tuple[Verdict, ...] = ()
    """What was found of the engines that were checked."""
    check: Checking | None = None
    """How far the check of an engine is that runs now."""

    @property
    def kind(self) -> str:
        """ "cpu", "cuda" or "mps"."""
        return self.finding.device.partition(":")[0] if self.finding else self.expected

    @property
    def name(self) -> str:
        return self.finding.name if self.finding else processor()

    @property
    def proved(self) -> tuple[str, ...]:
        """The engines that were checked and compute as they should."""
        return tuple(verdict.engine for verdict in self.verdicts if verdict.state is State.PROVED)

    @property
    def doubts(self) -> str:
        """What is to be said of engines that are switched off, or trusted all the same; "" where there are none."""
        return " ".join(verdict.sentence for verdict in self.verdicts if verdict.state is State.FAILED)

    @property
    def itemsize(self) -> int:
        """Bytes of a number while drawing."""
        return picture_memory.ITEMSIZES.get(self.finding.dtype, 4) if self.finding else 4


def probe_device(mine: int = 0, engine: str = "") -> Device:
    """Returns the device that SDEDGE_DEVICE names, or the best measured one. `mine` are bytes that the engine's process has
    already, which a picture may use as well; `engine` is one that was being checked when that was last heard of."""
    measured, wanted = findings(), os.environ.get("SDEDGE_DEVICE", "auto")
    known = sorted(measured, key=lambda name: _ORDER.index(name.partition(":")[0]))
    chosen = wanted if wanted != "auto" else next(iter(known), "")
    free, total = available_memory()
    on_apple_silicon = sys.platform == "darwin" and platform.machine() == "arm64"
    expected = wanted.partition(":")[0] if wanted != "auto" else "mps" if on_apple_silicon else "cpu"
    finding = measured.get(chosen)
    asked = (engine, "cpu float32", f"{finding.device} {finding.dtype}" if finding else "")
    check = next(filter(None, map(progress, filter(None, asked))), None)
    kind = expected if expected in _ORDER else "cpu"
    return Device(finding, min(free + mine, total), total, kind, verdicts(), check)


def read_sizes(model: Path) -> Sizes | None:
    """Returns the sizes of a model's networks from the headers of its files; None for a converted one. Raises ModelError."""
    return None if is_bundle(model) else picture_memory.read_sizes(open_checkpoint(model))


def is_quantized(model: Path) -> bool:
    """Returns whether a model is a copy that `sdedge models quantize` made, on a machine whose processor runs it."""
    return (model / picture_memory.INT8_RECIPE).is_file() and platform.machine().lower() in ("x86_64", "amd64")


def plan_picture(
    device: Device, sizes: Sizes, width: int, height: int, batch: int, safety: bool = True, quantized: bool = False
) -> MemoryPlan | None:
    """Returns how a picture of this size is drawn on the device, and whether it fits: as the engine itself plans it, with the
    format and the memory mode that the environment gives it, and in int8 where the model is a copy made for that. None where only
    the engine can see the memory: on CUDA."""
    if device.kind == "cuda":
        return None
    dtype, mode = os.environ.get("SDEDGE_DTYPE"), os.environ.get("SDEDGE_MEMORY", "auto")
    in_int8 = dtype == "int8" or (dtype is None and quantized and device.kind == "cpu")
    measured = picture_memory.itemsize(device.finding, sizes.unet_width, device.kind)
    return picture_memory.plan_picture(
        sizes, width, height, batch, itemsize=picture_memory.ITEMSIZES.get(dtype or "", measured), device=device.kind,
        free=device.free, safety=safety, mode=mode if mode in CHOICES else "auto", unet_itemsize=int(in_int8),
    )  # fmt: skip
