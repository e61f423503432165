"""Conversions on disk and what becomes of them: adopted into the library, or removed with their files. No Qt, no torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from gui.models.items import Item
from sdedge.errors import ModelError
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.models import Library
from sdedge.places import data_folder


def converted_folder() -> Path:
    """Where the app's own conversions are."""
    return data_folder() / "converted"


def find_orphans(items: Sequence[Item]) -> list[Path]:
    """Conversions that were finished and are not in the library: its window was closed, or its process ended. A bundle without
    its manifest, which is written last, is none: converting again goes on with it."""
    known = {item.path.resolve() for item in items}
    try:
        folders = sorted(path for path in converted_folder().iterdir() if path.is_dir())
    except OSError:
        return []
    return [folder for folder in folders if folder.resolve() not in known and is_bundle(folder) and _is_whole(folder)]


def adoption(folder: Path, items: Sequence[Item]) -> list[str]:
    """The arguments of `sdedge` that put an orphan into the library, under the licence of the model it was made from."""
    source = str(Manifest.read(folder).source.get("name", ""))
    model = next((item for item in items if item.name == source), None)
    licence = ["--license", model.licence] if model is not None else []
    return ["models", "add", str(folder), "--link", "--name", folder.name, "--json", *licence]


def remove_result(item: Item) -> None:
    """Raises ModelError."""
    library = Library()
    try:
        library.remove(item.name)
    finally:
        library.close()
    if item.path.resolve().parent == converted_folder().resolve():
        shutil.rmtree(item.path, ignore_errors=True)


def _is_whole(folder: Path) -> bool:
    try:
        Manifest.read(folder)
    except ModelError:
        return False
    return True
