"""A sentence beneath a control that says what is wrong with it."""

from __future__ import annotations

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
        set_kind(self, kind)
        self.setText(fault)
        self.setVisible(bool(fault))
