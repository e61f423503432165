"""The jobs as the window sees them: the queue's rows, how far each is, and what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from gui.queue.progress import PictureProgress
from gui.shell.advice import for_the_window
from gui.shell.background import in_words
from gui.shell.bridge import Bridge
from sdedge.events import Cancelled, Checking, Continued, Event, Failed, Finished, ImageDone, Loading, Step
from sdedge.library.gallery import Gallery
from sdedge.library.job_states import ENDED, OPEN, JobState, PausedBy, Wish
from sdedge.library.jobs import Job, Queue

SHOWN = 30  # ended jobs
CALM = 100  # milliseconds between looks, however much happens


@dataclass(frozen=True)
class Board:
    """What was read of the queue at one moment."""

    jobs: tuple[Job, ...] = ()
    paused: str | None = None
    paused_by: str | None = None
    resting: str | None = None


class JobBoard(QObject):
    """One per window. All of it on the main thread."""

    changed = Signal()
    """Jobs came, went, moved or changed their state."""
    progressed = Signal(int)
    """A job got further."""
    drawn = Signal(int, object)
    """(job, ImageDone)."""
    ended = Signal(int, object)
    """(job, Finished, Failed or Cancelled)."""
    noticed = Signal(object, str)
    """(job or None, a sentence)."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self.bridge = bridge
        self.board = Board()
        self.checked_engine = ""
        """The engine whose check was heard of last."""
        self._progress: dict[int, PictureProgress] = {}
        self._ends = 0
        """Ends of jobs that were heard."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CALM)
        self._timer.timeout.connect(self._read)
        bridge.happened.connect(self._hear)
        bridge.store_changed.connect(self._look)
        bridge.ready.connect(self._read)

    # Looking

    @property
    def jobs(self) -> tuple[Job, ...]:
        return self.board.jobs

    @property
    def paused(self) -> str | None:
        """Why nothing further is drawn, in words."""
        return self.tr("You paused it.") if self.paused_by == PausedBy.PERSON else self.board.paused

    @property
    def paused_by(self) -> str | None:
        """A PausedBy; None when the queue is not paused."""
        return None if self.board.paused is None else self.board.paused_by

    @property
    def resting(self) -> str | None:
        """Why pictures are drawn slowly or not at all for now, though the queue is not paused."""
        return self.board.resting

    @property
    def running(self) -> Job | None:
        return next((job for job in self.jobs if job.state == JobState.RUNNING), None)

    @property
    def drawing(self) -> int | None:
        """The job that is drawn, also in the moment before its state was read again."""
        return job.id if (job := self.running) is not None else next(iter(self._progress), None)

    def find(self, id: int) -> Job | None:
        return next((job for job in self.jobs if job.id == id), None)

    def progress(self, id: int) -> PictureProgress | None:
        """Returns how far a job is that is drawn, or was since the app started."""
        return self._progress.get(id)

    def begin(self, job: Job) -> PictureProgress:
        """Follows a job that is about to be drawn."""
        return self._progress.setdefault(job.id, PictureProgress(job.count, job.saved))

    # Arranging

    def pause(self, on: bool) -> None:
        """Draws no next job, or goes on."""
        self.bridge.change(lambda queue, gallery: queue.pause() if on else queue.resume())

    def resume(self, id: int) -> None:
        """Draws the pictures that an ended or paused job lacks, and goes on with the queue."""

        def go_on(queue: Queue, gallery: Gallery) -> None:
            queue.resume(id)
            queue.resume()

        self.bridge.change(go_on)

    def pause_job(self, id: int) -> None:
        self.bridge.change(lambda queue, gallery: queue.pause(id))

    def duplicate(self, id: int) -> None:
        self.bridge.change(lambda queue, gallery: queue.duplicate(id))

    def move(self, id: int, before: int | None) -> None:
        """Draws a waiting job before another, or last."""
        self.bridge.change(lambda queue, gallery: queue.move(id, before))

    def cancel(self, id: int, level: Wish = Wish.NOW) -> None:
        """Ends a job that is drawn as soon as `level` says, or one that waits."""
        if (progress := self._progress.get(id)) is not None:
            progress.ending = level
            self.progressed.emit(id)
        self.bridge.cancel(id, level)

    def take_back(self, id: int) -> None:
        """Undoes a cancellation: the job waits again, where it stood."""
        self.bridge.change(lambda queue, gallery: queue.resume(id, in_place=True))

    def forget(self, id: int) -> None:
        """Takes an ended job out of the list."""
        self.bridge.change(lambda queue, gallery: queue.forget(id))

    def clear(self) -> None:
        """Forgets ended jobs; their pictures stay."""
        self.bridge.change(lambda queue, gallery: queue.clear(ENDED))

    # Hearing

    def _hear(self, id: int | None, event: Event) -> None:
        message = getattr(event, "message", None)
        if id is None:
            if message and not getattr(event, "about", ""):  # the state says it, for as long as it holds
                self.noticed.emit(None, for_the_window(message))
            return
        progress = self._progress.get(id)
        if progress is None:
            job = self.find(id)
            progress = self.begin(job) if job else self._progress.setdefault(id, PictureProgress())
        progress.hear(event)
        if isinstance(event, Checking):
            self.checked_engine = event.engine
        if isinstance(event, ImageDone):
            self.drawn.emit(id, event)
        if isinstance(event, (Finished, Failed, Cancelled)):
            del self._progress[id]
            self._ends += 1
            self.ended.emit(id, event)
        elif isinstance(event, (Step, Continued, Checking, Loading, ImageDone)):
            self.progressed.emit(id)
        elif message:
            self.noticed.emit(id, for_the_window(message))

    def _look(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _read(self) -> None:
        def read(queue: Queue, gallery: Gallery) -> Board:
            jobs = *queue.jobs(OPEN), *queue.jobs(ENDED, limit=SHOWN)
            return Board(jobs, queue.paused, queue.paused_by, queue.resting)

        ends, followed = self._ends, tuple(self._progress)

        def take(board: Board) -> None:
            if ends == self._ends:
                self._take(board, followed)
            else:  # it may have been read before an end that was heard since, and would begin that job once more
                self._look()

        self.bridge.ask(read, take, lambda error: self.noticed.emit(None, in_words(error)), self)

    def _take(self, board: Board, followed: Sequence[int]) -> None:
        """Takes over a reading; of the jobs `followed` before it, one that no event has ended may be over."""
        going = {job.id for job in board.jobs if job.state in OPEN}
        over = [id for id in followed if id not in going and self._progress.pop(id, None) is not None]
        if board != self.board or over:
            self.board = board
            for job in board.jobs:
                if (progress := self._progress.get(job.id)) is not None:
                    progress.count = job.count
            self.changed.emit()
