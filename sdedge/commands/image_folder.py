"""`generate --images FOLDER`: image to image over the pictures of a folder, whose names are kept."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sdedge.commands.terminal import note
from sdedge.controls import PICTURE_SUFFIXES
from sdedge.errors import InvalidRequest, OutputError
from sdedge.images.output import FORMATS


def pictures_of(folder: Path) -> tuple[list[Path], int]:
    """Returns the pictures of a folder by name, and how many files are pictures by their names and cannot be read.

    Everything else in it is skipped with a line each, and hidden files in silence. Raises InvalidRequest for what is no folder,
    and for one without a picture.
    """
    from sdedge.images.source import load

    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise InvalidRequest(f"Cannot read the folder {folder}: {error.strerror or error}; check the path.") from None
    pictures, damaged = [], 0
    for entry in entries:
        try:
            if entry.is_dir():
                raise InvalidRequest(f"{entry} is a folder.")
            load(entry)  # completely: a damaged one is not to end the job in its middle
        except (InvalidRequest, OutputError) as error:
            note(f"Skipped: {error}")
            damaged += entry.is_file() and entry.suffix.lower() in PICTURE_SUFFIXES
        else:
            pictures.append(entry)
    if not pictures:
        raise InvalidRequest(f"There is no picture in {folder}; name a folder of pictures.", field="image")
    return pictures, damaged


def check_options(options: dict[str, Any]) -> None:
    """Raises InvalidRequest for options that do not go with a folder of pictures."""
    for name, flag in (("image", "--image"), ("from_file", "--from-file"), ("template", "--name")):
        if options[name] is not None:
            raise InvalidRequest(f"--images draws from every picture of a folder, by its name; leave out {flag}.")
    if options["count"] > 1:
        raise InvalidRequest("--images draws one picture of each in the folder; leave out --count.")
    if options["out"].suffix.lower() in (".png", ".jpg", ".jpeg", ".webp") or options["out"].is_file():
        raise InvalidRequest(
            f"--images writes into a folder; {options['out']} is a file's name, so choose another --out."
        )
    if options["out"].exists() and options["images"].exists() and options["out"].samefile(options["images"]):
        raise InvalidRequest(f"{options['out']} is the folder of the pictures themselves; choose another --out.")


def file_names(pictures: list[Path], format: str) -> dict[str, str]:
    """Returns the name of the file that each picture becomes: its own, with its old suffix where two would have one name, and a
    number where they still would."""
    stems = Counter(picture.stem.casefold() for picture in pictures)
    taken: set[str] = set()
    named: dict[str, str] = {}
    for picture in sorted(
        pictures, key=lambda picture: stems[picture.stem.casefold()]
    ):  # those that keep their name first
        stem = _stem(picture, stems[picture.stem.casefold()] > 1)
        free = next(name for name in _numbered(stem) if name.casefold() not in taken)
        taken.add(free.casefold())
        named[str(picture)] = f"{free}.{FORMATS[format]}"
    return {str(picture): named[str(picture)] for picture in pictures}


def _numbered(stem: str) -> Iterator[str]:
    """Yields a name, and then the same with a number behind it."""
    yield stem
    yield from (f"{stem}-{number}" for number in itertools.count(2))


def _stem(picture: Path, is_shared: bool) -> str:
    return f"{picture.stem}-{picture.suffix.lstrip('.')}" if is_shared else picture.stem


def drawn_already(names: dict[str, str], out: Path) -> frozenset[str]:
    """Returns the pictures of a folder whose files are there, and says how many they are."""
    there = frozenset(image for image, name in names.items() if (out / name).exists())
    if there:
        note(f"{len(there)} of {len(names)} pictures are there already and are not drawn again.")
    return there
