"""Fuzz the library's and the gallery's databases: bits, pages, schemas, types, locks and permissions.

`python -m tests.benchmarks fuzz_databases --cases 5000`. Exits with 1 on any fault.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from sdedge.errors import SdedgeError
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery, Search
from sdedge.library.gallery_scan import rescan
from sdedge.library.jobs import Queue
from sdedge.library.models import Library
from sdedge.library.store import DATABASE, open_store
from sdedge.request import Request
from tests.fuzzing import Tally, fuzz
from tests.fuzzing import main as run

HOSTILE = (
    None, 0, -1, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "x", "\0", "a\0b", b"", b"\xff\xfe", "é" * 300, "{", "[]", "{}",
    "null", '{"seed": null}', '{"seed": -5, "steps": 1e400}', "[" * 5000, '{"folder": 3}', '{"folder": "/x", "format": "gif"}',
    "running", '{"prompt": ["a"]}', '{"prompt": "\\ud800"}', "9" * 400, "../../x", "nan", '{"width": ' + "9" * 300 + "}",
)  # fmt: skip


def make_gallery(folder: Path) -> Path:
    """A database of pictures and jobs in every state."""
    with open_store(folder) as store:
        queue, gallery = Queue(store), Gallery(store)
        for i in range(8):
            job = queue.add(Request(f"a red house {i}", seed=i), Output(folder / "out"), count=i + 1)
            path = folder / "out" / f"{i}.png"
            if i < 4:
                row = gallery.begin(path, job.request, {"model_name": "pocket"}, job.id, 0)
                job.output.write_to(path, np.zeros((8, 8, 3), np.uint8), job.request, {})
                if i < 3:
                    gallery.complete(row)
                    gallery.set_tags(row, ["good", "old"])
            state = ("waiting", "paused", "running", "done", "failed", "cancelled", "interrupted", "waiting")[i]
            store.database.execute("UPDATE jobs SET state = ? WHERE id = ?", (state, job.id))
        store.set("paused", "because")
        store.set("session", "1")
    return folder / DATABASE


def make_library(folder: Path) -> Path:
    """A library of two models."""
    library = Library(folder)
    for name in ("one", "two"):
        values = (name, "model", str(folder / name), 1, "file", "v1-5", "ab" * 32, "0" * 8, 5, "", "other", "2026")
        library.database.execute(f"INSERT INTO models VALUES ({', '.join('?' * 12)})", values)
        library.database.execute("INSERT INTO model_files VALUES (?, 'a', 5, ?)", (name, "ab" * 32))
    library.set_default("one")
    library.close()
    return folder / "library.sqlite"


def use_gallery(folder: Path) -> None:
    """Everything the app and the command line ask of it. Only what the project says itself may come out."""
    with open_store(folder, timeout=0.01) as store:
        queue, gallery = Queue(store), Gallery(store)
        asked: list[Callable[[], object]] = [
            gallery.settle, queue.open_session, queue.jobs, lambda: queue.paused, lambda: [queue.history(i) for i in range(9)],
            lambda: queue.add(Request("new"), Output(folder)), lambda: [queue.resume(job.id) for job in queue.jobs(("paused",))],
            queue.resume, lambda: [queue.duplicate(job.id) for job in queue.jobs()], lambda: [queue.wish(i) for i in range(9)],
            lambda: queue.move(1), lambda: queue.set_priority(1, 3), lambda: queue.cancel(1, "now"), lambda: queue.pause(2),
            lambda: [queue.finish(job.id, "done") for _ in range(12) if (job := queue.claim())],
            lambda: [(e.facts, gallery.tags(e.id), gallery.get(e.id)) for e in gallery.search(Search())],
            lambda: [_said(lambda e=e: e.request) for e in gallery.search(Search("house"))], gallery.models, gallery.folders,
            lambda: gallery.count(Search("red", model="pocket")), gallery.ids, gallery.all_tags, lambda: gallery.set_favourite(1),
            lambda: gallery.set_tags(1, ["x"]), lambda: list(gallery.verify()), lambda: rescan(gallery, folder), queue.clear,
            queue.close_session,
        ]  # fmt: skip
        _all(asked)


def use_library(folder: Path) -> None:
    library = Library(folder)
    library.database.execute("PRAGMA busy_timeout = 10")
    with closing(library):
        _all([
            library.models, lambda: library.find("one"), lambda: library.find("ab" * 32),
            lambda: _said(lambda: library.locate("one")),
            lambda: library.verify("one"), lambda: library.needs_acceptance("CreativeML OpenRAIL-M"), lambda: library.default,
            lambda: library.accept("CreativeML OpenRAIL-M"), lambda: library.set_default("two"), library.sweep,
            lambda: library.remove("two"),
        ])  # fmt: skip


def _all(asked: list[Callable[[], object]]) -> None:
    """Every question is asked, whatever became of those before; the first refusal is told at the end."""
    refusals = [error for ask in asked if (error := _said(ask))]
    if refusals:
        raise refusals[0]


def _said(ask: Callable[[], object]) -> SdedgeError | None:
    try:
        ask()
    except SdedgeError as error:
        return error
    return None


def _bits(path: Path, random_: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(random_.choice((1, 3, 30, 300))):
        data[random_.randrange(len(data) if random_.random() < 0.7 else 200)] ^= 1 << random_.randrange(8)
    path.write_bytes(data)


def _pages(path: Path, random_: random.Random) -> None:
    data = path.read_bytes()
    at = random_.randrange(len(data) // 4096 + 1) * 4096
    kind = random_.randrange(5)
    if kind == 0:
        data = data[: random_.choice((0, 1, 15, 16, 99, 100, at, at + 7))]
    elif kind == 1:
        data = data[:at] + bytes(min(4096, len(data) - at)) + data[at + 4096 :]
    elif kind == 2:
        data = data[:at] + random_.randbytes(min(4096, len(data) - at)) + data[at + 4096 :]
    elif kind == 3:
        data = data[:at] + data[4096:8192] + data[at + 4096 :]
    else:
        data = random_.choice((b"no database", b"SQLite format 3\0" + random_.randbytes(3000), data + data))
    path.write_bytes(data)


def _types(path: Path, random_: random.Random) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for _ in range(random_.choice((1, 2, 8))):
            table = random_.choice([name for name in tables if not name.startswith(("prompts", "sqlite"))])
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            value = random_.choice(HOSTILE)
            with suppress(sqlite3.Error):
                where = "1" if random_.random() < 0.5 else "rowid = 1"
                database.execute(f"UPDATE {table} SET {random_.choice(columns)} = ? WHERE {where}", (value,))
        database.execute(f"UPDATE settings SET value = ? WHERE {random_.randrange(2)}", (json.dumps(None),))


def _schemas(path: Path, random_: random.Random) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        table = random_.choice([name for name in tables if not name.startswith("sqlite")])
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        script = random_.choice((
            f"DROP TABLE {table}", f"ALTER TABLE {table} RENAME TO other", f"ALTER TABLE {table} DROP COLUMN {columns[-1]}",
            f"ALTER TABLE {table} ADD COLUMN more TEXT", f"DELETE FROM {table}",
            f"PRAGMA user_version = {random_.choice((-1, 0, 2, 99))}",
            f"DROP TABLE {table}; CREATE TABLE {table} (x)", f"DROP TABLE {table}; CREATE VIEW {table} AS SELECT 1 AS id",
            "PRAGMA journal_mode = DELETE", "PRAGMA auto_vacuum = FULL; VACUUM", "DROP TRIGGER images_added",
            f"CREATE TRIGGER t AFTER UPDATE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END",
        ))  # fmt: skip
        with suppress(sqlite3.Error):
            for statement in script.split("; ") if "TRIGGER t" not in script else [script]:
                database.execute(statement)


DAMAGES = (_bits, _pages, _types, _schemas)


def _inputs(sound: Path, work: Path, cases: int, seed: int) -> Iterator[Path]:
    for i in itertools.islice(itertools.count(), cases):
        random_ = random.Random(f"{seed} {i}")
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(sound, work)
        path = next(work.glob("*.sqlite"))
        random_.choice(DAMAGES)(path, random_)
        if random_.random() < 0.1:
            (work / f"{path.name}-wal").write_bytes(random_.randbytes(random_.choice((0, 32, 5000))))
        if random_.random() < 0.1:
            (work / "gallery.journal").write_bytes(
                random_.randbytes(200) + b'\n{"folder": 3}\n{"content": [], "tags": 5}\n[1]\n'
            )
        if (kind := random_.random()) < 0.05:
            path.chmod(0o444)
        elif kind < 0.1:
            with suppress(sqlite3.Error), closing(sqlite3.connect(path, isolation_level=None)) as second:
                second.execute("BEGIN EXCLUSIVE")
                yield work
                continue
        yield work


def trial(make: Callable[[Path], Path], use: Callable[[Path], None], name: str) -> Callable[[int, int], Tally]:
    def fuzz_them(cases: int, seed: int) -> Tally:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder, "whole"))
            return fuzz(name, use, _inputs(Path(folder, "whole"), Path(folder, "work"), cases, seed))

    return fuzz_them


def main() -> int:
    return run({
        "gallery": (2500, trial(make_gallery, use_gallery, "gallery databases")),
        "library": (2500, trial(make_library, use_library, "library databases")),
    })  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
