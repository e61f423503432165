"""The library: what pictures are made with. Added by drop or dialog in a process of its own, checked, and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QFile, QItemSelectionModel, QSize
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QMessageBox,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from gui.commands.panel import TaskPanel
from gui.commands.tasks import DONE, FAILED, Task, Tasks
from gui.languages.texts import tr
from gui.look.plain import PlainLabel, message_box, set_tooltip
from gui.look.theme import GAP, PAD, set_kind
from gui.models.details import LibraryDetails
from gui.models.items import FileHashes, Item, read_items
from gui.models.table import ICON, LibraryModel
from gui.models.tables import ThingsTable
from gui.shell.background import LatestRun, in_words
from gui.shell.drops import MODELS
from gui.shell.file_dialogs import ask_file, ask_files, ask_folder
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from gui.widgets.cards import least_width
from gui.widgets.wrapping_check import WrappingCheck
from sdedge.errors import SdedgeError
from sdedge.library.model_notes import ModelNotes, trained_words
from sdedge.library.models import ROLES as INSTALLED
from sdedge.library.models import Library

USED = ("model", "vae", "lora", "embedding")
"""What the form takes from here; what else there is is chosen where it acts."""


class ModelsView(QWidget):
    """The table of everything installed, details beside it, running imports below."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._reading, self._hashing = (LatestRun(studio.bridge.background, self) for _ in range(2))
        self._hashes = FileHashes()
        self.model = LibraryModel(self)
        self.tasks = Tasks(self)
        self.details = LibraryDetails()
        self.table = self._table()
        self.link = WrappingCheck(self.tr("Leave the files where they are"))
        set_tooltip(self.link, self.tr("Remember where a model is instead of copying it"))
        self.question: QMessageBox | None = None
        self.setAcceptDrops(True)
        self._lay_out()
        self.tasks.finished.connect(self._task_ended)
        self.details.asked.connect(self._do)
        self.details.licence_named.connect(self._record_licence)
        self._trained: dict[Path, tuple[str, ...]] = {}
        notes = self.details.notes
        notes.text_written.connect(
            lambda item, text: self._note(item, lambda notes: notes.set_text(item.name, item.role, text))
        )
        notes.triggers_written.connect(
            lambda item, triggers: self._note(item, lambda notes: notes.set_triggers(item.name, item.role, triggers))
        )
        notes.picture_asked.connect(self._ask_for_picture)
        notes.word_wanted.connect(self._put_word)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_chosen())
        studio.library_changed.connect(self.read)
        studio.models_wanted.connect(lambda paths: self.add([Path(path) for path in paths]))
        self.read()

    # What there is

    def read(self) -> None:
        """Looks at the library again."""
        self._reading.run(read_items, self._take, self._failed)

    def _take(self, items: Sequence[Item]) -> None:
        chosen = self.current()
        self.model.show(items)
        row = self.model.row_of(chosen.name, chosen.role) if chosen else None
        self.choose(row or 0)

    def current(self) -> Item | None:
        """Returns the chosen item."""
        row = self.table.currentIndex().row()
        return self.model.items[row] if 0 <= row < len(self.model.items) else None

    def choose(self, row: int) -> None:
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.table.selectionModel().setCurrentIndex(self.model.index(row, 0), flags)
        self._show_chosen()

    def _show_chosen(self) -> None:
        item = self.current()
        self.details.setVisible(item is not None)
        if item is None:
            return
        self.details.show_item(item, self.model.state(item), self._trained.get(item.path, ()))
        if item.role == "lora" and item.path not in self._trained:
            self._read_words(item)
        if not item.hash and not item.embedded and item.here:

            def show_hash(digest: str) -> None:
                if self.current() == item:
                    trained = self._trained.get(item.path, ())
                    self.details.show_item(replace(item, hash=digest), self.model.state(item), trained)

            self._hashes.want(item.path)
            self._hashing.run(lambda: self._hashes.of(item.path), show_hash, self._failed)

    def _read_words(self, item: Item) -> None:
        def show(trained: tuple[str, ...]) -> None:
            self._trained[item.path] = trained
            if self.current() == item:
                self.details.notes.show_item(item, trained)

        self._studio.bridge.background.run(lambda: trained_words(item.path), show, None, self)

    # Notes

    def _note(self, item: Item, work: Callable[[ModelNotes], None]) -> None:
        """Changes what is kept beside an item."""
        self._change(lambda library: work(ModelNotes(library)))

    def _ask_for_picture(self, choose: bool) -> None:
        item = self.current()
        if item is None:
            return
        name, role = item.name, item.role
        if not choose:
            picture = item.note.picture
            self._note(item, lambda notes: notes.set_picture(name, role, None))
            text = self.tr("{0} has no picture any more.").format(name)
            self._studio.offer_undo(
                text, lambda: self._note(item, lambda notes: notes.restore_picture(name, role, picture))
            )
            return
        kinds = self.tr("Pictures ({0})").format("*.png *.jpg *.jpeg *.webp")
        if path := ask_file(self, self._studio.settings, "pictures", self.tr("Picture of {0}").format(name), kinds):
            self._note(item, lambda notes: notes.set_picture(name, role, Path(path)))

    def _put_word(self, word: str) -> None:
        """Puts a trigger word into the prompt, unless it is there."""
        form, studio = self._studio.form, self._studio
        before = form.prompt
        if word.lower() in before.lower():
            studio.say_briefly(self.tr("The prompt has {0} already.").format(word))
            return
        form.put(prompt=f"{before}, {word}" if before.strip() else word)
        studio.offer_undo(self.tr("{0} is in the prompt.").format(word), lambda: form.put(prompt=before))

    # Adding

    def add(self, paths: Sequence[Path]) -> None:
        """Imports these, one after the other, in a process of their own."""
        gone = [path for path in paths if not path.exists()]
        for path in paths:
            if path.exists():
                link = ["--link"] if self.link.isChecked() else []
                self.tasks.add(self.tr("Adding {0}").format(path.name), ["models", "add", str(path), "--json", *link])
        if gone:
            self._studio.say(self.tr("{0} is not there any more.").format(gone[0]), "bad")

    def ask_for_files(self) -> None:
        files = " ".join(f"*{suffix}" for suffix in (*MODELS, ".png"))
        kinds, every = self.tr("Models, VAEs, LoRAs, embeddings ({0})").format(files), self.tr("All files (*)")
        names = ask_files(self, self._studio.settings, "models", self.tr("Add Models"), f"{kinds};;{every}")
        self.add([Path(name) for name in names])

    def _ask_for_folder(self) -> None:
        title = self.tr("Add a Diffusers Folder or Converted Model")
        if name := ask_folder(self, self._studio.settings, "models", title):
            self.add([Path(name)])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        urls = event.mimeData().urls()
        self.add([Path(url.toLocalFile()) for url in urls if url.isLocalFile()])
        if not all(url.isLocalFile() for url in urls):
            self._studio.say(
                self.tr("Only files and folders of this computer can be added; download it first."), "warning"
            )
        event.acceptProposedAction()

    def _task_ended(self, task: Task) -> None:
        for event in task.events:
            if event.get("event") == "Verified" and not event["faults"]:
                task.message = self.tr("Every file is as it was added.")
            elif event.get("event") == "Verified":
                task.message = " ".join(f"{fault}." for fault in event["faults"])
        if task.state == DONE and task.arguments[1] == "add":
            self.tasks.dismiss(task)
        if task.state in (DONE, FAILED):
            self._studio.library_changed.emit()

    @property
    def unfinished(self) -> str:
        """What would be lost if the window closed now, in words; files can be verified again at any time."""
        lost = [task for task in self.tasks.all if not task.over and task.arguments[1] == "add"]
        return self.tr("{0} is not finished.").format(lost[0].title) if lost else ""

    # What can be done with one

    def _do(self, what: str) -> None:
        item = self.current()
        if item is None:
            return
        if what == "use":
            self._use(item)
        elif what == "default":
            self._change(lambda library: library.set_default(item.name))
        elif what == "accept":
            self._change(lambda library: library.accept(item.licence))
        elif what == "verify":
            self.tasks.add(self.tr("Verifying {0}").format(item.name), ["models", "verify", item.name, "--json"])
        elif what == "reveal":
            reveal(item.path)
        elif what == "remove":
            self._ask_to_remove(item)

    def _record_licence(self, licence: str) -> None:
        if (item := self.current()) is not None:
            self._change(lambda library: library.set_licence(item.name, licence))

    def _use_current(self) -> None:
        """Uses what is chosen, where that can be: control models and the like are chosen where they act."""
        item = self.current()
        if item is not None and item.usable and item.role in USED:
            self._use(item)

    def _use(self, item: Item) -> None:
        form = self._studio.form
        if item.role == "model":
            form.put(model=item.name)
        elif item.role == "vae":
            form.put(vae=item.name)
        else:
            word = f"<lora:{item.name}:1>" if item.role == "lora" else item.name
            form.put(prompt=f"{form.prompt} {word}".strip())
        self._studio.show_view("create")

    def _change(self, work: object) -> None:
        def change() -> None:
            library = Library()
            try:
                work(library)  # type: ignore[operator]
            finally:
                library.close()

        background, changed = self._studio.bridge.background, self._studio.library_changed
        background.run(change, lambda _: changed.emit(), self._failed, self, lasting=True)

    def _ask_to_remove(self, item: Item) -> None:
        """Files that were copied in are deleted for good, so this is asked; everything else can be taken back."""
        if item.role in INSTALLED and not item.linked:
            question = self.question = message_box(
                self,
                self.tr("Delete {0} from the library?").format(item.name),
                self.tr("Its copy in {0} is deleted for good.").format(item.path.parent),
            )
            button = question.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
            question.setDefaultButton(question.addButton(QMessageBox.StandardButton.Cancel))
            button.clicked.connect(lambda: self.remove(item))
            question.open()
        else:
            self.remove(item)

    def remove(self, item: Item) -> None:
        """Takes it out of the library; LoRAs and embeddings go to the system's trash."""
        if item.role in INSTALLED:
            self._change(lambda library: library.remove(item.name))
        else:
            background, changed = self._studio.bridge.background, self._studio.library_changed
            background.run(lambda: _trash(item.path), lambda _: changed.emit(), self._failed, self, lasting=True)

    def _failed(self, error: Exception) -> None:
        self._studio.say(in_words(error), "bad")

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.table.setFocus()
        self.read()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.details.notes.flush()
        self.tasks.close()
        self._studio.settings.set_state("models", self._splitter.saveState())
        super().closeEvent(event)

    # Building

    def _table(self) -> ThingsTable:
        table = ThingsTable(self.model, wide=0, spared=2, room=560)
        table.setAccessibleName(self.tr("Models, VAEs, LoRAs and embeddings"))
        table.setIconSize(QSize(ICON, ICON))
        table.activated.connect(lambda _: self._use_current())
        return table

    def _lay_out(self) -> None:
        set_kind(self, "window")
        main = QWidget()
        column = QVBoxLayout(main)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        bar = QHBoxLayout()
        bar.setSpacing(PAD)
        menu = QMenu(self)
        menu.addAction(self.tr("Files…"), self.ask_for_files)
        menu.addAction(self.tr("Folder…"), self._ask_for_folder)
        self.add_button = QPushButton(self.tr("Add Models"))
        set_kind(self.add_button, "accent")
        self.add_button.setMenu(menu)
        bar.addWidget(self.add_button)
        bar.addWidget(self.link)
        bar.addStretch(1)
        self.get_button = QPushButton(self.tr("Get Models"))
        self.get_button.clicked.connect(lambda: self._studio.show_view("get"))
        bar.addWidget(self.get_button)
        hint = PlainLabel(
            self.tr("Drop models, VAEs, LoRAs, embeddings, control models, upscalers or detectors anywhere here.")
        )
        hint.setWordWrap(True)
        set_kind(hint, "caption")
        column.addLayout(bar)
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
        self._splitter.setSizes([960, 320])
        if (state := self._studio.settings.state("models")) is not None:
            self._splitter.restoreState(state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._splitter)


def _trash(path: Path) -> None:
    """Moves it into the system's trash. Raises SdedgeError."""
    if not QFile.moveToTrash(str(path)):
        raise SdedgeError(tr("Cannot move {0} to the trash; delete it yourself.").format(path))
