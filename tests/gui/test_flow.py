"""A row that goes on beneath itself."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QWidget

from gui.look.theme import GAP
from gui.widgets.flow import FlowLayout


def test_what_does_not_fit_goes_beneath_from_the_side_where_reading_begins(qapp):
    box, row = QWidget(), FlowLayout()
    box.setLayout(row)
    buttons = [QPushButton(text) for text in ("one", "two", "three")]
    for button in buttons:
        row.addWidget(button)
    width, height = row.sizeHint().width(), row.sizeHint().height()
    assert row.heightForWidth(width) == height and row.heightForWidth(width - 1) == 2 * height + GAP
    assert row.heightForWidth(1) == 3 * height + 2 * GAP
    box.resize(width - 1, 2 * height + GAP)
    row.setGeometry(box.rect())
    assert [button.y() for button in buttons] == [0, 0, height + GAP] and buttons[2].x() == buttons[0].x() == 0
    box.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    row.setGeometry(box.rect())
    assert buttons[0].geometry().right() == buttons[2].geometry().right() == box.rect().right()
    assert buttons[1].x() < buttons[0].x()
