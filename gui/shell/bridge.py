"""Between sdedge and Qt: runs the queue, turns its events into signals on the main thread, and reaches its database.

Everything that draws goes through here. The supervisor has its own thread and its own engine process; the database is
used on one thread of ours, so that no view ever waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from gui.languages.texts import tr
from gui.shell.background import Background, Failed, in_words
from sdedge.errors import SdedgeError
from sdedge.events import Notice
from sdedge.images.output import Output
from sdedge.library.database import is_damage
from sdedge.library.gallery import Gallery
from sdedge.library.job_states import Wish
from sdedge.library.jobs import Job, Queue
from sdedge.library.store import Store, open_store
from sdedge.request import Request

if TYPE_CHECKING:
    from sdedge.process.attempt import Limits
    from sdedge.process.supervisor import Supervisor

T = TypeVar("T")
LOOK = 500  # milliseconds between looks at whether the database has changed


class Bridge(QObject):
    """`start` it after the window is shown, `close` it at the end. All methods are for the main thread."""

    happened = Signal(object, object)
    """(job's id or None, event of sdedge.events)."""
    store_changed = Signal()
    """Jobs or pictures were added, moved, marked or removed, by us or by another process: look again."""
    ready = Signal()
    """The queue runs."""
    unavailable = Signal(str)
    """The queue cannot be run, in words; `start` tries again."""

    _heard = Signal(object, object)

    def __init__(
        self, folder: Path | None = None, *, drawer: str | None = None, limits: Limits | None = None, warm: bool = True
    ) -> None:
        super().__init__()
        self._folder, self._drawer, self._limits, self._warm = folder, drawer, limits, warm
        self._supervisor: Supervisor | None = None
        self._keep_awake, self._battery, self._heat = True, 20, "critical"
        self._store: Store | None = None
        self._opened = 0
        self._version = (0, -1)
        self.background = Background("work", 2, self)
        """For files and pictures; the database has a thread of its own."""
        self._database = Background("database", 1, self)
        for pool in (self.background, self._database):
            pool.unexpected.connect(lambda text: self.happened.emit(None, Notice(text)))
        self._heard.connect(self.happened, Qt.ConnectionType.QueuedConnection)
        self.happened.connect(lambda job, event: self._look())
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)

    # Its life

    def start(self) -> None:
        """Takes the data folder and begins to draw what waits; `ready` or `unavailable` follows."""

        def begin() -> Supervisor:
            from sdedge.process.supervisor import Supervisor  # brings numpy, for which the window would stand still

            supervisor = Supervisor(
                self._folder, self._heard.emit, drawer=self._drawer, limits=self._limits, previews=True, warm=self._warm
            )
            self._instruct(supervisor)
            supervisor.start()
            self._supervisor = supervisor
            return supervisor

        def begun(supervisor: Supervisor) -> None:
            self._instruct(supervisor)  # what was chosen meanwhile
            self._timer.start()
            self.ready.emit()
            supervisor.wake()

        self._database.run(begin, begun, lambda error: self.unavailable.emit(in_words(error)), self)

    def close(self) -> None:
        """Stops drawing, keeps what is drawn, and ends every thread and process."""
        self._timer.stop()
        self._database.run(self._close_store)
        self._database.close(finish=True)  # also a start that is under way
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        self.background.close()

    def keep_awake(self, on: bool) -> None:
        """Whether the computer may not fall asleep while pictures are drawn."""
        self._keep_awake = on
        if self._supervisor is not None:
            self._supervisor.keep_awake = on

    def rest_for(self, battery: int, heat: str) -> None:
        """When the queue rests: on battery below so many per cent, and for heat as `sdedge.process.power.HeatLimit` says."""
        self._battery, self._heat = battery, heat
        if self._supervisor is not None:
            self._set_power(self._supervisor)

    def _instruct(self, supervisor: Supervisor) -> None:
        supervisor.keep_awake = self._keep_awake
        self._set_power(supervisor)

    def _set_power(self, supervisor: Supervisor) -> None:
        from sdedge.process.power import HeatLimit, PowerPolicy

        supervisor.power_policy = PowerPolicy(self._battery / 100, HeatLimit(self._heat))

    @property
    def worker_pid(self) -> int | None:
        """The engine's process, while there is one."""
        return self._supervisor.worker_pid if self._supervisor else None

    @property
    def worker_memory(self) -> int:
        """Bytes the engine's process has in memory."""
        return self._supervisor.worker_memory if self._supervisor else 0

    def release_models(self) -> None:
        """Gives back the memory of the engine's models after the job it draws."""
        if self._supervisor is not None:
            self._supervisor.release()

    # The queue and the gallery

    def ask(
        self,
        work: Callable[[Queue, Gallery], T],
        then: Callable[[T], None] | None = None,
        failed: Failed | None = None,
        owner: QObject | None = None,
    ) -> None:
        """Does something with queue and gallery on the database's thread; `then(result)` comes on the main thread."""
        self._database.run(lambda: self._use(work), then, failed, owner)

    def change(
        self,
        work: Callable[[Queue, Gallery], T],
        then: Callable[[T], None] | None = None,
        failed: Failed | None = None,
        owner: QObject | None = None,
    ) -> None:
        """Does as `ask`, for what changes something: the supervisor is woken, and `store_changed` follows."""

        def done(result: T) -> None:
            if self._supervisor is not None:
                self._supervisor.wake()
            self.store_changed.emit()
            if then is not None:
                then(result)

        self._database.run(lambda: self._use(work), done, failed, owner)

    def add(
        self, request: Request, output: Output, count: int, batch: int = 1,
        then: Callable[[Job], None] | None = None, failed: Failed | None = None,
    ) -> None:  # fmt: skip
        """Appends a job. A queue that a failure paused goes on: who asks for a picture has done about it what they would.
        One that a person or an unexpected end paused stays so."""

        def work(queue: Queue, gallery: Gallery) -> Job:
            job = queue.add(request, output, count, batch)
            queue.resume_after_failure()
            return job

        self.change(work, then, failed)

    def cancel(self, job: int, level: Wish = Wish.NOW) -> None:
        """Ends a job as soon as `level` says, or one that waits."""
        if level == Wish.KILL and self._supervisor is not None:
            self._supervisor.hard_cancel(job)
        self.change(lambda queue, gallery: queue.cancel(job, level))

    # On the database's thread

    def _use(self, work: Callable[[Queue, Gallery], T]) -> T:
        try:
            return work(*self._open())
        except sqlite3.Error as error:  # a sentence by itself: DatabaseError
            self._close_store()
            if is_damage(error):  # the next opening does it
                raise SdedgeError(
                    tr("The gallery's database is damaged and is made anew; try again in a moment.")
                ) from error
            raise

    def _open(self) -> tuple[Queue, Gallery]:
        if self._store is not None and not self._store.is_current:  # rebuilt meanwhile
            self._close_store()
        if self._store is None:
            self._store = open_store(self._folder)
            self._opened = self._store.file
        return Queue(self._store), Gallery(self._store)

    def _close_store(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _data_version(self) -> tuple[int, int]:
        """Changes when another connection has written, or the file is another one."""
        version = self._use(lambda queue, gallery: queue.database.execute("PRAGMA data_version").fetchone()[0])
        return self._opened, version

    # On the main thread

    def _look(self) -> None:
        self._database.run(self._data_version, self._compare, lambda error: None, self)

    def _compare(self, version: tuple[int, int]) -> None:
        if version != self._version:
            self._version = version
            self.store_changed.emit()
