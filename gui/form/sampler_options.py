"""What the chosen sampler can be told of its own, such as its churn or its order; hidden where there is nothing."""

from __future__ import annotations

import math

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from gui.form.fields import LABEL, TypedEdit, row_label, watch
from gui.form.model import OPTION, FormModel
from gui.languages.texts import tr
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.readable import shortest
from gui.look.theme import GAP, set_kind
from gui.widgets.calm import CalmCombo
from gui.widgets.cards import beginning
from gui.widgets.fault_label import FaultLabel
from sdedge.catalog import SAMPLERS, OptionInfo

WIDE = 112  # pixels: some samplers have longer names than the form's labels


class SamplerOptions(QWidget):
    """One row per option, an empty one standing for what the sampler does by itself."""

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self.rows: dict[str, QWidget] = {}
        """By the option's name: what its value is given in."""
        self._sampler = ""
        self._inside = QWidget()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self._inside)
        watch(self, form, self._show, "sampler")

    @property
    def any(self) -> bool:
        """Whether the sampler has options."""
        return bool(self.rows)

    def _show(self) -> None:
        if self._form.sampler == self._sampler:
            return
        self._sampler = self._form.sampler
        self._inside.hide()
        self._inside.deleteLater()
        self._inside, self.rows = QWidget(), {}
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        options = SAMPLERS[self._sampler].options
        longest = max(map(self.fontMetrics().horizontalAdvance, options), default=0)
        for name, info in options.items():
            column.addWidget(self._row(name, info, LABEL if longest <= LABEL else WIDE))
        self._column.addWidget(self._inside)

    def _row(self, name: str, info: OptionInfo, label: int) -> QWidget:
        control = self._choice(name, info) if info.choices else self._edit(name, info)
        control.setAccessibleName(name)
        said = tr(info.text)
        control.setAccessibleDescription(said)
        self.rows[name] = control
        title = row_label(name, label)
        title.setBuddy(control)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(title)
        row.addWidget(control, 1)
        note, box = FaultLabel(), QWidget()
        set_tooltip(box, self.tr("{0}: {1}.").format(said[:1].upper() + said[1:], self._range(info)))
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        caption = PlainLabel(said)
        caption.setWordWrap(True)
        set_kind(caption, "caption")
        caption.setContentsMargins(*beginning(self, label + GAP))
        note.setContentsMargins(*beginning(self, label + GAP))
        column.addWidget(caption)
        column.addWidget(note)
        if isinstance(control, TypedEdit):
            control.fault_changed.connect(note.say)
        return box

    def _range(self, info: OptionInfo) -> str:
        """Returns what an option may be, in words."""
        if info.choices:
            return ", ".join(info.choices)
        low, high = info.minimum or 0, math.inf if info.maximum is None else info.maximum
        text = self.tr("{0} or more") if math.isinf(high) else self.tr("from {0} to {1}")
        return text.format(shortest(low), shortest(high))

    def _edit(self, name: str, info: OptionInfo) -> TypedEdit:
        edit = TypedEdit(self._form, OPTION + name, name)
        own = isinstance(info.default, float) and math.isinf(info.default)
        edit.setPlaceholderText(self.tr("no limit") if own else shortest(float(info.default)))
        watch(edit, self._form, edit.refresh, "options")
        return edit

    def _choice(self, name: str, info: OptionInfo) -> CalmCombo:
        combo, form = CalmCombo(), self._form
        combo.addItems(list(info.choices))
        combo.activated.connect(lambda row: form.type(OPTION + name, info.choices[row]))

        def refresh() -> None:
            with QSignalBlocker(combo):
                combo.setCurrentIndex(info.choices.index(str(form.own_options.get(name, info.default))))

        watch(combo, form, refresh, "options")
        return combo
