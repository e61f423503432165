"""What is made while the window is open, in the order of the tab key: Qt puts it last."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


def reached_in(window: QWidget) -> list[QWidget]:
    """Returns what the tab key comes to in a widget that is in no other yet."""
    order = [window]
    while (following := cast(QWidget, order[-1].nextInFocusChain())) is not window:
        order.append(following)
    return [each for each in order if each.focusPolicy() != Qt.FocusPolicy.NoFocus]


def reached_before(place: QWidget) -> QWidget:
    """Returns what the tab key comes to before it comes to a place; the place itself where there is nothing."""
    before = cast(QWidget, place.previousInFocusChain())
    while before.focusPolicy() == Qt.FocusPolicy.NoFocus and before is not place:
        before = cast(QWidget, before.previousInFocusChain())
    return before


def put_after(before: QWidget, widgets: list[QWidget]) -> None:
    """Has the tab key come to these, in their order, after another; all are in one window."""
    for widget, following in pairwise([before, *widgets]):
        QWidget.setTabOrder(widget, following)
