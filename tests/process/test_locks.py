"""Who runs and who holds what: process ids on every system, locks where there are none, permissions, going on after a kill."""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdedge import liveness, locks
from sdedge.errors import OutputError, SdedgeError
from sdedge.library import imports
from sdedge.library.models import Library
from sdedge.library.store import DATABASE, JOURNAL, open_store
from sdedge.liveness import is_running
from sdedge.locks import ProcessLock
from tests.process.desk import ROOT, posix
from tests.process.test_crashes import FAKE, RUN


class Kernel32:
    """Windows' process calls: `state` is "runs", "ended" (known still by somebody's handle), "gone" or "another's"."""

    def __init__(self, state):
        self.closed, self.state = [], state
        self.OpenProcess = self.call(lambda access, inherit, pid: 2**40 if state in ("runs", "ended") else 0)
        self.WaitForSingleObject = self.call(lambda handle, time: 0x102 if state == "runs" else 0)
        self.CloseHandle = self.call(self.closed.append)

    @staticmethod
    def call(function):
        return type("Call", (), {"__call__": lambda self, *arguments: function(*arguments)})()


@pytest.mark.parametrize(("state", "runs"), [("runs", True), ("ended", False), ("gone", False), ("another's", True)])
def test_on_windows_another_process_is_told_to_run(monkeypatch, state, runs):
    kernel = Kernel32(state)
    with monkeypatch.context() as windows:  # a failure is told by Linux again
        windows.setattr(liveness.os, "name", "nt")
        windows.setattr(ctypes, "WinDLL", lambda *arguments, **options: kernel, raising=False)
        windows.setattr(ctypes, "get_last_error", lambda: 87 if state == "gone" else 5, raising=False)
        ended = []  # os.kill ends a process there, or sends Ctrl-C
        windows.setattr(os, "kill", lambda *arguments: ended.append(arguments))
        running = is_running(4711), is_running(os.getpid())
    assert running == (runs, True) and not ended
    assert kernel.closed == ([2**40] if state in ("runs", "ended") else [])


@posix
def test_process_ids():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_running(os.getppid()) and is_running(1) and not is_running(ended.pid)
    assert not any(is_running(pid) for pid in (0, -1, 2**31, 10**30))


@pytest.mark.parametrize(("code", "taken"), [(0, True), (errno.EACCES, False), (errno.EDEADLK, False)])
def test_on_windows_a_lock_is_a_byte_behind_the_text(tmp_path, monkeypatch, code, taken):
    locked = []

    def locking(descriptor, how, size):
        locked.append((os.lseek(descriptor, 0, os.SEEK_CUR), how, size))
        if code:
            raise OSError(code, "somebody has it")

    (tmp_path / "lock").write_text("4711")
    lock = ProcessLock(tmp_path / "lock")
    with monkeypatch.context() as windows:
        windows.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
        windows.setattr(locks.os, "name", "nt")
        acquired = lock.acquire()
    assert acquired == taken and set(locked) == {(1 << 30, 2, 1)}
    assert (tmp_path / "lock").read_text() == (str(os.getpid()) if taken else "4711")
    lock.release()


def test_one_that_asks_for_the_holder_keeps_nobody_from_the_lock(tmp_path, monkeypatch):
    asking, starting = ProcessLock(tmp_path / "q.lock"), ProcessLock(tmp_path / "q.lock")
    assert asking.acquire()  # as `holder` has it for a moment
    with monkeypatch.context() as patch:
        patch.setattr(locks.time, "sleep", lambda seconds: asking.release())
        assert starting.acquire()
    assert not asking.acquire() and asking.holder() == os.getpid()
    starting.release()


@posix
def test_on_a_full_disk_a_lock_is_held_or_refused_in_a_sentence_and_never_half(tmp_path, monkeypatch):
    import fcntl

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def unknown(*arguments):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    first, second = ProcessLock(tmp_path / "q.lock"), ProcessLock(tmp_path / "q.lock")
    with monkeypatch.context() as patch:
        patch.setattr(locks.os, "write", full)
        assert first.acquire() and not second.acquire() and second.holder() is None
    first.release()
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", unknown)
        patch.setattr(locks.os, "fdopen", full)
        with pytest.raises(OutputError, match=r"Cannot write .*q\.lock\.pid: No space left"):
            first.acquire()
    assert not (tmp_path / "q.lock.pid").exists() and second.acquire()
    second.release()


@posix
def test_nobody_holds_a_lock_whose_file_was_taken_away_while_it_was_opened(tmp_path, monkeypatch):
    import fcntl

    before, late, third = (ProcessLock(tmp_path / "q.lock") for _ in range(3))
    assert before.acquire()
    real, ends = fcntl.flock, [before.remove]

    def lock_after_the_end(descriptor, how):
        if ends:
            ends.pop()()
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", lock_after_the_end)
    assert late.acquire() and not third.acquire()
    late.remove()
    assert third.acquire() and not late.acquire()
    third.remove()
    assert not list(tmp_path.iterdir())


def test_a_model_that_another_process_copies_is_not_swept(tmp_path, monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = [f".adding-{os.getppid()}-x", ".adding-99999999999999999999999-x", ".adding-²-x"]
    for name in (*names, f".adding-{ended.pid}-x"):
        (tmp_path / "models" / name).mkdir(parents=True)
    library = Library(tmp_path)
    library.add(_vae(tmp_path, monkeypatch), "a")  # which sweeps first
    library.close()
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == sorted([*names, "a"])


def _vae(folder: Path, monkeypatch) -> Path:
    """A file that the library takes for a VAE, whatever is in it."""
    file = folder / "a.vae.safetensors"
    file.write_bytes(b"x" * 9)
    source = imports.ImportSource(file, "vae", "safetensors", {file.name: file}, [], False)
    monkeypatch.setattr(imports, "examine", lambda path: source)
    return file


@posix
@pytest.mark.parametrize("fault", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL])
def test_without_flock_a_file_with_a_process_id_is_the_lock(tmp_path, monkeypatch, fault):
    import fcntl

    def refuse(*arguments):
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(fcntl, "flock", refuse)
    first, second = ProcessLock(tmp_path / "q.lock"), ProcessLock(tmp_path / "q.lock")
    assert first.acquire() and not second.acquire() and second.holder() == os.getpid()
    first.release()
    assert second.holder() is None and second.acquire()
    second.release()
    assert not (tmp_path / "q.lock.pid").exists()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "q.lock.pid").write_text(str(ended.pid))  # killed while it held it
    assert first.acquire() and not second.acquire()
    first.release()
    (tmp_path / "q.lock.pid").write_text("")  # being written
    assert not first.acquire()
    os.utime(tmp_path / "q.lock.pid", (1, 1))  # killed before it was
    assert first.acquire()
    first.release()
    monkeypatch.setattr(locks, "is_running", lambda pid: False)
    rename = os.rename

    def late(old, new):  # another process took the dead one's place just before
        Path(old).write_text("4711")
        monkeypatch.setattr(locks.os, "rename", rename)
        rename(old, new)

    (tmp_path / "q.lock.pid").write_text("12")
    monkeypatch.setattr(locks.os, "rename", late)
    assert not first.acquire() and (tmp_path / "q.lock.pid").read_text() == "4711"


@posix
def test_what_holds_prompts_is_for_its_owner_alone(tmp_path, desk):
    folder = tmp_path / "old"
    folder.mkdir(mode=0o755)
    for name in (DATABASE, JOURNAL, "library.sqlite"):
        (folder / name).touch(0o644)
    folder.chmod(0o755)
    with open_store(folder) as store:
        store.note(folder="x")
        store.set("paused", "x")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.name != "library.sqlite"
        }
        assert {DATABASE, f"{DATABASE}-wal", JOURNAL} <= modes.keys() and {*modes.values()} == {0o600}
    Library(folder).close()
    assert (
        stat.S_IMODE(folder.stat().st_mode) == 0o700
        and stat.S_IMODE((folder / "library.sqlite").stat().st_mode) == 0o600
    )
    (desk.folder / "worker.log").touch(0o644)
    (desk.folder / "worker.log.1").touch(0o644)
    desk.add("steps=1")
    desk.start()
    desk.wait()
    loose = [path for path in desk.folder.iterdir() if path.is_file() and path.stat().st_mode & 0o077]
    assert not loose and stat.S_IMODE(desk.folder.stat().st_mode) == 0o700


@posix
def test_folders_that_others_use_are_left_as_they_are(tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)
    open_store(tmp_path / "shared").close()
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    tmp_path.chmod(0o755)
    open_store(tmp_path).close()
    assert (
        stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o1777 and stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    )


@posix
@pytest.mark.slow
def test_after_a_kill_resuming_the_queue_draws_what_was_interrupted(desk):
    job, after = desk.add("step=0.1 write=0.05", count=3, seed=5), desk.add("steps=1")
    app = subprocess.Popen([sys.executable, "-c", RUN, desk.folder, FAKE], stdout=subprocess.PIPE, text=True)
    while "ImageDone" not in (line := app.stdout.readline()):
        assert line
    app.kill()
    app.wait()
    app.stdout.close()
    # `sdedge queue run --resume` in a process of its own, with the stand-in for the engine
    code = (
        "import functools, sys; from sdedge.process import supervisor\n"
        f"supervisor.Supervisor = functools.partial(supervisor.Supervisor, drawer={FAKE!r})\n"
        "from sdedge.cli import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SDEDGE_HOME": str(desk.folder)}
    run = [sys.executable, "-c", code, "queue", "run"]
    paused = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert paused.returncode == 1 and "Resume the queue to go on" in paused.stderr and not paused.stdout
    done = subprocess.run([*run, "--resume"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and len(done.stdout.splitlines()) in (2, 3), done
    assert [desk.queue.get(id).state for id in (job, after)] == ["done", "done"] and desk.check() == 4


def test_an_interrupted_job_can_be_dropped_instead(desk):
    job = desk.add()
    desk.queue.database.execute("UPDATE jobs SET state = 'interrupted' WHERE id = ?", (job,))
    duplicate = desk.queue.duplicate(job).id
    desk.queue.database.execute("UPDATE jobs SET state = 'interrupted'")
    desk.queue.cancel(job)
    desk.queue.resume()
    assert (desk.queue.get(job).state, desk.queue.get(duplicate).state) == ("cancelled", "waiting")


def test_two_imports_of_one_name_and_a_locked_database_are_sentences(tmp_path, monkeypatch):
    import sqlite3

    library, rival = Library(tmp_path / "l"), Library(tmp_path / "l")
    model = _vae(tmp_path, monkeypatch)
    hash_file = imports.hash_file

    def second(*arguments):  # another process is done before our copy is
        monkeypatch.setattr(imports, "hash_file", hash_file)
        rival.add(model, "a")
        return hash_file(*arguments)

    monkeypatch.setattr(imports, "hash_file", second)
    with pytest.raises(SdedgeError, match="named 'a' already"):
        library.add(model, "a")
    assert [path.name for path in (tmp_path / "l" / "models").iterdir()] == ["a"] and not rival.verify("a")
    blocker = sqlite3.connect(tmp_path / "l" / "library.sqlite", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    library.database.execute("PRAGMA busy_timeout = 10")
    for ask in (lambda: library.add(model, "b"), lambda: library.remove("a"), lambda: library.accept("x")):
        with pytest.raises(SdedgeError, match="another program is using it; close"):
            ask()
    blocker.close()
    library.close()
    rival.close()


@pytest.mark.slow
def test_damaged_databases_are_sentences():
    from tests.benchmarks import fuzz_databases as fuzz

    for make, use in ((fuzz.make_gallery, fuzz.use_gallery), (fuzz.make_library, fuzz.use_library)):
        assert not fuzz.trial(make, use, "databases")(60, 1).faults
