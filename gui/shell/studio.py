"""What every view is given: settings, theme, bridge and the form, and how to speak to the rest of the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.form.model import FormModel
from gui.form.regioning import removed
from gui.look.theme import Theme
from gui.queue.board import JobBoard
from gui.shell.actions import Actions
from gui.shell.bridge import Bridge
from gui.shell.drops import Drops
from gui.shell.editing import Editing
from gui.shell.picture_actions import PictureActions
from gui.shell.serving import Serving
from gui.shell.settings import Settings
from gui.shell.trash import Trash
from gui.shell.undo import SECONDS, UndoList
from sdedge.request import Request

UNDO = "undo"
"""The topic of notices that offer it."""


@dataclass(frozen=True)
class BannerNotice:
    """One line above the views: what happened, how bad it is (info, good, warning, bad), and what can be done."""

    text: str
    kind: str = "info"
    label: str = ""
    work: Callable[[], object] | None = None
    passing: bool = False
    """It goes away by itself after a while, as an offer to undo does."""
    topic: str = ""
    """What it is about, where that may be over before anybody reads it: `Studio.withdraw` takes it away then."""


class Studio(QObject):
    """One per window."""

    notified = Signal(object)
    withdrawn = Signal(str)
    """Notices about this topic do not hold any more."""
    view_wanted = Signal(str)
    files_wanted = Signal(list)
    """Paths that a person opened or dropped anywhere."""
    models_wanted = Signal(list)
    """Paths of models, LoRAs or embeddings to add; the view of models is shown before."""
    picture_wanted = Signal(int)
    """Show this picture of the gallery large, with what is known of it."""
    mask_wanted = Signal()
    """Paint a mask over the picture that the form starts from."""
    library_changed = Signal()
    """Models, VAEs, LoRAs or embeddings were added, removed or allowed."""

    def __init__(self, settings: Settings, theme: Theme, bridge: Bridge, actions: Actions) -> None:
        super().__init__(actions)
        self.settings, self.theme, self.bridge, self.actions = settings, theme, bridge, actions
        self.form = FormModel()
        """The settings of the next picture."""
        self.board = JobBoard(bridge)
        """The queue, and how far each job is."""
        self.drops = Drops(self)
        """Files and text from outside."""
        self.undoing = UndoList(self)
        self.undoing.taken_back.connect(partial(self.withdraw, UNDO))
        self.trash = Trash(bridge)
        self.pictures = PictureActions(self)
        """What can be done with the picture in front."""
        self.editing = Editing(self)
        self.serving = Serving(settings, self)
        """The server for other programs."""
        bridge.ready.connect(self.serving.start)  # the app has the queue by then

    def say(
        self, text: str, kind: str = "info", label: str = "", work: Callable[[], object] | None = None, topic: str = "",
    ) -> None:  # fmt: skip
        """Shows a notice above the views until it is closed, withdrawn, or another takes its place."""
        self.notified.emit(BannerNotice(text, kind, label, work, topic=topic))

    def withdraw(self, topic: str) -> None:
        """Takes back what was said about something that is over."""
        self.withdrawn.emit(topic)

    def say_briefly(self, text: str) -> None:
        """Shows a notice that goes away by itself."""
        self.notified.emit(BannerNotice(text, "good", passing=True))

    def offer_undo(self, text: str, work: Callable[[], object], expires: bool = False) -> None:
        """Says what was done, with a button that takes it back, for a while; Ctrl+Z does too, also later unless it
        `expires`.
        """
        step = self.undoing.push(text, work, SECONDS if expires else None)
        take_back = partial(self.undoing.take_back, step)
        self.notified.emit(BannerNotice(text, label=self.tr("Undo"), work=take_back, passing=True, topic=UNDO))

    def show_view(self, name: str) -> None:
        """Switches the window to a view of gui.shell.views."""
        self.view_wanted.emit(name)

    def show_picture(self, id: int) -> None:
        """Shows a picture of the gallery large, with what is known of it."""
        self.picture_wanted.emit(id)

    # What other views hand to the form

    def use_request(
        self, request: Request, keep: tuple[str, ...] = (), before: Mapping[str, Any] | None = None
    ) -> None:
        """Fills the form with a request's settings, but for the fields to `keep`, and shows it; can be undone, to the form as it
        was `before`, or as it is."""
        snapshot = self.form.snapshot() if before is None else before
        self.form.restore(request, keep)
        self.show_view("create")
        self.offer_undo(self.tr("The form has the picture's settings."), lambda: self.form.revert(snapshot))

    def start_from(self, path: str | None) -> None:
        """Draws from a picture from now on, None is from noise; what goes with the one before, such as its mask, can be had
        back."""
        form, names = self.form, ("image", "mask", "outpaint")
        before = {name: getattr(form, name) for name in names}
        if path is not None and path == before["image"]:
            return
        form.start_from(path)
        if before["image"] is not None and path is None:
            self.offer_undo(self.tr("The next picture starts from noise again."), lambda: form.put(**before))
        elif before["mask"] is not None or before["outpaint"] is not None:
            text = self.tr("The picture to start from is another, without the mask and edges of the one before.")
            self.offer_undo(text, lambda: form.put(**before))

    def take_region_out(self, number: int) -> None:
        """Takes a region out of the form, which can be undone."""
        form, before = self.form, self.form.regions
        if number < len(before):
            form.put(regions=removed(before, number))
            self.offer_undo(self.tr("The region is taken out."), lambda: form.put(regions=before))

    def use_seed(self, seed: int) -> None:
        """Keeps this seed for the next picture."""
        self.form.put(seed=seed)
        self.show_view("create")

    def edit_picture(self, path: Path, paint: bool = False) -> None:
        """Starts from a picture; `paint` to draw a part of it anew."""
        self.start_from(str(path))
        self.show_view("create")
        if paint:
            self.mask_wanted.emit()
