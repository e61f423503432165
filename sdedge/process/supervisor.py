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
from pathlib import Path
from typing import Any

from sdedge import events
from sdedge.errors import SdedgeError
from sdedge.events import Cancelled, Event, Failed, Finished, Notice
from sdedge.library.database import is_damage
from sdedge.library.job_outputs import output_json
from sdedge.library.job_states import JobState, Wish
from sdedge.library.jobs import Job
from sdedge.locks import ProcessLock
from sdedge.places import data_folder
from sdedge.process.attempt import FOR_CANCEL, Attempt, Limits, outcome
from sdedge.process.awake import StayAwake
from sdedge.process.outbox import Listener, Outbox, patiently
from sdedge.process.power import Pace, PowerPolicy, PowerState, PowerWatch, read_power
from sdedge.process.records import Records
from sdedge.process.spawn import LOCK, Inbox, WorkerProcess, end_leftover
from sdedge.process.watchdog import Watchdog

log = logging.getLogger(__name__)

RUNNER_LOCK = "queue.lock"
MAX_CONSECUTIVE_CRASHES = 2
"""After so many no further process is started, until a person resumes the queue."""


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
        power: Callable[[], PowerState] = read_power,
    ) -> None:
        """`listener` is called on the supervisor's thread. `drawer` names what draws, "module:function"; `warm` starts
        the engine process before there is a job; `power` tells battery and heat."""
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
        self._attempt: Attempt | None = None
        self._crashes = 0  # of the process, without a job's end between them
        self._spawn_failed = False
        self._awake = StayAwake()
        self._power = PowerWatch(power, self.limits.power)
        self._changing = threading.Lock()  # held to change which attempt is under way, and to end its process
        self._wakes = 0

    # For the owner, from any thread

    def start(self) -> None:
        """Takes the folder, settles what a crash left, and begins. Raises SdedgeError, e.g. when another process has it."""
        self._thread.start()
        if (error := self._started.get()) is not None:
            self._thread.join()
            raise error

    def close(self) -> None:
        """Stops; a job that is being drawn keeps its pictures and waits for the next start. Returns when all is down."""
        self._closing.set()
        self._inbox.put((None, None))
        self._thread.join()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Waits until nothing is drawn and no job can start: the queue is empty or paused. False after `timeout`."""
        return self._idle.wait(timeout)

    def wake(self) -> None:
        """Looks at the queue now: something was added, resumed or cancelled."""
        with self._changing:
            self._wakes += 1
            self._idle.clear()
        self._inbox.put((None, None))

    def hard_cancel(self, job: int) -> None:
        """Ends the process of a running job at once, whatever the database or the worker does."""
        with self._changing:
            attempt, worker = self._attempt, self.worker
            if attempt is not None and worker is not None and attempt.job.id == job:
                attempt.ended_for = FOR_CANCEL
                worker.kill()

    def release(self) -> None:
        """Lets the engine process give back the memory of its models, after the job it draws."""
        if (worker := self.worker) is not None:
            worker.send(do="release")

    @property
    def power_policy(self) -> PowerPolicy:
        """When the queue rests for battery or heat; may be set at any time."""
        return self._power.policy

    @power_policy.setter
    def power_policy(self, policy: PowerPolicy) -> None:
        self._power.policy = policy
        self._power.look_again()

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
            self._records = Records(self.folder, self._outbox, self.limits.lock)
            interrupted = self._records.open_session()
        except BaseException as error:
            runner.release()
            self._started.put(error)
            return
        self._started.put(None)
        self._records.announce_notes()
        if interrupted:
            self._outbox.tell(None, Notice(interrupted, "queue"))
        try:
            self._loop()
        finally:
            self._shut_down()
            self._records.close()
            runner.release()
            self._idle.set()

    def _loop(self) -> None:
        watchdog = Watchdog(self.limits)
        while not self._closing.is_set():
            self._drain_inbox(self.limits.tick)
            now = time.monotonic()
            if reason := watchdog.reason_to_end(self.worker, self._attempt, now):
                self._end_process(reason)
            try:
                self._look_at_queue(now)
            except (SdedgeError, sqlite3.Error, OSError) as error:  # such as while another process mends the database
                self._outbox.tell_waiting(error)

    def _look_at_queue(self, now: float) -> None:
        """Does what is to be done for the queue now. Raises SdedgeError where the database has to be waited for."""
        try:
            if not self._records.is_current:
                self._drop_worker()
                self._records.reopen()
            self._apply_request(now)
            self._outbox.work_off()
            if self._attempt is not None:
                self._keep_pace(now)
            self._start_next()
        except sqlite3.Error as error:
            self._on_database_error(error)

    def _on_database_error(self, error: sqlite3.Error) -> None:
        """The database cannot be used: wait for it, or when it is damaged, go on with a new one. Raises SdedgeError."""
        if not is_damage(error):
            self._outbox.tell_waiting(error)
            return
        log.error("The database is damaged: %s", error)
        self._drop_worker()
        self._records.rebuild(error)

    def _drop_worker(self) -> None:
        """Ends the process, which has a database open that is no longer in use, and its attempt with it."""
        if self.worker is not None:
            self.worker.kill()
            self.worker.join()
        self.worker, self._attempt = None, None

    # What the worker says

    def _drain_inbox(self, timeout: float) -> None:
        """Handles every message of the worker that has come, waiting at most `timeout` seconds for the first."""
        with contextlib.suppress(queue.Empty):
            worker, message = self._inbox.get(timeout=timeout)
            while True:
                if self.worker is not None and worker is self.worker:
                    self._handle_message(self.worker, message)
                worker, message = self._inbox.get_nowait()

    def _handle_message(self, worker: WorkerProcess, message: dict[str, Any] | None) -> None:
        if message is None:
            self._on_worker_ended(worker)
            return
        worker.heard = time.monotonic()
        match message.get("say"):
            case "ready":
                worker.ready = True
            case "beat":
                worker.memory = int(message.get("memory", 0))
            case "event":
                self._handle_event(message)
            case "released" | "unknown":
                log.info("The worker answered %s.", message)
            case unknown:
                log.warning("The worker said %r, which is not understood.", unknown)

    def _handle_event(self, message: dict[str, Any]) -> None:
        attempt = self._attempt
        if attempt is None or message.get("run") != attempt.job.run:
            return
        try:
            event = events.from_record(message["event"])
        except (ValueError, KeyError):
            log.warning("The worker sent an event that is not understood.")
            return
        attempt.note_progress(event)
        if isinstance(event, (Finished, Cancelled, Failed)):
            self._crashes = 0
            self._end_attempt(attempt, event)
        else:
            self._records.record_event(attempt.job, event)

    def _end_attempt(self, attempt: Attempt, event: Event, goes_on: bool = False) -> None:
        """The attempt is over: rows first, then the event."""
        end = outcome(event, attempt, self._closing.is_set(), goes_on)
        if isinstance(event, Failed) and end.state in (JobState.CANCELLED, JobState.PAUSED):
            event = Cancelled(attempt.job.saved)
        elif end.state == JobState.WAITING and goes_on:
            event = Notice(end.reason)
        with self._changing:
            self._attempt = None
        self._records.record_end(attempt.job, event, end)

    # The process

    @property
    def _may_spawn(self) -> bool:
        return not self._spawn_failed and self._crashes < MAX_CONSECUTIVE_CRASHES

    def _spawn(self) -> None:
        try:
            self.worker = WorkerProcess(self.folder, self._inbox, self._drawer, self.limits.beat)
        except SdedgeError as error:
            log.warning("%s", error)
            self._spawn_failed = True
            self._records.pause_queue(str(error))

    def _on_worker_ended(self, worker: WorkerProcess) -> None:
        attempt = self._attempt
        phase = attempt.phase if attempt else ("" if worker.ready else "starting")
        reason = worker.reason(worker.join(patience=1.0), phase)
        self.worker = None
        if attempt is not None and attempt.ended_for == FOR_CANCEL:
            self._end_attempt(attempt, Cancelled(attempt.job.saved))
            return
        self._crashes += 1
        if attempt is None and worker.ready:
            log.warning("Between jobs: %s", reason)  # the next job starts another
            return
        if attempt is not None:
            kind = "hung" if attempt.ended_for else "crash"
            goes_on = self._may_spawn and self._records.has_journal(attempt.job.id)
            self._end_attempt(attempt, Failed(kind, attempt.ended_for or reason), goes_on)
        if self._may_spawn:
            self._spawn()
        elif attempt is None:
            self._records.pause_queue(f"The engine cannot be started. {reason}")

    def _end_process(self, reason: str) -> None:
        """Ends the process for what the watchdog says; a reason that was there before stands, unless a cancel ends it."""
        attempt = self._attempt
        if attempt is not None and (reason == FOR_CANCEL or not attempt.ended_for):
            attempt.ended_for = reason
        if self.worker is not None:
            self.worker.kill()

    # The queue

    def _apply_request(self, now: float) -> None:
        """Pass on what a person asks of the job that is drawn, once. Raises sqlite3.Error."""
        attempt, worker = self._attempt, self.worker
        if attempt is None or worker is None:
            return
        wish = self._records.queue.wish(attempt.job.id)
        if not wish or wish == attempt.wish_sent:
            return
        attempt.wish_sent = wish
        if wish == Wish.KILL:
            self.hard_cancel(attempt.job.id)
            return
        worker.send(do="cancel", run=attempt.job.run, level=Wish.NOW if wish == Wish.NOW else Wish.PICTURE)
        if wish == Wish.NOW:
            attempt.deadline = now + self.limits.grace

    def _keep_pace(self, now: float) -> bool:
        """Looks at battery and heat and tells worker and people when they ask for another pace; False while nothing is drawn."""
        if self._power.look(now):
            rest = self._power.rest
            if self.worker is not None:
                self.worker.send(do="pace", pace=rest.pace)
            self._records.tell_rest(rest.reason)
        if self._power.rest.pace is not Pace.PAUSE:
            return True
        self._awake.release()
        if self._attempt is not None:
            self._attempt.progressed = now
        return False

    def _start_next(self) -> None:
        """Orders the next job if one can start, or a process for it; otherwise rests. Raises sqlite3.Error."""
        if self._attempt is not None:
            return
        wakes = self._wakes
        if not self._records.can_start_job:
            self._rest(wakes)
            return
        self._idle.clear()
        if not self._keep_pace(time.monotonic()):
            return
        if self.worker is None:
            if not self._may_spawn:  # resumed by a person: try again
                self._crashes, self._spawn_failed = 0, False
            self._spawn()
        elif self.worker.ready and (job := self._records.queue.claim()) is not None:
            self._draw(self.worker, job)

    def _rest(self, wakes: int) -> None:
        """There is nothing to draw: be idle, unless somebody woke us since `wakes` were counted."""
        self._awake.release()
        if self._power.end():
            self._records.tell_rest("")
        if self._warm and self.worker is None and self._may_spawn:
            self._spawn()
        with self._changing:
            if wakes == self._wakes:
                self._idle.set()

    def _draw(self, worker: WorkerProcess, job: Job) -> None:
        with self._changing:
            self._attempt = Attempt(job)
        worker.send(
            do="draw", run=job.run, job=job.id, request=json.loads(job.request.to_json()), count=job.count,
            batch=job.batch, first=job.saved, output=json.loads(output_json(job.output)), previews=self._previews,
            pace=self._power.rest.pace,
        )  # fmt: skip
        if self.keep_awake:
            self._awake.hold()

    def _shut_down(self) -> None:
        """Gives the worker a moment to end its step, then ends it; what was drawn is kept."""
        self._closing.set()
        deadline = time.monotonic() + self.limits.close
        if self._attempt is not None and self.worker is not None:
            self.worker.send(do="cancel", run=self._attempt.job.run, level=Wish.NOW)
        while self._attempt is not None and self.worker is not None and time.monotonic() < deadline:
            self._drain_inbox(0.05)
        if self.worker is not None:
            self.worker.leave(max(0.1, deadline - time.monotonic()))
        if self._attempt is not None:
            self._end_attempt(self._attempt, Cancelled(self._attempt.job.saved))
        with contextlib.suppress(SdedgeError):
            patiently(self._records.close_session, patience=5.0)
        self._awake.close()
