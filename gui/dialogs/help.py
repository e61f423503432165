"""Help: every shortcut, from the list of actions; and what this app is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

import sdedge
from gui.languages.texts import mark, tr
from gui.look.plain import PlainLabel, message_box
from gui.look.theme import GAP, PAD, WIDE, set_kind
from gui.shell.actions import ACTIONS, MENUS, Actions, plain
from gui.widgets.cards import least_width

# What is no action: keys of the canvas, the editor and the lists.
OTHERS = (
    ("Space", mark("Before and after, on the canvas")),
    ("Alt+Up", mark("The prompt before, in the prompt")),
    ("[", mark("Smaller brush, while painting a mask")),
    ("]", mark("Larger brush, while painting a mask")),
    ("Del", mark("Cancel the chosen job, in the queue")),
)


class Shortcuts(QDialog):
    """All shortcuts by menu."""

    def __init__(self, actions: Actions, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard Shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setHorizontalSpacing(WIDE)
        grid.setVerticalSpacing(GAP)
        for menu, title in MENUS.items():
            rows = [spec for spec in ACTIONS if spec.menu == menu and not actions.keys(spec).isEmpty()]
            rows = [spec for spec in rows if actions[spec.id].isVisible()]
            if rows:
                self._head(grid, plain(tr(title)))
            for spec in rows:
                self._row(grid, plain(tr(spec.text)), actions.keys(spec))
        self._head(grid, self.tr("Elsewhere"))
        for sequence, text in OTHERS:
            self._row(grid, tr(text), QKeySequence(sequence))
        scroll = QScrollArea()
        scroll.setAccessibleName(self.windowTitle())
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setMinimumWidth(least_width(scroll))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.addWidget(scroll)
        column.addWidget(buttons)
        self.resize(480, 600)

    def _head(self, grid: QGridLayout, text: str) -> None:
        label = PlainLabel(text)
        set_kind(label, "strong")
        grid.addWidget(label, grid.rowCount(), 0, 1, 2)

    def _row(self, grid: QGridLayout, text: str, keys: QKeySequence) -> None:
        row = grid.rowCount()
        shown = PlainLabel(keys.toString(QKeySequence.SequenceFormat.NativeText))
        set_kind(shown, "muted")
        grid.addWidget(PlainLabel(text), row, 0)
        grid.addWidget(shown, row, 1, Qt.AlignmentFlag.AlignRight)


def about(parent: QWidget) -> None:
    """Tells name, version, what it is."""
    text = tr("Stable Diffusion v1 for the machine in front of you. It opens no network connection by itself.")
    message_box(parent, f"sdedge {sdedge.__version__}", text, title="sdedge").open()
