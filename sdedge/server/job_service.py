"""The queue as the server's callers use it: jobs go into the database, the supervisor draws them, and callers are told when.

Where the app, or `sdedge queue run`, runs the queue of this data folder already, it draws, and only the database is watched; when
it ends, this server takes over. A caller that leaves loses nothing: its job is in the queue, its pictures in the gallery.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from sdedge import events
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images.output import Output
from sdedge.library.database import is_damage
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.gallery_files import gallery_path
from sdedge.library.job_states import OPEN, JobState, PausedBy, Wish
from sdedge.library.jobs import Job, Queue
from sdedge.library.store import Store, open_store
from sdedge.places import expanded
from sdedge.process.attempt import Limits
from sdedge.process.supervisor import Supervisor
from sdedge.request import Request
from sdedge.server.answers import DrawingFailed, QueuePaused, TooManyJobs, UnknownJob
from sdedge.server.progress import Bounds, EndedJob, JobProgress
from sdedge.server.queue_rows import MAX_REMEMBERED, append, pictures_of, remembered, states_of

log = logging.getLogger(__name__)
T = TypeVar("T")
LOOK = 0.25
"""Seconds between looks at a queue that another process runs."""
MAX_LOOKS = 5
"""At a job that failed, until it is answered without the kind of its failure."""
TAKE_OVER = 5.0
"""Seconds between attempts to run it ourselves."""
MAX_FAILURES = 3
"""In a row, after which a queue that a failure paused stays so."""


class JobService:
    """`start` it on an event loop, `close` it there; every method is for that loop's thread."""

    def __init__(
        self, folder: Path | None, output: Output, *, drawer: str | None = None, limits: Limits | None = None,
        bounds: Bounds | None = None,
    ) -> None:  # fmt: skip
        """`drawer` names what draws, "module:function", in place of the pipeline."""
        self.output, self.bounds = output, bounds or Bounds()
        self._folder, self._drawer, self._limits = folder, drawer, limits
        self._database = ThreadPoolExecutor(1, "database")
        self._store: Store | None = None
        self._supervisor: Supervisor | None = None
        self._tried = 0.0  # to run the queue, monotonic seconds
        self._open: dict[int, JobProgress] = {}
        self._ended: dict[int, asyncio.Future[EndedJob]] = {}
        self._owners: dict[int, str] = {}
        self._said: dict[int, tuple[str, ...]] = {}  # of ended jobs, for whoever asks later
        self._changed = asyncio.Event()
        self._failures = 0
        self._closing = False
        self._adding = asyncio.Lock()

    # Its life

    async def start(self) -> None:
        """Takes the queue, or finds who runs it, and watches it from now on. Raises SdedgeError."""
        self._loop = asyncio.get_running_loop()
        self._owners, jobs = await self.ask(lambda queue, gallery: remembered(queue))
        for job in jobs:  # of before, which the queue goes on with
            self._open[job.id] = JobProgress(self._owners[job.id], job.count, job.id, saved=job.saved)
            self._ended[job.id] = self._loop.create_future()
        await self._run_queue()
        self._watching = asyncio.create_task(self._watch())

    def answer_all(self) -> None:
        """Answers whoever still waits: the server is about to close."""
        for job, future in self._ended.items():
            if not future.done():
                future.set_exception(
                    QueuePaused(f"The server is closing; job {job} waits in the queue for its next start.")
                )
                future.exception()

    async def close(self) -> None:
        """Stops; a job that is drawn keeps its pictures and waits for the next start."""
        self._closing = True
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        for future in self._ended.values():
            future.cancel()
        if self._supervisor is not None:
            await asyncio.to_thread(self._supervisor.close)
        await self._loop.run_in_executor(self._database, self._close_store)
        self._database.shutdown()

    @property
    def runs_queue(self) -> bool:
        """Whether the pictures are drawn by this server's own process, so that steps and previews are heard of."""
        return self._supervisor is not None

    @property
    def memory(self) -> int:
        """Bytes the engine's process has in memory; 0 where it is another's."""
        return self._supervisor.worker_memory if self._supervisor else 0

    @property
    def worker_pid(self) -> int | None:
        """The engine's process, while this server has one."""
        return self._supervisor.worker_pid if self._supervisor else None

    async def ask(self, work: Callable[[Queue, Gallery], T]) -> T:
        """Returns what `work` makes of queue and gallery, on the thread that has the database. Raises SdedgeError."""
        return await self._loop.run_in_executor(self._database, partial(self._use, work))

    def release(self) -> None:
        """Gives back the memory of the models after the job that is drawn."""
        if self._supervisor is not None:
            self._supervisor.release()

    # Jobs

    async def submit(self, caller: str, requests: Sequence[Request], count: int = 1, batch: int = 1) -> list[int]:
        """Appends a job of `count` pictures, `batch` at a time, for each request, callers taking turns. Returns their ids.

        Raises TooManyJobs and QueuePaused; a queue that a failure paused, or the end of an earlier server, goes on.
        """
        async with self._adding:
            own = sum(progress.caller == caller for progress in self._open.values())
            full = len(self._open) + len(requests) > self.bounds.jobs
            if full or own + len(requests) > self.bounds.jobs_of_caller:
                raise TooManyJobs("Too many pictures wait in the queue already; ask again when some are drawn.")
            owners: dict[int, str | None] = {job: progress.caller for job, progress in self._open.items()}
            jobs = await self.ask(
                lambda queue, gallery: append(queue, caller, requests, self.output, (count, batch), owners)
            )
            for position, job in enumerate(jobs):
                self._open[job] = JobProgress(caller, count, jobs[0], position, len(jobs))
                self._owners[job] = caller
                self._ended[job] = self._loop.create_future()
        self._forget()
        if self._supervisor is not None:
            self._supervisor.wake()
        return jobs

    def _forget(self) -> None:
        """Keeps no more of earlier jobs than `MAX_REMEMBERED`."""
        while len(self._owners) > MAX_REMEMBERED:
            job = next(iter(self._owners))
            del self._owners[job]
            self._said.pop(job, None)

    async def ended(self, job: int) -> EndedJob:
        """Waits until a job of this server has ended, and returns it. Raises QueuePaused when it cannot be drawn now."""
        future = self._ended.get(job)
        result = await asyncio.shield(future) if future is not None else await self.look_up(job)
        if result.job.state in OPEN:
            raise QueuePaused(f"Job {job} waits in the queue; ask again when it is drawn.")
        return result

    async def drawn(self, job: int) -> EndedJob:
        """Waits as `ended` does. Raises DrawingFailed for a job that failed."""
        progress = self._open.get(job)
        result = await self.ended(job)
        if result.job.state in (JobState.FAILED, JobState.INTERRUPTED):
            raise DrawingFailed(
                result.job.reason or "The picture could not be drawn.", progress.failure if progress else ""
            )
        return result

    async def look_up(self, id: int) -> EndedJob:
        """Returns a job as the database has it now, with the pictures it has so far. Raises UnknownJob, and SdedgeError
        where the database cannot be used."""

        def work(queue: Queue, gallery: Gallery) -> tuple[Job, tuple[GalleryEntry, ...]]:
            return queue.get(id), pictures_of(gallery, id)

        try:
            job, pictures = await self.ask(work)
        except InvalidRequest:
            raise _unknown(id) from None
        progress = self._open.get(id)
        return EndedJob(job, tuple(progress.notices) if progress else self._said.get(id, ()), pictures)

    async def cancel(self, job: int, level: Wish = Wish.NOW) -> None:
        """Ends a job as soon as `level` says, or one that waits."""
        await self.ask(lambda queue, gallery: queue.cancel(job, level))
        self._wake()

    async def resume(self) -> None:
        """Lets a paused queue go on."""
        self._failures = 0
        await self.ask(lambda queue, gallery: queue.resume())
        self._wake()

    def owner(self, job: int) -> str | None:
        """Returns whose job it is or was, of the latest ones of this server."""
        return self._owners.get(job)

    @property
    def path_pattern(self) -> str:
        """SQL's pattern of the paths of this server's pictures."""
        folder = gallery_path(expanded(self.output.folder).resolve() / "x").parent
        return re.sub(r"([\\%_])", r"\\\1", f"{folder}{os.sep}") + "%"

    def progress(self, job: int) -> JobProgress | None:
        """Returns how far an open job of this server is."""
        return self._open.get(job)

    def jobs_of(self, caller: str) -> list[tuple[int, JobProgress]]:
        """Returns a caller's open jobs, in the order of their ids."""
        return [(job, progress) for job, progress in sorted(self._open.items()) if progress.caller == caller]

    # On the database's thread

    def _use(self, work: Callable[[Queue, Gallery], T]) -> T:
        try:
            if self._store is not None and not self._store.is_current:  # made anew meanwhile
                self._close_store()
            if self._store is None:
                self._store = open_store(self._folder)
            return work(Queue(self._store), Gallery(self._store))
        except sqlite3.Error as error:
            self._close_store()
            if is_damage(error):  # the next opening does it
                raise SdedgeError(
                    "The gallery's database is damaged and is made anew; try again in a moment."
                ) from error
            raise SdedgeError(f"The gallery's database cannot be used ({error}); try again in a moment.") from error

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    # Watching

    def _hear(self, job: int | None, event: events.Event) -> None:
        """Called on the supervisor's thread."""
        self._loop.call_soon_threadsafe(self._take, job, event)

    def _take(self, job: int | None, event: events.Event) -> None:
        if job is not None and (progress := self._open.get(job)) is not None:
            progress.hear(event)
        if isinstance(event, events.Finished | events.Failed | events.Cancelled | events.Notice):
            self._changed.set()

    def _wake(self) -> None:
        if self._supervisor is not None:
            self._supervisor.wake()
        self._changed.set()

    async def _run_queue(self) -> None:
        """Runs the queue unless another process does."""
        self._tried = time.monotonic()
        supervisor = Supervisor(
            self._folder, self._hear, drawer=self._drawer, limits=self._limits, previews=True, warm=True
        )
        try:
            await asyncio.to_thread(supervisor.start)
        except SdedgeError as error:
            log.info("%s", error)
            return
        self._supervisor = supervisor
        supervisor.wake()

    async def _watch(self) -> None:
        while not self._closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK):  # wait_for may swallow a cancel
                    await self._changed.wait()
            self._changed.clear()
            try:
                if self._supervisor is None and time.monotonic() - self._tried > TAKE_OVER:
                    await self._run_queue()
                await self._settle()
            except SdedgeError as error:
                log.warning("%s", error)
            except Exception:
                log.exception("The queue could not be looked at.")

    async def _settle(self) -> None:
        """Answers those who wait for jobs that have ended, or that cannot be drawn while the queue is paused."""
        if not self._ended:
            return
        waited = sorted(self._ended)
        now = await self.ask(lambda queue, gallery: states_of(queue, gallery, waited))
        for job in waited:
            state = now.states.get(job)
            if state is None or (job in now.ended and not self._awaits_kind(job, state)):
                self._end(job, now.ended.get(job))
            elif state == JobState.RUNNING and self._open[job].phase == "waiting":
                self._open[job].phase = "drawing"  # by another process, which tells no more
        if now.paused is not None and any(now.states.get(job) in OPEN for job in waited):
            await self._on_paused(
                now.paused,
                now.paused_by,
                [job for job in waited if now.states.get(job) in (JobState.WAITING, JobState.PAUSED)],
            )

    def _awaits_kind(self, job: int, state: str) -> bool:
        """Returns whether a failure is in the database already, and not here yet is the event that says of what kind it is."""
        progress = self._open[job]
        if state != JobState.FAILED or self._supervisor is None or progress.failure:
            return False
        progress.looks += 1
        return progress.looks < MAX_LOOKS

    def _end(self, job: int, end: tuple[Job, tuple[GalleryEntry, ...]] | None) -> None:
        """Answers those who wait for a job that has ended; None is one that was cleared meanwhile."""
        future, progress = self._ended.pop(job), self._open.pop(job)
        if progress.notices:
            self._said[job] = tuple(progress.notices)
        if end is not None:
            self._failures = self._failures + 1 if progress.failure in ("crash", "hung") else 0
        if future.done():
            return
        if end is None:
            future.set_exception(_unknown(job))
            future.exception()  # whoever asked may have left
        else:
            future.set_result(EndedJob(end[0], tuple(progress.notices), end[1]))

    async def _on_paused(self, reason: str, by: str | None, jobs: list[int]) -> None:
        """One caller's picture that crashed the engine is no reason to leave the others waiting; a few in a row are."""
        if by != PausedBy.PERSON and self._failures < MAX_FAILURES:
            self._failures += 1
            await self.ask(lambda queue, gallery: queue.resume())
            self._wake()
            return
        for job in jobs:
            future = self._ended[job]
            if not future.done():
                self._ended[job] = self._loop.create_future()  # whoever asks again waits until then
                future.set_exception(QueuePaused(f"The queue is paused: {reason} Job {job} waits in it."))
                future.exception()


def _unknown(job: int) -> UnknownJob:
    return UnknownJob(f"There is no job {job}; it may have been cleared from the queue.")
