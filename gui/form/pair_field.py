"""Two numbers in one row, such as where a range begins and where it ends, with what is wrong with either beneath."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.form.fields import LABEL, TypedEdit, row_label
from gui.form.model import FormModel
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, set_kind
from gui.widgets.cards import beginning
from gui.widgets.fault_label import FaultLabel


class PairField(QWidget):
    """`rows` are names of fields or parts, what each is called, and what an empty one stands for."""

    def __init__(self, form: FormModel, label: str, rows: Sequence[tuple[str, str, str]], caption: str = "") -> None:
        super().__init__()
        self._faults: dict[str, str] = {}
        self._note = FaultLabel()
        title, row, column = row_label(label), QHBoxLayout(), QVBoxLayout(self)
        row.setSpacing(GAP)
        row.addWidget(title)
        self.edits: list[TypedEdit] = []
        for name, called, resting in rows:
            edit = TypedEdit(form, name, called)
            edit.setPlaceholderText(resting)
            edit.fault_changed.connect(lambda fault, name=name: self._say(name, fault))
            set_tooltip(edit, called)
            row.addWidget(edit, 1)
            self.edits.append(edit)
        title.setBuddy(self.edits[0])
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        if caption:
            text = PlainLabel(caption)
            text.setWordWrap(True)
            set_kind(text, "caption")
            text.setContentsMargins(*beginning(self, LABEL + GAP))
            column.addWidget(text)
        self._note.setContentsMargins(*beginning(self, LABEL + GAP))
        column.addWidget(self._note)

    def _say(self, name: str, fault: str) -> None:
        self._faults[name] = fault
        self._note.say(next(filter(None, self._faults.values()), ""))
