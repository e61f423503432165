"""Sections below one another, each under a heading that opens and closes it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QMouseEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.look.theme import GAP, HALF, Theme, set_kind
from gui.widgets.steady import steady_above
from gui.widgets.tab_order import put_after, reached_before, reached_in


class Heading(QPushButton):
    """Knows, while it tells that it was clicked, whether the mouse did that."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.is_under_mouse = False
        self.setCheckable(True)
        self.setIconSize(QSize(14, 14))
        set_kind(self, "fold")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.is_under_mouse = True
        super().mouseReleaseEvent(event)
        self.is_under_mouse = False


class Fold(QWidget):
    """A section under a heading that opens and closes it. `toggled` tells when it did."""

    toggled = Signal(bool)

    def __init__(self, theme: Theme, title: str, content: QWidget, opened: bool = False) -> None:
        super().__init__()
        self._theme, self._title, self.content = theme, title, content
        self._is_in_use = False
        self.button = Heading(title)
        self.button.toggled.connect(self._fold)
        self.button.clicked.connect(self._settle)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addWidget(self.button)
        column.addWidget(content)
        self.button.setChecked(opened)
        self._fold(opened)

    def open(self) -> None:
        self.button.setChecked(True)

    def mark(self, is_in_use: bool) -> None:
        """Says behind the title whether something under it is in force."""
        self._is_in_use = is_in_use
        self.button.setText(f"{self._title}  •" if is_in_use else self._title)
        self.button.setAccessibleName(self._title)
        self._describe()

    def _describe(self) -> None:
        opened = self.tr("open") if self.button.isChecked() else self.tr("closed")
        self.button.setAccessibleDescription(f"{opened}, {self.tr('in use')}" if self._is_in_use else opened)

    def _fold(self, opened: bool) -> None:
        self.content.setVisible(opened)
        self._describe()
        closed = "chevron-left" if self.isRightToLeft() else "chevron-right"
        self.button.setIcon(self._theme.icon("chevron-down" if opened else closed, "muted"))
        self.toggled.emit(opened)

    def _settle(self, opened: bool) -> None:
        """A heading that the mouse pressed stays under it. By the keyboard, what is opened comes into sight."""
        if (column := steady_above(self)) is None:
            return
        if opened and not self.button.is_under_mouse:
            column.show_below(self)
        else:
            column.hold()


class Later(QWidget):
    """Stands in for a widget that is made when it is first seen or asked for, such as what a closed fold holds."""

    made = Signal(QWidget)

    def __init__(self, make: Callable[[], QWidget]) -> None:
        super().__init__()
        self._make = make
        self.widget: QWidget | None = None
        """What it stands in for, once that is made."""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.make()

    def make(self) -> QWidget:
        """Makes it, where that was not done yet, and returns it."""
        if self.widget is None:
            self.widget = self._make()
            self._place(self.widget)
            self.made.emit(self.widget)
        return self.widget

    def _place(self, widget: QWidget) -> None:
        """Puts it here, in the order of the tab key too, where what is made last would be last."""
        inside = reached_in(widget)
        self.layout().addWidget(widget)  # type: ignore[union-attr]
        put_after(reached_before(self), inside)


def stack(*rows: QWidget, gap: int = GAP) -> QWidget:
    """Widgets below one another, without a margin."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(gap)
    for row in rows:
        column.addWidget(row)
    return box
