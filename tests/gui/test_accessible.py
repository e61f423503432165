"""What screen readers, the keyboard and eyes that need contrast find in every view."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QPushButton, QToolButton, QWidget

from gui.create import progress_strip
from gui.create.canvas import Canvas
from gui.form.fields import control
from gui.form.model import FormModel
from gui.shell import banner
from gui.shell.views import VIEWS
from tests.gui.accessible import Role, faults, name_of, walk
from tests.gui.create.conftest import draw, filled
from tests.gui.page import last_dialog
from tests.gui.pictures import save_pictures


@pytest.fixture
def full_window(open_window, tmp_path, qtbot):
    """A window with a picture, every section open."""
    save_pictures(tmp_path / "out", ["a red house at night"])
    window = open_window()
    form = window.show_view("create").form
    window.studio.form.put(model="fake", image=str(tmp_path / "gone.png"))
    for name in ("negative", "image", "sampler", "adapters", "more"):
        getattr(form, f"{name}_fold").open()
    gallery = window.show_view("gallery")
    qtbot.waitUntil(lambda: gallery.model.rowCount() == 1)
    gallery.choose(0)
    models = window.show_view("models")
    qtbot.waitUntil(lambda: bool(models.model.items))
    return window


def places(window):
    """Shows one after another, and yields its name and what of the window is new in it."""
    for view in VIEWS:
        yield view.name, window.show_view(view.name)
    window.show_view("gallery").show_large()
    yield "large", window.views["gallery"]
    window.show_view("create").panel.begin_mask(filled("red"), None)
    yield "mask", window.views["create"]
    for name in ("settings", "device", "shortcuts"):
        window.actions_list[name].trigger()
        dialog = last_dialog(window)
        yield name, dialog
        dialog.close()


@pytest.mark.slow
def test_every_control_has_a_name_a_role_and_a_value_and_the_keyboard_reaches_it(full_window):
    """In one walk, since a window with everything in it takes longer to build than to look at."""
    missing, count = [], 0
    for name, place in places(full_window):
        QApplication.sendPostedEvents()
        count += sum(each.state().focusable for each in walk(place))
        missing += [f"{name}: {fault}" for fault in (*faults(place), *unreached(place))]
    assert not missing, "\n".join(missing)
    assert count > 150  # the walk went in
    assert not faults(full_window)


@pytest.mark.slow
def test_what_a_screen_reader_switches_does_what_a_click_does(open_window):
    window = open_window(start=False)
    switch = next(b for b in window.findChildren(QToolButton) if b.text() == "Models")
    QAccessible.queryAccessibleInterface(switch).actionInterface().doAction("Toggle")
    assert window.current_view == "models" and window.actions_list["view-models"].isChecked()
    window.show_view("create")
    side = window.actions_list["side-column"]
    before, button = side.isChecked(), next(b for b in window.findChildren(QToolButton) if b.defaultAction() is side)
    QAccessible.queryAccessibleInterface(button).actionInterface().doAction("Toggle")
    assert side.isChecked() != before == (not button.isChecked())


def unreached(place) -> list[str]:
    """Presses Tab until it is where it began: past each control; of a group of which one is chosen, past that one alone."""
    wanted = {
        each.object(): name_of(each)
        for each in walk(place)
        if each.state().focusable and not each.state().disabled and isinstance(each.object(), QWidget)
        and each.role() != Role.StaticText  # words that the mouse can mark
    }  # fmt: skip
    window, reached = place.window(), set()
    next(iter(wanted)).setFocus()
    for _ in range(200):
        reached.add(window.focusWidget())
        QTest.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        if window.focusWidget() in reached:
            break
    chosen = {
        button.group() for button in reached if isinstance(button, QAbstractButton) and button.group() is not None
    }
    return [
        f"{type(widget).__name__} {name!r}: out of the keyboard's reach"
        for widget, name in wanted.items()
        if widget not in reached and not (isinstance(widget, QAbstractButton) and widget.group() in chosen)
    ]


def test_the_walk_finds_what_has_no_name_no_role_and_no_value(qtbot):
    host = QWidget()
    qtbot.addWidget(host)
    QToolButton(host)
    QPushButton("named", host).setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    QWidget(host).setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    host.show()
    said = sorted(fault.rpartition(": ")[2] for fault in faults(host))
    assert said == ["no name", "no name", "no role"]
    assert [fault for fault in unreached(host) if "QPushButton" in fault]


def test_a_slider_of_halves_says_what_a_person_means(qtbot):
    form = FormModel()
    guidance = control(form, "guidance", resting=lambda: 7.5)
    qtbot.addWidget(guidance)
    form.put(guidance=4.5)
    read = QAccessible.queryAccessibleInterface(guidance.slider)
    assert read.role() == Role.Slider and name_of(read) == "Guidance"
    value = read.valueInterface()
    assert (value.currentValue(), value.minimumValue(), value.maximumValue()) == (4.5, 1, 15)
    value.setCurrentValue(7)
    assert form.guidance == 7


def test_a_screen_reader_may_ask_for_what_a_widget_has_not(theme, qtbot):
    """In the system's own program it asks for every kind of interface."""
    form, canvas = FormModel(), Canvas(theme)
    guidance = control(form, "guidance", resting=lambda: 7.5)
    for widget in (canvas, guidance):
        qtbot.addWidget(widget)
    for widget in (canvas, guidance.slider):
        read = QAccessible.queryAccessibleInterface(widget)
        assert read.textInterface() is None and read.editableTextInterface() is None
        assert read.selectionInterface() is None and read.attributesInterface() is None
        assert read.actionInterface() is not None


def test_the_canvas_is_a_graphic_that_says_what_is_on_it(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.show_picture(filled("red", 64, 32))
    read = QAccessible.queryAccessibleInterface(canvas)
    assert read.role() == Role.Graphic and "64 × 32" in read.text(QAccessible.Text.Value)


def test_progress_and_notices_are_said_aloud(view, qtbot, monkeypatch):
    heard = []
    for module in (progress_strip, banner):
        monkeypatch.setattr(module, "announce", lambda widget, text, urgent=False: heard.append((text, urgent)))
    draw(view, qtbot, "a house", steps=8)
    qtbot.waitUntil(lambda: any(text.startswith("Done") for text, _ in heard))
    steps = [text for text, _ in heard if "step" in text]
    assert 1 <= len(steps) <= 5  # at the quarters, not at each step
    view.window().studio.say("It broke.", "bad")
    assert heard[-1] == ("It broke.", True)
