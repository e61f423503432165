"""Converted networks that the OpenVINO engine keeps, one folder per model and precision. Neither torch nor OpenVINO."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import OutputError
from sdedge.places import data_folder

_MAKING = ".making-"


@dataclass(frozen=True)
class CacheEntry:
    """A folder of converted networks: its name says which model, precision and state of the files."""

    path: Path
    size: int
    """Bytes on disk."""


def cache_folder() -> Path:
    return data_folder() / "openvino"


def entries() -> list[CacheEntry]:
    """Returns what is kept, by name."""
    folder = cache_folder()
    folders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return [
        CacheEntry(path, sum(file.stat().st_size for file in path.rglob("*") if file.is_file())) for path in folders
    ]


def clear() -> int:
    """Deletes everything kept, what an interruption left included; returns the bytes given back."""
    cached = entries()
    for entry in cached:
        shutil.rmtree(entry.path, ignore_errors=True)
    return sum(entry.size for entry in cached)


def entry_name(model: Path, precision: str, version: str) -> str:
    """Returns the folder's name for a model file or folder in its present state and a version of the converter."""
    files = sorted(file for file in model.rglob("*") if file.is_file()) if model.is_dir() else [model]
    state = [f"{file.relative_to(model)} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    digest = hashlib.sha256("\n".join([str(model.resolve()), version, *state]).encode()).hexdigest()
    return f"{model.stem}-{precision}-{digest[:12]}"


@contextmanager
def making(name: str) -> Iterator[Path]:
    """Yields an empty folder that becomes the entry `name` on success; nothing stays of it otherwise.

    Raises OutputError when it cannot be written.
    """
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder, prefix=_MAKING))
        try:
            yield temporary
            shutil.rmtree(folder / name, ignore_errors=True)
            temporary.rename(folder / name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"Cannot keep converted networks in {folder}: {reason}; free some space.") from error
