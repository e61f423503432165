"""The library's SQLite database: one list of migrations, numbered by `PRAGMA user_version`.

To change the schema append a script; never edit one that was released. A database from a newer version is refused.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sdedge.errors import SdedgeError

MIGRATIONS = (
    """
    CREATE TABLE models (
        name TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('model', 'vae')),
        path TEXT NOT NULL,
        linked INTEGER NOT NULL,
        kind TEXT NOT NULL,
        base TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        legacy_hash TEXT,
        size INTEGER NOT NULL,
        source TEXT NOT NULL,
        licence TEXT NOT NULL,
        added TEXT NOT NULL
    );
    CREATE TABLE model_files (
        model TEXT NOT NULL REFERENCES models (name) ON DELETE CASCADE,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        PRIMARY KEY (model, path)
    );
    CREATE TABLE licences (name TEXT PRIMARY KEY, accepted TEXT NOT NULL);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)


def open_database(path: Path) -> sqlite3.Connection:
    """Open (or create) the database and bring it to the newest schema. Raises SdedgeError when it cannot be used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
    except (sqlite3.Error, OSError) as error:
        raise SdedgeError(f"Cannot use the library {path}: {error}; move the file away to start a new one.") from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, other processes kept out from the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    with transaction(connection):
        version = _version(connection)  # another process may have been first
        if version > len(MIGRATIONS):
            raise SdedgeError(f"The library {path} was written by a newer sdedge; update sdedge or move the file away.")
        for script in MIGRATIONS[version:]:
            for statement in script.split(";\n"):  # executescript would commit half way
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
