"""Copies of pictures: into a folder or a ZIP file, as they are or in another format, with settings or without. No torch."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sdedge.errors import InvalidRequest, OutputError, SdedgeError
from sdedge.files import atomic_write, open_regular, write_new
from sdedge.images.naming import names
from sdedge.images.output import FORMATS, SUFFIXES
from sdedge.library.gallery import GalleryEntry

ZIP = ".zip"


@dataclass(frozen=True)
class Export:
    """Where copies go, a folder or a path that ends in .zip, and how: `format` is "png", "jpeg", "webp" or None for as they are;
    `private` leaves the settings out of the files and of their names."""

    out: Path
    format: str | None = None
    private: bool = False


@dataclass(frozen=True)
class Exported:
    """One picture's copy. `path` is the file, or the ZIP file; `name` its name there; `fault` says why there is none."""

    entry: GalleryEntry
    path: Path
    name: str = ""
    fault: str = ""


def export(entries: Iterable[GalleryEntry], how: Export) -> Iterator[Exported]:
    """Copies pictures one by one; overwrites nothing. One that cannot be read is told by its `fault` and the others go on.

    Raises OutputError when the folder cannot be written or the disk is full, InvalidRequest for another format.
    """
    if how.format is not None and how.format not in FORMATS:
        raise InvalidRequest(f"Unknown picture format {how.format!r}; choose one of {', '.join(FORMATS)}.")
    return _to_zip(entries, how) if how.out.suffix.lower() == ZIP and not how.out.is_dir() else _to_folder(entries, how)


def _to_folder(entries: Iterable[GalleryEntry], how: Export) -> Iterator[Exported]:
    for entry in entries:
        try:
            stem, suffix, data = _copy(entry, how)
        except InvalidRequest as error:
            yield Exported(entry, how.out, fault=str(error))
            continue
        path = write_new(names(how.out, stem, suffix), data)
        yield Exported(entry, path, path.name)


def _to_zip(entries: Iterable[GalleryEntry], how: Export) -> Iterator[Exported]:
    """Nothing is left of a ZIP file that is not finished."""
    target = next(path for path in names(how.out.parent, how.out.stem, how.out.suffix.lstrip(".")) if not path.exists())
    taken: set[str] = set()
    try:
        # Pictures are compressed already.
        with atomic_write(target, replace=False) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for entry in entries:
                try:
                    stem, suffix, data = _copy(entry, how)
                except InvalidRequest as error:
                    yield Exported(entry, target, fault=str(error))
                    continue
                name = next(path.name for path in names(Path(), stem, suffix) if path.name.lower() not in taken)
                taken.add(name.lower())
                archive.writestr(name, data)
                yield Exported(entry, target, name)
    except (zipfile.LargeZipFile, OSError) as error:
        raise OutputError(f"Cannot write {target}: {error}; free some space or choose another folder.") from error


def _copy(entry: GalleryEntry, how: Export) -> tuple[str, str, bytes]:
    """Returns a copy's name without its suffix, the suffix and the bytes. Raises InvalidRequest where it cannot be read."""
    try:
        with open_regular(entry.path) as source:
            data = source.read()
    except (OSError, SdedgeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidRequest(f"Cannot read {entry.path}: {reason}; put the file back.") from error
    kind = SUFFIXES.get(entry.path.suffix.lower(), "png")
    wanted = how.format or kind
    stem = entry.path.stem
    if how.private:  # neither in the file nor in its name
        stem = f"{datetime.datetime.fromtimestamp(entry.created):%Y-%m-%d}-{entry.id:05d}"
    if wanted == kind and not how.private:
        return stem, entry.path.suffix.lstrip("."), data  # byte for byte, with all that is in it
    suffix = FORMATS[wanted] if how.format else entry.path.suffix.lstrip(".")
    return stem, suffix, _encoded(entry, data, wanted, how.private)


def _encoded(entry: GalleryEntry, data: bytes, format: str, private: bool) -> bytes:
    import numpy as np

    from sdedge.images import metadata
    from sdedge.images.opening import opened
    from sdedge.images.source import flatten

    file = io.BytesIO()
    try:
        with opened(io.BytesIO(data)) as image:
            pixels = np.asarray(flatten(image))
    except (InvalidRequest, OSError) as error:
        raise InvalidRequest(f"Cannot read {entry.path}: it is damaged; leave it out.") from error
    request = entry.request if entry.source and not private else None
    metadata.write(file, pixels, format, request, {} if private else entry.facts)
    return file.getvalue()
