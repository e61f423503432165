"""Pictures: what is where, how it was made, favourites, tags and search. Files are the truth, rows follow. No torch."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge import catalog
from sdedge.database import transaction
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.files import atomic_write
from sdedge.request import Request
from sdedge.store import Store

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
THUMBNAIL = 320  # pixels of the longer side
_GROUP = 100  # rows written per transaction, so that no other process waits long


@dataclass(frozen=True)
class Entry:
    """One picture of the gallery. `created` is Unix time, `content` the SHA-256 of the file."""

    id: int
    path: Path
    created: float
    width: int
    height: int
    bytes: int
    content: str
    model: str
    model_hash: str
    sampler: str
    seed: int | None
    prompt: str
    negative: str
    favourite: bool
    missing: bool
    job: int | None
    number: int | None
    source: str
    request_json: str
    facts_json: str

    @property
    def request(self) -> Request:
        """The request that draws it again, as far as the file told."""
        return Request.from_json(self.request_json)

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads(self.facts_json)


@dataclass(frozen=True)
class Search:
    """What to look for. `text` is words of the prompts; "two words" stay together, -word must not be there."""

    text: str = ""
    model: str | None = None
    """Its name or the beginning of its hash."""
    sampler: str | None = None
    width: int | None = None
    height: int | None = None
    since: float | None = None
    """Unix time; `since` <= created < `until`."""
    until: float | None = None
    favourite: bool = False
    tag: str | None = None
    missing: bool = False
    """Only those whose file is gone, instead of only those that are there."""


@dataclass(frozen=True)
class Scan:
    """What a rescan found: counts, and a sentence for each file that could not be read."""

    added: int = 0
    moved: int = 0
    changed: int = 0
    missing: int = 0
    kept: int = 0
    unreadable: tuple[str, ...] = ()


class Gallery:
    """The pictures of a store. One thread uses it; every change is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database

    # Saving: a row in state "writing" says what is about to be written, so that no crash loses or doubles a picture.

    def begin(
        self, path: Path, request: Request, facts: Mapping[str, Any], job: int | None = None, number: int | None = None
    ) -> int:
        """Announce that `path` is about to be written; returns the row's id."""
        values = {
            "path": str(path), "state": "writing", "created": time.time(), "job": job, "number": number,
            "source": "sdedge", "request": request.to_json(), "facts": json.dumps(dict(facts), default=str),
            **_columns(vars(request), facts),
        }  # fmt: skip
        with transaction(self.database):
            self._remember_folder(path.parent)
            return self._insert(values)

    def complete(self, row: int) -> None:
        """The file of `begin` is on disk under its name."""
        path = Path(self.database.execute("SELECT path FROM images WHERE id = ?", (row,)).fetchone()["path"])
        self._update(row, {"state": "here", **_measure(path)})

    def abandon(self, row: int) -> None:
        """The file of `begin` was not written."""
        self.database.execute("DELETE FROM images WHERE id = ? AND state = 'writing'", (row,))

    def settle(self) -> int:
        """Finish what a killed process had begun; returns how many pictures were complete on disk.

        Only while nobody is drawing: a file that is there was renamed whole, one that is not was never finished.
        """
        found = 0
        for row in self.database.execute("SELECT id, path FROM images WHERE state = 'writing'").fetchall():
            path = Path(row["path"])
            for part in path.parent.glob(f".{_literal(path.name[:40])}.*.part"):
                with suppress(OSError):
                    part.unlink()
            try:
                self.complete(row["id"])
                found += 1
            except (OSError, InvalidRequest):
                self.abandon(row["id"])
        return found

    def ensure(self, path: Path, job: int, number: int) -> None:
        """Make sure that a picture of which an event speaks has its row."""
        if self.database.execute("SELECT 1 FROM images WHERE path = ?", (str(path),)).fetchone() is None:
            values = _read(path)
            with transaction(self.database):
                self._remember_folder(path.parent)
                self._insert({**values, "path": str(path), "state": "here", "job": job, "number": number})

    # Looking

    def search(self, search: Search = Search(), limit: int = 60, after: Entry | None = None) -> list[Entry]:
        """Newest first; the next page starts `after` the last entry of the one before."""
        where, values = _conditions(search)
        if after is not None:
            where.append("(created, id) < (?, ?)")
            values += [after.created, after.id]
        query = f"SELECT * FROM images WHERE {' AND '.join(where)} ORDER BY created DESC, id DESC LIMIT ?"
        return [_entry(row) for row in self.database.execute(query, [*values, limit])]

    def count(self, search: Search = Search()) -> int:
        """How many pictures a search finds."""
        where, values = _conditions(search)
        return self.database.execute(f"SELECT count(*) FROM images WHERE {' AND '.join(where)}", values).fetchone()[0]

    def get(self, id: int) -> Entry:
        """One picture. Raises SdedgeError."""
        row = self.database.execute("SELECT * FROM images WHERE id = ? AND state != 'writing'", (id,)).fetchone()
        if row is None:
            raise SdedgeError(f"The gallery has no picture {id}; see `sdedge gallery search`.")
        return _entry(row)

    def find(self, path: str | os.PathLike[str]) -> Entry | None:
        """The entry of a file, if it has one."""
        query = "SELECT * FROM images WHERE path = ? AND state != 'writing'"
        row = self.database.execute(query, (os.path.abspath(path),)).fetchone()
        return _entry(row) if row else None

    def thumbnail(self, entry: Entry) -> Path:
        """A JPEG of at most 320 pixels, made once and kept by the file's content. Raises SdedgeError."""
        path = self._thumbnail_path(entry.content)
        if not path.exists():
            from PIL import Image

            try:
                with Image.open(entry.path) as image:
                    image.draft("RGB", (THUMBNAIL, THUMBNAIL))
                    small = image.convert("RGB")
                    small.thumbnail((THUMBNAIL, THUMBNAIL))
            except Exception as error:  # Pillow's plugins raise anything at all on damaged files
                raise SdedgeError(f"Cannot read {entry.path} ({error}); it is missing or damaged.") from error
            with atomic_write(path) as file:
                small.save(file, "JPEG", quality=85)
        return path

    # Marking

    def set_favourite(self, id: int, favourite: bool = True) -> None:
        entry = self.get(id)
        self._update(id, {"favourite": int(favourite)})
        self.store.note(content=entry.content, favourite=favourite)

    def tags(self, id: int) -> list[str]:
        return [row["tag"] for row in self.database.execute("SELECT tag FROM tags WHERE image = ? ORDER BY tag", (id,))]

    def all_tags(self) -> dict[str, int]:
        """Every tag and how many pictures have it."""
        rows = self.database.execute("SELECT tag, count(*) AS uses FROM tags GROUP BY tag ORDER BY tag")
        return {row["tag"]: row["uses"] for row in rows}

    def set_tags(self, id: int, tags: Iterable[str]) -> None:
        """Give a picture exactly these tags."""
        entry, wanted = self.get(id), sorted({tag.strip() for tag in tags} - {""})
        with transaction(self.database):
            self.database.execute("DELETE FROM tags WHERE image = ?", (id,))
            self.database.executemany("INSERT INTO tags VALUES (?, ?)", [(id, tag) for tag in wanted])
        self.store.note(content=entry.content, tags=wanted)

    def trash(self, id: int) -> None:
        """Move the file to the system's trash and forget it. Raises SdedgeError, never deletes for good."""
        entry = self.get(id)
        if entry.path.exists():
            from send2trash import send2trash

            try:
                send2trash(entry.path)
            except Exception as error:  # its back ends raise what their systems raise
                raise SdedgeError(f"Cannot move {entry.path} to the trash ({error}); delete it yourself.") from error
        self.database.execute("DELETE FROM images WHERE id = ?", (id,))
        if not self.database.execute("SELECT 1 FROM images WHERE content = ?", (entry.content,)).fetchone():
            self._thumbnail_path(entry.content).unlink(missing_ok=True)

    # Files are the truth

    def folders(self) -> list[Path]:
        """Where pictures were saved or adopted."""
        return [Path(row["path"]) for row in self.database.execute("SELECT path FROM folders ORDER BY path")]

    def rescan(self, folder: Path | None = None, progress: Callable[[int], None] | None = None) -> Scan:
        """Bring the rows in line with the files of `folder` and below, or of all known folders.

        New pictures are adopted by their metadata, moved ones are recognised by their content and keep their marks,
        rows of vanished ones are hidden until the file is back. Raises SdedgeError when `folder` is not there.
        """
        if folder is not None and not folder.is_dir():
            raise SdedgeError(f"There is no folder {folder}; give one that holds pictures.")
        roots = [folder.resolve()] if folder else self.folders()
        counts = dict.fromkeys(("added", "moved", "changed", "missing", "kept"), 0)
        unreadable: list[str] = []
        for root in roots:
            counts["missing"] += self._hide_missing(root)
        if folder:
            with transaction(self.database):
                self._remember_folder(roots[0])
        seen = 0
        for group in _groups(_outermost(roots)):
            fresh = [(path, found) for path in group if (found := self._look(path, counts, unreadable)) is not None]
            with transaction(self.database):
                for path, values in fresh:
                    counts[self._adopt(path, values)] += 1
            seen += len(group)
            if progress:
                progress(seen)
        if folder is None or self.store.setting("rebuild"):
            self._mark_from_journal()
        if folder is None:
            self.store.set("rebuild", None)
        return Scan(**counts, unreadable=tuple(unreadable))

    @property
    def needs_rescan(self) -> bool:
        """Whether the database was damaged and its pictures are not found again yet."""
        return self.store.setting("rebuild") is not None

    def verify(self) -> Iterator[tuple[Entry, str]]:
        """Read every file again; yields those that are missing, changed or damaged, with what is wrong in words."""
        for row in self.database.execute("SELECT * FROM images WHERE state != 'writing' ORDER BY id").fetchall():
            entry = _entry(row)
            if fault := _fault(entry):
                yield entry, fault

    def _hide_missing(self, root: Path) -> int:
        inside = str(root).rstrip(os.sep) + os.sep
        query = "SELECT id, path FROM images WHERE state = 'here' AND substr(path, 1, ?) = ?"
        rows = self.database.execute(query, (len(inside), inside)).fetchall()
        gone = [(row["id"],) for row in rows if not os.path.exists(row["path"])]
        with transaction(self.database):
            self.database.executemany("UPDATE images SET state = 'missing' WHERE id = ?", gone)
        return len(gone)

    def _look(self, path: Path, counts: dict[str, int], unreadable: list[str]) -> dict[str, Any] | None:
        """The columns of a file that is new or has changed; None when there is nothing to do."""
        try:
            now = path.stat()
            query = "SELECT state, bytes, modified FROM images WHERE path = ?"
            row = self.database.execute(query, (str(path),)).fetchone()
            if row and (row["state"] == "writing" or (row["bytes"], row["modified"]) == (now.st_size, now.st_mtime_ns)):
                if row["state"] == "missing":
                    self.database.execute("UPDATE images SET state = 'here' WHERE path = ?", (str(path),))
                counts["kept"] += 1
                return None
            return _read(path)
        except (InvalidRequest, OSError) as error:
            unreadable.append(str(error))
            return None

    def _adopt(self, path: Path, values: dict[str, Any]) -> str:
        """Write one file's row inside a transaction; returns whether it was added, moved or changed."""
        row = self.database.execute("SELECT id FROM images WHERE path = ?", (str(path),)).fetchone()
        if row is not None:
            self._update(row["id"], {**values, "state": "here"})
            return "changed"
        query = "SELECT id, path, created FROM images WHERE content = ? AND state != 'writing'"
        for row in self.database.execute(query, (values["content"],)).fetchall():
            if not os.path.exists(row["path"]):
                self._update(row["id"], {**values, "state": "here", "path": str(path), "created": row["created"]})
                return "moved"
        self._insert({**values, "path": str(path), "state": "here"})
        return "added"

    def _mark_from_journal(self) -> None:
        """Give favourites and tags back after a rebuild; the last word on each content counts."""
        favourites: dict[str, bool] = {}
        tags: dict[str, list[str]] = {}
        for record in self.store.journal():
            content = record.get("content", "")
            if "favourite" in record:
                favourites[content] = bool(record["favourite"])
            if isinstance(record.get("tags"), list):
                tags[content] = [str(tag) for tag in record["tags"]]
        with transaction(self.database):
            for content, favourite in favourites.items():
                self.database.execute("UPDATE images SET favourite = ? WHERE content = ?", (int(favourite), content))
            for content, names in tags.items():
                for row in self.database.execute("SELECT id FROM images WHERE content = ?", (content,)).fetchall():
                    self.database.execute("DELETE FROM tags WHERE image = ?", (row["id"],))
                    self.database.executemany("INSERT INTO tags VALUES (?, ?)", [(row["id"], tag) for tag in names])

    def _remember_folder(self, folder: Path) -> None:
        if self.database.execute("INSERT OR IGNORE INTO folders VALUES (?)", (str(folder),)).rowcount:
            self.store.note(folder=str(folder))

    def _insert(self, values: Mapping[str, Any]) -> int:
        marks = ", ".join("?" * len(values))
        cursor = self.database.execute(f"INSERT INTO images ({', '.join(values)}) VALUES ({marks})", [*values.values()])
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _update(self, id: int, values: Mapping[str, Any]) -> None:
        pairs = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE images SET {pairs} WHERE id = ?", [*values.values(), id])

    def _thumbnail_path(self, content: str) -> Path:
        return self.store.folder / "thumbnails" / content[:2] / f"{content}.jpg"


def match_expression(text: str) -> str:
    """What a person types as an FTS5 query: every word by its beginning, "phrases", and -word for what must not be.

    Nothing typed can be a syntax error. Empty when there is no word to look for.
    """
    wanted, unwanted = [], []
    for minus, phrase, word in re.findall(r'(?<!\S)(-?)(?:"([^"]*)"|(\S+))', text):
        words = re.findall(r"\w+", phrase or word)
        if words:
            (unwanted if minus else wanted).append('"' + " ".join(words) + '"' + ("" if phrase else "*"))
    if not wanted:
        return ""
    return " AND ".join(wanted) + "".join(f" NOT {one}" for one in unwanted)


def _conditions(search: Search) -> tuple[list[str], list[Any]]:
    where, values = ["state = ?"], ["missing" if search.missing else "here"]

    def need(condition: str, *given: Any) -> None:
        if given[0] is not None:
            where.append(condition)
            values.extend(given)

    if search.text.strip():
        # The plus keeps SQLite on the index by date: it stops at the end of the page, where the other way round would
        # sort every picture that has the word.
        need("+id IN (SELECT rowid FROM prompts WHERE prompts MATCH ?)", match_expression(search.text) or '""')
    if search.model is not None:
        need("(model = ? OR (length(?) >= 8 AND substr(model_hash, 1, length(?)) = ?))", *[search.model] * 4)
    need("sampler = ?", search.sampler)
    need("width = ?", search.width)
    need("height = ?", search.height)
    need("created >= ?", search.since)
    need("created < ?", search.until)
    need("favourite = ?", 1 if search.favourite else None)
    need("id IN (SELECT image FROM tags WHERE tag = ?)", search.tag)
    return where, values


def _columns(fields: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The searchable columns from what is known of a picture."""
    seed = fields.get("seed")
    return {
        "width": fields.get("width") or 0,
        "height": fields.get("height") or 0,
        "model": str(facts.get("model_name") or fields.get("model") or ""),
        "model_hash": str(facts.get("model_hash") or ""),
        "sampler": str(fields.get("sampler") or ""),
        "seed": "" if seed is None else str(seed),  # up to 2**64 - 1, more than SQLite's integers hold
        "prompt": _text(fields.get("prompt")),
        "negative": _text(fields.get("negative")),
    }


def _text(value: Any) -> str:
    """Half surrogate pairs become question marks; SQLite takes none."""
    return str(value or "").encode("utf-8", "replace").decode("utf-8")


def _read(path: Path) -> dict[str, Any]:
    """The columns of a picture file made by anyone. Raises InvalidRequest or OSError."""
    from sdedge.images import metadata

    found = metadata.read(path)
    measured = _measure(path)
    try:
        request = metadata.to_request(found) if found.source else Request()
    except InvalidRequest:
        request = Request()
    facts = json.dumps(dict(found.details), default=str)
    return {
        **(_columns(found.fields, found.details) if found.source else {}),
        **measured,
        "created": measured["modified"] / 1e9,
        "source": found.source,
        "request": request.to_json(),
        "facts": facts,
    }


def _measure(path: Path) -> dict[str, Any]:
    """What the file itself tells: size in pixels and bytes, time, and the hash of its content."""
    from PIL import Image

    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        content = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        try:
            with Image.open(file) as image:
                width, height = image.size
        except Exception as error:
            raise InvalidRequest(f"Cannot read {path}: it is not a picture or is damaged.") from error
    return {
        "width": width, "height": height, "bytes": status.st_size, "modified": status.st_mtime_ns, "content": content,
    }  # fmt: skip


def _fault(entry: Entry) -> str | None:
    from PIL import Image

    try:
        data = entry.path.read_bytes()
    except OSError as error:
        return f"{entry.path} cannot be read: {error.strerror or error}"
    if hashlib.sha256(data).hexdigest() == entry.content:
        return None
    try:
        with Image.open(entry.path) as image:
            image.load()
    except Exception:
        return f"{entry.path} is damaged: it has changed since it was saved and cannot be decoded"
    return f"{entry.path} was changed by another program since it was saved; a rescan takes it as it is"


def _entry(row: sqlite3.Row) -> Entry:
    values = dict(row)
    state, _ = values.pop("state"), values.pop("modified")
    request, facts = values.pop("request"), values.pop("facts")
    changed = {
        "path": Path(values["path"]),
        "seed": int(values["seed"]) if values["seed"] else None,
        "favourite": bool(values["favourite"]),
    }
    return Entry(**{**values, **changed}, missing=state == "missing", request_json=request, facts_json=facts)


def _groups(roots: Iterable[Path]) -> Iterator[list[Path]]:
    """Picture files below the folders, in the order of their names, some at a time."""
    group: list[Path] = []
    for root in roots:
        for folder, inner, files in os.walk(root):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                    group.append(Path(folder, name))
                if len(group) == _GROUP:
                    yield group
                    group = []
    if group:
        yield group


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Without the ones that lie inside another."""
    kept: list[Path] = []
    for folder in sorted(folders):
        if not any(folder.is_relative_to(other) for other in kept):
            kept.append(folder)
    return kept


def _literal(text: str) -> str:
    """Text that a glob takes as it is."""
    return re.sub(r"([*?[])", r"[\1]", text)


def sampler_name(text: str) -> str:
    """A sampler by any of its names, as the gallery stores it. Raises InvalidRequest."""
    return catalog.resolve(text)[0]
