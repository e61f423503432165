"""Int8 recipes that were measured before, kept in the cache folder: another copy of the same weights need not draw again."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sdedge.engines.torch.cpu.int8_unet import FILE, Int8Recipe, weight_steps
from sdedge.errors import ModelError, OutputError
from sdedge.library.imports import hash_of_checkpoint
from sdedge.places import cache_folder
from sdedge.weights.checkpoint import Checkpoint

METHOD = 2
"""Of measuring: recipes made another way are not found."""


@dataclass(frozen=True)
class Calibration:
    """A recipe that is kept: the model's name at the time, where it lies, its bytes."""

    name: str
    path: Path
    size: int


def calibration_folder() -> Path:
    return cache_folder() / "int8"


def key_of(checkpoint: Checkpoint, engine: str, steps: int, is_judged: bool = False) -> str:
    """Returns the name of a recipe: of the model's files by what is in them, of the engine that measures ("cpu bfloat16"), of the
    steps of its pictures, of whether facts were looked for in them, and of how many values a weight has on this processor."""
    parts = [METHOD, hash_of_checkpoint(checkpoint), engine, steps, is_judged, weight_steps()]
    return f"{checkpoint.name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"


def find(key: str) -> Int8Recipe | None:
    """Returns the recipe that is kept under a name, which begins with what the model was called; None where there is none, or a
    damaged one."""
    digest = key.rpartition("-")[2]
    for folder in calibration_folder().glob(f"*-{digest}"):
        with suppress(ModelError):
            return Int8Recipe.read(folder)
    return None


def keep(key: str, recipe: Int8Recipe) -> None:
    """Keeps a recipe; where the cache cannot be written, the next copy takes minutes again."""
    folder = calibration_folder() / key
    with suppress(OSError, OutputError):
        (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
        recipe.write(folder)


def entries() -> list[Calibration]:
    """Returns what is kept, by name."""
    files = sorted(calibration_folder().glob(f"*/{FILE.as_posix()}"))
    return [Calibration(file.parents[1].name, file, file.stat().st_size) for file in files]


def clear() -> int:
    """Deletes everything kept; returns the bytes given back."""
    removed = 0
    for entry in entries():
        with suppress(OSError):
            entry.path.unlink()
            removed += entry.size
            entry.path.parent.rmdir()
            entry.path.parents[1].rmdir()
    return removed
