"""What every hint of the form is: a sentence about what the form says, and a button that changes it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.look.theme import HALF
from gui.widgets.fault_label import FaultLabel

REST = 300  # milliseconds without a change


class FormHint(QWidget):
    """Hidden while there is nothing to say."""

    def __init__(self, pressed: Callable[[], None]) -> None:
        super().__init__()
        self.text = FaultLabel()
        self.button = QPushButton()
        self.button.clicked.connect(pressed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addWidget(self.text)
        column.addWidget(self.button)
        self.hide()

    def say(self, sentence: str, kind: str, button: str = "") -> None:
        """Says a sentence and offers a button with these words, where there are any; hides for no sentence."""
        self.setVisible(bool(sentence))
        self.text.say(sentence, kind)
        self.button.setVisible(bool(button))
        self.button.setText(button)


def rest_timer(owner: QObject, look: Callable[[], None]) -> QTimer:
    """Returns a timer that calls `look` once nothing has started it anew for a while."""
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(REST)
    timer.timeout.connect(look)
    return timer
