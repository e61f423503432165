"""Transactions: one inside another, and those that no disk is waited for."""

from __future__ import annotations

import sqlite3

import pytest

from sdedge.library.connection import Conflict
from sdedge.library.database import open_database, transaction

NORMAL, FULL = 1, 2


@pytest.fixture
def database(tmp_path):
    database = open_database(tmp_path / "x.sqlite", ("CREATE TABLE rows (name TEXT UNIQUE)",))
    yield database
    database.close()


def names(database) -> list[str]:
    return [row[0] for row in database.execute("SELECT name FROM rows ORDER BY name")]


def add(database, name: str) -> None:
    with transaction(database):
        database.execute("INSERT INTO rows VALUES (?)", (name,))


def test_one_inside_another_is_undone_alone_and_kept_with_the_outer_one(database):
    with transaction(database):
        add(database, "a")
        with pytest.raises(Conflict), transaction(database):
            database.execute("INSERT INTO rows VALUES ('b')")
            add(database, "a")
        add(database, "c")
    assert names(database) == ["a", "c"] and not database.in_transaction
    with pytest.raises(ZeroDivisionError), transaction(database):
        add(database, "d")
        raise ZeroDivisionError
    assert names(database) == ["a", "c"] and not database.in_transaction


def test_only_one_that_a_power_cut_may_undo_does_not_wait_for_the_disk(database):
    def waits() -> int:
        return database.execute("PRAGMA synchronous").fetchone()[0]

    with transaction(database):
        assert waits() == FULL
    with transaction(database, durable=False):
        add(database, "a")
        assert waits() == NORMAL
    assert waits() == FULL and names(database) == ["a"]
    with pytest.raises(sqlite3.Error), transaction(database, durable=False):
        add(database, "a")
    assert waits() == FULL
