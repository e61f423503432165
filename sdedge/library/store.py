"""The database of pictures and jobs in the app's data folder. No torch.

Files are the truth: a damaged database is kept aside, and a new one gets what can still be read of the queue, the
folders and marks from the journal beside it, and the pictures from their files at the next rescan.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdedge.errors import SdedgeError
from sdedge.files import make_private_file, sync, tighten
from sdedge.json_values import read_json
from sdedge.library.database import Damaged, aside_path, keep_aside, open_database, transaction
from sdedge.library.job_states import JobState
from sdedge.locks import ProcessLock
from sdedge.places import data_folder

DATABASE = "gallery.sqlite"
JOURNAL = "gallery.journal"

MIGRATIONS = (
    """
    CREATE TABLE images (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        state TEXT NOT NULL CHECK (state IN ('writing', 'here', 'missing')),
        created REAL NOT NULL,
        width INTEGER NOT NULL DEFAULT 0,
        height INTEGER NOT NULL DEFAULT 0,
        bytes INTEGER NOT NULL DEFAULT 0,
        modified INTEGER NOT NULL DEFAULT 0,
        content TEXT NOT NULL DEFAULT '',
        model TEXT NOT NULL DEFAULT '',
        model_hash TEXT NOT NULL DEFAULT '',
        sampler TEXT NOT NULL DEFAULT '',
        seed TEXT NOT NULL DEFAULT '',
        favourite INTEGER NOT NULL DEFAULT 0,
        job INTEGER,
        number INTEGER,
        source TEXT NOT NULL DEFAULT '',
        prompt TEXT NOT NULL DEFAULT '',
        negative TEXT NOT NULL DEFAULT '',
        request TEXT NOT NULL DEFAULT '{}',
        facts TEXT NOT NULL DEFAULT '{}'
    );
    CREATE UNIQUE INDEX images_of_jobs ON images (job, number) WHERE job IS NOT NULL;
    CREATE INDEX images_by_date ON images (created, id, state, model, sampler, width, height, favourite);
    CREATE INDEX images_by_content ON images (content);
    CREATE INDEX images_unsettled ON images (state) WHERE state = 'writing';
    CREATE TABLE tags (
        image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        tag TEXT NOT NULL,
        PRIMARY KEY (image, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tags_by_name ON tags (tag);
    CREATE TABLE folders (path TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE VIRTUAL TABLE prompts
        USING fts5 (prompt, negative, content = 'images', content_rowid = 'id', prefix = '2 3');
    CREATE TRIGGER images_added AFTER INSERT ON images BEGIN
        INSERT INTO prompts (rowid, prompt, negative) VALUES (new.id, new.prompt, new.negative); END;
    CREATE TRIGGER images_removed AFTER DELETE ON images BEGIN
        INSERT INTO prompts (prompts, rowid, prompt, negative)
        VALUES ('delete', old.id, old.prompt, old.negative); END;
    CREATE TRIGGER images_changed AFTER UPDATE OF prompt, negative ON images BEGIN
        INSERT INTO prompts (prompts, rowid, prompt, negative)
        VALUES ('delete', old.id, old.prompt, old.negative); INSERT INTO prompts (rowid, prompt, negative)
        VALUES (new.id, new.prompt, new.negative); END;
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        priority INTEGER NOT NULL DEFAULT 0,
        position INTEGER NOT NULL,
        request TEXT NOT NULL,
        count INTEGER NOT NULL,
        batch INTEGER NOT NULL,
        output TEXT NOT NULL,
        saved INTEGER NOT NULL DEFAULT 0,
        attempt INTEGER NOT NULL DEFAULT 0,
        wish TEXT NOT NULL DEFAULT '',
        added REAL NOT NULL,
        started REAL,
        ended REAL
    );
    CREATE INDEX jobs_by_state ON jobs (state, priority, position);
    CREATE TABLE job_states (job INTEGER NOT NULL, state TEXT NOT NULL, at REAL NOT NULL, reason TEXT NOT NULL);
    CREATE INDEX job_states_by_job ON job_states (job);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    # Boards: named groups of pictures, of which one may be in several.
    """
    CREATE TABLE boards (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE);
    CREATE TABLE board_images (
        board INTEGER NOT NULL REFERENCES boards (id) ON DELETE CASCADE,
        image INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE,
        PRIMARY KEY (board, image)
    ) WITHOUT ROWID;
    CREATE INDEX boards_of_images ON board_images (image);
    """,
    # Grids that the queue draws, until their labelled sheets are made.
    """
    CREATE TABLE grids (
        id INTEGER PRIMARY KEY,
        request TEXT NOT NULL,
        output TEXT NOT NULL,
        labels TEXT NOT NULL
    );
    CREATE TABLE grid_cells (
        grid INTEGER NOT NULL REFERENCES grids (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        job INTEGER NOT NULL,
        PRIMARY KEY (grid, number)
    ) WITHOUT ROWID;
    """,
)


@dataclass
class Store:
    """An open database, its folder, and what opening it has to say to the user. One thread uses it."""

    folder: Path
    database: sqlite3.Connection
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.file = _file_id(self.folder / DATABASE)
        """Which file it is of, among those that ever had its path."""

    @property
    def is_current(self) -> bool:
        """False when another process found the file damaged and put a new one in its place."""
        return _file_id(self.folder / DATABASE) in (self.file, 0)

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def setting(self, key: str) -> str | None:
        row = self.database.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return str(row["value"]) if row else None

    def set(self, key: str, value: str | None) -> None:
        """Remembers a text; None forgets it."""
        if value is None:
            self.database.execute("DELETE FROM settings WHERE key = ?", (key,))
        else:
            self.database.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))

    def note(self, **record: Any) -> None:
        """Appends to the journal what only the database knows and a rebuilt one must: folders, favourites, tags, boards."""
        self.note_all([record])

    def note_all(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Appends several of them, and waits for the disk once."""
        lines = "".join(json.dumps(record) + "\n" for record in records)
        if not lines:
            return
        with suppress(OSError):
            make_private_file(self.folder / JOURNAL)
        with suppress(OSError), open(self.folder / JOURNAL, "a", encoding="utf-8") as file:
            file.write(lines)
            file.flush()
            sync(file.fileno())

    def journal(self) -> Iterator[dict[str, Any]]:
        """Yields the records noted so far; a half-written line is skipped."""
        try:
            lines = (self.folder / JOURNAL).read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            with suppress(SdedgeError):
                record = read_json(line, "A line of the journal", keep_halves=True)
                if isinstance(record, dict):
                    yield record


def _file_id(path: Path) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:
        return 0


def open_store(folder: Path | None = None, timeout: float = 10) -> Store:
    """Opens the store in `folder`, by default the app's data folder; the module says what happens to a damaged one.

    Raises SdedgeError when it is of a newer version or cannot be opened.
    """
    folder = folder or data_folder()
    file = _file_id(folder / DATABASE)
    try:
        store = Store(folder, open_database(folder / DATABASE, MIGRATIONS, timeout))
    except Damaged as error:
        store = rebuild(folder, str(error), file, timeout)
    with suppress(OSError):
        tighten(folder / JOURNAL)
    return store


def rebuild(folder: Path, fault: str, file: int, timeout: float = 10) -> Store:
    """Keeps the damaged database aside and opens a new one with what is left of it; `notes` say so.

    `file` is the id of the damaged one: where another process has put a new one in its place meanwhile, that is opened.
    """
    lock = ProcessLock(folder / "rebuild.lock")
    patience = time.monotonic() + timeout
    while not lock.acquire():
        if time.monotonic() > patience:
            raise SdedgeError(f"Another process mends the database {folder / DATABASE}; try again when it has ended.")
        time.sleep(0.05)
    try:
        if _file_id(folder / DATABASE) not in (file, 0):
            store = Store(folder, open_database(folder / DATABASE, MIGRATIONS, timeout))
            store.notes = (store.setting("paused") or "The gallery's database was made anew.",)
            return store
        _put_new_in_place(folder / DATABASE, fault, timeout)
        store = Store(folder, open_database(folder / DATABASE, MIGRATIONS, timeout))
    finally:
        lock.release()
    store.notes = (store.setting("paused") or "",)
    return store


def _put_new_in_place(path: Path, fault: str, timeout: float) -> None:
    """Writes a new database beside the damaged one, and renames both when it is whole: nobody ever opens half of it."""
    new, aside = path.with_name(path.name + ".new"), aside_path(path)
    for ending in ("", "-wal", "-shm"):  # of a process that was killed here
        new.with_name(new.name + ending).unlink(missing_ok=True)
    with Store(path.parent, open_database(new, MIGRATIONS, timeout)) as store:
        jobs = _salvage(path, store)
        for record in store.journal():
            if isinstance(record.get("folder"), str):
                store.database.execute("INSERT OR IGNORE INTO folders VALUES (?)", (record["folder"],))
        store.set("rebuild", str(aside))
        count = {0: "no waiting job could be read", 1: "1 waiting job was recovered"}
        note = (
            f"{fault.rstrip('.')}; it is kept as {aside.name}, {count.get(jobs, f'{jobs} waiting jobs were recovered')},"
            " and the pictures are found again from their files by a rescan."
        )
        store.set("paused", note)
    keep_aside(path, aside)
    os.replace(new, path)


def _salvage(damaged: Path, store: Store) -> int:
    """Copies what can still be read of the queue and the folders; returns how many jobs were waiting."""
    rows: list[dict[str, Any]] = []
    # Not read-only: the journal beside it holds the newest rows. Row by row: what comes before the damage counts.
    with suppress(sqlite3.Error), closing(sqlite3.connect(damaged)) as old:
        old.row_factory = sqlite3.Row
        with suppress(sqlite3.Error):
            for row in old.execute("SELECT path FROM folders"):
                store.database.execute("INSERT OR IGNORE INTO folders VALUES (?)", (row["path"],))
        with suppress(sqlite3.Error):
            for row in old.execute("SELECT * FROM jobs WHERE state NOT IN ('done', 'cancelled')"):
                rows.append(dict(row))
    waiting = 0
    known = {column["name"] for column in store.database.execute("PRAGMA table_info(jobs)")}
    with transaction(store.database):
        for row in rows:
            values = {name: value for name, value in row.items() if name in known}
            if values["state"] == JobState.RUNNING:
                values |= {
                    "state": JobState.INTERRUPTED,
                    "ended": time.time(),
                    "reason": "The database was damaged meanwhile.",
                }
            names = ", ".join(values)
            marks = ", ".join("?" * len(values))
            with suppress(sqlite3.IntegrityError):  # what damage made of a row is no row
                store.database.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", [*values.values()])
                waiting += values["state"] in (JobState.WAITING, JobState.PAUSED, JobState.INTERRUPTED)
    return waiting
