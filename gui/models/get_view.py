"""*Get Models*: what can be had from the hub by a click or by its address. Nothing is asked of the network before a press."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from gui.commands.panel import TaskPanel
from gui.commands.tasks import DONE, Task, Tasks
from gui.look.plain import PlainLabel
from gui.look.readable import percent, size_in_words
from gui.look.theme import GAP, PAD, set_kind
from gui.models.get_details import GetDetails
from gui.models.get_rows import GetRow, read_rows, row_of
from gui.models.get_table import GetTable
from gui.models.hub_downloads import Download, DownloadState, HubDownloads
from gui.models.tables import ThingsTable
from gui.shell.background import LatestRun, in_words
from gui.shell.file_dialogs import ask_files
from gui.shell.studio import Studio
from gui.widgets.cards import least_width
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import InvalidRequest
from sdedge.places import data_folder
from sdedge.weights.hub import host


class GetView(QWidget):
    """The list at the left, with a field for addresses above it; beside it what was chosen."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._reading = LatestRun(studio.bridge.background, self)
        self._typed: list[GetRow] = []
        self.downloads = HubDownloads(studio.bridge.background, self)
        self.tasks = Tasks(self)
        """Files that are added rather than downloaded."""
        self.model = GetTable(self._say_state, self)
        self.table, self.details = self._table(), GetDetails()
        self.address, self.fault, self.look = QLineEdit(), FaultLabel(), QPushButton(self.tr("Look Up"))
        self._lay_out()
        self._connect()
        self.read()

    # What there is

    def read(self) -> None:
        """Looks at the library and at what was begun again."""
        self._reading.run(read_rows, self._take, self._failed)

    def _take(self, rows: Sequence[GetRow]) -> None:
        chosen = self.current()
        for row in rows:
            self.downloads.take(row)
        listed = {row.wanted for row in rows}
        self.model.show([*(row for row in self._typed if row.wanted not in listed), *rows])
        self.choose(chosen.wanted if chosen else "")

    def current(self) -> GetRow | None:
        """Returns the chosen row."""
        row = self.table.currentIndex().row()
        return self.model.rows[row] if 0 <= row < len(self.model.rows) else None

    def choose(self, wanted: str) -> None:
        """Chooses a row by what it is, or the first."""
        row = self.model.row_of(wanted)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(self.model.index(row or 0, 0), flags)
        self._show_chosen()

    def look_up(self) -> None:
        """Puts what was typed into the list, and asks the hub for it; what is no address is told beneath the field."""
        text = self.address.text()
        try:
            row = row_of(text)
        except InvalidRequest as error:
            self.fault.say(in_words(error))
            return
        self.fault.say("")
        known = next((each for each in self.model.rows if row.wanted in (each.wanted, each.repository)), None)
        if known is None:
            self._typed.insert(0, row)
            self.model.show([row, *self.model.rows])
        self.choose((known or row).wanted)
        self.address.clear()
        self._do("ask")
        self.details.focus_first()  # the button is disabled now, and what comes is there

    # What can be done with one

    def _do(self, what: str) -> None:
        row = self.current()
        if row is None:
            return
        download = self.downloads.of(row.wanted)
        if what == "ask":
            if download.state in (DownloadState.IDLE, DownloadState.FAILED) and not download.begun:
                self.downloads.ask(row.wanted)
        elif what == "start":
            begun = download.state is not DownloadState.OFFERED
            self.downloads.start(row.wanted, download.edition if begun else self.details.chosen_edition())
        elif what == "pause":
            self.downloads.pause(row.wanted)
        elif what == "discard":
            self._discard(row)
        elif what == "use":
            self._use(download)
        elif what == "models":
            self._studio.show_view("models")
        elif what == "file":
            self._ask_for_vocabulary()

    def _discard(self, row: GetRow) -> None:
        self.downloads.discard(row.wanted)
        if row in self._typed:
            self._typed.remove(row)
            self.model.show([each for each in self.model.rows if each != row])
            self.choose("")

    def _use(self, download: Download) -> None:
        form = self._studio.form
        self._studio.withdraw(download.wanted)
        if download.role == "model":
            form.put(model=download.installed)
        elif download.role == "vae":
            form.put(vae=download.installed)
        else:
            name = download.installed
            form.put(prompt=f"{form.prompt} {f'<lora:{name}:1>' if download.role == 'lora' else name}".strip())
        self._studio.show_view("create")

    def _ask_for_vocabulary(self) -> None:
        kinds = self.tr("CLIP's vocabulary ({0})").format("*.gz *.whl *.json *.txt")
        for name in ask_files(self, self._studio.settings, "vocabulary", self.tr("Choose CLIP's Vocabulary"), kinds)[
            :1
        ]:
            self.tasks.add(self.tr("Adding CLIP's vocabulary"), ["tokenizer", "install", "--", name])

    def _task_ended(self, task: Task) -> None:
        if task.state == DONE:
            self.tasks.dismiss(task)
            self._studio.library_changed.emit()

    def _give_token(self, token: str) -> None:
        if (row := self.current()) is not None:
            try:
                self.downloads.give_token(token, row.wanted)
            except InvalidRequest as error:
                self.details.token.refuse(in_words(error))

    def _forget_token(self) -> None:
        if (row := self.current()) is not None:
            self.downloads.forget_token(row.wanted)

    def _installed(self, wanted: str, name: str, role: str) -> None:
        self._studio.library_changed.emit()
        row = self.current()
        if self._studio.settings.view == "get" and row is not None and row.wanted == wanted:
            return  # it is in sight, with its button
        download = self.downloads.of(wanted)
        if role in ("model", "vae", "lora", "embedding"):
            self._studio.say(
                self.tr("{0} is installed.").format(name), "good", self.tr("Use It"), lambda: self._use(download)
            )
        else:
            self._studio.say_briefly(self.tr("{0} is installed.").format(name))

    def _say_token(self, stored: bool) -> None:
        self._studio.say_briefly(
            self.tr("The token is in the system's keyring.")
            if stored
            else self.tr("The token is used until sdedge is closed; the system has no keyring that sdedge can use.")
        )

    def _failed(self, error: Exception) -> None:
        self._studio.say(in_words(error), "bad")

    # What is shown

    def _tell(self, wanted: str) -> None:
        self.model.tell(wanted)
        if (row := self.current()) is not None and row.wanted == wanted:
            self._show_chosen()

    def _show_chosen(self) -> None:
        row = self.current()
        self.details.setVisible(row is not None)
        if row is not None:
            kind = self.model.kind(row.role)
            self.details.show_row(row, self.downloads.of(row.wanted), kind, host(), _free_bytes())

    def _say_state(self, row: GetRow) -> str:
        download, states = self.downloads.of(row.wanted), DownloadState
        if download.state in (states.RUNNING, states.PAUSED) and download.size:
            done = percent(download.done / download.size)
            return done if download.state is states.RUNNING else self.tr("Paused, {0}").format(done)
        if download.state is states.OFFERED and download.offer.get("editions"):
            return size_in_words(download.offer["editions"][0]["size"])
        if download.wants_token:
            return self.tr("Wants access")
        return {
            states.ASKING: self.tr("Asking…", "the hub"),
            states.WAITING: self.tr("Waiting"), states.RUNNING: self.tr("Beginning"),
            states.ADDING: self.tr("Adding"), states.PAUSED: self.tr("Paused"), states.FAILED: self.tr("Failed"),
            states.INSTALLED: self.tr("Installed"),
        }.get(download.state, "")  # fmt: skip

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.table.setFocus()
        self.read()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.downloads.close()
        self.tasks.close()
        self._studio.settings.set_state("get", self._splitter.saveState())
        super().closeEvent(event)

    # Building

    def _connect(self) -> None:
        self.details.asked.connect(self._do)
        self.details.token_typed.connect(self._give_token)
        self.details.token.forget.clicked.connect(self._forget_token)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_chosen())
        self.table.activated.connect(lambda _: self.details.focus_first())
        self.downloads.changed.connect(self._tell)
        self.downloads.installed.connect(self._installed)
        self.downloads.token_stored.connect(self._say_token)
        self.tasks.finished.connect(self._task_ended)
        self.look.clicked.connect(self.look_up)
        self.address.returnPressed.connect(self.look_up)
        self.address.textChanged.connect(lambda text: self.look.setEnabled(bool(text.strip())))
        self._studio.library_changed.connect(self.read)

    def _table(self) -> ThingsTable:
        table = ThingsTable(self.model, wide=1, spared=2, room=560)
        table.setAccessibleName(self.tr("What can be got"))
        return table

    def _lay_out(self) -> None:
        set_kind(self, "window")
        main, bar = QWidget(), QHBoxLayout()
        column = QVBoxLayout(main)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        self.address.setPlaceholderText(self.tr("Another one: OWNER/NAME, or its address at huggingface.co"))
        self.address.setAccessibleName(self.tr("Address of a model"))
        self.address.setMaxLength(600)
        self.look.setEnabled(False)
        bar.setSpacing(GAP)
        bar.addWidget(self.address, 1)
        bar.addWidget(self.look)
        hint = PlainLabel(
            self.tr("Models of the community, LoRAs and everything else that the hub has for v1 come by their address.")
        )
        hint.setWordWrap(True)
        set_kind(hint, "caption")
        column.addLayout(bar)
        column.addWidget(self.fault)
        column.addWidget(self.table, 1)
        column.addWidget(hint)
        column.addWidget(TaskPanel(self.tasks, self._studio.theme))
        self.details.setMinimumWidth(max(280, least_width(self.details)))
        self.details.setMaximumWidth(420)
        self._splitter = QSplitter()
        self._splitter.addWidget(main)
        self.notices_over = main
        """Where a notice may lie: beside the buttons of what is chosen."""
        self._splitter.addWidget(self.details)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setStretchFactor(0, 1)
        self._splitter.setSizes([940, 340])
        if (state := self._studio.settings.state("get")) is not None:
            self._splitter.restoreState(state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._splitter)


def _free_bytes() -> int:
    """Returns the room on the disk of the library."""
    folder = data_folder()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
