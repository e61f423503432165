"""The packages with LoRAs that are kept among the caches: listed, bounded, removed. No torch.

Each has a folder of its own with what was said when it was made; its time is that of the last use.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sdedge.engines.coreml.compiled import remove_copies_of
from sdedge.places import cache_folder

LARGEST = 8 << 30
"""Bytes of all copies together, counted as if they shared nothing."""
MAKING = ".making-"
NOTICES = "notices.json"
_ABANDONED = 86_400.0  # seconds after which what a killed process was making goes


def lora_folder() -> Path:
    return cache_folder() / "coreml-loras"


@dataclass(frozen=True)
class LoraCopy:
    """A copy that is kept. `bytes` counts all of it, though a part may be shared with the bundle."""

    path: Path
    bytes: int
    used: float

    @property
    def title(self) -> str:
        """The name of the package in it."""
        return next((package.name for package in self.path.glob("*.mlpackage")), self.path.name)


def entries() -> list[LoraCopy]:
    """Returns the copies, the one that was not used for longest first."""
    copies = []
    for place in lora_folder().glob("*"):
        if place.name.startswith("."):
            continue
        with suppress(OSError):
            files = [path.stat() for path in place.rglob("*") if path.is_file()]
            used = (place / NOTICES).stat().st_mtime if (place / NOTICES).is_file() else 0.0
            copies.append(LoraCopy(place, sum(status.st_size for status in files), used))
    return sorted(copies, key=lambda entry: (entry.used, entry.path))


def clear() -> int:
    """Removes all copies and what Core ML's compiler made of them; returns the bytes given back."""
    return sum(map(_remove, entries())) + _remove_abandoned(0.0)


def _remove(entry: LoraCopy) -> int:
    for package in entry.path.glob("*.mlpackage"):
        remove_copies_of(package)
    shutil.rmtree(entry.path, ignore_errors=True)
    return entry.bytes


def remove_oldest(in_use: Collection[Path]) -> None:
    copies = entries()
    size = sum(entry.bytes for entry in copies)
    for entry in copies:
        if size > LARGEST and entry.path not in in_use:
            size -= _remove(entry)
    _remove_abandoned(_ABANDONED)


def _remove_abandoned(age: float) -> int:
    size = 0
    for left in lora_folder().glob(f"{MAKING}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > age:
                size += sum(path.stat().st_size for path in left.rglob("*") if path.is_file())
                shutil.rmtree(left, ignore_errors=True)
    return size
