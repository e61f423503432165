"""Controls bound to the form: each shows a value of the form model, changes it, and says its fault beneath itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from gui.form.model import SHOWN, FormModel
from gui.languages.texts import tr
from gui.look.accessible import set_scale
from gui.look.plain import PlainLabel, plain_tooltip, set_tooltip
from gui.look.readable import shortest
from gui.look.theme import GAP, spaced_font
from gui.widgets.calm import CalmCombo, CalmSlider
from gui.widgets.cards import beginning
from gui.widgets.fault_label import FaultLabel
from gui.widgets.wrapping_check import WrappingCheck
from sdedge.field_rows import Section
from sdedge.field_types import Flag, Float, Integer, NumberList, PathOrName
from sdedge.request_fields import FIELDS

LABEL = 84  # pixels: the column of labels
NUMBER = 64  # pixels: a number's box
PATIENCE = 700  # milliseconds without a key until a fault is shown: half a number is no fault


class TypedEdit(QLineEdit):
    """A line bound to one field of the form. Each key counts at once; a fault is shown after a pause or at the end."""

    fault_changed = Signal(str)

    def __init__(self, form: FormModel, name: str, label: str) -> None:
        super().__init__()
        self._form, self._name = form, name
        self.setAccessibleName(label)
        self.setAcceptDrops(False)  # whatever is dropped is for the window
        self.setFont(spaced_font(self.font()))
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PATIENCE)
        self._pause.timeout.connect(self._show_fault)
        self.textEdited.connect(self._take)
        self.editingFinished.connect(self._finish)
        watch(self, form, self.refresh, *form.fields_of(name), "typed", "faults")

    def refresh(self) -> None:
        """Shows the form's value, but leaves alone what is being typed."""
        text = self._form.text(self._name)
        if not (self.hasFocus() and self.isModified()) and text != self.text():
            self.setText(text)
        if not self._form.faults.get(self._name) or not self.hasFocus():
            self._show_fault()

    def _take(self, text: str) -> None:
        self._form.type(self._name, text)
        self._pause.start()

    def _finish(self) -> None:
        self._pause.stop()
        self.setModified(False)
        self.refresh()
        self._show_fault()

    def _show_fault(self) -> None:
        fault = self._form.faults.get(self._name, "")
        if self.property("faulty") != bool(fault):
            self.setProperty("faulty", bool(fault))
            self.style().unpolish(self)
            self.style().polish(self)
        self.setAccessibleDescription(fault)
        self.fault_changed.emit(fault)


class NumberField(QWidget):
    """A number and its slider as one control. `scale` is how many slider steps one makes."""

    def __init__(
        self, form: FormModel, name: str, label: str, low: float, high: float, scale: int = 1,
        resting: Callable[[], float] | None = None, kind: type[int] | type[float] = int,
    ) -> None:  # fmt: skip
        """`resting` is what an empty box stands for; it is shown in grey. The slider gives values of the `kind`."""
        super().__init__()
        self._form, self._name, self._scale, self._resting, self._kind = form, name, scale, resting, kind
        self.edit = TypedEdit(form, name, label)
        self.edit.setFixedWidth(NUMBER)
        self.slider = CalmSlider()
        self.slider.setRange(round(low * scale), round(high * scale))
        self.slider.setAccessibleName(label)
        if scale != 1:
            set_scale(self.slider, scale)
        self.slider.valueChanged.connect(self._slid)
        lay_out(self, label, self.edit, self.slider, self.edit)
        watch(self, form, self._refresh, *form.fields_of(name), "card")

    def _refresh(self) -> None:
        value = self._form.value(self._name)
        if value is None and self._resting is not None:
            value = self._resting()
            self.edit.setPlaceholderText(shortest(value))
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(value * self._scale))

    def call(self, name: str) -> None:
        """Gives its number and its slider a name for screen readers that says more than its label."""
        for widget in (self.edit, self.slider):
            widget.setAccessibleName(name)

    def _slid(self, value: int) -> None:
        self.edit.setModified(False)
        self._form.set_value(self._name, self._kind(value / self._scale))


class TypedField(QWidget):
    """What is typed in one line; `resting` is what an empty one stands for, in grey."""

    def __init__(self, form: FormModel, name: str, label: str, resting: str = "") -> None:
        super().__init__()
        self.edit = TypedEdit(form, name, label)
        self.edit.setPlaceholderText(resting)
        lay_out(self, label, self.edit)


@dataclass(frozen=True)
class Option:
    """One entry of a choice: its value, its name, and what it is good for."""

    value: Any
    label: str
    text: str = ""


class Choice(QWidget):
    """One of several values, with the chosen one's advice beneath."""

    def __init__(
        self, form: FormModel, name: str, label: str, options: Sequence[Option] = (), advice: bool = False
    ) -> None:
        super().__init__()
        self._form, self._name = form, name
        self.combo = CalmCombo()
        self.combo.setAccessibleName(label)
        self.note = FaultLabel()
        self._advice = advice
        lay_out(self, label, self.combo, note=self.note)  # before the note says anything: alone, it would be a window
        self.offer(options)
        self.combo.activated.connect(lambda row: form.set_value(name, self._options[row].value))
        watch(self, form, self._refresh, *form.fields_of(name))

    def offer(self, options: Sequence[Option]) -> None:
        """Replaces the entries. A value of the form that is not among them stays shown by its own name."""
        self._options = list(options)
        with QSignalBlocker(self.combo):
            self.combo.clear()
            for row, option in enumerate(self._options):
                self.combo.addItem(option.label)
                self.combo.setItemData(row, plain_tooltip(option.text), Qt.ItemDataRole.ToolTipRole)
        self._refresh()

    def _refresh(self) -> None:
        value = self._form.value(self._name)
        row = next((i for i, option in enumerate(self._options) if option.value == value), -1)
        if row < 0 and value is not None:
            row = len(self._options)
            self._options.append(Option(value, str(value)))
            self.combo.addItem(str(value))
        with QSignalBlocker(self.combo):
            self.combo.setCurrentIndex(row)
        if self._advice:
            self.note.say(self._options[row].text if row >= 0 else "", "caption")


class Switch(WrappingCheck):
    """A yes or no of the form."""

    def __init__(self, form: FormModel, name: str, label: str) -> None:
        super().__init__(label)
        self.toggled.connect(lambda on: form.set_value(name, on))
        watch(self, form, lambda: self.setChecked(bool(form.value(name))), *form.fields_of(name))


def control(form: FormModel, name: str, resting: Callable[[], float] | None = None) -> QWidget:
    """Returns the control of a request field, by its row in the table.

    Raises ValueError for one that needs a control of its own.
    """
    entry, type = SHOWN[name], FIELDS[name].type
    label = label_of(name)
    widget: QWidget
    if entry.choices:
        widget = Choice(form, name, label, choices(name), advice=True)
    elif isinstance(type, Flag):
        widget = Switch(form, name, label)
    elif isinstance(type, NumberList) or (isinstance(type, Integer) and type.chance is not None):
        widget = TypedField(form, name, label, type.example)
    elif isinstance(type, PathOrName):
        widget = Choice(form, name, label)  # of what is installed, which is offered later
    elif isinstance(type, Integer | Float):
        kind = int if isinstance(type, Integer) else float
        widget = NumberField(form, name, label, entry.low, entry.high, entry.slider_steps, resting, kind)
    else:
        raise ValueError(f"{name} has no control by its type")
    if entry.tip:
        set_tooltip(widget, translated(entry.tip))
    return widget


def controls(form: FormModel, section: Section, placed: Collection[str] = ()) -> list[QWidget]:
    """Returns the controls of a section's fields in the table's order, but for those that are `placed` already."""
    return [control(form, name) for name, entry in SHOWN.items() if entry.section is section and name not in placed]


def choices(name: str) -> list[Option]:
    """Returns the entries of a field's choice."""
    rows = SHOWN[name].choices.items()
    return [Option(value, translated(label), translated(text)) for value, (label, text) in rows]


def label_of(name: str) -> str:
    """Returns the label of a request field."""
    return translated(SHOWN[name].label)


def translated(text: str) -> str:
    """Returns a text of the table in the app's language."""
    return tr(text)


def row_label(text: str, width: int = LABEL) -> PlainLabel:
    """Returns the label at the left of a row; a row of a longer one than `width` pixels begins further right."""
    label = PlainLabel(text)
    label.setFixedWidth(max(width, label.sizeHint().width()))
    return label


def lay_out(host: QWidget, label: str, *widgets: QWidget, note: FaultLabel | None = None) -> None:
    """Lays out a label, controls beside it, and beneath them what is wrong: of the last widget where that is typed into."""
    title = PlainLabel(label)
    title.setFixedWidth(
        max(LABEL + GAP, title.sizeHint().width() + 2)
    )  # with the gap, a part of which a long one may take
    shown = list(dict.fromkeys(widgets))
    title.setBuddy(shown[0])
    row = QHBoxLayout()
    row.setSpacing(0)
    row.addWidget(title)
    for widget in shown:
        if widget is not shown[0]:
            row.addSpacing(GAP)
        row.addWidget(widget, 0 if isinstance(widget, TypedEdit) and len(shown) > 1 else 1)
    column = QVBoxLayout(host)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    column.addLayout(row)
    note = note or FaultLabel()
    note.setContentsMargins(*beginning(host, LABEL + GAP))
    for widget in shown:
        if isinstance(widget, TypedEdit):
            widget.fault_changed.connect(note.say)
    column.addWidget(note)


def watch(owner: QObject, form: FormModel, watcher: Callable[[], None], *names: str) -> None:
    """Calls `watcher` now and after changes, as long as its owner lives."""
    owner.destroyed.connect(form.watch(watcher, *names))
    watcher()
