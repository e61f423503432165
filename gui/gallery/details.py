"""Beside the gallery: the chosen picture, how it was made, its tags, and what can be done with it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.gallery.model import made_at
from gui.gallery.origin import OriginPanel
from gui.look.plain import PlainLabel
from gui.look.readable import breakable, shortest
from gui.look.theme import GAP, HALF, PAD, set_kind, spaced_font
from gui.shell.actions import plain
from gui.shell.studio import Studio
from gui.widgets.steady import SteadyScroll
from sdedge.errors import SdedgeError
from sdedge.library.gallery import GalleryEntry

_BUTTONS = ("favourite", "copy-picture", "save-as", "reveal", "trash")


class GalleryDetails(SteadyScroll):
    """Shows one entry, and how many are chosen; always there, so that the pictures beside it never move."""

    tagged = Signal(int, list)
    """(id, tags) as typed."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._entry: GalleryEntry | None = None
        self._pixmap: QPixmap | None = None
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("How the picture was made"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._picture, self.prompt, self._negative = PlainLabel(), PlainLabel(), PlainLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._picture.setMinimumSize(1, 1)
        for label in (self.prompt, self._negative):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_kind(self._negative, "muted")
        self.tags = QLineEdit()
        self.tags.setPlaceholderText(self.tr("Tags, separated by commas"))
        self.tags.setAccessibleName(self.tr("Tags of the picture"))
        self.tags.editingFinished.connect(self.flush)
        self.origin = OriginPanel(studio)
        self._count = PlainLabel()
        self._hint = PlainLabel(self.tr("Choose a picture to see how it was made. A double click shows it large."))
        self.compare = QPushButton(self.tr("Compare the two"))
        self._body = QWidget()
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(PAD)
        self._facts.setVerticalSpacing(HALF)
        self._lay_out()

    def show_entry(self, entry: GalleryEntry | None, pixmap: QPixmap | None, tags: list[str]) -> None:
        """Shows this picture; None shows nothing."""
        is_same = entry is not None and self._entry is not None and entry.id == self._entry.id
        if not is_same:
            self.flush()
        typed = self.tags.isModified()
        self._entry = entry
        self._body.setVisible(entry is not None)
        self._hint.setVisible(entry is None)
        self.origin.show_entry(entry)
        self.show_picture(pixmap)
        self.prompt.setText(entry.prompt if entry else "")
        self._negative.setText(self.tr("Not: {0}").format(entry.negative) if entry and entry.negative else "")
        self._negative.setVisible(bool(entry and entry.negative))
        if not typed:
            self.tags.setText(", ".join(tags))
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in self._describe(entry) if entry else ():
            self._facts.addRow(_caption(name), _value(value))

    def show_count(self, count: int) -> None:
        """Shows how many pictures are chosen; two can be compared."""
        self._count.setText(self.tr("%Ln pictures are chosen", "", count))
        self._count.setVisible(count > 1)
        self.compare.setVisible(count == 2)

    def show_picture(self, pixmap: QPixmap | None) -> None:
        """Shows the entry's picture, which may come later than the rest."""
        self._pixmap = pixmap
        self._fit()

    def _describe(self, entry: GalleryEntry) -> list[tuple[str, str]]:
        """Returns what is known of a picture, in the order of interest."""
        facts = [(self.tr("Model"), entry.model or self.tr("unknown"))]
        try:
            request = entry.request
        except SdedgeError:  # of a later version
            request = None
        if entry.source and request is not None:
            facts += [
                (self.tr("Sampler"), entry.sampler),
                (self.tr("Steps"), str(request.steps)),
                (
                    self.tr("Guidance"),
                    "" if request.guidance is None else shortest(request.guidance),
                ),
            ]
        facts += [
            (self.tr("Seed"), "" if entry.seed is None else str(entry.seed)),
            (self.tr("Size"), f"{entry.width} × {entry.height}"),
            (self.tr("Made"), made_at(entry.created)),
            (self.tr("File"), breakable(entry.path.name)),
        ]
        return [(name, value) for name, value in facts if value]

    def flush(self) -> None:
        """Tells the tags that were typed and not told yet."""
        if self._entry is not None and self.tags.isModified():
            self.tags.setModified(False)
            self.tagged.emit(self._entry.id, [tag.strip() for tag in self.tags.text().split(",") if tag.strip()])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Fits the picture, as wide as the column."""
        if self._pixmap is None:
            self._picture.clear()
            return
        ratio = self.devicePixelRatioF()
        side = max(1, self.viewport().width() - 2 * PAD)
        scaled = self._pixmap.scaled(
            round(side * ratio), round(side * ratio), Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )  # fmt: skip
        scaled.setDevicePixelRatio(ratio)
        self._picture.setPixmap(scaled)

    def _lay_out(self) -> None:
        body = QWidget()
        set_kind(body, "panel")
        outside = QVBoxLayout(body)
        outside.setContentsMargins(PAD, PAD, PAD, PAD)
        outside.setSpacing(GAP)
        set_kind(self._count, "strong")
        set_kind(self._hint, "muted")
        self._hint.setWordWrap(True)
        for widget in (self._count, self.compare, self._hint, self._body):
            outside.addWidget(widget)
        outside.addStretch(1)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self._picture)
        row = QHBoxLayout()
        row.setSpacing(HALF)
        for id in _BUTTONS:
            row.addWidget(self._studio.actions.button(id))
        row.addStretch(1)
        column.addLayout(row)
        column.addWidget(self.prompt)
        column.addWidget(self._negative)
        kinds = {"use-settings": "accent", "vary": "", "use-seed": "", "edit-picture": "", "paint-picture": ""}
        for id, kind in kinds.items():
            column.addWidget(self._button(id, kind))
        column.addWidget(self.origin)
        line = QFrame()
        line.setFixedHeight(GAP)
        column.addWidget(line)
        column.addLayout(self._facts)
        column.addWidget(self.tags)
        self.setWidget(body)

    def _button(self, id: str, kind: str) -> QPushButton:
        action = self._studio.actions[id]
        button = QPushButton(plain(action.text()))
        button.clicked.connect(action.trigger)
        action.enabledChanged.connect(button.setEnabled)
        button.setEnabled(action.isEnabled())
        if kind:
            set_kind(button, kind)
        return button


def _caption(text: str) -> QLabel:
    label = PlainLabel(text)
    set_kind(label, "muted")
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
    return label


def _value(text: str) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setFont(spaced_font(label.font()))
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
