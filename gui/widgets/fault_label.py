"""A sentence beneath a control that says what is wrong with it."""

from __future__ import annotations

from PySide6.QtCore import QEvent
from PySide6.QtGui import QResizeEvent

from gui.look.accessible import announce
from gui.look.plain import PlainLabel
from gui.look.theme import set_kind


class FaultLabel(PlainLabel):
    """A sentence beneath a control; no room is taken while there is none."""

    def __init__(self) -> None:
        super().__init__()
        set_kind(self, "fault")
        self.setWordWrap(True)
        self.hide()

    def say(self, fault: str, kind: str = "fault") -> None:
        is_new = fault != self.text()
        set_kind(self, kind)
        self.setText(fault)
        self._keep_height()
        self._appear()
        if is_new and kind != "caption" and self.isVisible():
            announce(self, fault, urgent=kind == "fault")

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ParentChange:
            self._appear()

    def _appear(self) -> None:
        """Takes room while there is a sentence; without a parent it would be a window of its own."""
        if self.parentWidget() is not None:
            self.setVisible(bool(self.text()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._keep_height()

    def _keep_height(self) -> None:
        """No layout may press its lines together: nested ones forget how high a narrow text is."""
        before = self.minimumHeight()
        self.setMinimumHeight(0)  # or the height that a narrower one needed would count
        needed = max(0, self.heightForWidth(self.width()))
        if needed or before:
            self.setMinimumHeight(needed)
