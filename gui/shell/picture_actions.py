"""What can be done with a picture, wherever it is seen: on the canvas, among the recent ones, in the gallery."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QDialog, QMenu, QWidget

from gui.shell.background import in_words
from gui.shell.file_dialogs import ask_where
from gui.shell.pictures import finished
from gui.shell.restoring import Restored, from_entry
from gui.shell.reveal import reveal
from sdedge.errors import InvalidRequest
from sdedge.files import atomic_write, open_regular
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.jobs import Job, Queue

if TYPE_CHECKING:
    from gui.shell.studio import Studio

T = TypeVar("T")

VARIATIONS = 4  # drawn at a time
VARIATION = 0.2  # how far they are from the picture, where its own settings do not say

# In the order of the menus; None is a line.
MENU: tuple[str | None, ...] = (
    "use-settings", "use-seed", "vary", None, "edit-picture", "paint-picture", "enlarge", None, "copy-picture", "copy-prompt",
    "save-as", "export", "reveal", None, "information", "compare", "favourite", "board", "model-picture", None, "trash",
)  # fmt: skip
_OF_MANY = ("favourite", "trash", "export", "board", "enlarge")
_DIALOGS = {
    "export": "gui.gallery.export_dialog:ExportDialog", "board": "gui.gallery.board_dialog:BoardDialog",
    "enlarge": "gui.gallery.enlarge_dialog:EnlargeDialog",
}  # fmt: skip
_OF_A_FILE = ("edit-picture", "paint-picture", "copy-picture", "save-as", "reveal")


@dataclass(frozen=True)
class Subject:
    """The picture that actions are about; of several chosen ones `entry` is the current one. A picture that is none of the
    gallery's, such as one to start from, has a path alone."""

    ids: tuple[int, ...] = ()
    entry: GalleryEntry | None = None
    path: Path | None = None

    @staticmethod
    def of(entry: GalleryEntry) -> Subject:
        return Subject((entry.id,), entry, entry.path)

    def allows(self, id: str) -> bool:
        """Returns whether the action can be done with it."""
        if id in _OF_MANY:
            return bool(self.ids)
        if id == "compare":
            return len(self.ids) == 2
        if id == "model-picture":
            return bool(self.entry and self.entry.model)
        return self.path is not None if id in _OF_A_FILE else self.entry is not None


NOTHING = Subject()


class PictureActions(QObject):
    """One per window. Each view says what picture it shows; the one in front is what the menu and the keys are about."""

    changed = Signal()
    """Another picture, or another view, or another mark."""
    marked = Signal(list, bool)
    """(ids, favourite)."""
    comparing = Signal(list)
    """Show these two beside each other: (ids)."""
    drawing = Signal()
    """Pictures were lined up: show what is drawn."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self._subjects: dict[str, Subject] = {}
        self._view = ""
        for id in filter(None, MENU):
            studio.actions.bind(id, partial(self.do, id))
        self._refresh()

    # What it is about

    @property
    def subject(self) -> Subject:
        return self._subjects.get(self._view, NOTHING)

    def seen_in(self, view: str) -> Subject:
        """Returns the picture that a view shows, whether it is in front or not."""
        return self._subjects.get(view, NOTHING)

    def show(self, view: str, subject: Subject) -> None:
        """Notes that the view shows this picture now."""
        self._subjects[view] = subject
        self._refresh()

    def look_at(self, view: str) -> None:
        """Notes that this view is in front."""
        self._view = view
        self._refresh()

    def _refresh(self) -> None:
        subject = self.subject
        for id in filter(None, MENU):
            self._studio.actions[id].setEnabled(subject.allows(id))
        self._studio.actions["favourite"].setChecked(bool(subject.entry and subject.entry.favourite))
        self.changed.emit()

    def menu(self, parent: QWidget, subject: Subject | None = None) -> QMenu:
        """Returns a menu about a picture, which goes when it is closed."""
        about = self.subject if subject is None else subject
        menu = QMenu(parent)
        for id in MENU:
            if id is None:
                menu.addSeparator()
                continue
            action = self._studio.actions[id]
            if about == self.subject:
                menu.addAction(action)
                continue
            entry = menu.addAction(action.text(), partial(self.do, id, about))
            entry.setEnabled(about.allows(id))
            if id == "favourite":
                entry.setCheckable(True)
                entry.setChecked(bool(about.entry and about.entry.favourite))
        menu.aboutToHide.connect(menu.deleteLater)
        return menu

    # Doing

    def do(self, id: str, subject: Subject | None = None) -> None:
        """Does one of MENU with a picture, by default with the one in front."""
        subject = self.subject if subject is None else subject
        if not subject.allows(id):
            return
        if id == "favourite":
            self._mark(subject)
        elif id == "trash":
            self.trash(subject.ids)
        elif id == "compare":
            self.comparing.emit(list(subject.ids))
        elif id in _DIALOGS:
            self._ask(_DIALOGS[id], subject.ids)
        elif id in _OF_A_FILE and subject.path is not None:
            self._with_file(id, subject.path)
        elif subject.entry is not None:
            self._with_entry(id, subject.entry)

    def _ask(self, place: str, ids: Sequence[int]) -> None:
        """Opens a dialog about these pictures, which goes when it is closed."""
        from gui.shell.views import load

        dialog: QDialog = load(place)(self._studio, ids, self._studio.actions.parent())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _with_file(self, id: str, path: Path) -> None:
        works: dict[str, Callable[[Path], None]] = {
            "edit-picture": self._studio.edit_picture, "paint-picture": partial(self._studio.edit_picture, paint=True),
            "copy-picture": self._copy, "save-as": self._save, "reveal": reveal,
        }  # fmt: skip
        works[id](path)

    def _with_entry(self, id: str, entry: GalleryEntry) -> None:
        if id == "use-settings":
            self._in_background(partial(from_entry, entry), self._studio.drops.restore)
        elif id == "use-seed" and entry.seed is not None:
            self._studio.use_seed(entry.seed)
        elif id == "vary":
            self._in_background(partial(from_entry, entry), partial(self.vary, entry))
        elif id == "copy-prompt":
            QGuiApplication.clipboard().setText(entry.prompt)
            self._studio.say_briefly(self.tr("The prompt is copied."))
        elif id == "information":
            self._studio.show_picture(entry.id)
        elif id == "model-picture":
            self._in_background(partial(_keep_for_model, entry), self._tell_model_picture, lasting=True)

    def _tell_model_picture(self, model: str) -> None:
        self._studio.library_changed.emit()
        self._studio.say_briefly(self.tr("It is the picture of {0} under Models.").format(model))

    def vary(self, entry: GalleryEntry, restored: Restored) -> None:
        """Lines up pictures that are close to this one; the form stays as it is."""
        request, studio = restored.request, self._studio
        if restored.keep or restored.pictures:
            studio.drops.restore(restored)  # says what is missing
            return
        try:
            request = request.replace(
                seed=entry.seed, variation_seed=secrets.randbelow(2**32),
                variation_strength=request.variation_strength or VARIATION, safety=request.safety and studio.settings.safety,
            )  # fmt: skip
            output = studio.settings.output()
        except InvalidRequest as error:
            self._say(error)
            return

        def lined_up(job: Job) -> None:
            text = self.tr("%n variations of the picture are drawn.", "", VARIATIONS)
            studio.offer_undo(text, partial(studio.board.cancel, job.id))

        self.drawing.emit()
        studio.show_view("create")
        studio.bridge.add(request, output, VARIATIONS, then=lined_up, failed=self._say)

    def _copy(self, path: Path) -> None:
        def copy(image: QImage) -> None:
            data = QMimeData()
            data.setImageData(image)
            data.setUrls([QUrl.fromLocalFile(str(path))])
            QGuiApplication.clipboard().setMimeData(data)
            self._studio.say_briefly(self.tr("The picture is copied."))

        self._in_background(lambda: finished(path), copy)

    def _save(self, path: Path) -> None:
        """Saves a copy, byte for byte, so that what the file says of its making stays."""
        parent = self._studio.actions.parent()
        assert isinstance(parent, QWidget)
        kinds = self.tr("Pictures ({0})").format(f"*{path.suffix}")
        chosen = ask_where(parent, self._studio.settings, "copies", self.tr("Save a Copy"), path.name, kinds)
        if not chosen:
            return
        target = Path(chosen)
        if target.suffix.lower() != path.suffix.lower():
            target = target.with_name(target.name + path.suffix)

        def save() -> None:
            with open_regular(path) as source, atomic_write(target, replace=target == Path(chosen)) as file:
                shutil.copyfileobj(source, file)

        done = self.tr("A copy is saved as {0}.").format(target.name)
        self._in_background(save, lambda _: self._studio.say_briefly(done), lasting=True)

    def _mark(self, subject: Subject) -> None:
        """Marks what is not marked yet; takes the mark away where all of it is."""
        ids = subject.ids
        if len(ids) == 1:
            self.mark(ids, not (subject.entry and subject.entry.favourite))
            return

        def mark_all(are_favourites: bool) -> None:
            self.mark(ids, not are_favourites)

        self._studio.bridge.ask(lambda queue, gallery: gallery.are_favourites(ids), mark_all, self._say, self)

    def mark(self, ids: Sequence[int], favourite: bool = True) -> None:
        """Makes pictures favourites, or no favourites; of several that can be undone."""

        def mark(queue: Queue, gallery: Gallery) -> list[int]:
            return gallery.set_favourites(ids, favourite)

        def offer(changed: list[int]) -> None:
            if len(ids) > 1 and changed:
                yes = self.tr("%n pictures are favourites.", "", len(ids))
                no = self.tr("%n pictures are no favourites.", "", len(ids))
                self._studio.offer_undo(yes if favourite else no, partial(self._unmark, changed, not favourite))

        self._studio.bridge.change(mark, offer, self._say, self)
        self._show_mark(list(ids), favourite)

    def _unmark(self, ids: list[int], favourite: bool) -> None:
        self._studio.bridge.change(lambda _, gallery: gallery.set_favourites(ids, favourite), None, self._say, self)
        self._show_mark(ids, favourite)

    def _show_mark(self, ids: list[int], favourite: bool) -> None:
        """Shows in every view what is marked, before the gallery has it."""
        for view, known in self._subjects.items():
            if known.entry is not None and known.entry.id in ids:
                self._subjects[view] = replace(known, entry=replace(known.entry, favourite=favourite))
        self.marked.emit(ids, favourite)
        self._refresh()

    def trash(self, ids: Sequence[int]) -> None:
        """Sends pictures to the trash, which can be undone for a while."""
        batch = self._studio.trash.put(ids)
        text = self.tr("%n pictures moved to the trash.", "", len(batch))
        self._studio.offer_undo(text, partial(self._studio.trash.undo, batch), expires=True)

    def _in_background(self, work: Callable[[], T], then: Callable[[T], None], lasting: bool = False) -> None:
        self._studio.bridge.background.run(work, then, self._say, self, lasting)

    def _say(self, error: Exception) -> None:
        self._studio.say(in_words(error), "warning")


def _keep_for_model(entry: GalleryEntry) -> str:
    """Keeps a small copy of the picture beside its model; returns the model's name. Raises SdedgeError."""
    from sdedge.library.model_notes import ModelNotes
    from sdedge.library.models import EMBEDDED, Library

    library = Library()
    try:
        name = EMBEDDED if entry.model == EMBEDDED else library.find(entry.model).name
        ModelNotes(library).set_picture(name, "model", entry.path)
    finally:
        library.close()
    return name
