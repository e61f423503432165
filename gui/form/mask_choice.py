"""Which mask says where something acts: none, a file, or the one that is painted over the picture to start from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from gui.form.fields import lay_out
from gui.form.image_section import FILES
from gui.look.plain import menu_text, set_tooltip
from gui.shell.actions import name_button
from gui.shell.file_dialogs import ask_file
from gui.shell.pictures import short
from gui.shell.studio import Studio


class MaskChoice(QWidget):
    """`without` is what acts where there is no mask, in words; `put` takes the path of the one that is chosen, or None."""

    def __init__(self, studio: Studio, label: str, without: str, put: Callable[[str | None], None]) -> None:
        super().__init__()
        self._studio, self._without, self._put = studio, without, put
        self.button = QToolButton()
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        menu = QMenu(self.button)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        self.button.setMenu(menu)
        lay_out(self, label, self.button)

    def show_mask(self, mask: str | None, called: str) -> None:
        """Shows which one it is; `called` is what the choice is, for screen readers."""
        text = self._without if mask is None else short(Path(mask).name, 28)
        self.button.setText(menu_text(text))
        name_button(self.button, f"{called}: {text}")
        set_tooltip(self.button, self.tr("Where it acts: white is there, grey in part") if mask is None else mask)

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        menu.addAction(menu_text(self._without), partial(self._put, None))
        menu.addAction(menu_text(self.tr("A mask's file…")), self._choose)
        if (painted := self._studio.form.mask) is not None:
            menu.addAction(menu_text(self.tr("The mask that is painted")), partial(self._put, painted))

    def _choose(self) -> None:
        kinds, every = self.tr("Pictures ({0})").format(FILES), self.tr("All files (*)")
        if path := ask_file(self, self._studio.settings, "pictures", self.tr("A mask"), f"{kinds};;{every}"):
            self._put(path)
