"""What every view is given: settings, theme, bridge and the form, and how to speak to the rest of the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from gui.actions import Actions
from gui.bridge import Bridge
from gui.settings import Settings
from gui.theme import Theme
from sdedge.request import Request


@dataclass(frozen=True)
class Remark:
    """One line above the views: what happened, how bad it is (info, good, warning, bad), and what can be done."""

    text: str
    kind: str = "info"
    label: str = ""
    work: Callable[[], object] | None = None
    passing: bool = False
    """It goes away by itself after a while, as an offer to undo does."""


class Studio(QObject):
    """One per window."""

    remarked = Signal(object)
    view_wanted = Signal(str)
    request_wanted = Signal(object)
    """A Request: the form takes over its settings."""
    seed_wanted = Signal(object)
    """A seed, up to 2**64 - 1, which is more than Qt's int holds."""
    picture_wanted = Signal(object, bool)
    """(path, paint): the form starts from this picture, with the brush in hand or not."""

    def __init__(self, settings: Settings, theme: Theme, bridge: Bridge, actions: Actions) -> None:
        super().__init__()
        self.settings, self.theme, self.bridge, self.actions = settings, theme, bridge, actions

    def say(self, text: str, kind: str = "info", label: str = "", work: Callable[[], object] | None = None) -> None:
        """Show a remark above the views until it is closed or another takes its place."""
        self.remarked.emit(Remark(text, kind, label, work))

    def offer_undo(self, text: str, work: Callable[[], object]) -> None:
        """Say what was done, with a button that takes it back, for a while."""
        self.remarked.emit(Remark(text, label=self.tr("Undo"), work=work, passing=True))

    def show_view(self, name: str) -> None:
        """Switch the window to a view of gui.views."""
        self.view_wanted.emit(name)

    # What other views hand to the form; its view is built and shown first, so that it hears.

    def use_request(self, request: Request) -> None:
        """Take a request's settings into the form."""
        self.show_view("create")
        self.request_wanted.emit(request)

    def use_seed(self, seed: int) -> None:
        """Take a seed into the form."""
        self.show_view("create")
        self.seed_wanted.emit(seed)

    def edit_picture(self, path: Path, paint: bool = False) -> None:
        """Draw from a picture; `paint` to draw a part of it anew."""
        self.show_view("create")
        self.picture_wanted.emit(path, paint)
