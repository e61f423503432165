"""Runs the queue: starts the engine process, watches it, restarts it, and keeps every state on disk. No torch.

One thread of its own does all of it; whoever owns the Supervisor gives wishes through the queue's database (from any
process) and is told events through a function. What must be written is written before it is told, in order; while
another program locks the database or the disk is full, both wait and nothing is lost.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from sdedge import events
from sdedge.errors import SdedgeError
from sdedge.events import Cancelled, Event, Failed, Finished, ImageDone, Notice
from sdedge.library.database import is_damage
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import adopt_unannounced
from sdedge.library.job_states import JobState, PausedBy, Wish
from sdedge.library.jobs import Job, Queue, output_json
from sdedge.library.store import DATABASE, Store, open_store, rebuild
from sdedge.locks import ProcessLock
from sdedge.places import data_folder
from sdedge.process.attempt import Current, Limits, outcome
from sdedge.process.awake import awake
from sdedge.process.outbox import Listener, Outbox, patiently
from sdedge.process.spawn import LOCK, Inbox, WorkerProcess, end_leftover

log = logging.getLogger(__name__)

RUNNER_LOCK = "queue.lock"


class Supervisor:
    """Start it, `close` it; everything between is on disk. At most one runs per data folder."""

    def __init__(
        self,
        folder: Path | None = None,
        listener: Listener = lambda job, event: None,
        *,
        drawer: str | None = None,
        limits: Limits | None = None,
        previews: bool = False,
        warm: bool = False,
    ) -> None:
        """`listener` is called on the supervisor's thread. `drawer` names what draws, "module:function"; `warm` starts
        the engine process before there is a job."""
        self.folder = folder or data_folder()
        self.limits = limits or Limits()
        self.keep_awake = True
        """Whether the computer may not fall asleep while pictures are drawn; counts from the next job on."""
        self._drawer, self._previews, self._warm = drawer, previews, warm
        self._outbox = Outbox(listener)
        self._inbox: Inbox = queue.SimpleQueue()
        self._closing = threading.Event()
        self._idle = threading.Event()
        self._started: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self.worker: WorkerProcess | None = None
        """The engine's process, while there is one."""
        self._current: Current | None = None
        self._crashes = 0
        self._awake: contextlib.ExitStack | None = None
        self._changing = threading.Lock()  # held to change which job is current, and to end its process
        self._wakes = 0

    # For the owner, from any thread

    def start(self) -> None:
        """Take the folder, settle what a crash left, and begin. Raises SdedgeError, e.g. when another process has it."""
        self._thread.start()
        if (error := self._started.get()) is not None:
            self._thread.join()
            raise error

    def close(self) -> None:
        """Stop; a job that is being drawn keeps its pictures and waits for the next start. Returns when all is down."""
        self._closing.set()
        self._inbox.put((None, None))
        self._thread.join()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait until nothing is drawn and no job can start: the queue is empty or paused. False after `timeout`."""
        return self._idle.wait(timeout)

    def wake(self) -> None:
        """Look at the queue now: something was added, resumed or cancelled."""
        with self._changing:
            self._wakes += 1
            self._idle.clear()
        self._inbox.put((None, None))

    def hard_cancel(self, job: int) -> None:
        """End the process of a running job at once, whatever the database or the worker does."""
        with self._changing:
            current, worker = self._current, self.worker
            if current is not None and worker is not None and current.job.id == job:
                current.ended_for = "cancel"
                worker.kill()

    def release(self) -> None:
        """Let the engine process give back the memory of its models, after the job it draws."""
        if (worker := self.worker) is not None:
            worker.send(do="release")

    @property
    def worker_pid(self) -> int | None:
        worker = self.worker
        return worker.process.pid if worker else None

    @property
    def worker_memory(self) -> int:
        """Bytes the engine process last said it has in memory."""
        worker = self.worker
        return worker.memory if worker else 0

    # The thread

    def _run(self) -> None:
        runner = ProcessLock(self.folder / RUNNER_LOCK)
        try:
            if not runner.acquire():
                raise SdedgeError(
                    f"The queue is being run by another sdedge (process {runner.holder()}); use that one."
                )
            end_leftover(ProcessLock(self.folder / LOCK))
            self._use(open_store(self.folder, timeout=self.limits.lock))
            patiently(self._gallery.settle)
            for job in self._queue.jobs((JobState.RUNNING,)):
                adopt_unannounced(self._gallery, job)
            interrupted = patiently(self._queue.open_session)
        except BaseException as error:
            runner.release()
            self._started.put(error)
            return
        self._started.put(None)
        for note in self._store.notes:
            self._outbox.tell(None, Notice(note))
        if interrupted:
            self._outbox.tell(None, Notice(interrupted, "queue"))
        try:
            self._loop()
        finally:
            self._shut_down()
            self._store.close()
            runner.release()
            self._idle.set()

    def _use(self, store: Store) -> None:
        self._store, self._queue, self._gallery = store, Queue(store), Gallery(store)

    def _loop(self) -> None:
        looked = time.monotonic()
        while not self._closing.is_set():
            self._hear(self.limits.tick)
            now = time.monotonic()
            if now - looked > max(5.0, 10 * self.limits.tick) and self.worker:
                self.worker.heard = now  # we were stopped ourselves, or the computer slept
            looked = now
            self._watch(now)
            try:
                if not self._store.is_current:
                    self._begin_anew(partial(open_store, self.folder, self.limits.lock))
                self._obey_wish(now)
                self._outbox.work_off()
                self._start_next()
            except sqlite3.Error as error:
                self._bear(error)

    def _bear(self, error: sqlite3.Error) -> None:
        """The database cannot be used: wait for it, or when it is damaged, go on with a new one."""
        if not is_damage(error):
            self._outbox.tell_waiting(error)
            return
        log.error("The database is damaged: %s", error)
        fault = f"The database {self.folder / DATABASE} is damaged ({error.__cause__ or error})"
        self._begin_anew(partial(rebuild, self.folder, fault, self._store.file, self.limits.lock))

    def _begin_anew(self, new: Callable[[], Store]) -> None:
        """Go on with another database, which this or another process has made of what was left of a damaged one."""
        if self.worker is not None:
            self.worker.kill()  # it has the old one open
            self.worker.join()
        self.worker, self._current = None, None
        self._outbox.clear()
        self._store.close()
        self._use(new())
        self._queue.open_session()
        for note in self._store.notes or (self._queue.paused or "The gallery's database was made anew.",):
            self._outbox.tell(None, Notice(note))

    def _hear(self, patience: float) -> None:
        """Take what the worker has said, waiting at most `patience` for the first message."""
        with contextlib.suppress(queue.Empty):
            worker, message = self._inbox.get(timeout=patience)
            while True:
                if self.worker is not None and worker is self.worker:
                    self._take(self.worker, message)
                worker, message = self._inbox.get_nowait()

    def _take(self, worker: WorkerProcess, message: dict[str, Any] | None) -> None:
        if message is None:
            self._worker_ended(worker)
            return
        worker.heard = time.monotonic()
        match message.get("say"):
            case "ready":
                worker.ready = True
            case "beat":
                worker.memory = int(message.get("memory", 0))
            case "event":
                self._take_event(message)
            case "released" | "unknown":
                log.info("The worker answered %s.", message)
            case unknown:
                log.warning("The worker said %r, which is not understood.", unknown)

    def _take_event(self, message: dict[str, Any]) -> None:
        current = self._current
        if current is None or message.get("run") != current.job.run:
            return
        try:
            event = events.from_json(json.dumps(message["event"]))
        except (ValueError, KeyError):
            log.warning("The worker sent an event that is not understood.")
            return
        current.hear(event)
        job = current.job.id
        if isinstance(event, ImageDone):
            self._outbox.later(lambda: self._gallery.ensure(Path(event.path), job, event.index))
            self._outbox.later(lambda: self._queue.note_saved(job))
        if isinstance(event, (Finished, Cancelled, Failed)):
            self._crashes = 0
            self._end_job(event, current)
        else:
            self._outbox.later(lambda: self._outbox.tell(job, event))

    def _end_job(self, event: Event, current: Current) -> None:
        """The attempt is over: rows first, then the event."""
        job = current.job
        end = outcome(event, current, self._closing.is_set())
        with self._changing:
            self._current = None
        self._outbox.later(self._gallery.settle)
        if end.crashed:
            self._outbox.later(lambda: adopt_unannounced(self._gallery, job))
        self._outbox.later(
            lambda: self._announce_end(self._queue.finish(job.id, end.state, end.reason, end.pause), event, end.pause)
        )

    def _announce_end(self, job: Job, event: Event, pause: str | None) -> None:
        if job.state == JobState.DONE and not isinstance(event, Finished):
            event = Finished(job.count, 0.0)  # the last picture was saved before the end
        elif isinstance(event, Cancelled):
            event = Cancelled(job.saved)
        self._outbox.tell(job.id, event)
        if pause is not None:
            self._outbox.tell(None, Notice(f"The queue is paused. {pause}", "queue"))

    # The process

    def _spawn(self) -> None:
        self.worker = WorkerProcess(self.folder, self._inbox, self._drawer, self.limits.beat)

    def _worker_ended(self, worker: WorkerProcess) -> None:
        current = self._current
        phase = current.phase if current else ("" if worker.ready else "starting")
        reason = worker.reason(worker.join(patience=1.0), phase)
        self.worker = None
        if current is not None and current.ended_for == "cancel":
            self._end_job(Cancelled(current.job.saved), current)
            return
        if current is None and worker.ready:
            self._crashes += 1
            log.warning("Between jobs: %s", reason)  # the next job starts another
            return
        self._crashes += 1
        if current is not None:
            kind = "hung" if current.ended_for else "crash"
            self._end_job(Failed(kind, current.ended_for or reason), current)
        if self._crashes < 2:
            self._try_spawn()
        elif current is None:
            self._pause(f"The engine cannot be started. {reason}")

    def _try_spawn(self) -> None:
        try:
            self._spawn()
        except SdedgeError as error:
            log.warning("%s", error)
            self._crashes = 2
            self._pause(str(error))

    def _pause(self, reason: str) -> None:
        self._outbox.later(lambda: self._queue.pause(reason=reason, by=PausedBy.FAILURE))
        self._outbox.later(lambda: self._outbox.tell(None, Notice(f"The queue is paused. {reason}", "queue")))

    def _watch(self, now: float) -> None:
        """The watchdog: a process that says nothing, does nothing, or does not obey is ended."""
        worker, current, limits = self.worker, self._current, self.limits
        if worker is None:
            return
        if now - worker.heard > (limits.silence if worker.ready else limits.start):
            reason = f"The engine did not answer for {now - worker.heard:.0f} seconds and was ended."
        elif current and now - current.heard > limits.stall:
            reason = f"The engine got no further while {current.phase} and was ended."
        elif current and current.deadline is not None and now > current.deadline:
            current.ended_for = "cancel"
            worker.kill()
            return
        else:
            return
        if current is not None and not current.ended_for:
            current.ended_for = reason
        worker.kill()

    # The queue

    def _obey_wish(self, now: float) -> None:
        current, worker = self._current, self.worker
        if current is None or worker is None:
            return
        wish = self._queue.wish(current.job.id)
        if not wish or wish == current.wish_sent:
            return
        current.wish_sent = wish
        if wish == Wish.KILL:
            self.hard_cancel(current.job.id)
            return
        worker.send(do="cancel", run=current.job.run, level=Wish.NOW if wish == Wish.NOW else Wish.PICTURE)
        if wish == Wish.NOW:
            current.deadline = now + self.limits.grace

    def _start_next(self) -> None:
        if self._current is not None:
            return
        wakes = self._wakes
        waiting = self._queue.paused is None and bool(self._queue.database.execute(_ANY_WAITING).fetchone())
        if not waiting:
            if self._awake is not None:
                self._awake.close()
                self._awake = None
            if self._warm and self.worker is None and self._crashes < 2:
                self._try_spawn()
            with self._changing:
                if wakes == self._wakes:
                    self._idle.set()
            return
        self._idle.clear()
        if self.worker is None:
            if self._crashes >= 2:  # resumed by a person: try again
                self._crashes = 0
            self._try_spawn()
        elif self.worker.ready and (job := self._queue.claim()) is not None:
            self._draw(self.worker, job)

    def _draw(self, worker: WorkerProcess, job: Job) -> None:
        with self._changing:
            self._current = Current(job)
        worker.send(
            do="draw", run=job.run, job=job.id, request=json.loads(job.request.to_json()), count=job.count,
            batch=job.batch, first=job.saved, output=json.loads(output_json(job.output)), previews=self._previews,
        )  # fmt: skip
        if self._awake is None and self.keep_awake:
            self._awake = contextlib.ExitStack()
            self._awake.enter_context(awake())

    def _shut_down(self) -> None:
        """Give the worker a moment to end its step, then end it; what was drawn is kept."""
        self._closing.set()
        deadline = time.monotonic() + self.limits.close
        if self._current is not None and self.worker is not None:
            self.worker.send(do="cancel", run=self._current.job.run, level="now")
        while self._current is not None and self.worker is not None and time.monotonic() < deadline:
            self._hear(0.05)
        if self.worker is not None:
            self.worker.leave(max(0.1, deadline - time.monotonic()))
        if self._current is not None:
            self._end_job(Cancelled(self._current.job.saved), self._current)
        with contextlib.suppress(SdedgeError):
            patiently(self._close_session, patience=5.0)
        if self._awake is not None:
            self._awake.close()

    def _close_session(self) -> None:
        self._outbox.work_off()
        self._queue.close_session()


_ANY_WAITING = "SELECT 1 FROM jobs WHERE state = 'waiting' LIMIT 1"
