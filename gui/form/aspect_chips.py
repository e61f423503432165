"""Shapes of a picture to choose from, each drawn as the rectangle that it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from gui.form.fields import watch
from gui.form.model import FormModel
from gui.look.theme import HALF, Theme, set_kind
from gui.shell.actions import name_button

if TYPE_CHECKING:
    from gui.models.card import ModelCard

ASPECTS = ((2, 3), (4, 5), (1, 1), (5, 4), (3, 2))
ICON = 20  # pixels
NATIVE, UNIT, FINE_UNIT = 512, 64, 32  # pixels; small models draw in finer steps
CLOSE = 0.04  # how far a size may be from its aspect


def size_of(aspect: tuple[int, int], card: ModelCard | None) -> tuple[int, int] | None:
    """Returns the size with this aspect that the model draws best: its own side is the short one. None where it draws none."""
    ratio = aspect[0] / aspect[1]
    if card is not None and card.bundle is not None:
        fitting = [size for size in card.sizes if abs(size[0] / size[1] / ratio - 1) <= CLOSE]
        return min(fitting, key=lambda size: abs(min(size) - card.side), default=None)
    side = card.side if card is not None else NATIVE
    unit = UNIT if side >= NATIVE else FINE_UNIT
    long = round(side * max(ratio, 1 / ratio) / unit) * unit
    return (side, long) if ratio < 1 else (long, side)


class AspectChips(QWidget):
    """The chip of the form's size is switched on; those that the model does not draw are not there."""

    def __init__(self, form: FormModel, theme: Theme) -> None:
        super().__init__()
        self._form, self._theme = form, theme
        self.chips = {aspect: self._chip(aspect) for aspect in ASPECTS}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(HALF)
        for chip in self.chips.values():
            row.addWidget(chip)
        row.addStretch(1)
        theme.changed.connect(self._draw)
        self._draw()
        watch(self, form, self._show, "card", "width", "height", "image")

    def _chip(self, aspect: tuple[int, int]) -> QToolButton:
        chip = QToolButton()
        chip.setCheckable(True)
        chip.setIconSize(QSize(ICON, ICON))
        chip.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(chip, "quiet")
        chip.clicked.connect(partial(self._choose, aspect))
        return chip

    def _choose(self, aspect: tuple[int, int]) -> None:
        if (size := size_of(aspect, self._form.card)) is not None:
            self._form.put(width=size[0], height=size[1])
        self._show()

    def _show(self) -> None:
        form = self._form
        shown = None if form.image and not form.width else form.size
        for aspect, chip in self.chips.items():
            size = size_of(aspect, form.card)
            chip.setVisible(size is not None)
            if size is not None:
                name_button(chip, self._name(aspect, size))
                chip.setChecked(shown is not None and abs(shown[0] * aspect[1] / shown[1] / aspect[0] - 1) <= CLOSE)

    def _name(self, aspect: tuple[int, int], size: tuple[int, int]) -> str:
        shape = (
            self.tr("Square")
            if aspect[0] == aspect[1]
            else self.tr("Upright")
            if aspect[0] < aspect[1]
            else self.tr("Wide")
        )
        return f"{shape} {aspect[0]}:{aspect[1]}, {size[0]} × {size[1]}"

    def _draw(self) -> None:
        for aspect, chip in self.chips.items():
            chip.setIcon(QIcon(rectangle(aspect, self._theme, self.devicePixelRatioF())))


def rectangle(aspect: tuple[int, int], theme: Theme, density: float) -> QPixmap:
    """Returns a picture of the shape."""
    pixmap = QPixmap(QSize(ICON, ICON) * density)
    pixmap.setDevicePixelRatio(density)
    pixmap.fill(Qt.GlobalColor.transparent)
    scale = (ICON - 4) / max(aspect)
    width, height = round(aspect[0] * scale), round(aspect[1] * scale)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.color("text"), 1.5))
    painter.drawRoundedRect(QRectF((ICON - width) / 2, (ICON - height) / 2, width, height), 1.5, 1.5)
    painter.end()
    return pixmap
