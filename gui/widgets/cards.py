"""A dialog of cards: each a title with its parts beneath; together they scroll."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.look.plain import PlainLabel
from gui.look.theme import GAP, PAD, set_kind
from gui.widgets.steady import SteadyScroll


def fill(dialog: QDialog, *cards: QWidget) -> None:
    """Puts the cards beneath each other, and makes the dialog as wide as they need, in whatever language."""
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(PAD, PAD, PAD, PAD)
    column.setSpacing(PAD)
    for each in cards:
        column.addWidget(each)
    column.addStretch(1)
    column = QVBoxLayout(dialog)
    column.setContentsMargins(0, 0, 0, 0)
    scroll = scrolled(body, dialog.windowTitle())
    column.addWidget(scroll)
    needed = body.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width()
    dialog.resize(max(dialog.width(), needed), dialog.height())


def scrolled(body: QWidget, name: str = "") -> SteadyScroll:
    """Returns a column that scrolls up and down and is as wide as its place; `name` is said where the keyboard reaches it."""
    scroll = SteadyScroll()
    scroll.setAccessibleName(name)
    scroll.setWidgetResizable(True)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(body)
    return scroll


def card(title: str, *parts: QWidget | QLayout, gap: int = 0) -> QFrame:
    """Returns a card; `gap` is more room beneath its title, in pixels. Labels among its parts are wrapped."""
    frame = QFrame()
    set_kind(frame, "card")
    column = QVBoxLayout(frame)
    column.setContentsMargins(PAD, PAD, PAD, PAD)
    column.setSpacing(GAP)
    heading = PlainLabel(title)
    set_kind(heading, "title")
    column.addWidget(heading)
    if gap:
        column.addSpacing(gap)
    for part in parts:
        if isinstance(part, QLabel):
            part.setWordWrap(True)
        column.addWidget(part) if isinstance(part, QWidget) else column.addLayout(part)
    return frame


def left(widget: QWidget) -> QHBoxLayout:
    """Returns a row in which the widget is no wider than it wants to be."""
    row = QHBoxLayout()
    row.addWidget(widget)
    row.addStretch(1)
    return row


def framed(*widgets: QWidget) -> QFrame:
    """Returns a card with these beneath each other."""
    card = QFrame()
    set_kind(card, "card")
    inside = QVBoxLayout(card)
    inside.setContentsMargins(PAD, PAD, PAD, PAD)
    inside.setSpacing(GAP)
    for widget in widgets:
        inside.addWidget(widget)
    return card


def stand_beside(label: QLabel, field: QWidget | QLayout) -> None:
    """Makes a label as high as the first line of its field, so that both texts stand on one line: QFormLayout puts it higher."""
    first: QWidget | QLayout | None = field
    while isinstance(first, QLayout):
        item = first.itemAt(0)
        first = None if item is None else item.widget() or item.layout()
    if isinstance(first, (QLineEdit, QComboBox, QAbstractSpinBox)):
        label.setFixedHeight(first.sizeHint().height())


def labelled(*rows: tuple[str, QWidget], width: int) -> QFormLayout:
    """Returns rows of a label, `width` pixels wide, and a control."""
    form = QFormLayout()
    form.setHorizontalSpacing(PAD)
    form.setVerticalSpacing(GAP)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    for text, widget in rows:
        label = PlainLabel(text)
        label.setFixedWidth(width)
        stand_beside(label, widget)
        form.addRow(label, widget)
    return form


def beginning(widget: QWidget, pixels: int, below: int = 0) -> tuple[int, int, int, int]:
    """Returns margins with room at the side where reading begins: Qt turns layouts round for scripts from the right, and no
    margins."""
    return (0, 0, pixels, below) if widget.isRightToLeft() else (pixels, 0, 0, below)


def least_width(scroll: QScrollArea) -> int:
    """Returns how wide a column that scrolls must be, in pixels, for its buttons to be seen whole in this language."""
    body = scroll.widget()
    if body is None:
        return 0
    return body.minimumSizeHint().width() + scroll.verticalScrollBar().sizeHint().width() + 2 * scroll.frameWidth()
