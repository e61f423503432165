"""A dialog whose answer is a command in a process of its own: how far that is, and what kept it from ending well."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QProgressBar, QPushButton, QWidget

from gui.commands.command import Command
from gui.look.theme import set_kind
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel


class CommandDialog(QDialog):
    """Cancelling, as closing, ends the command first, and the dialog with it. What is on the button that begins, and what the
    bar is called for those who hear it, is the subclass's to say."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._command: Command | None = None
        self.setMinimumWidth(420)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.hide()
        self.fault = FaultLabel()
        self.begin_button = QPushButton()
        set_kind(self.begin_button, "accent")
        self.begin_button.setDefault(True)
        self.buttons = QDialogButtonBox()
        self.cancel_button = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.buttons.addButton(self.begin_button, QDialogButtonBox.ButtonRole.ActionRole)
        self.buttons.rejected.connect(self.reject)

    def run(self, arguments: Sequence[str], steps: int) -> None:
        """Starts a command that tells of so many steps."""
        self.fault.say("")
        self.progress.setRange(0, steps)
        self.progress.setValue(0)
        self.progress.show()
        self.begin_button.setEnabled(False)
        self._command = Command(arguments, self)
        self._command.said.connect(self.hear)
        self._command.ended.connect(partial(self._end, self._command))
        self._command.start()

    def hear(self, event: dict[str, Any]) -> None:
        """Takes what the command tells."""
        raise NotImplementedError

    def done_well(self) -> None:
        """The command ended well."""
        raise NotImplementedError

    def done_badly(self, failure: str, notes: Sequence[str]) -> None:
        """The command failed, and said why."""
        self.fault.say(failure)

    def done_cancelled(self) -> None:
        """The command was cancelled and has ended."""
        super().reject()

    def reject(self) -> None:
        if self._command is not None:
            self._command.cancel()
        else:
            super().reject()

    def _end(self, command: Command, failure: str) -> None:
        self._command = None
        command.deleteLater()
        self.progress.hide()
        self.begin_button.setEnabled(True)
        if command.cancelled:
            self.done_cancelled()
        elif failure:
            self.done_badly(failure, command.notes)
        else:
            self.done_well()
