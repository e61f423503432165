"""Pictures on their way to the system's trash: gone from every view at once, moved when it can no longer be undone."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from gui.shell.background import in_words
from gui.shell.bridge import Bridge
from gui.shell.undo import SECONDS
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue


class Trash(QObject):
    """One per window. Views leave out what is in `leaving`."""

    changed = Signal()
    """Other pictures are leaving than before."""
    emptied = Signal()
    """Files were moved, or could not be: look again."""
    failed = Signal(str)
    """What could not be moved, in words."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._batches: list[tuple[int, ...]] = []
        self._moving: frozenset[int] = frozenset()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(round(SECONDS * 1000))
        self._timer.timeout.connect(self.empty)

    @property
    def leaving(self) -> frozenset[int]:
        """Ids of the pictures that wait to be moved, or are being moved."""
        return self._moving | {id for batch in self._batches for id in batch}

    def put(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Moves these some seconds from now; returns what `undo` takes."""
        batch = tuple(ids)
        self._batches.append(batch)
        self._timer.start()
        self.changed.emit()
        return batch

    def undo(self, batch: tuple[int, ...]) -> None:
        """Brings these back, if they are still here."""
        if batch in self._batches:
            self._batches.remove(batch)
            self.changed.emit()

    def empty(self) -> None:
        """Moves what waits now, as at the end of the program."""
        batches, self._batches = self._batches, []
        ids = [id for batch in batches for id in batch]
        self._timer.stop()
        if not ids:
            return
        self._moving |= set(ids)

        def move(queue: Queue, gallery: Gallery) -> list[str]:
            return [fault for id in ids if (fault := _moved(gallery, id))]

        def fail(error: Exception) -> None:
            self._moving -= set(ids)
            self.failed.emit(in_words(error))
            self.emptied.emit()

        def report(faults: list[str]) -> None:
            self._moving -= set(ids)
            if faults:
                more = [self.tr("And %n more.", "", len(faults) - 1)] if len(faults) > 1 else []
                self.failed.emit(" ".join([faults[0], *more]))
            self.emptied.emit()

        self._bridge.change(move, report, fail, self)


def _moved(gallery: Gallery, id: int) -> str:
    """Trashes one picture; returns what went wrong, in words, or nothing."""
    try:
        gallery.trash(id)
    except Exception as error:
        return in_words(error)
    return ""
