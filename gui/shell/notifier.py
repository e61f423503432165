"""Says when the queue is done while the person is in another window; nothing is said twice."""

from __future__ import annotations

import sys

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from gui.shell.studio import Studio
from sdedge.events import Event, Failed, Finished
from sdedge.library.job_states import JobState


class Notifier(QObject):
    """The dock or taskbar asks for attention; where there is a tray, a message says why.

    Not on a Mac: an item among the menus is no place for words, and PySide6 before 6.11.3 dies of a click on it (QTBUG-147449).
    """

    def __init__(self, studio: Studio, window: QWidget) -> None:
        super().__init__(window)
        self._studio, self._window = studio, window
        self._tray: QSystemTrayIcon | None = None
        studio.board.ended.connect(self.tell_end)

    def tell_end(self, job: int, event: Event) -> None:
        """Says outside the window what came of a job, where nobody looks at it."""
        if (
            not isinstance(event, (Finished, Failed))
            or not self._studio.settings.notify
            or self._window.isActiveWindow()
        ):
            return
        if any(queued.id != job and queued.state == JobState.WAITING for queued in self._studio.board.jobs):
            return
        QApplication.alert(self._window)
        if sys.platform == "darwin":
            return
        if QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages():
            self._show(event)

    def _show(self, event: Finished | Failed) -> None:
        """Words of ours only: systems differ in what markup of a message they follow."""
        failed = self.tr("A picture could not be drawn; the window says why.")
        text = failed if isinstance(event, Failed) else self.tr("The queue is done.")
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self)
            self._tray.messageClicked.connect(self._window.activateWindow)
            self._tray.show()
        self._tray.showMessage("sdedge", text)
