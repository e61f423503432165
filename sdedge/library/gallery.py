"""Pictures: what is where, how it was made, favourites, tags and search. Files are the truth, rows follow. No torch."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge import catalog
from sdedge.errors import InvalidRequest, Remedy, SdedgeError
from sdedge.json_values import read_json
from sdedge.library.database import transaction
from sdedge.library.gallery_files import (
    columns,
    fault_of,
    gallery_path,
    literal,
    measure,
    read_picture,
    record_fault,
    spellings,
    thumbnail,
    thumbnail_path,
)
from sdedge.library.store import Store
from sdedge.request import Request

_ABANDONED = 600.0  # seconds after which what was begun without a job has nobody
_COMMON = 2000  # pictures with a word, from which on it is looked for in the order of the page


@dataclass(frozen=True)
class GalleryEntry:
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
        """What the file told of how it was made; nothing where the row is damaged."""
        with suppress(InvalidRequest):
            facts = read_json(self.facts_json, "The picture's row", error=InvalidRequest)
            return facts if isinstance(facts, dict) else {}
        return {}


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
    board: str | None = None
    missing: bool = False
    """Only those whose file is gone, instead of only those that are there."""


class Gallery:
    """The pictures of a store. One thread uses it; every change is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.database = store.database

    # Saving: a row in state "writing" says what is about to be written, so that no crash loses or doubles a picture.

    def begin(
        self, path: Path, request: Request, facts: Mapping[str, Any], job: int | None = None, number: int | None = None,
        content: str = "",
    ) -> int:  # fmt: skip
        """Announces that `path` is about to be written, with this SHA-256 of its bytes; returns the row's id."""
        path = gallery_path(path)
        values = {
            "path": str(path), "state": "writing", "created": time.time(), "job": job, "number": number,
            "source": "sdedge", "content": content, "request": request.to_json(), "facts": json.dumps(dict(facts), default=str),
            **columns(vars(request), facts),
        }  # fmt: skip
        with transaction(self.database):
            self.remember_folder(path.parent)
            if not os.path.lexists(path):  # the row of a file that is gone gives its name away
                self.database.execute("DELETE FROM images WHERE path = ? AND state != 'writing'", (str(path),))
            return self.insert(values)

    def complete(self, row: int) -> bool:
        """The file of `begin` is on disk under its name; returns whether its row is still there. A power cut may undo this, and
        `settle` does it again."""
        known = self.database.execute("SELECT path FROM images WHERE id = ?", (row,)).fetchone()
        if known is not None:
            measured = measure(Path(known["path"]))
            with transaction(self.database, durable=False):
                self.update(row, {"state": "here", **measured})
        return known is not None

    def abandon(self, row: int) -> None:
        """The file of `begin` was not written."""
        self.database.execute("DELETE FROM images WHERE id = ? AND state = 'writing'", (row,))

    def settle(self) -> int:
        """Finishes what a killed process had begun; returns how many pictures were complete on disk.

        Only while no job is drawn: a file that is there was renamed whole, one that is not was never finished. What is of no
        job, another process may be writing; it has ten minutes.
        """
        settled = 0
        query = "SELECT id, path, content FROM images WHERE state = 'writing' AND (job IS NOT NULL OR created < ?)"
        for row in self.database.execute(query, (time.time() - _ABANDONED,)).fetchall():
            path = Path(row["path"])
            for part in path.parent.glob(f".{literal(path.name[:40])}.*.part"):
                with suppress(OSError):
                    part.unlink()
            try:
                if row["content"] and measure(path)["content"] != row["content"]:
                    raise InvalidRequest(f"{path} is another process's picture.")
                self.complete(row["id"])
                settled += 1
            except (OSError, InvalidRequest):
                self.abandon(row["id"])
        return settled

    def ensure(self, path: Path, job: int | None = None, number: int | None = None) -> None:
        """Makes sure that a picture of which an event speaks, or a sheet of several, has its row."""
        if self.row_of(path) is None:
            values, path = read_picture(path), gallery_path(path)
            with transaction(self.database):
                self.remember_folder(path.parent)
                self.insert({**values, "path": str(path), "state": "here", "job": job, "number": number})

    # Looking

    def search(
        self, search: Search = Search(), limit: int = 60, after: GalleryEntry | None = None
    ) -> list[GalleryEntry]:
        """Returns pictures, newest first; the next page starts `after` the last entry of the one before."""
        where, values = conditions(search, common=self._is_common(search.text))
        if after is not None:
            where.append("(created, id) < (?, ?)")
            values += [after.created, after.id]
        query = f"SELECT * FROM images WHERE {' AND '.join(where)} ORDER BY created DESC, id DESC LIMIT ?"
        return [_entry(row) for row in self.database.execute(query, [*values, limit])]

    def _is_common(self, text: str) -> bool:
        query = "SELECT count(*) FROM (SELECT 1 FROM prompts WHERE prompts MATCH ? LIMIT ?)"
        return self.database.execute(query, (match_expression(text) or '""', _COMMON)).fetchone()[0] == _COMMON

    def count(self, search: Search = Search()) -> int:
        """Returns how many pictures a search finds."""
        where, values = conditions(search)
        return self.database.execute(f"SELECT count(*) FROM images WHERE {' AND '.join(where)}", values).fetchone()[0]

    def ids(self, search: Search = Search()) -> list[int]:
        """Returns the ids of all that a search finds, newest first: what a view needs to know of the ones it does not show
        yet.
        """
        where, values = conditions(search)
        query = f"SELECT id FROM images WHERE {' AND '.join(where)} ORDER BY created DESC, id DESC"
        return [row[0] for row in self.database.execute(query, values)]

    def entries(self, ids: Sequence[int]) -> list[GalleryEntry]:
        """Returns those of the pictures that there are, at most 500, in no order."""
        marks = ", ".join("?" * len(ids))
        return [_entry(row) for row in self.database.execute(f"SELECT * FROM images WHERE id IN ({marks})", ids)]

    def models(self) -> list[str]:
        """Returns the names of the models that the pictures were drawn with."""
        query = "SELECT DISTINCT model FROM images WHERE state = 'here' AND model != '' ORDER BY model COLLATE NOCASE"
        return [row["model"] for row in self.database.execute(query)]

    def get(self, id: int) -> GalleryEntry:
        """Returns one picture. Raises InvalidRequest when there is none."""
        row = self.database.execute("SELECT * FROM images WHERE id = ? AND state != 'writing'", (id,)).fetchone()
        if row is None:
            raise InvalidRequest(f"The gallery has no picture {id}; {Remedy.SEE_GALLERY}.", remedy=Remedy.SEE_GALLERY)
        return _entry(row)

    def find(self, path: str | os.PathLike[str]) -> GalleryEntry | None:
        """Returns the entry of a file, if it has one."""
        row = self.row_of(Path(os.path.realpath(path)))
        return _entry(row) if row and row["state"] != "writing" else None

    def thumbnail(self, entry: GalleryEntry) -> Path:
        """Returns a JPEG of at most 320 pixels, made once and kept by the file's content. Raises SdedgeError."""
        return thumbnail(self.store.folder, entry.path, entry.content)

    # Marking

    def set_favourite(self, id: int, favourite: bool = True) -> None:
        self.get(id)
        self.set_favourites([id], favourite)

    def set_favourites(self, ids: Iterable[int], favourite: bool = True) -> list[int]:
        """Marks all of these, or takes the mark away; returns those for which that was a change."""
        query = "UPDATE images SET favourite = ? WHERE id = ? AND favourite != ? RETURNING id, content"
        with transaction(self.database):
            rows_by_id = (self.database.execute(query, (int(favourite), id, int(favourite))).fetchall() for id in ids)
            rows = [row for rows in rows_by_id for row in rows]
        self.store.note_all({"content": row["content"], "favourite": favourite} for row in rows)
        return [row["id"] for row in rows]

    def are_favourites(self, ids: Iterable[int]) -> bool:
        """Returns whether all of these are marked."""
        query = "SELECT 1 FROM images WHERE id = ? AND NOT favourite"
        return not any(self.database.execute(query, (id,)).fetchone() for id in ids)

    def tags(self, id: int) -> list[str]:
        return [row["tag"] for row in self.database.execute("SELECT tag FROM tags WHERE image = ? ORDER BY tag", (id,))]

    def all_tags(self) -> dict[str, int]:
        """Returns every tag and how many pictures have it."""
        rows = self.database.execute("SELECT tag, count(*) AS uses FROM tags GROUP BY tag ORDER BY tag")
        return {row["tag"]: row["uses"] for row in rows}

    def set_tags(self, id: int, tags: Iterable[str]) -> None:
        """Gives a picture exactly these tags."""
        entry, wanted = self.get(id), sorted({tag.strip() for tag in tags} - {""})
        with transaction(self.database):
            self.database.execute("DELETE FROM tags WHERE image = ?", (id,))
            self.database.executemany("INSERT INTO tags VALUES (?, ?)", [(id, tag) for tag in wanted])
        self.store.note(content=entry.content, tags=wanted)

    def trash(self, id: int) -> None:
        """Moves the file to the system's trash and forgets it. Raises SdedgeError, never deletes for good."""
        entry = self.get(id)
        if entry.path.exists():
            try:
                from send2trash import send2trash  # on a Mac the import alone may fail

                send2trash(entry.path)
            except Exception as error:  # its back ends raise what their systems raise
                raise SdedgeError(f"Cannot move {entry.path} to the trash ({error}); delete it yourself.") from error
        self.database.execute("DELETE FROM images WHERE id = ?", (id,))
        if not self.database.execute("SELECT 1 FROM images WHERE content = ?", (entry.content,)).fetchone():
            thumbnail_path(self.store.folder, entry.content).unlink(missing_ok=True)

    # Files are the truth

    def folders(self) -> list[Path]:
        """Returns where pictures were saved or adopted."""
        rows = self.database.execute("SELECT path FROM folders ORDER BY path")
        return [Path(row["path"]) for row in rows if isinstance(row["path"], str) and "\0" not in row["path"]]

    @property
    def needs_rescan(self) -> bool:
        """Whether the database was damaged and its pictures are not found again yet."""
        return self.store.setting("rebuild") is not None

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[tuple[GalleryEntry, str]]:
        """Reads every file again; yields those that are missing, changed or damaged, or whose own settings are not those of
        the row, with what is wrong in words."""
        rows = self.database.execute("SELECT * FROM images WHERE state != 'writing' ORDER BY id").fetchall()
        for number, row in enumerate(rows, 1):
            entry = _entry(row)
            if fault := fault_of(entry.path, entry.content) or record_fault(dict(row), entry.path):
                yield entry, fault
            if progress is not None:
                progress(number, len(rows))

    # Rows, for sdedge.library.gallery_scan too

    def row_of(self, path: Path) -> sqlite3.Row | None:
        """Returns the row of the file at a path, by whatever spelling of it the file system takes."""
        query = "SELECT * FROM images WHERE path = ?"
        row = self.database.execute(query, (str(path),)).fetchone()
        for spelling in spellings(path) if row is None else ():
            alike = self.database.execute(query, (spelling,)).fetchone()
            with suppress(OSError):
                if alike is not None and os.path.samefile(spelling, path):
                    return alike
        return row

    def remember_folder(self, folder: Path) -> None:
        """Pictures are in this folder; a rescan looks there."""
        if self.database.execute("INSERT OR IGNORE INTO folders VALUES (?)", (str(folder),)).rowcount:
            self.store.note(folder=str(folder))

    def insert(self, values: Mapping[str, Any]) -> int:
        """Adds a row; returns its id."""
        marks = ", ".join("?" * len(values))
        cursor = self.database.execute(f"INSERT INTO images ({', '.join(values)}) VALUES ({marks})", [*values.values()])
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def update(self, id: int, values: Mapping[str, Any]) -> None:
        """Changes columns of a row."""
        pairs = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE images SET {pairs} WHERE id = ?", [*values.values(), id])


def match_expression(text: str) -> str:
    """Returns what a person types as an FTS5 query: every word by its beginning, "phrases", and -word for what must not be.

    Nothing typed can be a syntax error. Empty when there is no word to look for.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    for minus, phrase, word in re.findall(r'(?<!\S)(-?)(?:"([^"]*)"|(\S+))', text):
        terms = re.findall(r"\w+", phrase or word)
        if terms:
            (unwanted if minus else wanted).append('"' + " ".join(terms) + '"' + ("" if phrase else "*"))
    if not wanted:
        return ""
    return " AND ".join(wanted) + "".join(f" NOT {term}" for term in unwanted)


def conditions(search: Search, common: bool = False) -> tuple[list[str], list[Any]]:
    """Returns what a search asks of rows of `images`, in SQL, with its values."""
    where, values = ["state = ?"], ["missing" if search.missing else "here"]

    def need(condition: str, *arguments: Any) -> None:
        if arguments[0] is not None:
            where.append(condition)
            values.extend(arguments)

    if search.text.strip():
        # Of a common word the plus keeps SQLite on the index by date: it stops at the end of the page, where the other
        # way round it would sort every picture that has the word. A rare one is looked up and sorted.
        matching = f"{'+' if common else ''}id IN (SELECT rowid FROM prompts WHERE prompts MATCH ?)"
        need(matching, match_expression(search.text) or '""')
    if search.model is not None:
        need("(model = ? OR (length(?) >= 8 AND substr(model_hash, 1, length(?)) = ?))", *[search.model] * 4)
    need("sampler = ?", search.sampler)
    need("width = ?", search.width)
    need("height = ?", search.height)
    need("created >= ?", search.since)
    need("created < ?", search.until)
    need("favourite = ?", 1 if search.favourite else None)
    need("id IN (SELECT image FROM tags WHERE tag = ?)", search.tag)
    need("id IN (SELECT image FROM board_images JOIN boards ON boards.id = board WHERE boards.name = ?)", search.board)
    return where, values


_TEXTS = (
    "path", "content", "model", "model_hash", "sampler", "seed", "prompt", "negative", "source", "request", "facts",
)  # fmt: skip
_NUMBERS = ("created", "width", "height", "bytes")


def _entry(row: sqlite3.Row) -> GalleryEntry:
    values = dict(row)
    # A column holds any type, whatever its declaration says: damage must not keep the other pictures from being shown.
    values |= {name: values[name] if isinstance(values[name], str) else "" for name in _TEXTS}
    values |= {name: values[name] if isinstance(values[name], (int, float)) else 0 for name in _NUMBERS}
    values |= {name: values[name] if isinstance(values[name], int) else None for name in ("job", "number")}
    state, _ = values.pop("state"), values.pop("modified")
    request, facts = values.pop("request"), values.pop("facts")
    changed = {
        "path": Path(values["path"].replace("\0", "")),
        "seed": int(values["seed"]) if re.fullmatch("[0-9]{1,20}", values["seed"]) else None,
        "favourite": bool(values["favourite"]),
    }
    known = {name: value for name, value in values.items() if name in GalleryEntry.__dataclass_fields__}
    return GalleryEntry(**{**known, **changed}, missing=state == "missing", request_json=request, facts_json=facts)


def sampler_name(text: str) -> str:
    """Returns a sampler by any of its names, as the gallery stores it. Raises InvalidRequest."""
    return catalog.resolve(text)[0]
