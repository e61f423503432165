"""SQLite files with numbered migrations, and what to do with a damaged one. No torch."""

from __future__ import annotations

import datetime
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sdedge.errors import SdedgeError

# sqlite3 has names for these only as numbers in the documentation: https://www.sqlite.org/rescode.html
_CORRUPT, _NOT_A_DATABASE = 11, 26
_BUSY, _LOCKED, _FULL, _IO_ERROR, _READ_ONLY, _CANNOT_OPEN = 5, 6, 13, 10, 8, 14


class Damaged(SdedgeError):
    """The file is not a database any more, or not a whole one."""


def open_database(path: Path, migrations: Sequence[str], timeout: float = 10) -> sqlite3.Connection:
    """Open or create the database at `path` in WAL mode and bring it to the newest schema.

    `migrations[i]` takes `PRAGMA user_version` from i to i + 1; a ";" that ends a line ends a statement, so inside
    a trigger none may end a line. `timeout` is how many seconds a call waits for another process's lock.

    Raises Damaged for a damaged file, SdedgeError when it is of a newer version or cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        left_open = path.with_name(path.name + "-wal").exists()
        connection = sqlite3.connect(path, timeout=timeout, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # a row must outlive a power cut as its file does
        if left_open and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Damaged(f"The database {path} is damaged ({fault}).")
        _migrate(connection, path, migrations)
    except (sqlite3.Error, OSError) as error:
        if is_damage(error):
            raise Damaged(f"The database {path} is damaged ({error}).") from error
        raise SdedgeError(f"Cannot use the database {path}: {error}; check its folder and the free space.") from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with other writers kept out from the start."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


def keep_aside(path: Path) -> Path:
    """Rename a damaged database, with its journal files, and return its new path."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 2
    while aside.exists():
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
        number += 1
    for ending in ("-wal", "-shm", ""):  # the database last: until it is gone the next opening tries again
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + ending), aside.with_name(aside.name + ending))
    return aside


def is_damage(error: Exception) -> bool:
    """Whether the file itself is at fault."""
    return _code(error) in (_CORRUPT, _NOT_A_DATABASE)


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed later: another program's lock, a full or vanished disk."""
    return _code(error) in (_BUSY, _LOCKED, _FULL, _IO_ERROR, _READ_ONLY, _CANNOT_OPEN)


def _code(error: Exception) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    if _version(connection) == len(migrations):
        return
    with transaction(connection):
        version = _version(connection)  # another process may have been first
        if version > len(migrations):
            raise SdedgeError(
                f"The database {path} was written by a newer sdedge (version {version}, this one knows"
                f" {len(migrations)}); update sdedge or move the file away."
            )
        for script in migrations[version:]:
            for statement in script.split(";\n"):  # executescript would commit half way
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
