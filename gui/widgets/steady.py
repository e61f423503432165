"""A column that scrolls, in which the heading that was pressed stays where it is, whatever it opens or closes."""

from __future__ import annotations

import time

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QScrollArea, QSpacerItem, QWidget

from gui.look.theme import GAP

SETTLED = 0.5
"""Seconds after which what was opened is laid out."""


class SteadyScroll(QScrollArea):
    """`hold` leaves room beneath a column that becomes shorter, so that nothing of it moves; scrolling up takes it back."""

    def __init__(self) -> None:
        super().__init__()
        self._room, self._inside = QSpacerItem(0, 0), QWidget()
        self._opened: QWidget | None = None
        self._settled = 0.0
        self.verticalScrollBar().valueChanged.connect(lambda _: self._take_back())
        self.verticalScrollBar().rangeChanged.connect(lambda *_: self._show_soon())

    def setWidget(self, body: QWidget) -> None:
        """Shows the column; the room is behind it, as high as both are seen."""
        grid = QGridLayout(self._inside)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(body, 0, 0)
        grid.addItem(self._room, 0, 0)
        super().setWidget(self._inside)

    def hold(self) -> None:
        """Keeps everything where it is seen, whatever goes."""
        self._opened = None
        self._make_room(self._seen() if self.verticalScrollBar().value() else 0)

    def show_below(self, section: QWidget) -> None:
        """Scrolls as far as needed to show a section that was opened, and never so far that its top is out of sight."""
        self._opened, self._settled = section, time.monotonic() + SETTLED
        self._show_soon()

    def _show_soon(self) -> None:
        QTimer.singleShot(0, self, self._show_opened)  # once it is laid out

    def _show_opened(self) -> None:
        """Does so each time that the column becomes longer: what was just made is laid out bit by bit."""
        if self._opened is None or time.monotonic() > self._settled:
            return
        bar, top = self.verticalScrollBar(), self._opened.mapTo(self._inside, QPoint(0, 0)).y()
        needed = top + _height_of(self._opened) + GAP - self.viewport().height()
        bar.setValue(min(max(bar.value(), needed), max(0, top - GAP)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._take_back()

    def _seen(self) -> int:
        """Returns the height of the column down to the last pixel that is in sight."""
        return self.verticalScrollBar().value() + self.viewport().height()

    def _take_back(self) -> None:
        if self._seen() < self._room.minimumSize().height():
            self.hold()

    def _make_room(self, height: int) -> None:
        if height != self._room.minimumSize().height():
            self._room.changeSize(0, height)
            self._inside.layout().invalidate()  # type: ignore[union-attr]


def _height_of(section: QWidget) -> int:
    """Returns the height that a section is about to have."""
    width = section.width()
    return section.heightForWidth(width) if section.hasHeightForWidth() else section.sizeHint().height()


def steady_above(widget: QWidget) -> SteadyScroll | None:
    """Returns the column that a widget is in."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, SteadyScroll):
        above = above.parentWidget()
    return above
