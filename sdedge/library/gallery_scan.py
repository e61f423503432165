"""Bringing the gallery's rows in line with the files: adopting, following, rebuilding. No torch."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.files import canonical
from sdedge.library.boards import restore_boards
from sdedge.library.database import transaction
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_files import SUFFIXES, gallery_path, groups, outermost, read_picture
from sdedge.library.jobs import Job
from sdedge.request import Request
from sdedge.text.clean import clean


@dataclass(frozen=True)
class Scan:
    """What a rescan found: counts, and a sentence for each file that could not be read."""

    added: int = 0
    moved: int = 0
    changed: int = 0
    missing: int = 0
    unchanged: int = 0
    unreadable: tuple[str, ...] = ()


def rescan(gallery: Gallery, folder: Path | None = None, progress: Callable[[int], None] | None = None) -> Scan:
    """Brings the rows in line with the files of `folder` and below, or of all known folders.

    New pictures are adopted by their metadata, moved ones are recognised by their content and keep their marks,
    rows of vanished ones are hidden until the file is back. Raises SdedgeError when `folder` is not there.
    """
    if folder is not None and not folder.is_dir():
        raise SdedgeError(f"There is no folder {folder}; give one that holds pictures.")
    roots = _respell(gallery, [folder.resolve()] if folder else gallery.folders())
    counts = dict.fromkeys(("added", "moved", "changed", "missing", "unchanged"), 0)
    unreadable: list[str] = []
    hidden = [id for root in roots for id in _hide_missing(gallery, root)]
    if folder:
        with transaction(gallery.database):
            gallery.remember_folder(roots[0])
    seen = 0
    for group in groups(outermost(roots)):
        fresh = [(path, look) for path in group if (look := _look(gallery, path, counts, unreadable)) is not None]
        with transaction(gallery.database):
            for path, values in fresh:
                counts[_adopt(gallery, path, values)] += 1
        seen += len(group)
        if progress:
            progress(seen)
    counts["missing"] = _still_missing(gallery, hidden)
    if folder is None or gallery.store.setting("rebuild"):
        _mark_from_journal(gallery)
        restore_boards(gallery)
    if folder is None:
        gallery.store.set("rebuild", None)
    return Scan(**counts, unreadable=tuple(unreadable))


def _respell(gallery: Gallery, folders: list[Path]) -> list[Path]:
    """Returns folders as the drive spells them; what was noted under another case or Unicode form of them follows."""
    for folder in folders:
        if (canon := canonical(folder)) == folder:
            continue
        inside, length = str(folder) + os.sep, len(str(folder)) + 1
        with transaction(gallery.database):
            query = "UPDATE OR IGNORE images SET path = ? || substr(path, ?) WHERE substr(path, 1, ?) = ?"
            gallery.database.execute(query, (str(canon), length, length, inside))
            gallery.database.execute("DELETE FROM images WHERE substr(path, 1, ?) = ?", (length, inside))  # it has two
            if gallery.database.execute("DELETE FROM folders WHERE path = ?", (str(folder),)).rowcount:
                gallery.remember_folder(canon)
    return list(dict.fromkeys(map(canonical, folders)))


def _hide_missing(gallery: Gallery, root: Path) -> list[int]:
    """Hides the rows of files below a folder that are not there; returns their ids."""
    inside = str(root).rstrip(os.sep) + os.sep
    query = "SELECT id, path FROM images WHERE state = 'here' AND substr(path, 1, ?) = ?"
    rows = gallery.database.execute(query, (len(inside), inside)).fetchall()
    gone = [row["id"] for row in rows if not os.path.exists(row["path"])]
    with transaction(gallery.database):
        gallery.database.executemany("UPDATE images SET state = 'missing' WHERE id = ?", [(id,) for id in gone])
    return gone


def _still_missing(gallery: Gallery, ids: list[int]) -> int:
    """Returns how many of these were not found under another name."""
    query = "SELECT state FROM images WHERE id = ?"
    rows = [gallery.database.execute(query, (id,)).fetchone() for id in ids]
    return sum(row is not None and row["state"] == "missing" for row in rows)


def _look(gallery: Gallery, path: Path, counts: dict[str, int], unreadable: list[str]) -> dict[str, Any] | None:
    """Returns the columns of a file that is new or has changed; None when there is nothing to do."""
    try:
        str(path).encode()  # what SQLite takes; a name in another encoding is half surrogates
        now = path.stat()
        row = gallery.row_of(path)
        if row and (row["state"] == "writing" or (row["bytes"], row["modified"]) == (now.st_size, now.st_mtime_ns)):
            if row["state"] == "missing":
                gallery.update(row["id"], {"state": "here"})
            counts["unchanged"] += 1
            return None
        return read_picture(path)
    except UnicodeEncodeError:
        unreadable.append(f"The name of {clean(str(path))} is not in UTF-8; rename the file.")
    except (SdedgeError, OSError) as error:
        unreadable.append(clean(str(error)))
    return None


def _adopt(gallery: Gallery, path: Path, values: dict[str, Any]) -> str:
    """Writes one file's row inside a transaction; returns whether it was added, moved, changed or unchanged."""
    measured = {name: values[name] for name in ("width", "height", "bytes", "modified", "content")}
    row = gallery.row_of(path)
    if row is not None:  # what is known is not forgotten because another program dropped the settings
        known = {**values, **measured} if values["source"] else measured
        known.pop("created", None)
        gallery.update(row["id"], {**known, "state": "here"})
        return "changed"
    query = "SELECT id, path FROM images WHERE content = ? AND state != 'writing'"
    for row in gallery.database.execute(query, (values["content"],)).fetchall():
        if not os.path.exists(row["path"]):
            gallery.update(row["id"], {**measured, "path": str(path), "state": "here"})
            return "moved"
        if os.path.samefile(row["path"], path):  # by way of a link
            return "unchanged"
    gallery.insert({**values, "path": str(path), "state": "here"})
    return "added"


def _mark_from_journal(gallery: Gallery) -> None:
    """Gives favourites and tags back after a rebuild; the last word on each content counts."""
    favourites: dict[str, bool] = {}
    tags: dict[str, list[str]] = {}
    for record in gallery.store.journal():
        content = record.get("content", "")
        if "favourite" in record:
            favourites[content] = bool(record["favourite"])
        if isinstance(record.get("tags"), list):
            tags[content] = [str(tag) for tag in record["tags"]]
    with transaction(gallery.database):
        for content, favourite in favourites.items():
            gallery.database.execute("UPDATE images SET favourite = ? WHERE content = ?", (int(favourite), content))
        for content, names in tags.items():
            for row in gallery.database.execute("SELECT id FROM images WHERE content = ?", (content,)).fetchall():
                gallery.database.execute("DELETE FROM tags WHERE image = ?", (row["id"],))
                gallery.database.executemany("INSERT INTO tags VALUES (?, ?)", [(row["id"], tag) for tag in names])


def adopt_unannounced(gallery: Gallery, job: Job) -> int:
    """After a crash: pictures of `job` that were saved while the database could not be written, by their metadata.

    Returns how many. Looks at files of the job's folder no older than its start, an hour allowed for clock jumps, and takes
    those that were drawn as it asks.
    """
    asked = [(number, job.request.numbered(number)) for number in range(job.saved, job.count)]
    numbers = {_seeds(request): (number, request) for number, request in asked}
    adopted = 0
    for path in _recent(job.output.folder, (job.started or 0) - 3600):
        try:
            if gallery.row_of(path):
                continue
            values = read_picture(path)
            drawn = Request.from_json(values["request"])
            number, request = numbers.get(_seeds(drawn), (None, drawn))
        except (InvalidRequest, OSError, UnicodeEncodeError):
            continue
        if values["source"] == "sdedge" and number is not None and _draws(request, drawn, json.loads(values["facts"])):
            with transaction(gallery.database):
                query = "SELECT 1 FROM images WHERE job = ? AND number = ?"
                if gallery.database.execute(query, (job.id, number)).fetchone() is None:
                    values |= {"job": job.id, "number": number}
                path = gallery_path(path)
                gallery.insert({**values, "path": str(path), "state": "here"})
                gallery.remember_folder(path.parent)
            adopted += 1
    return adopted


def _seeds(request: Request) -> tuple[int | None, int | None]:
    return request.seed, request.variation_seed


def _draws(asked: Request, drawn: Request, facts: dict[str, Any]) -> bool:
    """Returns whether a file's request is what becomes of `asked`: its wildcards chosen, its open choices made."""
    free = {"steps"} if asked.sigmas is not None or asked.timesteps is not None else set()
    in_part = {"passes", "windows", "regions"} if "choices" in facts else {"passes", "windows"}
    for name in {field.name for field in fields(Request)} - free:
        wanted, got = getattr(asked, name), facts.get(_TEMPLATES.get(name, ""), getattr(drawn, name))
        if name in in_part:
            wanted, got = _extent(wanted), _extent(got)
        if wanted is not None and wanted != got:
            return False
    return True


def _extent(value: Any) -> int:
    """Returns how many parts a field has of which some are chosen while drawing."""
    return len(value) if isinstance(value, tuple) else int(value is not None)


_TEMPLATES = {"prompt": "template", "negative": "negative_template"}


def _recent(folder: Path, since: float) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".")
                if entry.stat().st_mtime >= since
            )
    except OSError:
        return []
