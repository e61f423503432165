"""What the supervisor keeps on disk: which store it has open, and what is written there before it is told. No torch."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sdedge.errors import SdedgeError
from sdedge.events import Cancelled, Event, Finished, ImageDone, Notice
from sdedge.generation.journals import FOLDER, run_of
from sdedge.generation.unfinished import unfinished
from sdedge.library.gallery import Gallery
from sdedge.library.gallery_scan import adopt_unannounced
from sdedge.library.job_states import JobState, PausedBy
from sdedge.library.jobs import Job, Queue
from sdedge.library.store import DATABASE, Store, open_store, rebuild
from sdedge.process.attempt import Outcome
from sdedge.process.outbox import Outbox, patiently

AUTOMATIC = 3
"""Attempts at a job after which one that ended unexpectedly waits for a person."""
_ANY_WAITING = "SELECT 1 FROM jobs WHERE state = 'waiting' LIMIT 1"


class Records:
    """The queue and the gallery of a data folder, and the outbox through which they are written. One thread uses it."""

    def __init__(self, folder: Path, outbox: Outbox, lock_timeout: float) -> None:
        """Opens the store, waiting `lock_timeout` seconds for a lock of another program. Raises SdedgeError."""
        self._folder, self._outbox, self._lock_timeout = folder, outbox, lock_timeout
        self._attach_store(open_store(folder, timeout=lock_timeout))

    def _attach_store(self, store: Store) -> None:
        self._store, self.queue, self.gallery, self._is_open = store, Queue(store), Gallery(store), True

    def open_session(self) -> str | None:
        """Settles what a crash left behind. Returns why the queue is paused if that interrupted a job."""
        patiently(self.gallery.settle)
        for job in self.queue.jobs((JobState.RUNNING,)):
            adopt_unannounced(self.gallery, job)
        return patiently(lambda: self.queue.open_session(lambda job: goes_on(self._folder, job)))

    def announce_notes(self) -> None:
        """Tells what the store found to say when it was opened."""
        for note in self._store.notes:
            self._outbox.tell(None, Notice(note))

    def close_session(self) -> None:
        """Writes what waits in the outbox, and that the queue was closed in good order."""
        self._outbox.work_off()
        self.queue.close_session()

    def close(self) -> None:
        self._store.close()

    # Another store in place of a damaged one

    @property
    def is_current(self) -> bool:
        """False when another process has put a new database in the place of the one that is open, and while none is."""
        return self._is_open and self._store.is_current

    def reopen(self) -> None:
        """Goes on with the database that another process made of what was left of a damaged one. Raises SdedgeError."""
        self._replace_store(partial(open_store, self._folder, self._lock_timeout))

    def rebuild(self, error: sqlite3.Error) -> None:
        """Makes a new database of what is left of the open one, whose damage `error` tells, and goes on with it. Raises
        SdedgeError, as while another process does it: then `reopen` is to be tried again."""
        fault = f"The database {self._folder / DATABASE} is damaged ({error.__cause__ or error})"
        self._replace_store(partial(rebuild, self._folder, fault, self._store.file, self._lock_timeout))

    def _replace_store(self, make_store: Callable[[], Store]) -> None:
        self._outbox.clear()  # it was meant for the database of before
        self._store.close()
        self._is_open = False
        self._attach_store(make_store())
        self.queue.open_session()
        for note in self._store.notes or (self.queue.paused or "The gallery's database was made anew.",):
            self._outbox.tell(None, Notice(note))

    # The queue, and the events of the job that is drawn

    @property
    def can_start_job(self) -> bool:
        """Whether a job waits and the queue is not paused. Raises sqlite3.Error."""
        return self.queue.paused is None and bool(self.queue.database.execute(_ANY_WAITING).fetchone())

    def record_event(self, job: Job, event: Event) -> None:
        """Tells `event`; of a picture, after its rows are written. That the last one is saved, its job's end writes."""
        if isinstance(event, ImageDone):
            self._outbox.later(lambda: self.gallery.ensure(Path(event.path), job.id, event.index))
            if event.index + 1 < job.count:
                self._outbox.later(lambda: self.queue.note_saved(job.id))
        self._outbox.later(lambda: self._outbox.tell(job.id, event))

    def record_end(self, job: Job, event: Event, end: Outcome) -> None:
        """Writes that the attempt at `job` is over, then tells its last event."""
        self._outbox.later(self.gallery.settle)
        if end.crashed:
            self._outbox.later(lambda: adopt_unannounced(self.gallery, job))
        self._outbox.later(
            lambda: self._announce_end(self.queue.finish(job.id, end.state, end.reason, end.pause), event, end.pause)
        )

    def has_journal(self, id: int) -> bool:
        """Returns whether an earlier attempt has left some of the picture that a job draws next."""
        try:
            job = self.queue.get(id)
        except (sqlite3.Error, SdedgeError):
            return False
        return _has_journal(self._folder / FOLDER, job)

    def pause_queue(self, reason: str) -> None:
        """Pauses the queue because of a failure, and tells why."""
        self._outbox.later(lambda: self.queue.pause(reason=reason, by=PausedBy.FAILURE))
        self._outbox.later(lambda: self._announce_pause(reason))

    def tell_rest(self, reason: str) -> None:
        """Writes and tells why pictures are drawn slowly or not at all for now; "" that they are drawn as usual."""
        self._outbox.later(lambda: self.queue.rest(reason or None))
        self._outbox.later(
            lambda: self._outbox.tell(None, Notice(reason or "Pictures are drawn as usual again.", "power"))
        )

    def _announce_end(self, job: Job, event: Event, pause: str | None) -> None:
        if job.state == JobState.DONE and not isinstance(event, Finished):
            event = Finished(job.count, 0.0)  # the last picture was saved before the end
        elif isinstance(event, Cancelled):
            event = Cancelled(job.saved)
        self._outbox.tell(job.id, event)
        if pause is not None:
            self._announce_pause(pause)

    def _announce_pause(self, reason: str) -> None:
        self._outbox.tell(None, Notice(f"The queue is paused. {reason}", "queue"))


def goes_on(folder: Path, job: Job) -> bool:
    """Returns whether a job of the data folder that was drawn when everything ended goes on by itself at the next start."""
    return job.attempt <= AUTOMATIC and not job.wish and _has_journal(folder / FOLDER, job)


def _has_journal(folder: Path, job: Job) -> bool:
    left = unfinished(folder, run_of(job.request))
    return left is not None and left.is_of(job.request.numbered(job.saved))
