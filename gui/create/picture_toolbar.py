"""What can be done with the picture on the canvas, over its lower edge while the mouse or the focus is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QToolButton

from gui.create.canvas import Canvas
from gui.look.theme import GAP, HALF, PAD, set_kind
from gui.shell.actions import name_button
from gui.shell.picture_actions import NOTHING
from gui.shell.studio import Studio

SHOWN: tuple[str | None, ...] = (
    "vary", "edit-picture", "paint-picture", None, "copy-picture", "save-as", None, "information", "favourite", "trash",
)  # fmt: skip
_EVENTS = (
    QEvent.Type.Enter, QEvent.Type.Leave, QEvent.Type.Resize, QEvent.Type.FocusIn, QEvent.Type.FocusOut,
    QEvent.Type.WindowDeactivate, QEvent.Type.WindowActivate,
)  # fmt: skip


class PictureToolbar(QFrame):
    """A child of the canvas. Its first button is a handle: the picture is dragged out by it, as the file that it is.

    `is_edited` tells whether something is painted or dragged over the picture, whose lower edge is needed then.
    """

    def __init__(self, studio: Studio, canvas: Canvas, is_edited: Callable[[], bool]) -> None:
        super().__init__(canvas)
        self._studio, self._canvas, self._is_edited = studio, canvas, is_edited
        self.setObjectName("picture-toolbar")
        set_kind(self, "floating")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(HALF, HALF, HALF, HALF)
        row.setSpacing(2)
        self.handle = _Handle(studio, canvas)
        row.addWidget(self.handle)
        for id in SHOWN:
            if id is None:
                line = QFrame()
                set_kind(line, "divider")
                line.setFixedSize(1, 20)
                row.addSpacing(HALF)
                row.addWidget(line)
                row.addSpacing(HALF)
                continue
            button = studio.actions.button(id)
            button.setIconSize(QSize(18, 18))
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # Ctrl+Z afterwards is about the picture, not the prompt
            button.installEventFilter(self)
            row.addWidget(button)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._show)
        canvas.installEventFilter(self)
        canvas.filled.connect(self.look)
        studio.pictures.changed.connect(self.look)
        cast(QApplication, QApplication.instance()).focusChanged.connect(self.look)
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _EVENTS:
            self.look()
        return False

    def look(self) -> None:
        """Looks in a moment, when the mouse and the focus are where they go."""
        self._soon.start()

    @property
    def is_wanted(self) -> bool:
        """There is a finished picture, and somebody who is at it."""
        canvas, focused = self._canvas, QApplication.focusWidget()
        at_it = canvas.underMouse() or canvas.hasFocus() or (focused is not None and self.isAncestorOf(focused))
        return at_it and canvas.shows_picture and not self._is_edited() and self._studio.pictures.subject != NOTHING

    def _show(self) -> None:
        self.adjustSize()
        x = (self._canvas.width() - self.width()) // 2
        self.move(max(0, x), self._canvas.height() - self.height() - PAD)
        self.setVisible(self.is_wanted)


class _Handle(QToolButton):
    """Pressed and moved, it drags the picture's file; a click shows the file in its folder."""

    def __init__(self, studio: Studio, canvas: Canvas) -> None:
        super().__init__()
        self._canvas = canvas
        self._pressed: QPoint | None = None
        self.setIcon(studio.theme.icon("grip", "muted"))
        self.setIconSize(QSize(18, 18))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        set_kind(self, "quiet")
        name_button(self, self.tr("Drag the picture out, or click to see its folder"))
        self.clicked.connect(lambda: studio.pictures.do("reveal"))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and (event.position().toPoint() - self._pressed).manhattanLength() > GAP:
            self._pressed = None
            self.setDown(False)
            self._canvas.moved_out.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = None
        super().mouseReleaseEvent(event)
