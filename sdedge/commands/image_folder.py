"""`generate --images FOLDER`: image to image over the pictures of a folder, whose names are kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sdedge.commands.terminal import note
from sdedge.controls import PICTURE_SUFFIXES
from sdedge.errors import InvalidRequest, OutputError
from sdedge.images.output import FORMATS
from sdedge.request import Request


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
    """Returns the name of the file that each picture becomes: its own, with its old suffix where two would have one name."""
    stems = Counter(picture.stem.casefold() for picture in pictures)
    return {
        str(picture): f"{_stem(picture, stems[picture.stem.casefold()] > 1)}.{FORMATS[format]}" for picture in pictures
    }


def _stem(picture: Path, is_shared: bool) -> str:
    return f"{picture.stem}-{picture.suffix.lstrip('.')}" if is_shared else picture.stem


def requests_over(base: Request, names: dict[str, str], out: Path) -> list[Request]:
    """Returns a request for each picture of which nothing is there yet, and says how many there are."""
    left = [image for image, name in names.items() if not (out / name).exists()]
    if len(left) < len(names):
        note(f"{len(names) - len(left)} of {len(names)} pictures are there already and are not drawn again.")
    return [base.replace(image=image) for image in left]
