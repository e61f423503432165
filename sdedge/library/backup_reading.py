"""A backup read back: pictures into a folder and the gallery, with their marks; waiting jobs, put off; settings that there are
none of yet. What is there stays. No torch.

A backup is foreign data like any file: its names are no paths, and nothing in it costs more than its size.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.files import atomic_write, open_regular, write_new
from sdedge.images.naming import names
from sdedge.images.output import FORMATS, Output
from sdedge.json_values import read_json
from sdedge.library.backup import DATA, GALLERY, GRIDS, MANIFEST, MODELS, QUEUE, VERSION, WILDCARDS
from sdedge.library.backup_grids import add_grids
from sdedge.library.boards import Boards
from sdedge.library.database import transaction
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_files import SUFFIXES, columns
from sdedge.library.gallery_scan import rescan
from sdedge.library.jobs import Job, Queue
from sdedge.library.models import Library
from sdedge.library.store import Store
from sdedge.places import expanded
from sdedge.request import Request
from sdedge.text.clean import clean, clean_name, shown

LINE = 4 << 20  # bytes of one record
FILE = 8 << 20  # bytes of settings, styles or wildcards
PICTURE = 1 << 30  # bytes of a picture


@dataclass(frozen=True)
class BackupRead:
    """What came of a backup: counts, names of models that are not here, and a sentence for each thing that did not come."""

    pictures: int = 0
    here: int = 0
    """Pictures that the gallery had already."""
    jobs: int = 0
    files: int = 0
    models: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def read_backup(store: Store, path: Path, out: Path, progress: Callable[[int, int], None] | None = None) -> BackupRead:
    """Brings what a backup holds into a store, with its pictures in folders below `out`. Reading it twice adds nothing.

    Raises SdedgeError for a file that is no backup, or of a newer sdedge, and OutputError where nothing can be written.
    """
    with _opened(path) as archive:
        left_out: list[str] = []
        here, written = _write_pictures(Gallery(store), archive, out, left_out, progress)
        _mark(Gallery(store), out, written)
        jobs = _add_jobs(Queue(store), archive, out, left_out)
        came = {str(record["content"]) for _, record in written}
        add_grids(Gallery(store), _lines(archive, GRIDS), Output(expanded(out).resolve()), jobs, came)
        files = sum(_put(archive, item, store.folder, left_out) for item in archive.infolist())
        missing = tuple(_missing_models(archive, store.folder))
    return BackupRead(len(written), here, len(jobs), files, missing, tuple(left_out))


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            version = next(_lines(archive, MANIFEST), {}).get("backup")
            odd = [
                item for item in archive.infolist() if item.compress_type or item.flag_bits & 1
            ]  # compressed, encrypted
            total = sum(
                item.file_size for item in archive.infolist()
            )  # more than there is, where files lie over another
            if not isinstance(version, int) or odd or total > path.stat().st_size:
                raise SdedgeError(f"{path} is not a backup of sdedge; give the ZIP file that one made.")
            if version > VERSION:
                raise SdedgeError(f"{path} was written by a newer sdedge (version {version}); update sdedge.")
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, UnicodeError) as error:
        raise SdedgeError(f"{path} is damaged or no backup ({clean(str(error))[:200]}); give another file.") from None
    except OSError as error:
        if error.filename is not None and error.filename != str(path):
            raise
        raise SdedgeError(f"Cannot read {path}: {error.strerror or error}; check the path.") from None


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    """Yields the records of a file of JSON lines; what is none of ours, as in a file that was edited, is passed over."""
    with suppress(KeyError), archive.open(name) as file:
        while line := file.readline(LINE):
            with suppress(SdedgeError):
                record = read_json(line, name, LINE)
                if isinstance(record, dict):
                    yield record


def _write_pictures(
    gallery: Gallery, archive: zipfile.ZipFile, out: Path, left_out: list[str],
    progress: Callable[[int, int], None] | None,
) -> tuple[int, list[tuple[Path, dict[str, Any]]]]:  # fmt: skip
    """Returns how many pictures the gallery has already, and where each of the others is now, with its record."""
    here, written = 0, []
    records = list({str(record.get("file")): record for record in _lines(archive, GALLERY)}.values())
    for number, record in enumerate(records):
        content = str(record.get("content", ""))
        if _is_here(gallery, content):
            here += 1
        elif (data := _picture(archive, record, content)) is None:
            left_out.append(f"The picture {shown(str(record.get('file')))} is damaged in the backup; it is left out.")
        else:
            name = PurePosixPath(str(record["file"]))
            folder = out / (clean_name(name.parent.name).strip(". ") or "pictures")
            path = write_new(names(folder, clean_name(name.stem)[:150] or "picture", name.suffix.lstrip(".")), data)
            with suppress(OSError, ValueError, OverflowError):
                os.utime(path, (float(record["created"]),) * 2)
            written.append((path, record))
        if progress:
            progress(number + 1, len(records))
    return here, written


def _is_here(gallery: Gallery, content: str) -> bool:
    query = "SELECT path FROM images WHERE content = ? AND state = 'here'"
    return any(os.path.exists(row["path"]) for row in gallery.database.execute(query, (content,)).fetchall())


def _picture(archive: zipfile.ZipFile, record: dict[str, Any], content: str) -> bytes | None:
    """Returns the bytes of a picture, if they are those that were put in."""
    name = str(record.get("file", ""))
    if not name.startswith("pictures/") or "\\" in name or not name.lower().endswith(SUFFIXES):
        return None
    try:
        if archive.getinfo(name).file_size > PICTURE:
            return None
        data = archive.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError):
        return None
    return data if hashlib.sha256(data).hexdigest() == content else None


def _mark(gallery: Gallery, out: Path, written: list[tuple[Path, dict[str, Any]]]) -> None:
    """Adopts the pictures and gives them their marks, and those without settings in the file what was known of them."""
    if not written:
        return
    rescan(gallery, out)
    for path, record in written:
        entry = gallery.find(path)
        if entry is None:
            continue
        gallery.set_favourite(entry.id, record.get("favourite") is True)
        gallery.set_tags(entry.id, [clean(str(tag)) for tag in _listed(record, "tags")])
        for board in _listed(record, "boards"):
            with suppress(InvalidRequest):
                Boards(gallery).add(clean(str(board)), [entry.id])
        if not entry.source:
            with suppress(InvalidRequest, SdedgeError):
                request = Request.from_json(str(record.get("request")))
                facts = read_json(str(record.get("facts")), "The picture's record")
                if isinstance(facts, dict):
                    known = {key: value for key, value in columns(vars(request), facts).items() if value}
                    gallery.update(entry.id, {"request": request.to_json(), "facts": json.dumps(facts), **known})


def _listed(record: dict[str, Any], name: str) -> list[Any]:
    value = record.get(name)
    return value[:1000] if isinstance(value, list) else []


def _add_jobs(queue: Queue, archive: zipfile.ZipFile, out: Path, left_out: list[str]) -> dict[int, int]:
    """Adds the jobs that waited, put off until a person resumes them; their pictures go to `out`, not where a file says.

    Returns the job that each became, by the id that it had.
    """
    jobs = queue.jobs()
    added: dict[int, int] = {}
    for record in _lines(archive, QUEUE):
        try:
            request = Request.from_json(str(record.get("request")))
            count, batch, priority = (
                int(record.get(name, least)) for name, least in (("count", 1), ("batch", 1), ("priority", 0))
            )
            if not any(_includes(job, request, count) for job in jobs):
                output = Output(expanded(out).resolve(), _format(record), private=record.get("private") is True)
                with transaction(queue.database):  # nobody draws it before it is put off
                    job = queue.add(request, output, count, batch, priority).id
                    queue.pause(job, "It came out of a backup.")
                added[_integer(record, "id", -job)] = job  # an older sdedge wrote none
        except (InvalidRequest, TypeError, ValueError, OverflowError) as error:
            left_out.append(f"A job of the backup cannot be drawn ({clean(str(error))[:200]}); it is left out.")
    return added


def _includes(job: Job, request: Request, count: int) -> bool:
    """Returns whether so many pictures of a request are a job that is here, or what was left of it at some time."""
    saved = job.count - count
    if not 0 <= saved <= job.saved or job.request.prompt != request.prompt:
        return False
    return job.request_from(saved) == request


def _integer(record: dict[str, Any], name: str, otherwise: int) -> int:
    value = record.get(name)
    return value if type(value) is int else otherwise


def _format(record: dict[str, Any]) -> str:
    format = record.get("format")
    return format if isinstance(format, str) and format in FORMATS else Output.format


def _put(archive: zipfile.ZipFile, item: zipfile.ZipInfo, home: Path, left_out: list[str]) -> bool:
    """Writes settings, styles or wildcards where there are none yet; returns whether it did."""
    target = _place(item.filename, home)
    if target is None or os.path.lexists(target) or item.file_size > FILE:
        return False
    try:
        data = archive.read(item)
    except (zipfile.BadZipFile, EOFError) as error:
        left_out.append(f"{shown(item.filename)} is damaged in the backup ({clean(str(error))[:100]}); it is left out.")
        return False
    if target.suffix == ".ini":  # Qt would make objects of any kind of these
        data = b"".join(line for line in data.splitlines(keepends=True) if b"@Variant(" not in line)
    with atomic_write(target, replace=False, private=True) as file:
        file.write(data)
    return True


def _place(name: str, home: Path) -> Path | None:
    """Returns where a file of `data/` belongs; None for anything but those that a backup holds."""
    first, *parts = name.split("/")
    if first != "data" or not parts or any(part in ("", ".", "..") or part != clean_name(part) for part in parts):
        return None
    if len(parts) == 1 and parts[0] in DATA:
        return home / parts[0]
    wildcard = parts[0] == WILDCARDS and 1 < len(parts) < 8 and name.endswith(".txt")
    return home.joinpath(*parts) if wildcard and not any(set("\\:") & set(part) for part in parts) else None


def _missing_models(archive: zipfile.ZipFile, home: Path) -> Iterator[str]:
    library = Library(home)
    try:
        known = {model.sha256 for model in library.models()}
    finally:
        library.close()
    for record in _lines(archive, MODELS):
        if record.get("sha256") not in known:
            source = clean(str(record.get("source") or ""))
            yield shown(str(record.get("name"))) + (f" from {source[:200]}" if source else "")
