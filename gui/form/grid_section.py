"""Compare in a grid: one or two settings with several values each, every pair drawn and put on one labelled sheet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from gui.form.fields import label_of, row_label
from gui.form.model import SHOWN, FormModel
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, plain_button, set_kind
from gui.shell.advice import for_the_window
from gui.widgets.calm import CalmCombo
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import InvalidRequest
from sdedge.request_fields import FIELDS

if TYPE_CHECKING:
    from sdedge.batch import Grid
    from sdedge.request import Request

NONE = ""
EXAMPLES = {
    "steps": "10, 20, 30", "guidance": "4, 7.5, 10", "sampler": "Euler a, DPM++ 2M", "seed": "1-4", "model": "pocket",
    "schedule": "karras, exponential", "strength": "0.3, 0.5, 0.7", "clip_skip": "1, 2", "speed": "exact, fast",
    "preset": "sdedge, a1111", "prompt": '"a red house, at night", a blue boat', "negative": "blurry, drawing",
    "size": "512x512, 512x768", "vae": "", "guidance_rescale": "0, 0.7", "hires_strength": "0.3, 0.5, 0.7",
}  # fmt: skip
"""What can be compared, with values as one types them."""


class GridSection(QWidget):
    """`wanted` asks for the grid to be drawn."""

    wanted = Signal()

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self.across, self.down = CalmCombo(), CalmCombo()
        self.across_values, self.down_values = QLineEdit(), QLineEdit()
        self.fault, self.count = FaultLabel(), PlainLabel()
        self.button = plain_button(self.tr("Draw the grid"), self.wanted.emit)
        set_tooltip(
            self.button, self.tr("Lines up a picture for each pair, and puts them on one labelled sheet at the end")
        )
        self._lay_out()

    def cells(self, base: Request) -> Grid:
        """Returns the requests of all cells over the form's own. Raises InvalidRequest."""
        from sdedge import batch

        x, y = self._axis(self.across, self.across_values), self._axis(self.down, self.down_values)
        if not x and not y:
            raise InvalidRequest(self.tr("Choose what to compare, and write its values with commas between."))
        first, second = (x, y) if x else (y, "")
        return batch.grid(base, batch.axis(first), batch.axis(second) if second else None)

    def say(self, fault: str) -> None:
        """Says what keeps the grid from being drawn."""
        self.fault.say(for_the_window(fault))

    @property
    def axes(self) -> tuple[tuple[str, str], ...]:
        """What is compared across and down, with the values as they are written."""
        return tuple((str(combo.currentData()), values.text()) for combo, values in self._rows)

    def show_axes(self, axes: Iterable[tuple[str, str]] = ((NONE, ""), (NONE, ""))) -> None:
        """Shows these; nothing is compared where none are given."""
        for (combo, values), (name, text) in zip(self._rows, axes):
            combo.setCurrentIndex(combo.findData(name))
            values.setText(text)

    @property
    def _rows(self) -> tuple[tuple[CalmCombo, QLineEdit], ...]:
        return (self.across, self.across_values), (self.down, self.down_values)

    def _axis(self, combo: CalmCombo, values: QLineEdit) -> str:
        name = combo.currentData()
        return f"{name}={values.text().strip()}" if name else ""

    def _follow(self) -> None:
        self.say("")
        for combo, values in self._rows:
            values.setVisible(bool(combo.currentData()))
            values.setPlaceholderText(EXAMPLES.get(combo.currentData() or "", ""))
        self.count.setText("")
        self.count.hide()
        draft = self._form.draft()
        if draft is None or not any(values.text().strip() for values in (self.across_values, self.down_values)):
            return
        try:
            rows = self.cells(draft if draft.seed is not None else draft.replace(seed=0)).rows
        except InvalidRequest:  # which pressing the button says: half a list is no fault
            return
        self.count.setText(self.tr("{0} × {1} pictures").format(len(rows[0]), len(rows)))
        self.count.show()

    # Building

    def _lay_out(self) -> None:
        self.count.hide()
        set_kind(self.count, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        rows = (
            (self.tr("Across"), self.across, self.across_values, self.tr("Values across")),
            (self.tr("Down"), self.down, self.down_values, self.tr("Values down")),
        )
        for label, combo, values, called in rows:
            column.addWidget(self._row(label, combo, values, called))
        for widget in (self.count, self.fault, self.button):
            column.addWidget(widget)
        self._follow()

    def _row(self, label: str, combo: CalmCombo, values: QLineEdit, called: str) -> QWidget:
        combo.addItem(self.tr("Nothing"), NONE)
        for name in EXAMPLES:
            combo.addItem(self._label(name), name)
        combo.setAccessibleName(label)
        set_tooltip(combo, self.tr("What to compare"))
        combo.currentIndexChanged.connect(lambda row: self._follow())
        values.setAccessibleName(called)
        values.setAcceptDrops(False)
        set_tooltip(values, self.tr("Values with commas between; 1-4 is 1, 2, 3, 4; quotes hold a comma together"))
        values.textChanged.connect(lambda text: self._follow())
        title, row, box = row_label(label), QHBoxLayout(), QWidget()
        title.setBuddy(combo)
        row.setSpacing(GAP)
        row.addWidget(title)
        row.addWidget(combo, 1)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addLayout(row)
        column.addWidget(values)
        return box

    def _label(self, name: str) -> str:
        own = {
            "size": self.tr("Size"), "hires_strength": self.tr("Strength of hires fix"),
            "negative": self.tr("Negative prompt"),
        }  # fmt: skip
        return own[name] if name in own else label_of(name) if name in SHOWN else FIELDS[name].name
