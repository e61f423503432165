"""What can be done with the thumbnail under the mouse, over its upper edge, without choosing it first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QListView, QToolButton

from gui.gallery.model import ENTRY
from gui.look.theme import HALF, set_kind
from gui.shell.actions import name_button, plain
from gui.shell.picture_actions import Subject
from gui.shell.studio import Studio
from sdedge.library.gallery import GalleryEntry

SHOWN = (
    "vary", "edit-picture", "paint-picture", "copy-picture", "save-as", "information", "favourite", "trash",
)  # fmt: skip
DWELL = 400  # milliseconds at one thumbnail until it is shown: who passes by is not in its way
GRACE = 250  # milliseconds to get from the thumbnail to a button
ICON = 16  # pixels
OVERLAP = 8  # pixels of the thumbnail that it covers, so that there is no gap on the way to it
_HIDING = (QEvent.Type.MouseButtonPress, QEvent.Type.Wheel, QEvent.Type.Resize, QEvent.Type.Hide)


class ThumbnailToolbar(QFrame):
    """A child of the list's window, so that it may be wider than the list. Its actions are in the list's menu too."""

    def __init__(self, studio: Studio, pictures: QListView) -> None:
        super().__init__(pictures)
        self._studio, self._pictures = studio, pictures
        self._entry: GalleryEntry | None = None
        self._place = QPersistentModelIndex()
        self.setObjectName(f"{pictures.objectName()}-toolbar")
        set_kind(self, "floating")
        row = QHBoxLayout(self)
        row.setContentsMargins(HALF // 2, HALF // 2, HALF // 2, HALF // 2)
        row.setSpacing(0)
        self.buttons = {id: self._button(id) for id in SHOWN}
        for button in self.buttons.values():
            row.addWidget(button)
        self._dwell, self._grace = self._timer(DWELL, self._show), self._timer(GRACE, self.hide)
        pictures.setMouseTracking(True)
        pictures.viewport().installEventFilter(self)
        pictures.model().modelReset.connect(self.leave)
        for bar in (pictures.verticalScrollBar(), pictures.horizontalScrollBar()):
            bar.valueChanged.connect(self.leave)
        self.hide()

    def leave(self) -> None:
        """Hides until the mouse rests on a thumbnail again."""
        self._place = QPersistentModelIndex()
        self._dwell.stop()
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove and not event.buttons():
            self._follow(self._pictures.indexAt(event.position().toPoint()))
        elif event.type() == QEvent.Type.Leave:
            self._dwell.stop()
            self._grace.start()
        elif event.type() in _HIDING:
            self.leave()
        return False

    def enterEvent(self, event: QEvent) -> None:
        self._grace.stop()

    def leaveEvent(self, event: QEvent) -> None:
        self._grace.start()

    def _follow(self, index: QModelIndex) -> None:
        """The mouse is over this thumbnail, or over none."""
        place = QPersistentModelIndex(index)
        if place == self._place:
            self._grace.stop()
            return
        self._place = place
        self._grace.stop()
        self.hide()
        if index.isValid():
            self._dwell.start()
        else:
            self._dwell.stop()

    def _show(self) -> None:
        entry = self._place.data(ENTRY) if self._place.isValid() else None
        if entry is None or not self._pictures.isVisible():
            return
        self._entry = entry
        about = Subject.of(entry)
        for id, button in self.buttons.items():
            button.setEnabled(about.allows(id))
        self.buttons["favourite"].setChecked(entry.favourite)
        self.setParent(self._pictures.window())
        self.adjustSize()
        self.move(self._corner())
        self.raise_()
        self.show()

    def _corner(self) -> QPoint:
        """Returns the place above the middle of the thumbnail, inside the window."""
        pictures, window = self._pictures, self._pictures.window()
        thumbnail = pictures.visualRect(self._place)
        top = pictures.viewport().mapTo(window, QPoint(thumbnail.center().x(), thumbnail.top()))
        x = min(max(0, top.x() - self.width() // 2), window.width() - self.width())
        return QPoint(max(0, x), max(0, top.y() - self.height() + OVERLAP))

    def _button(self, id: str) -> QToolButton:
        action, button = self._studio.actions[id], QToolButton()
        button.setIcon(action.icon())
        button.setIconSize(QSize(ICON, ICON))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the focus stays in the list, whose keys do the same
        button.setCheckable(action.isCheckable())
        set_kind(button, "quiet")
        name_button(button, plain(action.text()))
        button.clicked.connect(partial(self._do, id))
        return button

    def _do(self, id: str) -> None:
        entry = self._entry
        self.leave()
        if entry is not None:
            self._studio.pictures.do(id, Subject.of(entry))

    def _timer(self, milliseconds: int, then: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(then)
        return timer
