"""*New Picture* makes everything in the form as at first; one Undo brings all of it back."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from gui.form.enlarging import Enlarging, enlarged
from gui.form.model import FormModel
from gui.widgets.steady import steady_above
from sdedge.catalog import Speed
from sdedge.guides import GUIDES, guide_choice
from sdedge.regions import Region
from tests.gui.conftest import wait
from tests.gui.create.conftest import filled
from tests.gui.page import banner_button


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    filled("teal").save(str(path))
    return str(path)


def fill(form: FormModel, photo: str) -> None:
    """Sets fields of every section, types one wrongly, switches a LoRA off and carries what has no control."""
    form.put(
        prompt="a red house <lora:sea:0.5>", negative="blurry", steps=7, guidance=3.0, width=128, height=64, seed=5
    )
    form.put(count=3, batch=2, speed=Speed.FAST, sampler="euler", schedule="karras", clip_skip=2, image=photo)
    form.put(regions=(Region("a boat"),), guides=(guide_choice(next(iter(GUIDES))),), mask_blur=9.0)
    form.put(passes=enlarged((), Enlarging.REDRAWN), carried={"safety": False}, loras_off=frozenset({"sea"}))
    form.type("steps", "many")


def test_every_field_is_as_at_first_and_comes_back_by_one_undo(view, qtbot, photo):
    window, form = view.window(), view.window().studio.form
    fill(form, photo)
    grid = view.form.grid
    grid.show_axes((("steps", "1, 2"), ("seed", "3-4")))
    filled_in, first = form.snapshot(), FormModel()
    first.put(model=window.studio.settings.default_model)
    differs = {name for name, value in first.snapshot().items() if value != filled_in[name]}
    assert {"prompt", "negative", "model", "seed", "seed_locked", "image", "regions", "passes", "guides"} <= differs
    assert {"typed", "faults", "loras_off", "carried", "count", "batch"} <= differs

    column = steady_above(view.form.prompt)
    column.verticalScrollBar().setValue(column.verticalScrollBar().maximum())
    assert view.form.prompt.visibleRegion().isEmpty()
    window.show_view("gallery")
    window.studio.actions["new-picture"].trigger()
    assert window.current_view == "create" and view.form.prompt.editor.hasFocus()
    assert view.form.prompt.visibleRegion().boundingRect() == view.form.prompt.rect()
    assert form.snapshot() == first.snapshot() and grid.axes == (("", ""), ("", ""))
    assert view.form.prompt.editor.toPlainText() == view.form.negative.editor.toPlainText() == ""
    QTest.keyClick(window.focusWidget(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert form.snapshot() == filled_in and grid.axes == (("steps", "1, 2"), ("seed", "3-4"))
    assert view.form.prompt.editor.toPlainText() == "a red house <lora:sea:0.5>"


def test_undo_is_offered_and_what_is_typed_after_goes_first(view, qtbot):
    window, form, editor = view.window(), view.window().studio.form, view.form.prompt.editor
    undo = window.studio.actions["undo"].trigger
    form.put(prompt="a red house", steps=7)
    window.studio.actions["new-picture"].trigger()
    wait(qtbot, lambda: banner_button(window).isVisible())
    qtbot.mouseClick(banner_button(window), Qt.MouseButton.LeftButton)
    assert (form.prompt, form.steps) == ("a red house", 7)

    window.studio.actions["new-picture"].trigger()
    qtbot.keyClicks(editor, "a boat")
    undo()
    assert (form.prompt, form.steps) == ("", FormModel().steps)
    undo()
    assert (form.prompt, form.steps) == ("a red house", 7)


def test_an_empty_form_has_nothing_to_undo(view):
    window = view.window()
    window.studio.form.put(model=window.studio.settings.default_model)
    window.studio.actions["new-picture"].trigger()
    assert window.studio.undoing.latest() is None and window.banner.text == ""
    assert view.form.prompt.editor.hasFocus()


def test_a_mask_that_is_being_painted_comes_back_too(view, qtbot, photo):
    window, form = view.window(), view.window().studio.form
    form.start_from(photo)
    wait(qtbot, lambda: view.form.image.source)
    view.paint_mask()
    wait(qtbot, lambda: view.panel.paints_mask)
    canvas = view.panel.canvas
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(canvas, middle + QPoint(20, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(20, 0))
    window.studio.actions["new-picture"].trigger()
    wait(qtbot, lambda: form.image is None and form.mask is None)
    assert not view.panel.paints_mask
    qtbot.wait(50)  # nothing comes after
    assert form.mask is None
    window.studio.actions["undo"].trigger()
    assert form.image == photo and form.mask is not None


def test_the_key_is_the_systems_own_and_no_other_action_has_it(view):
    actions = view.window().studio.actions
    assert actions["new-picture"].shortcut().toString() == "Ctrl+N"
    menu = next(
        a.menu() for a in view.window().menuBar().actions() if a.menu().actions()[0].objectName() == "new-picture"
    )
    others = [
        key.toString() for a in view.window().actions() if a.objectName() != "new-picture" for key in a.shortcuts()
    ]
    assert menu.title() == "&File" and "Ctrl+N" not in others
