"""The view in which pictures are made."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from gui.studio import Studio
from gui.theme import set_kind


class CreateView(QWidget):
    """Form, canvas, queue and recent pictures."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        set_kind(self, "canvas")
