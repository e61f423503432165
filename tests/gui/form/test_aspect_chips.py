"""Shapes to choose a size by."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from gui.form.aspect_chips import ASPECTS, AspectChips, rectangle, size_of
from gui.form.model import FormModel
from gui.models.card import ModelCard


@pytest.mark.parametrize("side", [128, 512, 768])
def test_each_shape_is_a_size_that_the_model_draws_with_its_own_side_as_the_short_one(side):
    card = ModelCard("any", side)
    for aspect in ASPECTS:
        width, height = size_of(aspect, card)
        assert min(width, height) == side and width % 32 == height % 32 == 0
        assert width / height == pytest.approx(aspect[0] / aspect[1], rel=0.07)


def test_a_chip_sets_the_size_and_the_size_its_chip(theme, qtbot):
    form = FormModel()
    form.card = ModelCard("any", 512)
    chips = AspectChips(form, theme)
    qtbot.addWidget(chips)
    chips.show()
    on = lambda: [aspect for aspect, chip in chips.chips.items() if chip.isChecked()]  # noqa: E731
    assert on() == [(1, 1)]  # the model's own
    qtbot.mouseClick(chips.chips[2, 3], Qt.MouseButton.LeftButton)
    assert (form.width, form.height) == (512, 768) and on() == [(2, 3)]
    qtbot.mouseClick(chips.chips[2, 3], Qt.MouseButton.LeftButton)
    assert on() == [(2, 3)]  # it is not switched off
    form.put(width=640, height=512)
    assert on() == [(5, 4)]
    form.put(width=1024, height=512)
    assert on() == []
    assert "2:3, 512 × 768" in chips.chips[2, 3].accessibleName()


def test_the_rectangle_has_the_shape(theme):
    image = rectangle((2, 3), theme, 1.0).toImage()
    drawn = [(x, y) for x in range(20) for y in range(20) if image.pixelColor(x, y).alpha() > 60]
    width = max(x for x, _ in drawn) - min(x for x, _ in drawn)
    height = max(y for _, y in drawn) - min(y for _, y in drawn)
    assert height > width > height / 2
