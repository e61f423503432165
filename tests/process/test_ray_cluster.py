"""Ray itself, with two workers on this machine: the same bytes as here, whatever becomes of a worker, and nothing left behind."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
from pathlib import Path

import pytest

if importlib.util.find_spec("ray") is None:  # not imported here: what it reads then is set by whoever starts it
    pytest.skip("Ray is not installed (the extra sdedge[ray])", allow_module_level=True)

from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images.output import Output
from sdedge.process.batch_tasks import tasks_of
from sdedge.process.batch_worker import AboutWorker, Drawn, WorkerSettings
from sdedge.process.dispatch import Dispatcher
from sdedge.process.local_cluster import LocalCluster
from sdedge.process.ray_cluster import RayCluster
from sdedge.request import Request
from tests.conftest import needs_embedded

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


class WatchedCluster(RayCluster):
    """Remembers the processes of its workers."""

    def __init__(self, *arguments):
        self.processes = []
        super().__init__(*arguments)

    def answers(self, seconds):
        answers = [*super().answers(seconds)]
        self.processes += [answer.process for _, answer in answers if isinstance(answer, AboutWorker)]
        return answers


@pytest.fixture
def cluster(monkeypatch, tmp_path):
    """Starts a cluster of two workers here; it is closed afterwards."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    open_ones = []

    def start(settings):
        open_ones.append(WatchedCluster("auto", settings, 2))
        return open_ones[-1]

    yield start
    for each in open_ones:
        each.close()


def files(cluster, tasks, note=print):
    """The bytes of each picture by its number; and the devices that drew."""
    outcomes = [*Dispatcher(cluster, tasks, note).outcomes()]
    assert all(isinstance(each.answer, Drawn) for each in outcomes), [each.answer for each in outcomes]
    return {each.task.number: each.answer.data for each in outcomes}, {each.device for each in outcomes}


def listening(processes):
    """Local addresses, in hexadecimal, that sockets of these processes listen at (Linux)."""
    inodes = set()
    for process in processes:
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # one that is closed meanwhile
                inodes.add(os.readlink(descriptor).removeprefix("socket:[").rstrip("]"))
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].rpartition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


def descendants(process):
    children = [
        int(each)
        for task in Path(f"/proc/{process}/task").iterdir()
        for each in (task / "children").read_text().split()
    ]
    return [process, *(each for child in children for each in descendants(child))]


@needs_embedded
def test_two_workers_draw_the_same_bytes_as_this_process(cluster):
    plain = Request(steps=1, sampler="ddim", seed=5, width=128, height=128)
    requests = [plain.replace(prompt=f"a {colour} house") for colour in ("red", "blue", "white", "pink")]
    tasks = tasks_of(requests, 1, Output(Path()))
    settings = WorkerSettings.here()
    by_ray, devices = files(cluster(settings), tasks)
    assert len(devices) == 2
    assert by_ray == files(LocalCluster(settings), tasks)[0]


def test_a_worker_that_is_killed_costs_nothing_but_time(cluster):
    requests = [Request("a house steps=5 step=0.2", model="fake", seed=seed) for seed in range(8)]
    tasks = tasks_of(requests, 1, Output(Path()))
    settings = WorkerSettings("tests.fake_drawer:FakeDrawer")
    workers, notes, drawn = cluster(settings), [], {}
    for outcome in Dispatcher(workers, tasks, notes.append).outcomes():
        if not drawn:
            os.kill(workers.processes[0], signal.SIGKILL)
        drawn[outcome.task.number] = outcome.answer.data
    assert len(workers.processes) == 3 and "Another takes its place" in notes[0]
    assert drawn == files(LocalCluster(settings), tasks)[0]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are read out of /proc")
def test_it_listens_on_the_loopback_alone_and_leaves_nothing(cluster, tmp_path):
    workers = cluster(WorkerSettings("tests.fake_drawer:FakeDrawer"))
    files(workers, tasks_of([Request("a house", model="fake", seed=1)], 1, Output(Path())))
    addresses = listening(descendants(os.getpid()))
    assert addresses and all(each.endswith("0100007F") or each == "0" * 24 + "01000000" for each in addresses), (
        addresses
    )
    folders = {session.parent for session in Path("/tmp").glob(f"sdedge-*/session_*_{os.getpid()}")}
    assert len(folders) == 1
    workers.close()
    assert not folders.pop().exists() and not (tmp_path / ".ray").exists()


def test_a_cluster_that_is_not_there_is_said_in_a_sentence():
    with pytest.raises(SdedgeError, match=r"no Ray cluster at 127\.0\.0\.1:9"):
        RayCluster("127.0.0.1:9", WorkerSettings())
    for address in ("here", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:80", "", "::1"):
        with pytest.raises(InvalidRequest, match="no address of a Ray cluster"):
            RayCluster(address, WorkerSettings())
