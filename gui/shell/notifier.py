"""Says when the queue is done, or has stopped, while the person is in another window; nothing is said twice."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from gui.shell.studio import Studio
from sdedge.events import Event, Failed, Finished
from sdedge.library.job_states import JobState, PausedBy


class Notifier(QObject):
    """The dock or taskbar asks for attention; where there is a tray, a message says why.

    Not on a Mac: an item among the menus is no place for words, and PySide6 before 6.11.3 dies of a click on it (QTBUG-147449).
    """

    def __init__(self, studio: Studio, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window
        self._tray: QSystemTrayIcon | None = None
        self._has_stopped = False
        studio.board.ended.connect(self.tell_end)
        studio.board.changed.connect(self._tell_stop)

    def tell_end(self, job: int, event: Event) -> None:
        """Says outside the window what came of a job, where nobody looks at it."""
        if not isinstance(event, (Finished, Failed)) or self._waits(but=job):
            return
        failed = self.tr("A picture could not be drawn; the window says why.")
        self._tell(failed if isinstance(event, Failed) else self.tr("The queue is done."))

    def _tell_stop(self) -> None:
        """Says that a failure has paused the queue though others wait; of the last one its end was told."""
        stops = self._studio.board.paused_by not in (None, PausedBy.PERSON)
        is_news, self._has_stopped = stops and not self._has_stopped, stops
        if is_news and self._waits():
            self._tell(self.tr("The queue is paused; the window says why."))

    def _waits(self, but: int | None = None) -> bool:
        """Returns whether any job waits, `but` this one."""
        return any(job.id != but and job.state == JobState.WAITING for job in self._studio.board.jobs)

    def _tell(self, text: str) -> None:
        if not self._studio.settings.notify or self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if sys.platform == "darwin":
            return
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._show(text)

    def _show(self, text: str) -> None:
        """Words of ours only: systems differ in what markup of a message they follow."""
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.messageClicked.connect(self._window.activateWindow)
            self._tray.show()
        self._tray.showMessage("sdedge", text)
