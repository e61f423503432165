"""SQLite files with numbered migrations, and what to do with a damaged one. No torch."""

from __future__ import annotations

import datetime
import functools
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sdedge.errors import SdedgeError
from sdedge.files import make_private_file, make_private_folder, read_at_most, tighten
from sdedge.library import connection as sqlite
from sdedge.library.connection import Connection, described

_AGAIN = 0.01  # seconds between two attempts to open what another program holds


class Damaged(SdedgeError):
    """The file is not a database any more, or not a whole one."""


def open_database(path: Path, migrations: Sequence[str], timeout: float = 10) -> Connection:
    """Opens or creates the database at `path` in WAL mode and brings it to the newest schema.

    `migrations[i]` takes `PRAGMA user_version` from i to i + 1; a ";" that ends a line ends a statement, so inside
    a trigger none may end a line. `timeout` is how many seconds a call waits for another process's lock.

    Raises Damaged for a damaged file, SdedgeError when it cannot be opened or is of a newer sdedge, whose file is left as
    it is, to the byte, damaged or not.
    """
    patience = time.monotonic() + timeout
    while True:
        try:
            return _open(path, migrations, timeout)
        except BaseException as error:
            if is_busy(error) and time.monotonic() < patience:
                time.sleep(_AGAIN)  # SQLite itself does not wait where two change to WAL at once
                continue
            if is_damage(error):
                cause = error.__cause__ or error
                raise Damaged(f"The database {path} is damaged ({' '.join(str(cause).split())[:200]}).") from error
            if isinstance(error, sqlite3.Error) and not isinstance(error, SdedgeError):
                raise described(error, path) from error
            if isinstance(error, (OSError, ValueError)) and not isinstance(error, SdedgeError):
                reason = getattr(error, "strerror", None) or error
                raise SdedgeError(
                    f"Cannot use the database {path}: {reason}; check its folder and the free space."
                ) from error
            raise


def _open(path: Path, migrations: Sequence[str], timeout: float) -> Connection:
    connection: Connection | None = None
    try:
        _refuse_newer(_version_in_file(path), path, migrations)
        _make_private(path)
        left_open = path.with_name(path.name + "-wal").exists()
        connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, factory=Connection)
        connection.path = path
        connection.row_factory = sqlite3.Row
        _refuse_newer(_version(connection), path, migrations)  # which its journal may say, and the file not yet
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")  # a row must outlive a power cut as its file does
        connection.execute("PRAGMA fullfsync = ON")  # which on a Mac takes more than fsync; elsewhere it is nothing
        if left_open and (fault := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Damaged(f"The database {path} is damaged ({' '.join(str(fault).split())[:200]}).")
        _migrate(connection, path, migrations)
        _compare(connection, path, migrations)
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """The file and its folder for their owner alone: prompts are in it. SQLite gives its journal files the same permissions."""
    make_private_folder(path.parent)
    if path.parent.is_dir() and not path.exists() and not os.access(path.parent, os.W_OK):
        return  # SQLite says what is wrong
    make_private_file(path)
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            tighten(path.with_name(path.name + ending))


def _compare(connection: Connection, path: Path, migrations: Sequence[str]) -> None:
    """Insists that tables and columns are those that the migrations make. Raises Damaged."""
    expected = _shape_made_by(tuple(migrations))
    columns = {(row[0], row[1]) for row in connection.execute(_SHAPE).fetchall()}
    if missing := sorted(expected - columns):
        raise Damaged(f"The database {path} is damaged (it lacks {'.'.join(map(str, missing[0]))}).")


_SHAPE = "SELECT m.name, c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"


@functools.cache
def _shape_made_by(migrations: tuple[str, ...]) -> frozenset[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        for statement in _statements(migrations):
            empty.execute(statement)
        return frozenset((row[0], row[1]) for row in empty.execute(_SHAPE))


@contextmanager
def transaction(connection: sqlite3.Connection, durable: bool = True) -> Iterator[None]:
    """Commits all or nothing, with other writers kept out from the start. One inside another commits with the outer one.

    One that is not `durable` is not waited for: a power cut may undo it, with all since, until the next one that is; the end
    of a process never does. It is for what can be told again from what is on the disk.
    """
    if connection.in_transaction:
        with _between(connection, "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part", "RELEASE part"):
            yield
        return
    if not durable:
        connection.execute("PRAGMA synchronous = NORMAL")
    try:
        with _between(connection, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"):
            yield
    finally:
        if not durable:
            connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def _between(connection: sqlite3.Connection, begin: str, commit: str, *undo: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute(commit)
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled back already
            for statement in undo:
                connection.execute(statement)
        raise


def aside_path(path: Path) -> Path:
    """Returns a free name for a damaged database, beside it."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 2
    while aside.exists():
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
        number += 1
    return aside


def keep_aside(path: Path, aside: Path) -> None:
    """Renames a damaged database, with its journal files."""
    for ending in ("-wal", "-shm", ""):  # the database last: until it is gone the next opening tries again
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + ending), aside.with_name(aside.name + ending))


def is_damage(error: BaseException) -> bool:
    """Returns whether the file itself is at fault."""
    return _code(error) in (sqlite.CORRUPT, sqlite.NOT_A_DATABASE)


def is_busy(error: BaseException) -> bool:
    """Returns whether another connection's lock is at fault."""
    return _code(error) in (sqlite.BUSY, sqlite.LOCKED)


def is_passing(error: Exception) -> bool:
    """Returns whether the same call may succeed later: another program's lock, a full or vanished disk."""
    passing = (sqlite.BUSY, sqlite.LOCKED, sqlite.FULL, sqlite.IO_ERROR, sqlite.READ_ONLY, sqlite.CANNOT_OPEN)
    return _code(error) in passing


def _code(error: BaseException) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    if _version(connection) == len(migrations):
        return
    with transaction(connection):
        version = _version(connection)  # another process may have been first
        _refuse_newer(version, path, migrations)
        if version < 0:
            raise Damaged(f"The database {path} is damaged (its version is {version}).")
        for statement in _statements(migrations[version:]):  # executescript would commit half way
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def _refuse_newer(version: int, path: Path, migrations: Sequence[str]) -> None:
    if version > len(migrations):
        raise SdedgeError(
            f"The database {path} was written by a newer sdedge (version {version}, this one knows {len(migrations)}) and is"
            " left as it is; update sdedge, or set SDEDGE_HOME to another folder."
        )


def _version_in_file(path: Path) -> int:
    """Returns the version that the file's header holds, by reading alone; 0 where there is no such file, or it is none of
    SQLite's. Its format: https://sqlite.org/fileformat2.html#user_version_number."""
    try:
        header = read_at_most(path, 100)[:100]
    except OSError:
        return 0  # opening it says why
    return int.from_bytes(header[60:64], signed=True) if header.startswith(b"SQLite format 3\0") else 0


def _statements(migrations: Sequence[str]) -> Iterator[str]:
    for script in migrations:
        yield from filter(str.strip, script.split(";\n"))


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
