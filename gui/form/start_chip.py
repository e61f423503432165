"""Above Generate, while there is one: the picture that the next one starts from, and a cross that takes it out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap

from gui.form.fields import watch
from gui.shell.pictures import Looked
from gui.shell.studio import Studio
from gui.widgets.chip import SIDE, Chip


class StartChip(Chip):
    """Hidden while pictures start from noise; a press opens the section."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio.theme, self.tr("Start from noise again"))
        self._studio = studio
        self.setObjectName("start-chip")
        self.close_button.setObjectName("start-chip-close")
        self.closed.connect(lambda: studio.start_from(None))
        watch(self, studio.form, self._show, "image", "mask")

    def show_source(self, source: Looked | None) -> None:
        """The picture was read, or is gone."""
        pixmap = QPixmap()
        if source is not None:
            ratio = self.devicePixelRatioF()
            side = round(SIDE * ratio)
            pixmap = QPixmap.fromImage(source.image).scaled(
                side, side, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            pixmap.setDevicePixelRatio(ratio)
        self.show_picture(pixmap)

    def _show(self) -> None:
        form = self._studio.form
        self.setVisible(form.image is not None)
        if form.image is not None:
            text = self.tr("Starts from {0}, masked") if form.mask else self.tr("Starts from {0}")
            self.say(text.format(Path(form.image).name), form.image)
