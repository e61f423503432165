"""The queue on disk: order, states, what a crash leaves, and what a damaged database costs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.errors import SdedgeError
from sdedge.images.output import Output
from sdedge.library.connection import BUSY, Connection
from sdedge.library.database import open_database
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue
from sdedge.library.store import DATABASE, MIGRATIONS, open_store, rebuild
from sdedge.locks import ProcessLock
from sdedge.request import Request


@pytest.fixture
def store(tmp_path):
    store = open_store(tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def queue(store):
    return Queue(store)


def add(queue, prompt="a red house", priority=0, count=1, **fields):
    output = Output(queue.store.folder.parent / "out")
    return queue.add(Request(prompt=prompt, **fields), output, count, priority=priority)


def waiting(queue):
    return [job.request.prompt for job in queue.jobs(("waiting",))]


def save(queue, job, number):
    """A picture of a job, as the worker saves it."""
    gallery, path = Gallery(queue.store), job.output.folder / f"{job.id}-{number}.png"
    row = gallery.begin(path, job.request, {}, job.id, number)
    import numpy as np

    job.output.write_to(path, np.zeros((8, 8, 3), np.uint8), job.request, {})
    gallery.complete(row)


def test_jobs_are_drawn_by_priority_then_in_the_order_they_came(queue):
    for prompt, priority in (("one", 0), ("two", 0), ("urgent", 5), ("late", -1)):
        add(queue, prompt, priority)
    assert waiting(queue) == ["urgent", "one", "two", "late"]
    assert queue.claim().request.prompt == "urgent"


@settings(max_examples=10, deadline=None)
@given(moves=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=6))
def test_moving_a_job_changes_its_place_and_nothing_else(tmp_path_factory, moves):
    queue = Queue(open_store(tmp_path_factory.mktemp("move")))
    order = [add(queue, str(i), priority=i % 2).id for i in range(4)]
    order = [job.id for job in queue.jobs()]
    for which, to in moves:
        moved = order[which]
        rest = [id for id in order if id != moved]
        queue.move(moved, rest[to] if to < len(rest) else None)
        order = rest[:to] + [moved] + rest[to:] if to < len(rest) else [*rest, moved]
        assert [job.id for job in queue.jobs()] == order
    queue.store.close()


def test_a_job_keeps_everything_over_a_restart(tmp_path):
    queue = Queue(open_store(tmp_path))
    request = Request(prompt="ä red house\n雪", seed=2**64 - 1, sampler="euler", sigmas=(3.0, 1.0, 0.0))
    output = Output(tmp_path / "out", "webp", "{seed}", private=True)
    added = queue.add(request, output, count=3, batch=2, priority=4)
    queue.store.close()
    stored = Queue(open_store(tmp_path)).get(added.id)
    assert stored == added and stored.request == request and stored.output == output


def test_a_claimed_job_has_its_seed_chosen_so_that_a_second_attempt_draws_the_same_pictures(queue):
    add(queue, count=3)
    first = queue.claim()
    save(queue, first, 0)
    queue.finish(first.id, "failed", "the engine crashed")
    queue.resume(first.id)
    second = queue.claim()
    assert second.request.seed == first.request.seed is not None
    assert (second.saved, second.run) == (1, f"{first.id}.2") and second.run != first.run


def test_states_have_times_and_reasons(queue):
    job = add(queue)
    queue.pause(job.id)
    queue.resume(job.id)
    queue.claim()
    queue.finish(job.id, "failed", "no space")
    states = [(state, reason) for state, _, reason in queue.history(job.id)]
    assert states == [
        ("waiting", ""), ("paused", "You paused it."), ("waiting", ""), ("running", ""), ("failed", "no space"),
    ]  # fmt: skip
    stored = queue.get(job.id)
    assert stored.added <= stored.started <= stored.ended


def test_a_job_whose_pictures_are_all_saved_is_done_however_it_ended(queue):
    job = add(queue, count=2)
    queue.claim()
    save(queue, job, 0)
    save(queue, job, 1)
    assert queue.finish(job.id, "failed", "killed").state == "done"
    with pytest.raises(SdedgeError, match="works for a job"):
        queue.resume(job.id)


def test_wishes_for_a_running_job_only_get_stronger_and_end_with_the_attempt(queue):
    job = add(queue)
    queue.claim()
    queue.cancel(job.id, "now")
    queue.pause(job.id)
    assert queue.wish(job.id) == "now"
    queue.cancel(job.id, "kill")
    assert queue.wish(job.id) == "kill"
    queue.finish(job.id, "cancelled")
    queue.resume(job.id)
    queue.claim()
    assert queue.wish(job.id) == ""
    with pytest.raises(SdedgeError, match="Unknown way"):
        queue.cancel(job.id, "gently")


def test_a_late_cancel_leaves_an_ended_job_alone(queue):
    job = add(queue)
    queue.claim()
    queue.finish(job.id, "done")
    queue.cancel(job.id)
    assert queue.get(job.id).state == "done"


def test_nothing_is_claimed_from_a_paused_queue(queue):
    add(queue)
    queue.pause(reason="The disk is full.")
    assert queue.claim() is None and queue.paused == "The disk is full."
    queue.resume()
    assert queue.claim() is not None


def test_after_an_unclean_end_the_queue_is_paused_and_says_what_was_interrupted(queue):
    job, after = add(queue, count=3), add(queue, "next")
    assert queue.open_session() is None
    queue.claim()
    save(queue, job, 0)
    reason = queue.open_session()  # the process was killed and starts again
    assert reason == queue.paused and f"Job {job.id} was interrupted with 1 of 3 pictures saved" in reason
    assert queue.get(job.id).state == "interrupted" and queue.get(after.id).state == "waiting"


@pytest.mark.parametrize(("wish", "state"), [("pause", "paused"), ("picture", "cancelled"), ("now", "cancelled")])
def test_what_a_person_asked_of_a_job_holds_when_its_process_is_killed_first(queue, wish, state):
    job = add(queue, count=3)
    queue.open_session()
    queue.claim()
    if wish == "pause":
        queue.pause(job.id)
    else:
        queue.cancel(job.id, wish)
    assert queue.open_session() is None and queue.paused is None
    assert (queue.get(job.id).state, queue.get(job.id).wish, queue.get(job.id).ended is None) == (
        state,
        "",
        state == "paused",
    )


def test_a_queue_that_a_person_paused_stays_so_after_a_failure_and_an_unclean_end(queue):
    job, _ = add(queue), add(queue)
    queue.open_session()
    queue.claim()
    queue.pause()
    queue.finish(job.id, "failed", "The disk is full.", pause="The disk is full.")
    assert queue.open_session() is not None and queue.paused_by == "person"
    queue.resume_after_failure()
    assert queue.paused is not None
    queue.resume()
    assert queue.paused is None and queue.paused_by is None


def test_after_a_clean_end_the_queue_goes_on(queue):
    add(queue)
    queue.open_session()
    queue.close_session()
    assert queue.open_session() is None and queue.paused is None


def test_an_unclean_end_with_nothing_to_do_needs_no_words(queue):
    queue.open_session()
    assert queue.open_session() is None and queue.paused is None


def test_times_do_not_order_the_queue_when_the_clock_jumps(queue, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    add(queue, "first")
    now -= 10 * 365 * 86400
    add(queue, "second")
    assert waiting(queue) == ["first", "second"]
    job = queue.claim()
    queue.finish(job.id, "done")
    assert queue.jobs()[-1].id == job.id


def test_duplicate_asks_for_the_same(queue):
    job = add(queue, seed=5, count=4, priority=2)
    copy = queue.duplicate(job.id)
    assert (copy.request, copy.count, copy.priority) == (job.request, 4, 2) and copy.id != job.id


def test_clearing_spares_the_running_job_and_numbers_are_not_used_again(queue):
    add(queue)
    queue.claim()
    last = add(queue)
    assert queue.clear(("waiting", "running")) == 1
    assert [job.state for job in queue.jobs()] == ["running"]
    assert add(queue).id > last.id


@pytest.mark.parametrize(
    "act", [lambda q: q.get(99), lambda q: q.cancel(99), lambda q: q.move(99), lambda q: q.pause(99)]
)
def test_unknown_jobs_are_named(queue, act):
    with pytest.raises(SdedgeError, match="no job 99"):
        act(queue)


def test_a_request_of_another_version_fails_its_own_job_only(queue):
    bad, good = add(queue), add(queue, "good")
    query = "UPDATE jobs SET request = ? WHERE id = ?"
    queue.database.execute(query, (json.dumps({"prompt": "old", "sampler": "of the future"}), bad.id))
    assert queue.claim() is None
    assert queue.get(bad.id).state == "failed" and "of the future" in queue.get(bad.id).reason
    assert queue.claim().id == good.id


# The file


def test_a_damaged_database_is_kept_aside_and_its_waiting_jobs_are_recovered(tmp_path):
    queue = Queue(open_store(tmp_path))
    ids = [add(queue, f"job {i}").id for i in range(3)]
    queue.store.close()
    data = bytearray((tmp_path / DATABASE).read_bytes())
    data[40:60] = b"\xff" * 20  # the header: the file is malformed, its tables are readable in part or not at all
    (tmp_path / DATABASE).write_bytes(b"no database" + bytes(data[11:]))
    store = open_store(tmp_path)
    assert [file.name for file in tmp_path.glob("*.damaged-*")] and "is kept as" in store.notes[0]
    assert store.setting("paused") == store.notes[0]
    assert Queue(store).jobs() == [] and add(Queue(store)).state == "waiting"
    store.close()
    assert ids


def test_jobs_are_salvaged_from_a_database_damaged_elsewhere(tmp_path):
    queue = Queue(open_store(tmp_path))
    wanted = [add(queue, f"job {i}").request.prompt for i in range(3)]
    page = queue.database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'images_by_content'").fetchone()[0]
    size = queue.database.execute("PRAGMA page_size").fetchone()[0]
    queue.store.close()
    with open(tmp_path / DATABASE, "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xee" * size)
    (tmp_path / f"{DATABASE}-wal").touch()  # as an unclean end leaves it, so that opening looks closely
    store = open_store(tmp_path)
    assert "3 waiting jobs were recovered" in store.notes[0]
    assert waiting(Queue(store)) == wanted
    store.close()


def test_an_odd_row_of_a_damaged_database_costs_that_job_alone(tmp_path):
    store = open_store(tmp_path)
    jobs = [add(Queue(store), f"job {i}").id for i in range(4)]
    store.database.execute("ALTER TABLE jobs RENAME TO sound")
    store.database.execute("CREATE TABLE jobs AS SELECT * FROM sound")  # which insists on nothing, as damage does
    store.database.execute("UPDATE jobs SET request = NULL WHERE id = ?", (jobs[1],))
    store.database.execute("UPDATE jobs SET id = ? WHERE id = ?", (jobs[0], jobs[2]))
    store.close()
    with rebuild(tmp_path, "It is damaged.", store.file) as mended:
        assert waiting(Queue(mended)) == ["job 0", "job 3"] and "2 waiting jobs were recovered" in mended.notes[0]


def test_columns_of_a_damaged_database_that_are_none_of_ours_cost_no_job(tmp_path):
    store = open_store(tmp_path)
    add(Queue(store), "job 0")
    store.database.execute("ALTER TABLE jobs ADD COLUMN extra TEXT")
    store.database.execute("DROP TABLE board_images")
    store.close()
    with open_store(tmp_path) as mended:
        assert waiting(Queue(mended)) == ["job 0"] and "1 waiting job was recovered" in mended.notes[0]


def test_two_programs_that_find_the_same_damage_mend_it_once_and_both_say_so(tmp_path):
    """Also one that opens it meanwhile: no half of the new database is ever in place, and what was said of it is in it."""
    queue = Queue(open_store(tmp_path))
    add(queue)
    queue.store.close()
    (tmp_path / DATABASE).write_bytes(b"no database" + (tmp_path / DATABASE).read_bytes()[11:])
    seen, together = [], threading.Barrier(4)

    def open_with_others():
        together.wait()
        store = open_store(tmp_path)
        seen.append((store.is_current, store.setting("paused") or ""))

    threads = [threading.Thread(target=open_with_others) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert [current for current, _ in seen] == [True] * 4
    assert all("is kept as" in note for _, note in seen)


def test_a_newer_database_is_refused_and_untouched(tmp_path):
    store = open_store(tmp_path)
    store.database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    store.close()
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises(SdedgeError, match="newer sdedge"):
        open_store(tmp_path)
    assert (tmp_path / DATABASE).read_bytes() == before and not list(tmp_path.glob("*.damaged-*"))


def test_migrations_run_once_and_in_order(tmp_path):
    first, second = "CREATE TABLE a (x);\n", "ALTER TABLE a ADD COLUMN y;\nINSERT INTO a VALUES (1, 2);\n"
    open_database(tmp_path / "d", (first,)).close()
    for _ in range(2):
        database = open_database(tmp_path / "d", (first, second))
        assert [tuple(row) for row in database.execute("SELECT x, y FROM a")] == [(1, 2)]
        database.close()


def test_a_failed_migration_leaves_the_old_version(tmp_path):
    first, broken = "CREATE TABLE a (x);\n", "CREATE TABLE b (x);\nnonsense;\n"
    open_database(tmp_path / "d", (first,)).close()
    with pytest.raises(SdedgeError):
        open_database(tmp_path / "d", (first, broken))
    database = open_database(tmp_path / "d", (first,))
    assert [row[0] for row in database.execute("SELECT name FROM sqlite_master")] == ["a"]
    database.close()


def test_a_lock_is_free_again_when_its_process_is_killed(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from sdedge.locks import ProcessLock;"
        "assert ProcessLock(Path(sys.argv[1])).acquire(); print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "lock"], stdout=subprocess.PIPE)
    process.stdout.readline()
    lock = ProcessLock(tmp_path / "lock")
    assert not lock.acquire() and lock.holder() == process.pid
    process.kill()
    process.wait()
    assert lock.holder() is None and lock.acquire()
    process.stdout.close()


def test_the_queue_and_the_gallery_import_no_torch():
    code = (
        "import sys, sdedge.library.jobs, sdedge.library.gallery_scan, sdedge.process.supervisor, sdedge.process.worker,"
        "sdedge.commands.queue, sdedge.commands.gallery; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_lock_that_sqlite_does_not_wait_for_is_waited_for(tmp_path, monkeypatch):
    """Where two open a new database at once SQLite answers one of them SQLITE_BUSY at once, whatever its timeout."""

    class Held(Connection):
        answers = 2

        def execute(self, *arguments):
            if "journal_mode" in arguments[0] and Held.answers > 0:
                Held.answers -= 1
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = BUSY
                raise error
            return super().execute(*arguments)

    monkeypatch.setattr("sdedge.library.database.Connection", Held)
    open_database(tmp_path / "waited", MIGRATIONS).close()
    Held.answers = 1000
    with pytest.raises(SdedgeError, match="another program is using it"):
        open_database(tmp_path / "given up", MIGRATIONS, timeout=0.05)
    assert Held.answers < 999
