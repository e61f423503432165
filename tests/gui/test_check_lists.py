"""Check boxes in lists are drawn as they are elsewhere: square, all of them, and each state apart from the others."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QListWidget, QStyle, QStyleOptionViewItem

from gui.convert.package_options import ControlChoice
from gui.gallery.board_dialog import BoardDialog
from sdedge.library.boards import Boards

STATES = (Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked, Qt.CheckState.Checked)


@pytest.fixture
def boards(open_window, qtbot):
    """The list of the dialog in which pictures are put on boards."""
    window = open_window()
    names = ("sea", "houses", "night")
    window.studio.bridge.change(lambda queue, gallery: [Boards(gallery).add(name, []) for name in names])
    dialog = BoardDialog(window.studio, [1, 2], window)
    qtbot.waitUntil(lambda: dialog.list.count() == len(names))
    dialog.show()
    return dialog.list


@pytest.fixture
def controls(theme, qtbot):
    """The list of ControlNets that go along with a converted model."""
    choice = ControlChoice()
    qtbot.addWidget(choice)
    choice.offer(["canny", "depth", "pose"])
    choice.show()
    return choice.list


def box_of(shown: QListWidget, row: int) -> QRect:
    """Returns where the style draws the check box of a row."""
    index, option = shown.model().index(row, 0), QStyleOptionViewItem()
    option.initFrom(shown)
    option.widget, option.rect = shown, shown.visualRect(index)
    shown.itemDelegate().initStyleOption(option, index)
    return shown.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, option, shown)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["boards", "controls"])
def test_a_check_box_of_a_list_is_whole_and_tells_its_state(request, theme, qtbot, place, scheme):
    theme.choose(scheme)
    try:
        shown: QListWidget = request.getfixturevalue(place)
        for row, state in enumerate(STATES):
            shown.item(row).setCheckState(state)
        shown.setCurrentRow(0)
        QApplication.processEvents()
        seen: list[QImage] = []
        for row in range(len(STATES)):
            box = box_of(shown, row)
            assert box.size() == QSize(18, 18) and shown.visualRect(shown.model().index(row, 0)).contains(box)
            picture = shown.viewport().grab().toImage()
            seen.append(picture.copy(box.adjusted(3, 3, -3, -3)))
            edge, ground = picture.pixelColor(box.left() + 9, box.top()), picture.pixelColor(box.right() + 3, box.top())
            assert edge != ground and picture.pixelColor(box.left() + 9, box.bottom()) == edge  # above and below
        assert seen[0] != seen[1] != seen[2] != seen[0]
    finally:
        theme.choose("light")


def test_a_board_with_some_of_the_pictures_says_so(open_window, qtbot, tmp_path, monkeypatch):
    window = open_window()
    monkeypatch.setattr(Boards, "counts", lambda self: {"sea": 1, "houses": 2})
    monkeypatch.setattr(Boards, "shared", lambda self, ids: {"sea": 1, "houses": 2})
    dialog = BoardDialog(window.studio, [1, 2], window)
    qtbot.waitUntil(lambda: dialog.list.count() == 2)
    sea, houses = dialog.items()
    assert sea.checkState() == Qt.CheckState.PartiallyChecked and "Some of" in sea.toolTip()
    assert houses.checkState() == Qt.CheckState.Checked and not houses.toolTip()
