"""Everything that a person made with the app as one ZIP file: pictures with their marks, boards, the queue, settings, styles.

    sdedge.json       what the file is, and its version
    gallery.jsonl     a line per picture: its file in here, its marks and how it was made
    queue.jsonl       a line per job that waits, or was interrupted
    grids.jsonl       a line per grid whose sheet is not made yet
    models.jsonl      which models there were; their files are large and to be had again, and are not in here
    data/             settings.ini, form.json, styles.csv, wildcards/
    pictures/         the files, each in a folder named as its own

Nothing in it is compressed, so that reading costs no more than its size. No torch; `backup_reading` reads it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sdedge
from sdedge.errors import OutputError
from sdedge.files import atomic_write, open_regular
from sdedge.library.backup_grids import grid_records
from sdedge.library.boards import Boards
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.job_states import OPEN, JobState
from sdedge.library.jobs import Job, Queue
from sdedge.library.models import Library
from sdedge.library.store import Store
from sdedge.text.clean import clean

MANIFEST, MODELS = "sdedge.json", "models.jsonl"
GALLERY, QUEUE, GRIDS = "gallery.jsonl", "queue.jsonl", "grids.jsonl"
VERSION = 1
DATA = ("settings.ini", "form.json", "styles.csv")
WILDCARDS = "wildcards"


@dataclass(frozen=True)
class BackupWritten:
    """What was put into a backup: counts, and a sentence for each picture that could not be."""

    pictures: int = 0
    jobs: int = 0
    files: int = 0
    left_out: tuple[str, ...] = ()


def write_backup(
    store: Store, path: Path, progress: Callable[[int, int], None] | None = None, replace: bool = False
) -> BackupWritten:
    """Writes everything of a store into a new ZIP file, whole or not at all. `progress(done, total)` counts pictures.

    Raises OutputError for a path that is taken, unless it is to `replace` that file, a folder that cannot be written and a full
    disk.
    """
    if path.exists() and not replace:
        raise OutputError(f"{path} is there already; give a new name.")
    gallery, left_out, records = Gallery(store), [], []
    ids = gallery.ids()
    with atomic_write(path, replace=replace, private=True) as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST, json.dumps({"backup": VERSION, "sdedge": sdedge.__version__}))
        taken: dict[str, int] = {}
        for number, id in enumerate(ids):
            entry = next(iter(gallery.entries([id])), None)
            if entry is None:
                continue  # it went to the trash meanwhile
            try:
                with open_regular(entry.path) as picture:
                    data = picture.read()
            except OSError as error:
                left_out.append(f"Cannot read {clean(str(entry.path))}: {error.strerror or error}; it is left out.")
                continue
            name = _free(taken, f"pictures/{_part(entry.path.parent.name)}", entry.path)
            archive.writestr(name, data)
            records.append(_record(gallery, entry, name))
            if progress:
                progress(number + 1, len(ids))
        queue = Queue(store)
        jobs = queue.jobs((*OPEN, JobState.INTERRUPTED))
        grids = grid_records(queue, gallery, {job.id for job in jobs})
        written: Mapping[str, Iterable[dict[str, Any]]] = {
            GALLERY: records,
            QUEUE: map(_waiting, jobs),
            GRIDS: grids,
            MODELS: _models(store.folder),
        }
        for name, lines in written.items():
            archive.writestr(name, "".join(json.dumps(line) + "\n" for line in lines))
        files = sum(_put(archive, source, name) for name, source in _data(store.folder))
    return BackupWritten(len(records), len(jobs), files, tuple(left_out))


def _part(name: str) -> str:
    return clean(name).replace("/", "-").replace("\\", "-").strip(". ") or "pictures"


def _free(taken: dict[str, int], folder: str, path: Path) -> str:
    """Returns a name in the archive that no file has, with a number where pictures of several folders would share it."""
    name = f"{folder}/{_part(path.name)}"
    taken[name.casefold()] = number = taken.get(name.casefold(), 0) + 1
    return name if number == 1 else _free(taken, f"{folder}-{number}", path)


def _record(gallery: Gallery, entry: GalleryEntry, name: str) -> dict[str, Any]:
    known = {"created": entry.created, "content": entry.content, "source": entry.source, "favourite": entry.favourite}
    marks = {"tags": gallery.tags(entry.id), "boards": Boards(gallery).of(entry.id)}
    return {"file": name, **known, **marks, "request": entry.request_json, "facts": entry.facts_json}


def _waiting(job: Job) -> dict[str, Any]:
    output = {"format": job.output.format, "private": job.output.private}
    asked = {"count": max(job.count - job.saved, 1), "batch": job.batch, "priority": job.priority}
    return {"id": job.id, "request": job.request_from(job.saved).to_json(), **asked, **output}


def _models(folder: Path) -> Iterator[dict[str, Any]]:
    library = Library(folder)
    try:
        for model in library.models():
            names = ("name", "role", "sha256", "size", "source", "licence")
            yield {name: getattr(model, name) for name in names}
    finally:
        library.close()


def _data(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in DATA:
        yield f"data/{name}", folder / name
    for path in sorted((folder / WILDCARDS).rglob("*.txt")):
        yield f"data/{path.relative_to(folder).as_posix()}", path


def _put(archive: zipfile.ZipFile, path: Path, name: str) -> bool:
    try:
        str(path).encode()
        with open_regular(path) as file:
            archive.writestr(name, file.read())
    except (OSError, UnicodeEncodeError):
        return False
    return True
