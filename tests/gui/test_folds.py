"""Headings that open and close sections of a column that scrolls: what was pressed does not move away."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QWidget

from gui.widgets.cards import scrolled
from gui.widgets.fold import Fold, stack
from gui.widgets.steady import steady_above
from tests.gui.conftest import wait
from tests.gui.page import SECTIONS

SEEN = 300  # pixels of the column that are in sight
LONG = 5  # the number of a section that is longer than that


@pytest.fixture
def column(theme, qtbot):
    """A column of sections in a window, all closed."""
    folds = [Fold(theme, f"Section {i}", QWidget()) for i in range(12)]
    for i, fold in enumerate(folds):
        fold.content.setMinimumHeight(500 if i == LONG else 150)
    body = stack(*folds)
    body.layout().addStretch(1)
    scroll = scrolled(body)
    qtbot.addWidget(scroll)
    scroll.resize(260, SEEN)
    scroll.show()
    qtbot.waitExposed(scroll)
    return scroll, folds


def seen_at(scroll, fold) -> int:
    """Returns how far below the top of what is in sight a heading is."""
    return fold.button.mapTo(scroll.viewport(), QPoint(0, 0)).y()


def settle(scroll, fold, qtbot) -> None:
    """Waits until what was opened or closed is laid out."""
    wait(qtbot, lambda: fold.content.isVisible() == fold.button.isChecked())
    qtbot.wait(30)


@pytest.mark.parametrize("number", [0, 3, LONG, 11])
def test_a_heading_stays_under_the_mouse_that_opens_and_closes_it(column, qtbot, number):
    scroll, folds = column
    bar, fold = scroll.verticalScrollBar(), folds[number]
    scroll.ensureWidgetVisible(fold.button)
    place = seen_at(scroll, fold)
    qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    settle(scroll, fold, qtbot)
    assert fold.content.isVisible() and seen_at(scroll, fold) == place
    bar.setValue(bar.maximum())  # where the column's end would go away from under what is seen
    scroll.ensureWidgetVisible(fold.button, 0, 0)
    place = seen_at(scroll, fold)
    qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    settle(scroll, fold, qtbot)
    assert not fold.content.isVisible() and seen_at(scroll, fold) == place


def test_the_room_beneath_what_was_closed_goes_as_one_scrolls_up(column, qtbot):
    scroll, folds = column
    bar, fold = scroll.verticalScrollBar(), folds[-1]
    all_closed = bar.maximum()
    fold.open()
    wait(qtbot, lambda: bar.maximum() > all_closed)
    bar.setValue(bar.maximum())
    qtbot.mouseClick(fold.button, Qt.MouseButton.LeftButton)
    settle(scroll, fold, qtbot)
    assert bar.value() == bar.maximum() > all_closed
    bar.setValue(all_closed + 20)
    wait(qtbot, lambda: bar.maximum() == all_closed + 20)
    bar.setValue(0)
    wait(qtbot, lambda: bar.maximum() == all_closed)


@pytest.mark.parametrize("number", [8, LONG, 11])
def test_what_the_keyboard_opens_comes_into_sight_and_its_heading_stays_there(column, qtbot, number):
    scroll, folds = column
    fold = folds[number]
    scroll.ensureWidgetVisible(fold.button)
    fold.button.setFocus()
    qtbot.keyClick(fold.button, Qt.Key.Key_Space)
    settle(scroll, fold, qtbot)
    top = seen_at(scroll, fold)
    assert 0 <= top <= SEEN - fold.button.height()
    if number != LONG:
        assert top + fold.height() <= SEEN
    qtbot.keyClick(fold.button, Qt.Key.Key_Space)
    settle(scroll, fold, qtbot)
    assert seen_at(scroll, fold) == top


def test_each_section_of_the_form_comes_into_sight_at_its_first_opening(view, qtbot):
    """Its content is made only then, and laid out bit by bit."""
    view.window().resize(960, 640)
    scroll = steady_above(view.form.prompt)
    for name in SECTIONS:
        fold = getattr(view.form, f"{name}_fold")
        fold.button.setFocus()
        scroll.ensureWidgetVisible(fold.button, 0, 0)
        qtbot.keyClick(fold.button, Qt.Key.Key_Space)
        qtbot.wait(150)
        top, room = seen_at(scroll, fold), scroll.viewport().height()
        assert 0 <= top <= room - fold.button.height(), name
        assert top + fold.height() <= room or top <= 8, name  # all of it, or as much as there is room for
