"""The queue as the server's callers use it: bounds, pauses, crashes, and a queue that another process runs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.errors import SdedgeError
from sdedge.events import Failed
from sdedge.images.output import Output
from sdedge.library.connection import DatabaseError
from sdedge.library.job_states import JobState, PausedBy
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.process.attempt import Limits
from sdedge.process.outbox import Outbox
from sdedge.process.supervisor import Supervisor
from sdedge.request import Request
from sdedge.server import app, pictures
from sdedge.server.a1111_routes import all_drawn
from sdedge.server.answers import DrawingFailed, QueuePaused, TooManyJobs, UnknownJob
from sdedge.server.job_service import JobService
from sdedge.server.progress import Bounds
from tests.process.desk import posix
from tests.server.conftest import DRAWER, ROOT
from tests.server.drawer import png

QUICK = Limits(tick=0.02, beat=0.2)


@pytest.fixture(autouse=True)
def _find_the_drawer(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def asked(prompt: str = "x") -> Request:
    return Request(prompt=prompt, width=64, height=64, steps=2)


def with_service(folder, use, **settings):
    """Runs `use(service)` over a service of its own."""

    async def run():
        service = JobService(folder / "data", Output(folder / "served"), drawer=DRAWER, limits=QUICK, **settings)
        await service.start()
        try:
            await asyncio.wait_for(use(service), 120)
        finally:
            await service.close()

    asyncio.run(run())


@pytest.mark.slow
def test_a_server_that_starts_again_knows_whose_the_jobs_of_before_are(tmp_path):
    jobs = []

    async def leave(service):
        jobs.extend(await service.submit("me", [asked("step=0.5"), asked()]))
        jobs.extend(await service.submit("another", [asked()]))

    async def come_back(service):
        mine, later, others = jobs
        assert [job for job, _ in service.jobs_of("me")] == [mine, later] and service.owner(others) == "another"
        assert all([(await service.drawn(job)).job.state == JobState.DONE for job in jobs])
        assert service.jobs_of("me") == [] and service.owner(mine) == "me"

    async def forget(service):
        await service.ask(lambda queue, gallery: queue.clear((JobState.DONE,)))

    async def know_nothing(service):
        assert [service.owner(job) for job in jobs] == [None] * 3

    for use in (leave, come_back, forget, know_nothing):
        with_service(tmp_path, use)


def test_one_service_through_pauses_crashes_and_its_bounds(tmp_path):
    async def use(service):
        await service.ask(lambda queue, gallery: queue.pause(reason="You paused it."))
        with pytest.raises(QueuePaused, match="You paused it"):
            await service.submit("me", [asked()])
        await service.resume()

        ended = "sdedge ended unexpectedly. No picture was being drawn."
        await service.ask(lambda queue, gallery: queue.pause(reason=ended, by=PausedBy.INTERRUPTION))
        (next_one,) = await service.submit("me", [asked()])
        assert (await service.drawn(next_one)).job.state == JobState.DONE  # nobody sits at a server to let it go on

        (crashing,) = await service.submit("me", [asked("fail=segv@1")])
        (behind,) = await service.submit("another", [asked()])
        with pytest.raises(DrawingFailed):
            await service.drawn(crashing)
        assert (await service.drawn(behind)).job.state == JobState.DONE  # it does not wait for a person
        assert service.jobs_of("me") == [] and service.owner(behind) == "another"

        slow = await service.submit("me", [asked("step=0.2")] * 3)
        with pytest.raises(TooManyJobs):
            await service.submit("me", [asked()])
        (other_caller,) = await service.submit("another", [asked()])
        with pytest.raises(TooManyJobs):
            await service.submit("a third", [asked()])
        await service.ask(lambda queue, gallery: queue.pause(reason="You paused it."))
        with pytest.raises(QueuePaused, match=f"Job {slow[2]} waits"):
            await service.drawn(slow[2])
        await service.resume()
        assert (await service.drawn(slow[2])).job.state == JobState.DONE  # it was not forgotten
        (last,) = await service.submit("a third", [asked("step=0.5")])
        waiting = asyncio.ensure_future(service.drawn(last))
        await asyncio.sleep(0)
        service.answer_all()
        with pytest.raises(QueuePaused, match="closing"):
            await waiting
        await service.cancel(other_caller)  # and is closed at once

    with_service(tmp_path, use, bounds=Bounds(jobs=4, jobs_of_caller=3))


@pytest.mark.parametrize("closes", [True, False])
def test_pictures_asked_for_together_wait_in_the_queue_while_it_is_paused_and_when_the_server_closes(tmp_path, closes):
    async def use(service):
        jobs = await service.submit("me", [asked("step=0.2")] * 3)
        answer = asyncio.ensure_future(all_drawn(service, jobs))
        while (progress := service.progress(jobs[0])) is not None and not progress.step:
            await asyncio.sleep(0.02)
        if closes:
            service.answer_all()
        else:
            await service.ask(lambda queue, gallery: queue.pause(reason="You paused it."))
        with pytest.raises(QueuePaused, match="closing" if closes else "You paused it"):
            await answer
        states = await service.ask(lambda queue, gallery: [queue.get(job).state for job in jobs])
        assert states[1:] == [JobState.WAITING] * 2
        assert [job for job, _ in service.jobs_of("me")][-2:] == jobs[1:]

    with_service(tmp_path, use)


def test_a_busy_database_is_not_told_as_a_job_that_is_not_there(tmp_path, monkeypatch):
    def get(queue, id):
        raise sqlite3.OperationalError("database is locked")

    async def use(service):
        with pytest.raises(UnknownJob):
            await service.look_up(99)
        monkeypatch.setattr(Queue, "get", get)
        with pytest.raises(SdedgeError, match=r"cannot be used .* try again") as busy:
            await service.look_up(99)
        assert not isinstance(busy.value, UnknownJob)

    with_service(tmp_path, use)


def test_what_clients_sent_long_ago_goes_day_by_day_but_for_the_pictures_and_masks_of_jobs(tmp_path, monkeypatch):
    image, mask, old = (Path(pictures.keep(png((64, 64), (shade, 0, 0)))) for shade in (1, 2, 3))
    for path in (image, mask, old):
        os.utime(path, (0, 0))
    monkeypatch.setattr(app, "SWEEP", 0.05)
    service = JobService(tmp_path / "data", Output(tmp_path / "served"), drawer=DRAWER, limits=QUICK)
    with open_store(tmp_path / "data") as store:
        Queue(store).pause(Queue(store).add(asked().replace(image=str(image), mask=str(mask)), service.output).id)

    async def run():
        fast = app.inner_app(service)
        async with fast.router.lifespan_context(fast):
            while old.exists():
                await asyncio.sleep(0.02)
            later = Path(pictures.keep(png((64, 64), (4, 0, 0))))
            os.utime(later, (0, 0))
            while later.exists():
                await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert image.exists() and mask.exists()


@posix
def test_pictures_of_a_folder_that_is_reached_by_a_link_are_the_server_s(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "served").symlink_to(tmp_path / "disk")

    async def use(service):
        (job,) = await service.submit("me", [asked()])
        (entry,) = (await service.drawn(job)).pictures
        query = "SELECT id FROM images WHERE path LIKE ? ESCAPE '\\'"
        rows = await service.ask(
            lambda queue, gallery: gallery.database.execute(query, (service.path_pattern,)).fetchall()
        )
        assert [row["id"] for row in rows] == [entry.id]

    with_service(tmp_path, use)


def test_a_queue_that_another_process_runs_is_watched(tmp_path):
    runner = Supervisor(tmp_path / "data", drawer=DRAWER, limits=QUICK)
    runner.start()

    async def use(service):
        assert not service.runs_queue
        (job,) = await service.submit("me", [asked("step=0.3")])
        runner.wake()
        while (progress := service.progress(job)) is not None and progress.phase == "waiting":
            await asyncio.sleep(0.02)
        assert progress is not None and progress.phase == "drawing"
        ended = await service.drawn(job)
        assert ended.job.state == JobState.DONE and len(ended.pictures) == 1

    try:
        with_service(tmp_path, use)
    finally:
        runner.close()


def test_no_job_begins_between_the_adding_of_another_and_its_taking_its_turn(tmp_path, monkeypatch):
    """The queue is drawn in another process, which claims a job while the new one is moved."""
    move, refused = Queue.move, []

    def move_meanwhile(queue, id, before=None):
        with (
            open_store(tmp_path / "data", timeout=0) as another,
            pytest.raises(DatabaseError, match="another program") as busy,
        ):
            Queue(another).claim()
        refused.append(busy)
        move(queue, id, before)

    async def use(service):
        mine = await service.submit("me", [asked("step=0.3")] * 3)
        monkeypatch.setattr(Queue, "move", move_meanwhile)
        (job,) = await service.submit("another", [asked()])
        order = await service.ask(lambda queue, gallery: [each.id for each in queue.jobs((JobState.WAITING,))])
        assert refused and order.index(job) < order.index(mine[1])

    with_service(tmp_path, use)


def test_a_failure_is_answered_by_its_kind_though_that_is_heard_behind_the_database(tmp_path, monkeypatch):
    tell = Outbox.tell

    def tell_late(outbox, job, event):
        time.sleep(0.4 if isinstance(event, Failed) else 0)
        tell(outbox, job, event)

    monkeypatch.setattr(Outbox, "tell", tell_late)

    async def use(service):
        (job,) = await service.submit("me", [asked("fail=memory@1")])
        with pytest.raises(DrawingFailed) as failure:
            await service.drawn(job)
        assert failure.value.status == 422

    with_service(tmp_path, use)
