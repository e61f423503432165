"""Outpainting in the form: pixels to add at each side, and a button that lets them be dragged on the canvas."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.form.fields import label_of, watch
from gui.form.model import FormModel, FormPart
from gui.form.pair_field import PairField
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import HALF, set_kind
from sdedge.field_types import Integer
from sdedge.request_fields import MAX_SIDE

EDGE_NAMES = ("left", "top", "right", "bottom")
PREFIX = "outpaint:"


class EdgesField(QWidget):
    """`dragging_wanted` asks for handles on the canvas, or no more."""

    dragging_wanted = Signal(bool)

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self._picture: tuple[int, int] | None = None
        for side, name in enumerate(EDGE_NAMES):
            form.parts[PREFIX + name] = FormPart(
                Integer(0, MAX_SIDE, "128"), partial(self._edge, side), partial(self._put, side), ("outpaint",), "image",
                True,
            )  # fmt: skip
        self.button = QPushButton(label_of("outpaint"))
        self.button.setCheckable(True)
        self.button.clicked.connect(self.dragging_wanted)
        set_tooltip(
            self.button,
            self.tr("Drag handles on the canvas outwards: what is added is drawn; an arrow key adds on its side"),
        )
        self.across = PairField(form, self.tr("Beside it"), (
            ("outpaint:left", self.tr("Pixels to add at the left"), "0"),
            ("outpaint:right", self.tr("Pixels to add at the right"), "0"),
        ))  # fmt: skip
        self.down = PairField(form, self.tr("Over it"), (
            ("outpaint:top", self.tr("Pixels to add above"), "0"),
            ("outpaint:bottom", self.tr("Pixels to add below"), "0"),
        ))  # fmt: skip
        self.becomes = PlainLabel()
        self.becomes.setWordWrap(True)
        set_kind(self.becomes, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        for widget in (self.button, self.across, self.down, self.becomes):
            column.addWidget(widget)
        watch(self, form, self._follow, "outpaint")

    def show_source(self, size: tuple[int, int] | None) -> None:
        """The picture to start from was read, or taken out."""
        self._picture = size
        self._follow()

    def _edge(self, side: int) -> int | None:
        return (self._form.outpaint[side] or None) if self._form.outpaint else None

    def _put(self, side: int, pixels: int | None) -> dict[str, Any]:
        edges = list(self._form.outpaint or (0, 0, 0, 0))
        edges[side] = pixels or 0
        return {"outpaint": (edges[0], edges[1], edges[2], edges[3]) if any(edges) else None}

    def _follow(self) -> None:
        edges = self._form.outpaint
        for widget in (self.across, self.down):
            widget.setVisible(edges is not None or self.button.isChecked())
        text = ""
        if edges is not None and self._picture is not None:
            (width, height), (left, top, right, bottom) = self._picture, edges
            text = self.tr("{0} × {1} → {2} × {3}; a strength of 1 draws the new part freely").format(
                width, height, width + left + right, height + top + bottom
            )
        self.becomes.setText(text)
        self.becomes.setVisible(bool(text))

    def show_dragging(self, on: bool) -> None:
        """The canvas has handles, or no more."""
        self.button.setChecked(on)
        self._follow()
