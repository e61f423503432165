"""Queue and recent pictures beside the canvas; in a narrow window they lie over its edge, beneath its tools."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QFrame, QSplitter, QVBoxLayout, QWidget

from gui.create.canvas_panel import TOOLS
from gui.create.recent import Recent
from gui.look.theme import PAD, set_kind
from gui.queue.board import JobBoard
from gui.queue.view import QueueView
from gui.shell.studio import Studio

WIDTH = 240  # pixels
NARROW = 1100  # of the view: below, the column becomes a drawer


class SideColumn(QFrame):
    """Shown and hidden by the action "side-column"."""

    def __init__(self, studio: Studio, board: JobBoard) -> None:
        super().__init__()
        set_kind(self, "panel")
        self.queue = QueueView(studio, board)
        self.recent = Recent(studio)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        for widget in (self.queue, self.recent):
            box = QWidget()
            column = QVBoxLayout(box)
            column.setContentsMargins(PAD, PAD, PAD, PAD)
            column.addWidget(widget)
            self.splitter.addWidget(box)
        self.splitter.setSizes([400, 300])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.splitter)
        self.setMinimumWidth(200)


class Drawer(QObject):
    """Puts the column into the splitter of a wide view, and over the edge of a narrow one."""

    def __init__(self, host: QWidget, splitter: QSplitter, column: SideColumn, studio: Studio) -> None:
        super().__init__(host)
        self._host, self._splitter, self._column, self._studio = host, splitter, column, studio
        self._narrow = False
        self._action = studio.actions["side-column"]
        self._action.setChecked(studio.settings.side_column)
        studio.actions.follow("side-column", self._toggle)
        splitter.addWidget(column)
        column.setVisible(self._action.isChecked())
        host.installEventFilter(self)

    @property
    def holds_focus(self) -> bool:
        """Whether it lies open over the view and has the focus."""
        focus = self._host.window().focusWidget()
        return self._narrow and self._column.isVisible() and focus is not None and self._column.isAncestorOf(focus)

    def close(self) -> None:
        self._action.setChecked(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._host and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _toggle(self, on: bool) -> None:
        if not self._narrow:
            self._studio.settings.side_column = on
        self._column.setVisible(on)
        self._place()

    def _place(self) -> None:
        narrow = self._host.width() < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            set_kind(self._column, "drawer" if narrow else "panel")
            if narrow:
                self._column.setParent(self._host)
                self._action.setChecked(False)
                self._column.hide()
            else:
                self._splitter.addWidget(self._column)
                self._action.setChecked(self._studio.settings.side_column)
                self._column.setVisible(self._studio.settings.side_column)
        if narrow:
            self._column.setGeometry(self._host.width() - WIDTH, TOOLS, WIDTH, self._host.height() - TOOLS)
            self._column.raise_()
