"""Conversions on disk and what becomes of them: adopted into the library, or removed with their files. No torch."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gui.languages.texts import tr
from gui.models.items import Item
from sdedge.errors import ModelError, SdedgeError
from sdedge.json_values import read_json_file
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.models import Library
from sdedge.places import data_folder

INT8 = "unet/int8.json"
"""What quantizing adds to the copy of a model; the module that writes it needs torch."""


def converted_folder() -> Path:
    """Returns where the app's own conversions are."""
    return data_folder() / "converted"


@dataclass(frozen=True)
class Orphans:
    """Folders of conversions that the library does not know.

    finished    whole: the window was closed, or its process ended, before they were added
    unfinished  a part: the conversion was interrupted, or what it left is damaged
    """

    finished: tuple[Path, ...] = ()
    unfinished: tuple[Path, ...] = ()


def find_orphans(items: Sequence[Item]) -> Orphans:
    """Looks for conversions that are not among the library's items.

    Whole is one with what is written last: a bundle's manifest, an int8 copy's figures.
    """
    known = {item.path.resolve() for item in items}
    try:
        folders = sorted(path for path in converted_folder().iterdir() if path.is_dir() and not path.is_symlink())
    except OSError:
        return Orphans()
    unknown = [folder for folder in folders if folder.resolve() not in known]
    finished = tuple(filter(_is_whole, unknown))
    return Orphans(finished, tuple(folder for folder in unknown if folder not in finished))


def adoption(folder: Path, items: Sequence[Item]) -> list[str]:
    """Returns the arguments of `sdedge` that put an orphan into the library, under the licence of the model it was made from."""
    source = str(Manifest.read(folder).source.get("name", "")) if is_bundle(folder) else ""
    model = next((item for item in items if item.name == source), None)
    licence = ["--license", model.licence] if model is not None else []
    return ["models", "add", str(folder), "--link", "--name", folder.name, "--json", *licence]


def remove_unfinished(folder: Path) -> None:
    """Deletes what an interrupted conversion left. Raises OSError, and ModelError for a folder that is not the app's own."""
    if folder.is_symlink() or folder.resolve().parent != converted_folder().resolve():
        raise ModelError(tr("{0} is not among the app's own conversions; remove it by hand.").format(folder))
    shutil.rmtree(folder)


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
        if is_bundle(folder):
            Manifest.read(folder)
            return True
        return bool(read_json_file(folder / INT8).get("figures"))
    except (OSError, SdedgeError, ValueError, AttributeError):
        return False
