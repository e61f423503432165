"""Boards: named groups of pictures. One picture may be on several. The journal has them too. No torch."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from typing import Any

from sdedge.errors import InvalidRequest
from sdedge.library.database import transaction
from sdedge.library.gallery import Gallery
from sdedge.text.clean import clean_name

LONGEST = 80  # characters of a name


class Boards:
    """The boards of a gallery. One thread uses it; every change is one transaction. Names differ by more than case."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._database = gallery.database

    def counts(self) -> dict[str, int]:
        """Returns every board and how many pictures it shows."""
        query = """
            SELECT name, count(images.id) AS pictures FROM boards LEFT JOIN board_images ON board = boards.id
            LEFT JOIN images ON images.id = image AND state = 'here' GROUP BY boards.id ORDER BY name COLLATE NOCASE
        """
        return {row["name"]: row["pictures"] for row in self._database.execute(query)}

    def of(self, picture: int) -> list[str]:
        """Returns the boards that a picture is on."""
        query = "SELECT name FROM boards JOIN board_images ON board = id WHERE image = ? ORDER BY name COLLATE NOCASE"
        return [row["name"] for row in self._database.execute(query, (picture,))]

    def shared(self, pictures: Iterable[int]) -> dict[str, int]:
        """Returns the boards that any of these is on, and how many of them are."""
        shared: dict[str, int] = {}
        for picture in pictures:
            for name in self.of(picture):
                shared[name] = shared.get(name, 0) + 1
        return shared

    def make(self, name: str) -> str:
        """Makes an empty board; returns its name as it is kept. Raises InvalidRequest when there is one of that name."""
        name = _fit(name)
        if self._number_of(name) is not None:
            raise InvalidRequest(f"There is a board {name!r} already; give another name.")
        self._database.execute("INSERT INTO boards (name) VALUES (?)", (name,))
        self._gallery.store.note(board=name, change="made")
        return name

    def rename(self, old: str, new: str) -> str:
        """Gives a board another name; returns it as it is kept. Raises InvalidRequest where that is another board's."""
        number, name = self._number(old), _fit(new)
        if self._number_of(name) not in (None, number):
            raise InvalidRequest(f"There is a board {name!r} already; give another name.")
        self._database.execute("UPDATE boards SET name = ? WHERE id = ?", (name, number))
        self._gallery.store.note(board=old, change="renamed", name=name)
        return name

    def remove(self, name: str) -> list[int]:
        """Forgets a board; returns the pictures that were on it, which stay. Raises InvalidRequest when there is none."""
        number = self._number(name)
        rows = self._database.execute("SELECT image FROM board_images WHERE board = ?", (number,)).fetchall()
        self._database.execute("DELETE FROM boards WHERE id = ?", (number,))
        self._gallery.store.note(board=name, change="removed")
        return [row["image"] for row in rows]

    def add(self, name: str, pictures: Iterable[int]) -> list[int]:
        """Puts pictures on a board, which is made where there is none; returns those that were not on it before."""
        if self._number_of(_fit(name)) is None:
            self.make(name)
        query = (
            "INSERT OR IGNORE INTO board_images SELECT ?, id FROM images WHERE id = ? AND state != 'writing'"
            " RETURNING image"
        )
        return self._change(name, "added", query, pictures)

    def take_off(self, name: str, pictures: Iterable[int]) -> list[int]:
        """Takes pictures off a board; returns those that were on it. Raises InvalidRequest when there is no such board."""
        query = "DELETE FROM board_images WHERE board = ? AND image = ? RETURNING image"
        return self._change(name, "taken off", query, pictures)

    def _change(self, name: str, change: str, query: str, pictures: Iterable[int]) -> list[int]:
        number = self._number(name)
        with transaction(self._database):
            rows_by_id = (self._database.execute(query, (number, picture)).fetchall() for picture in pictures)
            changed = [row[0] for rows in rows_by_id for row in rows]
        contents = [self._gallery.get(id).content for id in changed]
        if contents:
            self._gallery.store.note(board=name, change=change, contents=contents)
        return changed

    def _number_of(self, name: str) -> int | None:
        row = self._database.execute("SELECT id FROM boards WHERE name = ?", (name,)).fetchone()
        return None if row is None else row["id"]

    def _number(self, name: str) -> int:
        number = self._number_of(_fit(name))
        if number is None:
            known = ", ".join(self.counts()) or "there is none yet"
            raise InvalidRequest(f"There is no board {name!r}; choose one of those there are: {known}.")
        return number


def restore_boards(gallery: Gallery) -> None:
    """Gives a database that was made anew the boards of the journal, with the pictures that were found again."""
    boards: dict[str, set[str]] = {}
    for record in gallery.store.journal():
        _replay(boards, record)
    database = gallery.database
    query = """
        INSERT OR IGNORE INTO board_images SELECT boards.id, images.id FROM boards, images WHERE boards.name = ? AND content = ?
        AND NOT EXISTS (SELECT 1 FROM board_images AS b JOIN images AS i ON i.id = b.image
            WHERE b.board = boards.id AND i.content = ?)
    """  # of equal files, only those that a person put there
    with transaction(database):
        for name, contents in boards.items():
            database.execute("INSERT OR IGNORE INTO boards (name) VALUES (?)", (name,))
            database.executemany(query, [(name, content, content) for content in sorted(contents)])


def _replay(boards: dict[str, set[str]], record: Mapping[str, Any]) -> None:
    """Does to `boards`, by name, what a line of the journal says was done."""
    said, change, contents = record.get("board"), record.get("change"), record.get("contents")
    if not isinstance(said, str):
        return
    name = next((known for known in boards if _same(known, said)), said)
    new = record.get("name")
    listed = {content for content in contents if isinstance(content, str)} if isinstance(contents, list) else set()
    if change == "removed":
        boards.pop(name, None)
    elif change == "renamed" and isinstance(new, str):
        boards[new] = boards.pop(name, set())
    elif change == "taken off":
        boards.setdefault(name, set()).difference_update(listed)
    elif change in ("made", "added"):
        boards.setdefault(name, set()).update(listed)


_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def _same(name: str, known: str) -> bool:
    """Returns whether the database takes them for one name, as SQLite's NOCASE does."""
    return name.translate(_SMALL) == known.translate(_SMALL)


def _fit(name: str) -> str:
    """Returns a name as it is kept. Raises InvalidRequest."""
    name = clean_name(" ".join(name.split())).strip()
    if not name:
        raise InvalidRequest("A board needs a name; give it one of at least a letter.")
    if len(name) > LONGEST:
        raise InvalidRequest(f"The board's name has {len(name)} characters; use at most {LONGEST}.")
    return name
