"""Databases go forwards between versions of sdedge, and one of a newer sdedge is left alone to the byte."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sdedge.cli import cli
from sdedge.errors import SdedgeError
from sdedge.library import schema, store
from sdedge.library.database import open_database
from sdedge.library.models import Library
from sdedge.library.store import open_store
from tests.conftest import cases

DATABASES = {
    "gallery.sqlite": (open_store, store.MIGRATIONS),
    "library.sqlite": (Library, schema.MIGRATIONS),
}
databases = pytest.mark.parametrize("name", DATABASES)


def _made_newer(folder: Path, name: str) -> None:
    """A database as the next version might leave it: of another number and journal, and readable by more than its owner."""
    opened, migrations = DATABASES[name]
    opened(folder).close()
    with closing(sqlite3.connect(folder / name, isolation_level=None)) as newer:
        newer.execute("PRAGMA journal_mode = DELETE")
        newer.execute("CREATE TABLE of_tomorrow (x)")
        newer.execute(f"PRAGMA user_version = {len(migrations) + 1}")
    (folder / name).chmod(0o640)
    (folder / store.JOURNAL).touch()
    (folder / store.JOURNAL).chmod(0o640)


def _everything(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in files}


@databases
def test_a_newer_database_is_refused_and_nothing_is_changed(name, tmp_path):
    _made_newer(tmp_path, name)
    before = _everything(tmp_path)
    with pytest.raises(SdedgeError, match=r"newer sdedge \(version \d+, this one knows \d+\).*update sdedge"):
        DATABASES[name][0](tmp_path)
    assert _everything(tmp_path) == before


@databases
def test_a_newer_database_that_is_damaged_is_not_put_aside(name, tmp_path):
    _made_newer(tmp_path, name)
    data = bytearray((tmp_path / name).read_bytes())
    data[100:4096] = bytes(3996)
    (tmp_path / name).write_bytes(data)
    before = _everything(tmp_path)
    with pytest.raises(SdedgeError, match="newer sdedge"):
        DATABASES[name][0](tmp_path)
    assert _everything(tmp_path) == before


def test_a_version_that_only_the_journal_holds_is_seen(tmp_path):
    """A newer sdedge that was killed has not put it into the file yet."""
    open_database(tmp_path / "d", ("CREATE TABLE a (x)",)).close()
    with closing(open_database(tmp_path / "d", ("CREATE TABLE a (x)", "CREATE TABLE b (x)"))):
        for ending in ("", "-wal"):
            (tmp_path / f"killed{ending}").write_bytes((tmp_path / f"d{ending}").read_bytes())
    with pytest.raises(SdedgeError, match="newer sdedge"):
        open_database(tmp_path / "killed", ("CREATE TABLE a (x)",))
    with closing(open_database(tmp_path / "killed", ("CREATE TABLE a (x)", "CREATE TABLE b (x)"))) as database:
        assert database.execute("SELECT count(*) FROM b").fetchone()[0] == 0


@pytest.mark.parametrize(
    "command",
    cases(["queue list", "queue run", "gallery search", "gallery rescan", "queue add house"], quick=["queue list"]),
)
def test_commands_say_so_in_a_sentence(command, tmp_path, monkeypatch):
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    _made_newer(tmp_path, "gallery.sqlite")
    before = _everything(tmp_path)
    with pytest.raises(SdedgeError, match="newer sdedge"):
        cli.main(command.split(), standalone_mode=False)
    left = _everything(tmp_path)
    assert {path: left[path] for path in before} == before


@databases
def test_every_earlier_version_goes_forwards(name, tmp_path):
    """Whatever version a database has, opening it makes what a new one has, and keeps what is in it."""
    opened, migrations = DATABASES[name]
    opened(tmp_path / "new").close()
    shape = "SELECT type, name FROM sqlite_schema ORDER BY type, name"
    with closing(sqlite3.connect(tmp_path / "new" / name)) as new:
        expected = new.execute(shape).fetchall()
    for version in range(1, len(migrations) + 1):
        folder = tmp_path / f"{version}"
        open_database(folder / name, migrations[:version]).close()
        opened(folder).close()
        with closing(sqlite3.connect(folder / name)) as known:
            assert known.execute("PRAGMA user_version").fetchone()[0] == len(migrations)
            assert known.execute(shape).fetchall() == expected
