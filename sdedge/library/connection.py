"""A SQLite connection whose every failure is one sentence: what is wrong with which file, and what to do. No torch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from sdedge.errors import SdedgeError

# sqlite3 has names for these only as numbers in the documentation: https://www.sqlite.org/rescode.html
CORRUPT, NOT_A_DATABASE = 11, 26
BUSY, LOCKED, FULL, IO_ERROR, READ_ONLY, CANNOT_OPEN = 5, 6, 13, 10, 8, 14
_PERMISSION, _NO_MEMORY, _TOO_BIG = 3, 7, 18
_ADVICE = {
    BUSY: "another program is using it; close that program, or try again",
    LOCKED: "another program is using it; close that program, or try again",
    FULL: "the disk is full; free some space",
    IO_ERROR: "its disk failed or is full; check the disk and the free space",
    READ_ONLY: "it cannot be written; check the permissions of the file and its folder",
    CANNOT_OPEN: "it cannot be opened; check the permissions of the file and its folder",
    _PERMISSION: "it cannot be used; check the permissions of the file and its folder",
    _NO_MEMORY: "the memory ran out; close other programs",
    _TOO_BIG: "a text is too long; shorten it",
}


class DatabaseError(SdedgeError, sqlite3.Error):
    """A call of the database failed; `sqlite_errorcode` says why where SQLite itself did."""


class Conflict(DatabaseError, sqlite3.IntegrityError):
    """A row is there already, or does not fit."""


class Cursor(sqlite3.Cursor):
    """Raises DatabaseError where sqlite3's raises its own errors."""

    def execute(self, *arguments: Any) -> Self:
        with _explaining(self):
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Self:
        with _explaining(self):
            return super().executemany(*arguments)

    def fetchone(self) -> Any:
        with _explaining(self):
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        with _explaining(self):
            return super().fetchall()

    def __next__(self) -> Any:
        with _explaining(self):
            return super().__next__()


class Connection(sqlite3.Connection):
    """Hands out such cursors, also for its own `execute`. `path` is the file it is of."""

    path: Path

    def cursor(self, factory: Callable[..., Any] | None = None) -> Any:
        return super().cursor(factory or Cursor)

    def execute(self, *arguments: Any) -> Any:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self.cursor().executemany(*arguments)


@contextmanager
def _explaining(cursor: sqlite3.Cursor) -> Iterator[None]:
    try:
        yield
    except DatabaseError:
        raise
    except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError, ValueError) as error:
        raise described(error, getattr(cursor.connection, "path", Path("the database"))) from error


def described(error: Exception, path: Path) -> DatabaseError:
    """Returns the error of a call on the database at `path`, in words."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    kind = (code or 0) & 0xFF
    said = " ".join(str(error).split())[:200]
    if isinstance(error, sqlite3.IntegrityError):
        made: DatabaseError = Conflict(f"A row of {path} is there already or does not fit ({said}); try again.")
    elif kind in _ADVICE:
        made = DatabaseError(f"Cannot use the database {path} ({said}): {_ADVICE[kind]}.")
    elif kind in (CORRUPT, NOT_A_DATABASE) or "decode to UTF-8" in said:
        code = code or CORRUPT
        made = DatabaseError(f"The database {path} is damaged ({said}); move it away, and a new one is made.")
    elif isinstance(error, (OverflowError, UnicodeError, sqlite3.ProgrammingError, sqlite3.InterfaceError)):
        made = DatabaseError(f"The database takes no such value ({said}); give another.")
    else:
        made = DatabaseError(
            f"The database {path} is not as sdedge made it ({said}); move it away, and a new one is made."
        )
    if code is not None:
        made.sqlite_errorcode = code
    return made
