"""What a model is converted for: one of four targets, each with what it is good for."""

from __future__ import annotations

from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.theme import GAP, HALF, PAD, set_kind
from gui.widgets.cards import beginning


class TargetChoice(QWidget):
    """Buttons in the order of `gui.convert.plan.TARGETS`; `group` numbers them so."""

    def __init__(self) -> None:
        super().__init__()
        self.group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        for number, (title, text) in enumerate(self._targets()):
            radio, note = QRadioButton(title), PlainLabel(text)
            set_kind(note, "caption")
            note.setWordWrap(True)
            note.setContentsMargins(*beginning(self, PAD + GAP + HALF, HALF))
            radio.setAccessibleDescription(text)
            self.group.addButton(radio, number)
            column.addWidget(radio)
            column.addWidget(note)
        self.group.button(0).setChecked(True)

    def _targets(self) -> list[tuple[str, str]]:
        return [
            (
                self.tr("Core ML for the Neural Engine"),
                self.tr("iPhone, iPad and Macs with little memory; least power"),
            ),
            (
                self.tr("Core ML for the GPU"),
                self.tr("Macs with a strong GPU; also for other apps that take Core ML"),
            ),
            (self.tr("MPS graph"), self.tr("sdedge on a Mac, at any size; half precision, checked operators")),
            (self.tr("int8 for the processor"), self.tr("x86 processors; lossy, measured on a dozen pictures")),
        ]
