"""The button that draws. While a picture is drawn, Cancel with a ring stands in its place, beside one that lines up more."""

from __future__ import annotations

import time

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from gui.look.readable import percent
from gui.look.theme import GAP, HALF, Theme, set_kind
from gui.shell.actions import name_button
from gui.shell.studio import Studio
from sdedge.library.job_states import PausedBy, Wish

DOUBLE = 0.7
"""Seconds for which Cancel takes no press after it came: the second half of a double click on Generate is none."""
RING = 20  # pixels


class GenerateButtons(QWidget):
    """`generate` and `cancelled` tell which was pressed."""

    generate = Signal()
    cancelled = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._came = 0.0
        self._fraction: float | None = -1.0  # as painted
        self.button, self.cancel, self.add = QPushButton(), QPushButton(self.tr("Cancel")), QPushButton(self.tr("Add"))
        self.button.setIcon(studio.theme.icon("create", "on_accent"))
        set_kind(self.button, "accent")
        set_kind(self.cancel, "large")
        set_kind(self.add, "large")
        self.cancel.setIconSize(QSize(RING + HALF, RING))
        name_button(self.cancel, self.tr("Cancel the picture"), studio.actions["cancel"].shortcut())
        self.add.setIcon(studio.theme.icon("plus"))
        name_button(self.add, self.tr("Add to the queue"), studio.actions["generate"].shortcut())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        for widget in (self.button, self.cancel, self.add):
            row.addWidget(widget, 1)
        self.button.clicked.connect(self.generate)
        self.add.clicked.connect(self.generate)
        self.cancel.clicked.connect(self._cancel)
        board = studio.board
        for signal in (board.changed, board.ended, board.progressed):
            signal.connect(lambda *_: self._show_state())
        studio.theme.changed.connect(self._paint_ring)
        self._show_state()

    def _cancel(self) -> None:
        if time.monotonic() - self._came > DOUBLE:
            self.cancelled.emit()

    def _show_state(self) -> None:
        draws = self._studio.board.drawing is not None
        if draws != self.cancel.isVisibleTo(self) or self.button.isVisibleTo(self) == draws:
            self._swap(draws)
        if draws:
            self._show_progress()
        else:
            self._name()

    def _swap(self, draws: bool) -> None:
        """The keyboard's focus goes on to what does the same: nobody who presses Return once more cancels."""
        focus = self.button.hasFocus() or self.add.hasFocus() or self.cancel.hasFocus()
        self._came = time.monotonic()
        self.button.setVisible(not draws)
        self.cancel.setVisible(draws)
        self.add.setVisible(draws)
        self.layout().activate()  # type: ignore[union-attr]  # or a frame shows the old width, and a text that is cut
        if focus:
            (self.add if draws else self.button).setFocus()

    def _name(self) -> None:
        """It says what it does: a queue that was paused by a person, or by an unexpected end, stays so."""
        waits = self._studio.board.paused_by in (PausedBy.PERSON, PausedBy.INTERRUPTION)
        text = self.tr("Add to the Paused Queue") if waits else self.tr("Generate")
        self.button.setText(text)
        name_button(self.button, text, self._studio.actions["generate"].shortcut())

    def _show_progress(self) -> None:
        board = self._studio.board
        progress = board.progress(board.drawing) if board.drawing is not None else None
        fraction = progress.fraction if progress else None
        shown = None if fraction is None else round(fraction, 2)
        if shown != self._fraction:
            self._fraction = shown
            self._paint_ring()
        ending = progress is not None and progress.ending not in (None, Wish.PICTURE)  # which can still be cut short
        self.cancel.setText(self.tr("Cancelling") if ending else self.tr("Cancel"))
        self.cancel.setAccessibleDescription("" if shown is None else percent(shown))

    def _paint_ring(self) -> None:
        self.cancel.setIcon(QIcon(ring(self._studio.theme, self._fraction or 0.0, self.devicePixelRatioF())))


def ring(theme: Theme, fraction: float, density: float) -> QPixmap:
    """Returns a ring that is filled so far, clockwise from the top, around the square of a stop button."""
    pixmap = QPixmap(QSize(RING + HALF, RING) * density)
    pixmap.setDevicePixelRatio(density)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    circle = QRectF(2, 2, RING - 4, RING - 4)
    painter.setPen(QPen(theme.color("line"), 2.5))
    painter.drawEllipse(circle)
    painter.setPen(QPen(theme.color("accent"), 2.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawArc(circle, 90 * 16, -round(360 * 16 * fraction))
    middle = RING / 2
    painter.fillRect(QRectF(middle - 3, middle - 3, 6, 6), theme.color("text"))
    painter.end()
    return pixmap
