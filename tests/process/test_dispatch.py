"""The dispatch of a batch over workers that a test plays itself: nothing is lost, nothing is kept twice, and it always ends."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest

import sdedge
from sdedge.errors import SdedgeError
from sdedge.images.output import Output
from sdedge.process.batch_tasks import PictureTask
from sdedge.process.batch_worker import AboutWorker, Drawn, Undrawn
from sdedge.process.dispatch import Dispatcher, DispatchLimits, Lost
from sdedge.request import Request


class FakeCluster:
    """Workers that answer at once, each as `behave(device, task, how many it has had)` says; None never answers."""

    def __init__(self, *devices, behave=lambda device, task, number: drawn(task), version=sdedge.__version__):
        self.there, self.behave, self.version = list(devices), behave, version
        self.inbox, self.started, self.sent = deque(), [], []
        self.counts, self.now = dict.fromkeys(devices, 0), 0.0

    def devices(self):
        return tuple(self.there)

    def start(self, device):
        self.started.append(device)
        self.inbox.append((device, AboutWorker(self.version, device, 1)))

    def draw(self, device, task, contents):
        self.counts[device] = self.counts.get(device, 0) + 1
        self.sent.append((device, task.number, sorted(contents)))
        if (answer := self.behave(device, task, self.counts[device])) is not None:
            self.inbox.append((device, answer))

    def end(self, device):
        self.inbox = deque(each for each in self.inbox if each[0] != device)

    def answers(self, seconds):
        self.now += 1
        return [self.inbox.popleft()] if self.inbox else []


def drawn(task):
    return Drawn(str(task.number).encode(), task.request.to_json(), "{}", False, (), 0.1)


def tasks(count, **fields):
    request = Request("a house", seed=1)
    return [PictureTask(i, f"hash {i}", request.replace(seed=i), Output(Path()), **fields) for i in range(count)]


def run(cluster, todo, **limits):
    notes = []
    dispatcher = Dispatcher(cluster, todo, notes.append, DispatchLimits(**limits), clock=lambda: cluster.now)
    outcomes = [*dispatcher.outcomes()]
    assert sorted(each.task.number for each in outcomes) == [task.number for task in todo], "one outcome for each"
    return outcomes, notes


def test_every_worker_draws_and_each_picture_comes_once():
    cluster = FakeCluster("a", "b", "c")
    outcomes, notes = run(cluster, tasks(20))
    assert all(isinstance(each.answer, Drawn) for each in outcomes) and not notes
    assert all(count >= 4 for count in cluster.counts.values())


def test_a_worker_that_is_lost_costs_nothing_but_time():
    def behave(device, task, number):
        return Lost("it was killed") if (device, number) == ("a", 2) else drawn(task)

    cluster = FakeCluster("a", "b", behave=behave)
    outcomes, notes = run(cluster, tasks(10))
    assert all(isinstance(each.answer, Drawn) for each in outcomes)
    assert cluster.started.count("a") == 2 and "it was killed" in notes[0]


def test_a_picture_that_kills_its_workers_is_given_up_and_the_others_are_drawn():
    def behave(device, task, number):
        return Lost("it crashed") if task.number == 3 else drawn(task)

    outcomes, _ = run(FakeCluster("a", "b", behave=behave), tasks(8), attempts=3)
    (bad,) = [each for each in outcomes if isinstance(each.answer, Undrawn)]
    assert bad.task.number == 3 and bad.answer.kind == "crash" and "it crashed" in bad.answer.message


def test_a_device_whose_workers_are_always_lost_is_left_to_the_others():
    cluster = FakeCluster(
        "a", "b", behave=lambda device, task, number: Lost("no driver") if device == "a" else drawn(task)
    )
    outcomes, notes = run(cluster, tasks(30), attempts=99, losses=4)
    assert {each.device for each in outcomes} == {"b"}
    assert cluster.started.count("a") == 4 and "4 times in a row" in notes[-1]


def test_without_a_worker_left_it_ends_and_says_why():
    cluster = FakeCluster("a", behave=lambda device, task, number: Lost("no driver"))
    with pytest.raises(SdedgeError, match=r"No worker is left for 5 pictures.*no driver"):
        run(cluster, tasks(5), attempts=99, losses=2)
    with pytest.raises(SdedgeError, match="No worker is left for 5 pictures"):
        run(FakeCluster(), tasks(5))


def test_a_machine_with_other_files_is_not_used():
    def behave(device, task, number):
        return Undrawn("machine", "a has another model pocket; copy it.") if device == "a" else drawn(task)

    outcomes, notes = run(FakeCluster("a", "b", behave=behave), tasks(6))
    assert {each.device for each in outcomes} == {"b"} and "another model pocket" in notes[0]


def test_another_version_of_sdedge_is_not_used():
    with pytest.raises(SdedgeError, match=r"has sdedge 0\.0\.9"):
        run(FakeCluster("a", version="0.0.9"), tasks(2))


def test_what_one_worker_has_no_memory_for_another_draws():
    def behave(device, task, number):
        return Undrawn("memory", "The memory ran out.") if device == "a" and task.number == 2 else drawn(task)

    outcomes, _ = run(FakeCluster("a", "b", behave=behave), tasks(5))
    assert all(isinstance(each.answer, Drawn) for each in outcomes)


def test_a_bad_request_is_said_once_and_not_tried_elsewhere():
    def behave(device, task, number):
        return Undrawn("request", "The size 9x9 is none.") if task.number == 1 else drawn(task)

    cluster = FakeCluster("a", "b", behave=behave)
    outcomes, _ = run(cluster, tasks(4))
    assert [each.answer.kind for each in outcomes if isinstance(each.answer, Undrawn)] == ["request"]
    assert sum(cluster.counts.values()) == 4


def test_a_worker_that_does_not_answer_is_replaced():
    cluster = FakeCluster(
        "a", "b", behave=lambda device, task, number: None if (device, number) == ("a", 1) else drawn(task)
    )
    outcomes, notes = run(cluster, tasks(6), patience=20)
    assert all(isinstance(each.answer, Drawn) for each in outcomes)
    assert "has not answered for 20 seconds" in notes[0]


def test_machines_may_come_and_go():
    cluster = FakeCluster("a")

    def behave(device, task, number):
        if (device, number) == ("a", 3):
            cluster.there = ["b"]
            return Lost("its node died")
        return drawn(task)

    cluster.behave = behave
    outcomes, notes = run(cluster, tasks(6))
    assert {each.device for each in outcomes} == {"a", "b"} and "Its machine is gone" in notes[0]


def test_a_picture_is_sent_to_each_worker_once(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"pixels")
    named = str(tmp_path / "photo.png")
    cluster = FakeCluster("a", "b")
    run(cluster, tasks(8, files={named: "digest"}))
    assert sorted(device for device, _, contents in cluster.sent if contents) == ["a", "b"]


def test_it_stops_when_it_is_cancelled():
    cluster, done = FakeCluster("a"), []
    for outcome in Dispatcher(cluster, tasks(9), print, is_cancelled=lambda: len(done) == 2).outcomes():
        done.append(outcome)
    assert len(done) == 2
