"""The first load of Core ML runs in another process: the engine's goes on meanwhile. Compiled copies are kept and removed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sdedge.engines.coreml import compiled, first_load
from sdedge.engines.coreml.compiled import CompiledCopy
from sdedge.engines.coreml.portable.package import Package
from sdedge.errors import ModelError
from sdedge.events import Cancelled, Finished, Loading, Step
from sdedge.images.output import Output
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.request import Request
from tests.engines.coreml import stand_in

posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in's system calls and signals")


@pytest.fixture
def mac(tmp_path, monkeypatch):
    """Sets up the stand-in for the processes that are started from now on."""

    def set_up(**choices):
        for name, value in stand_in.install(tmp_path, **choices).items():
            monkeypatch.setenv(name, value)

    return set_up


@pytest.fixture(scope="module")
def decoder(tiny_bundle) -> Package:
    return Package.open(tiny_bundle / "VAEDecoder.mlpackage")


def _all(loading):
    looks = 0
    try:
        while True:
            next(loading)
            looks += 1
    except StopIteration as end:
        return looks, end.value


@posix
def test_threads_run_while_the_first_load_holds_its_own_interpreters_lock(mac, decoder):
    mac(load=1.0)
    looks, first = _all(first_load.first_load(decoder, "main", "all"))
    assert looks >= 3 and first.loaded >= 1.0 and first.compiled is not None
    copy = CompiledCopy(decoder.path)
    assert copy.was_loaded("main", "all") and not copy.was_loaded("main", "cpu-only")
    _, again = _all(first_load.first_load(decoder, "main", "all"))
    assert again.compiled is None and again.loaded < 1.0


@posix
@pytest.mark.parametrize("fault, said", [("abort", "ended by SIGABRT; "), ("no such unit.", "on all: no such unit; ")])
def test_what_ends_the_other_process_is_a_sentence(mac, decoder, fault, said):
    mac(fault=fault)
    with pytest.raises(ModelError, match=said):
        _all(first_load.first_load(decoder, "main", "all"))
    assert not CompiledCopy(decoder.path).was_loaded("main", "all")


@posix
def test_a_cancelled_first_load_ends_its_process(mac, decoder, monkeypatch):
    mac(load=60)
    started, popen = [], first_load.subprocess.Popen
    monkeypatch.setattr(
        first_load.subprocess, "Popen", lambda *args, **options: started.append(popen(*args, **options)) or started[0]
    )
    loading = first_load.first_load(decoder, "main", "all")
    next(loading)
    assert started[0].poll() is None
    loading.close()
    assert started[0].returncode == -signal.SIGKILL
    assert not CompiledCopy(decoder.path).was_loaded("main", "all")


@pytest.fixture
def drawing(mac, tmp_path, tiny_bundle):
    """Draws a job of the bundle in an engine process that is ended after a second and a half of silence."""
    running = []

    def draw(load):
        mac(load=load)
        store = open_store(tmp_path / "data")
        queue, events = Queue(store), []
        request = Request(prompt="a house", model=str(tiny_bundle), steps=1, seed=1)
        job = queue.add(request, Output(tmp_path / "out"), 1).id
        limits = Limits(tick=0.02, beat=0.1, silence=1.5, grace=20.0)
        drawer = "tests.engines.coreml.stand_in:draw_on_a_mac"
        supervisor = Supervisor(
            tmp_path / "data", lambda job, event: events.append(event), drawer=drawer, limits=limits
        )
        supervisor.start()
        running.append(supervisor)
        return SimpleNamespace(supervisor=supervisor, queue=queue, job=job, events=events)

    yield draw
    for supervisor in running:
        supervisor.close()


@posix
@pytest.mark.slow
def test_a_first_load_longer_than_the_watchdogs_patience_is_no_hang(drawing):
    desk = drawing(4.0)
    assert desk.supervisor.wait_idle(120)
    assert isinstance(desk.events[-1], Finished), desk.events
    assert Loading("first load") in desk.events and any(isinstance(event, Step) for event in desk.events)


@posix
@pytest.mark.slow
def test_a_first_load_is_cancelled_at_once(drawing):
    desk = drawing(60.0)
    deadline = time.monotonic() + 100
    while Loading("first load") not in list(desk.events):
        assert time.monotonic() < deadline, desk.events
        time.sleep(0.02)
    pid = desk.supervisor.worker_pid
    desk.queue.cancel(desk.job, "now")
    desk.supervisor.wake()
    assert desk.supervisor.wait_idle(60)
    assert (
        isinstance(desk.events[-1], Cancelled) and desk.supervisor.worker_pid == pid
    )  # the process was not ended for it


# Compiled copies


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "bundle" / "Unet.mlpackage"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(b"1")
    return folder


@pytest.fixture
def ct():
    models = SimpleNamespace(utils=SimpleNamespace(compile_model=stand_in.compile_model))
    return SimpleNamespace(models=models)


def _copies() -> list[str]:
    return sorted(path.name for path in (compiled.cache_folder() / "coreml").glob("*.mlmodelc"))


def test_copies_lie_among_the_caches(monkeypatch, package):
    monkeypatch.delenv("SDEDGE_HOME")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name, appauthor: f"/Users/a/Library/Caches/{name}")
    assert CompiledCopy(package).path.is_relative_to("/Users/a/Library/Caches/sdedge/coreml")


def test_a_package_that_has_changed_leaves_no_copy_of_before(package, ct):
    old = CompiledCopy(package)
    assert old.make(ct) is not None and old.make(ct) is None
    old.note_loaded("main", "all")
    (package / "weights").write_bytes(b"22")
    new = CompiledCopy(package)
    new.make(ct)
    assert _copies() == [new.path.name] != [old.path.name]
    assert {path.stem for path in new.path.parent.iterdir()} == {new.path.stem}  # nothing beside the old one either


def test_copies_of_packages_that_are_gone_and_of_those_long_unused_are_removed(package, ct, tmp_path):
    second, third = tmp_path / "other" / "Unet.mlpackage", tmp_path / "third" / "Unet.mlpackage"
    for copied in (second, third):
        shutil.copytree(package, copied)
        CompiledCopy(copied).make(ct)
    shutil.rmtree(second)
    CompiledCopy(package).make(ct)
    assert len(_copies()) == 2
    named = CompiledCopy(third).path.with_suffix(".package")
    os.utime(named, (0, time.time() - 31 * 86_400))
    (package / "weights").write_bytes(b"22")
    CompiledCopy(package).make(ct)
    assert _copies() == [CompiledCopy(package).path.name]


def test_a_copy_that_is_loaded_every_day_stays(package, ct, tmp_path):
    """It was made long ago, and no load compiles it again."""
    daily = tmp_path / "daily" / "Unet.mlpackage"
    shutil.copytree(package, daily)
    copy = CompiledCopy(daily)
    copy.make(ct)
    os.utime(copy.path.with_suffix(".package"), (0, time.time() - 31 * 86_400))
    copy.note_loaded("main", "all")
    CompiledCopy(package).make(ct)
    assert copy.path.name in _copies()


def test_of_two_that_compile_at_once_the_later_takes_the_others_copy(package, ct):
    both, copies, failed = threading.Barrier(2), [CompiledCopy(package), CompiledCopy(package)], []

    def compile_model(model: str, destination_path: str) -> str:
        made = stand_in.compile_model(model, destination_path)
        both.wait(10)
        return made

    ct.models.utils.compile_model = compile_model

    def make(copy):
        try:
            copy.make(ct)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=make, args=(copy,)) for copy in copies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and _copies() == [copies[0].path.name]
    assert not list(Path(copies[0].path.parent).glob(".compiling-*"))


def test_another_version_of_the_system_loads_for_the_first_time_again(package, ct, monkeypatch):
    copy = CompiledCopy(package)
    copy.make(ct)
    copy.note_loaded("main", "all")
    assert copy.was_loaded("main", "all")
    monkeypatch.setattr("platform.version", lambda: "Darwin 26.2")
    assert not copy.was_loaded("main", "all")
