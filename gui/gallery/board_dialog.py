"""Which boards the chosen pictures are on: put on and taken off by check boxes; boards are made, renamed and removed here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.look.plain import PlainLabel, plain_tooltip, set_tooltip
from gui.look.theme import GAP, PAD, set_kind
from gui.shell.background import in_words
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.library.boards import LONGEST, Boards
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue

_NAME = Qt.ItemDataRole.UserRole
_STATE = Qt.ItemDataRole.UserRole + 1
_ON, _OFF, _PARTLY = Qt.CheckState.Checked, Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked


@dataclass(frozen=True)
class Changed:
    """What an answer changed, by board: the pictures that were put on it, and those that were taken off."""

    added: dict[str, list[int]]
    taken: dict[str, list[int]]

    def undo(self, boards: Boards) -> None:
        """Takes it back, as far as the boards are still there."""
        known = boards.counts()
        for name, ids in self.added.items():
            if name in known:
                boards.take_off(name, ids)
        for name, ids in self.taken.items():
            boards.add(name, ids)


class BoardDialog(QDialog):
    """Nothing changes before *Done*, but what is said of the boards themselves."""

    def __init__(self, studio: Studio, ids: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._ids = studio, list(ids)
        self.setWindowTitle(self.tr("Boards"))
        self.resize(360, 400)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Boards of the chosen pictures"))
        set_kind(self.list, "checks")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.new = QLineEdit()
        self.new.setPlaceholderText(self.tr("Name of a new board"))
        self.new.setAccessibleName(self.tr("Name of a new board"))
        self.new.setMaxLength(LONGEST)
        self.fault = FaultLabel()
        self.add_button = QPushButton(self.tr("Add"))
        self.rename_button = QPushButton(self.tr("Rename to This"))
        self.remove_button = QPushButton(self.tr("Remove the Board"))
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.done_button = self.buttons.addButton(self.tr("Done"), QDialogButtonBox.ButtonRole.AcceptRole)
        self._lay_out()
        self._connect()
        self._read()
        self.new.setFocus()

    # What there is

    def _read(self) -> None:
        ids = self._ids

        def read(queue: Queue, gallery: Gallery) -> tuple[dict[str, int], dict[str, int]]:
            boards = Boards(gallery)
            return boards.counts(), boards.shared(ids)

        self._studio.bridge.ask(read, lambda answer: self._show(*answer), self._fail, self)

    def _show(self, counts: dict[str, int], shared: dict[str, int]) -> None:
        """Lists the boards; what was checked meanwhile stays so."""
        checked = {
            item.data(_NAME): item.checkState() for item in self.items() if item.checkState() != item.data(_STATE)
        }
        self.list.clear()
        for name in counts:
            on = shared.get(name, 0)
            state = _ON if on == len(self._ids) else _PARTLY if on else _OFF
            self._append(name, state, checked.get(name, state), self.locale().toString(counts[name]))
        self._show_buttons()

    def _append(self, name: str, before: Qt.CheckState, state: Qt.CheckState, count: str) -> None:
        item = QListWidgetItem(f"{name}   {count}".rstrip())
        item.setData(_NAME, name)
        item.setData(_STATE, before)
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(state)
        if before == _PARTLY:
            item.setData(Qt.ItemDataRole.ToolTipRole, plain_tooltip(self.tr("Some of the chosen pictures are on it.")))
        self.list.addItem(item)

    def items(self) -> list[QListWidgetItem]:
        """Returns what is listed."""
        return [self.list.item(row) for row in range(self.list.count())]

    def _show_buttons(self) -> None:
        typed, chosen = bool(self.new.text().strip()), self.list.currentItem() is not None
        (self.add_button if typed else self.done_button).setDefault(True)  # which Return presses
        self.add_button.setEnabled(typed)
        self.rename_button.setEnabled(typed and chosen)
        self.remove_button.setEnabled(chosen)

    # The boards themselves

    def _add(self) -> None:
        """Lists a new board, checked; it is made by *Done*."""
        name = " ".join(self.new.text().split())
        if not name:
            return
        known = next((item for item in self.items() if item.data(_NAME).lower() == name.lower()), None)
        if known is not None:
            known.setCheckState(_ON)
        else:
            self._append(name, _OFF, _ON, "")
        self.new.clear()
        self.fault.say("")

    def _rename(self) -> None:
        """Gives the current board the name that is typed."""
        item, new = self.list.currentItem(), self.new.text()
        if item is not None and new.strip():
            old = item.data(_NAME)
            self._change(lambda boards: boards.rename(old, new), lambda _: self.new.clear())

    def _remove(self) -> None:
        item = self.list.currentItem()
        if item is None:
            return
        name = item.data(_NAME)

        def offer(ids: list[int]) -> None:
            text = self._studio.tr("The board {0} is removed; its pictures stay.").format(name)
            self._studio.offer_undo(text, lambda: _change(self._studio, lambda boards: boards.add(name, ids)))

        self._change(lambda boards: boards.remove(name), offer)

    def _change(self, work: Callable[[Boards], Any], then: Callable[[Any], None] | None = None) -> None:
        def changed(result: Any) -> None:
            if then is not None:
                then(result)
            self.fault.say("")
            self._read()

        self._studio.bridge.change(lambda queue, gallery: work(Boards(gallery)), changed, self._fail, self)

    def _fail(self, error: Exception) -> None:
        self.fault.say(in_words(error))

    # The answer

    def accept(self) -> None:
        self._add()  # what was typed and not added yet is meant
        wanted = {
            item.data(_NAME): item.checkState() for item in self.items() if item.checkState() != item.data(_STATE)
        }
        studio, ids = self._studio, self._ids

        def change(queue: Queue, gallery: Gallery) -> Changed:
            boards, added, taken = Boards(gallery), {}, {}
            for name, state in wanted.items():
                if state == _ON:
                    added[name] = boards.add(name, ids)
                elif state == _OFF and name in boards.counts():
                    taken[name] = boards.take_off(name, ids)
            return Changed(added, taken)

        def close(changed: Changed) -> None:
            self._tell(changed)
            QDialog.accept(self)

        if wanted:
            studio.bridge.change(change, close, self._fail, self)
        else:
            super().accept()

    def _tell(self, changed: Changed) -> None:
        names = ", ".join([*changed.added, *changed.taken])
        text = self._studio.tr("Boards changed: {0}.").format(names)
        self._studio.offer_undo(text, partial(_change, self._studio, changed.undo))

    # Building

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(lambda *_: self._show_buttons())
        self.new.textChanged.connect(lambda _: self._show_buttons())
        self.add_button.clicked.connect(self._add)
        self.rename_button.clicked.connect(self._rename)
        self.remove_button.clicked.connect(self._remove)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def _lay_out(self) -> None:
        title = PlainLabel(self.tr("The %Ln chosen pictures are on:", "", len(self._ids)))
        set_kind(title, "strong")
        set_kind(self.done_button, "accent")
        self.done_button.setDefault(True)
        for button in (self.add_button, self.rename_button, self.remove_button):
            button.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        column.addWidget(title)
        column.addWidget(self.list, 1)
        set_tooltip(self.add_button, self.tr("Make a board of this name and put the pictures on it"))
        set_tooltip(self.rename_button, self.tr("Give the board that is marked in the list this name"))
        set_tooltip(self.remove_button, self.tr("Forget the board that is marked in the list; its pictures stay"))
        for widgets in ((self.new, self.add_button), (self.rename_button, self.remove_button)):
            row = QHBoxLayout()
            row.setSpacing(GAP)
            for widget in widgets:
                row.addWidget(widget)
            column.addLayout(row)
        column.addWidget(self.fault)
        column.addWidget(self.buttons)


def _change(studio: Studio, work: Callable[[Boards], object]) -> None:
    def failed(error: Exception) -> None:
        studio.say(in_words(error), "warning")

    studio.bridge.change(lambda queue, gallery: work(Boards(gallery)), None, failed, studio)
