"""Controls in the form: rows of a model, a picture and numbers; their hints come from another process."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image

from gui.commands.command import Command
from gui.form.control_section import ControlSection
from gui.form.controlling import fault_of, hint_arguments, settings_example
from gui.form.names import Names
from sdedge.control_syntax import parse_control
from sdedge.controls import Control, HintFit
from tests.gui.conftest import wait

NAMES = Names(["pocket"], [], [], controls=[("canny", "controlnet"), ("plus", "ip-adapter")])


@pytest.fixture
def section(monkeypatch, request, tmp_path) -> ControlSection:
    monkeypatch.setattr("gui.form.view.find_names", lambda: NAMES)
    view = request.getfixturevalue("view")
    Image.new("RGB", (96, 64), "white").save(tmp_path / "photo.png")
    view.form.control.offer(NAMES)
    return view.form.control


def test_a_row_is_what_the_command_line_asks_for(section, view, tmp_path, qtbot):
    form = view.window().studio.form
    section.add.menu().actions()[0].trigger()
    assert "no picture" in form.problems()["controls"]
    row, photo = section.rows[0], tmp_path / "photo.png"
    form.put(**row.row.changed(hint=str(photo)))
    form.set_value("control:0:preprocess", "canny")
    for name, text in {"settings": "low=50 high=150", "weight": "0.7", "start": "0.1", "end": "0.5"}.items():
        form.type(f"control:0:{name}", text)
    form.set_value("control:0:mode", "prompt")
    wanted = f"model=canny,hint={photo},preprocess=canny low=50 high=150,weight=0.7,span=0.1-0.5,mode=prompt"
    assert form.controls == (parse_control(wanted),) and form.wanted().request.controls == form.controls
    made = []
    row.preview.made.connect(lambda picture, hint: made.append((picture, hint)))
    wait(qtbot, lambda: made)
    assert made[-1][0].width() == 96 and made[-1][1].height() == (form.size or (512, 512))[1]
    assert not row.hint.isHidden()
    row.hint.click()
    assert view.panel.caption.full_text == "Hint of canny"


def test_a_control_that_undo_brings_back_has_its_hint(section, view, tmp_path, qtbot):
    view.window().studio.form.put(controls=(Control("canny", str(tmp_path / "photo.png")),))
    made = []
    section.rows[0].preview.made.connect(lambda picture, hint: made.append(picture))
    section.rows[0].remove.click()  # before its hint was made
    view.window().studio.undoing.take_back()
    wait(qtbot, lambda: made)
    assert made[0].width() == 96


def test_another_fitting_makes_another_hint(section, view, tmp_path, qtbot):
    form, made = view.window().studio.form, []
    form.put(controls=(Control("canny", str(tmp_path / "photo.png"), preprocess="threshold"),))
    section.rows[0].preview.made.connect(lambda picture, hint: made.append(hint))
    for resize in HintFit:
        made.clear()
        form.put(controls=(replace(form.controls[0], resize=resize),))
        wait(qtbot, lambda: made)
        assert made[0].width() == made[0].height() == 512


def test_a_price_that_was_asked_for_other_controls_is_not_shown(section, view, tmp_path, monkeypatch):
    monkeypatch.setattr(Command, "start", lambda self: None)
    form = view.window().studio.form
    form.put(prompt="a house", controls=(Control("canny", str(tmp_path / "photo.png")),))
    section.ask_price()
    asked = section.pricing
    assert not section.price_button.isEnabled()
    form.put(**section.rows[0].row.changed(weight=0.5))
    assert section.price_button.isEnabled() and section.price_button.text() == "What do they cost?"
    asked.ended.emit("It is over.")
    assert not section.fault.isVisible() and not section.price.text()


def test_a_hint_that_cannot_be_made_leaves_none_of_before(section, view, tmp_path, qtbot):
    form, broken = view.window().studio.form, tmp_path / "broken.png"
    form.put(controls=(Control("canny", str(tmp_path / "photo.png")),))
    row = section.rows[0]
    wait(qtbot, lambda: not row.hint_image.isNull())
    broken.write_bytes(b"no picture")
    row.hint.setText("Making…")
    form.put(**row.row.changed(hint=str(broken)))
    wait(qtbot, lambda: "broken.png" in row.note.text())
    assert row.hint_image.isNull() and row.hint.text() == ""


@pytest.mark.slow
def test_what_is_wrong_is_said_at_its_row_and_nothing_is_lost(section, view, tmp_path, qtbot):
    form = view.window().studio.form
    form.put(controls=(Control("canny", str(tmp_path / "photo.png"), preprocess="canny"), Control("plus", "gone.png")))
    assert "gone.png" in section.rows[1].note.text() and "gone.png" in form.problems()["controls"]
    assert section.rows[1].preprocess.isHidden()  # it reads pictures, no hints
    form.type("control:0:settings", "low=x")
    form.type("control:0:end", "0")
    assert "no setting" in form.problems()["control:0:settings"] and "no range" in form.problems()["control:0:end"]
    assert form.controls[0].span == (0, 1) and form.text("control:0:settings") == "low=x"
    view.form.focus_problem()
    assert view.form.controls_fold.button.isChecked()
    (tmp_path / "photo.png").write_bytes(b"no picture")
    form.put(**section.rows[0].row.changed(preprocess="softedge"))
    wait(qtbot, lambda: "photo.png" in section.rows[0].note.text())
    section.rows[0].remove.click()
    assert [control.model for control in form.controls] == ["plus"] and section.rows[1].isHidden()
    assert "control:0:settings" not in form.problems()
    view.window().studio.undoing.take_back()
    assert [control.model for control in form.controls] == ["canny", "plus"]


@pytest.mark.slow
def test_the_price_is_asked_of_the_engine_in_a_process_of_its_own(section, view, monkeypatch):
    form, started = view.window().studio.form, []
    monkeypatch.setattr("gui.commands.command.Command.start", lambda self: started.append(self))
    form.put(controls=(Control("canny", "photo.png"),), prompt="a house")
    section.ask_price()
    (command,) = [each for each in started if each is section.findChildren(type(started[0]))[-1]]
    command.hear("note: The control canny adds 40% to every step and 0.7 GB of memory.\n")
    command.ended.emit("")
    assert "0.7 GB" in section.price.text() and not section.price.isHidden()
    section.ask_price()
    started[-1].ended.emit("There is no control model canny; add its file under Models.")
    assert "no control model" in section.fault.text() and section.price_button.isEnabled()


@pytest.mark.parametrize("control, image, fault", [
    (Control("a"), None, "has no picture"), (Control("a"), "x.png", ""), (Control("a", "gone.png"), None, "any more"),
    (Control("a", "sha256:" + "0" * 64), None, "is not kept"),
])  # fmt: skip
def test_a_control_without_its_picture_says_so(control, image, fault):
    assert fault in fault_of(control, image) and bool(fault) == bool(fault_of(control, image))


def test_only_other_settings_than_the_usual_are_given(tmp_path):
    control = Control("a", preprocess="canny low=50 high=200")
    arguments = hint_arguments(control, tmp_path / "-photo.png", (64, 128), tmp_path / "out.png")
    assert arguments[:4] == ["hint", "canny", "--size=64x128", "--low=50.0"] and arguments[4] == "--"
    padded = Control("a", "photo.png", preprocess="canny", resize=HintFit.PAD)
    assert hint_arguments(padded, tmp_path, (64, 64), tmp_path)[2:5] == ["--size=64x64", "--resize=pad", "--"]
    assert hint_arguments(Control("a"), tmp_path, (64, 64), tmp_path) is None
    assert settings_example("canny") == "low=100 high=200" and settings_example("depth") == ""
