"""Control and pictures: ControlNets, T2I-Adapters and IP-Adapters, a row each, and what they cost."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTemporaryDir, Signal
from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout, QWidget

from gui.commands.command import Command
from gui.form.control_row import PREFIX, ControlRowView
from gui.form.fields import watch
from gui.form.names import Names
from gui.look.plain import PlainLabel, menu_text, set_tooltip
from gui.look.theme import GAP, plain_button, set_kind
from gui.shell.advice import for_the_window
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.control_syntax import MAX_CONTROLS
from sdedge.controls import Control


class ControlSection(QWidget):
    """`hint_wanted` carries a hint to be seen large, and what it is called."""

    hint_wanted = Signal(object, str)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio, self._form = studio, studio.form
        self._controls: list[tuple[str, str]] = []
        self._models: list[str] = []
        self.rows: list[ControlRowView] = []
        self.pricing: Command | None = None
        self._folder: QTemporaryDir | None = None
        self.add = QPushButton(self.tr("Add a control…"))
        self.add.setMenu(QMenu(self.add))
        set_tooltip(
            self.add, self.tr("A ControlNet, T2I-Adapter or IP-Adapter, with a picture that says what goes where")
        )
        self.note, self.price, self.fault = PlainLabel(), PlainLabel(), FaultLabel()
        self.price_button = plain_button(self.tr("What do they cost?"), self.ask_price)
        set_tooltip(
            self.price_button, self.tr("Time and memory that they add, planned or measured here; nothing is drawn")
        )
        self._lay_out()
        watch(self, self._form, self._follow, "controls", "card")

    def offer(self, names: Names) -> None:
        """Offers the control models that are installed; a converted model has its own."""
        self._controls = names.controls
        self._follow()

    def close_processes(self) -> None:
        """Ends what makes hints and asks for prices."""
        for row in self.rows:
            row.preview.close()
        self._end_pricing()

    # Following

    def _offered(self) -> list[tuple[str, str]]:
        card = self._form.card
        return self._controls if card is None or card.controls is None else [(name, "") for name in card.controls]

    def _follow(self) -> None:
        controls = self._form.controls
        if (models := [control.model for control in controls]) != self._models:
            self._form.forget_typed(PREFIX)
            self._models = models
        offered = self._offered()
        for number in range(len(self.rows), len(controls)):
            row = ControlRowView(self._studio, number)
            row.remove.clicked.connect(partial(self._remove, number))
            row.hint_wanted.connect(self.hint_wanted)
            row.offer(offered)
            self.rows.append(row)
            self._column.addWidget(row)
        if offered != getattr(self, "_filled", None):
            self._filled = offered
            self._fill(offered)
        self.add.setEnabled(bool(offered) and len(controls) < MAX_CONTROLS)
        self.note.setVisible(not offered)
        self._end_pricing()  # it would be that of other controls
        self.price.setText("")
        for widget in (self.price_button, self.price):
            widget.setVisible(bool(controls) and widget is self.price_button)
        self.fault.say("")

    def _fill(self, offered: list[tuple[str, str]]) -> None:
        for row in self.rows:
            row.offer(offered)
        menu = self.add.menu()
        menu.clear()
        for name, _ in offered:
            menu.addAction(menu_text(name), partial(self._add, name))

    def _add(self, name: str) -> None:
        self._form.put(controls=(*self._form.controls, Control(name)))

    def _remove(self, number: int) -> None:
        form, before = self._form, self._form.controls
        if number < len(before):
            form.put(**self.rows[number].row.removed())
            text = self.tr("The control {0} is taken out.").format(before[number].model)
            self._studio.offer_undo(text, lambda: form.put(controls=before))

    # Price

    def ask_price(self) -> None:
        """Asks the engine, in a process of its own, what the controls add."""
        request = self._form.draft()
        if request is None or self.pricing is not None:
            return
        if self._folder is None:
            self._folder = QTemporaryDir()
        file = Path(self._folder.path()) / "request.jsonl"
        settings = {name: value for name, value in json.loads(request.to_json()).items() if value is not None}
        file.write_text(json.dumps(settings) + "\n", "utf-8")
        self.price_button.setEnabled(False)
        self.price_button.setText(self.tr("Asking…"))
        command = self.pricing = Command(["generate", f"--from-file={file}", "--dry-run"], self)
        command.ended.connect(lambda failure: self._show_price(command, failure))
        command.start()

    def _show_price(self, command: Command, failure: str) -> None:
        if command is not self.pricing:
            return
        notes = command.notes
        self._end_pricing()
        self.fault.say(failure)
        self.price.setText("" if failure else for_the_window(" ".join(notes)))
        self.price.setVisible(bool(self.price.text()))

    def _end_pricing(self) -> None:
        """Asks no more, and can be asked again."""
        if self.pricing is not None:
            self.pricing.leave()
            self.pricing = None
            self.price_button.setEnabled(True)
            self.price_button.setText(self.tr("What do they cost?"))

    # Building

    def _lay_out(self) -> None:
        self.note.setText(
            self.tr("No control model is installed: get one under Get Models, or drop its file on Models.")
        )
        for label in (self.note, self.price):
            label.setWordWrap(True)
            set_kind(label, "caption")
        rows = QWidget()
        self._column = QVBoxLayout(rows)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2 * GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (rows, self.add, self.note, self.price_button, self.price, self.fault):
            column.addWidget(widget)
