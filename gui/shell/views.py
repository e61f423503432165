"""The views of the window, in the order of its switch. Each is built when it is first shown."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QWidget

from gui.shell.studio import Studio


@dataclass(frozen=True)
class View:
    """`place` is "module:Class" of a QWidget that takes the Studio and its parent; the action "view-NAME" shows it."""

    name: str
    place: str

    def build(self, studio: Studio, parent: QWidget) -> QWidget:
        """In its place from the first: a view that moves there is styled once more, down to its last label."""
        return load(self.place)(studio, parent)


def load(place: str) -> Callable[..., Any]:
    """Returns what is named by "module:name"; the first paint waits for no view or dialog but those that are shown."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


VIEWS = (
    View("create", "gui.create.view:CreateView"),
    View("gallery", "gui.gallery.view:GalleryView"),
    View("models", "gui.models.view:ModelsView"),
    View("convert", "gui.convert.view:ConvertView"),
    View("get", "gui.models.get_view:GetView"),
)
