"""The form's fields: faults beneath them, a sampler's options, the default model, and all of it again at the next start."""

from __future__ import annotations

from contextlib import closing

from gui.models import card
from sdedge.errors import ModelError
from sdedge.library.models import EMBEDDED, Library
from tests.gui.conftest import wait


def test_a_fault_is_said_beneath_its_field_after_a_pause_and_goes_with_it(view, qtbot):
    edit = view.form.steps.edit
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, "900000")
    note = view.form.steps.findChildren(type(view.form.problem))[0]
    assert not note.text()  # it may be half a number
    wait(qtbot, lambda: "900000" in note.text())
    view.generate()
    assert "900000" in view.form.problem.text() and not view.window().studio.board.jobs
    edit.selectAll()
    qtbot.keyClicks(edit, "12")
    assert not note.text() and view.window().studio.form.steps == 12
    assert edit.text() == "12"


def test_slider_and_number_are_one(view, qtbot):
    view.form.guidance.slider.setValue(9)
    assert view.window().studio.form.guidance == 4.5 and view.form.guidance.edit.text() == "4.5"
    view.window().studio.form.type("guidance", "7")
    assert view.form.guidance.slider.value() == 14


def test_the_form_is_there_again_at_the_next_start(open_window, qtbot):
    first = open_window(start=False)
    first.studio.form.put(prompt="kept", steps=33, seed=5)
    first.close()
    form = open_window(start=False).studio.form
    assert (form.prompt, form.steps, form.seed, form.seed_locked) == ("kept", 33, 5, False)


def test_the_form_shows_the_options_of_the_chosen_sampler_only(view, qtbot):
    form, shown = view.window().studio.form, view.form.options
    form.put(sampler="dpmpp_2m")
    assert not shown.any and view.form.options_fold.isHidden()
    form.put(sampler="unipc")
    assert set(shown.rows) == {"order", "variant"} and not view.form.options_fold.isHidden()
    edit = shown.rows["order"]
    edit.setText("3")
    edit.textEdited.emit("3")
    combo = shown.rows["variant"]
    combo.activated.emit(combo.findText("bh1"))
    assert form.options == {"order": 3, "variant": "bh1"} and combo.currentText() == "bh1"
    edit.textEdited.emit("9")
    view.form.focus_problem()
    assert "option:order" in form.problems() and view.form.options_fold.button.isChecked()
    form.put(sampler="lms")
    assert set(shown.rows) == {"order"} and form.own_options == {"order": 3} and shown.rows["order"].text() == "3"


def test_the_form_follows_the_librarys_default_model_until_another_is_chosen(view, qtbot, tiny_model):
    form, settings = view.window().studio.form, view.window().studio.settings
    form.put(model="pocket")
    with closing(Library()) as library:
        library.add(tiny_model, "mine", link=True)
        library.set_default("mine")
    view.form.look_around()
    wait(qtbot, lambda: form.model == "mine")
    assert settings.default_model == "mine"
    form.put(model="fake")
    with closing(Library()) as library:
        library.set_default("pocket")
    view.form.look_around()
    wait(qtbot, lambda: settings.default_model == "pocket")
    assert form.model == "fake"


def test_a_model_that_changes_in_the_library_is_read_again_under_its_name(view, qtbot, monkeypatch):
    """Its licence was accepted, its file is back, or another one has its name; the form stands on it all the while."""
    studio, known = view.window().studio, card.read_card(EMBEDDED)
    answers = {"fault": "The licence of it was not accepted."}

    def read(name):
        if name == "it" and answers["fault"]:
            raise ModelError(answers["fault"])
        return known

    monkeypatch.setattr(card, "read_card", read)
    studio.form.put(model="it")
    wait(qtbot, lambda: "not accepted" in view.form.model_fault.text())
    answers["fault"] = ""
    studio.library_changed.emit()
    wait(qtbot, lambda: not view.form.model_fault.text() and studio.form.card is known)
    shown = []
    studio.form.watch(lambda: shown.append(studio.form.card), "card")
    studio.library_changed.emit()
    qtbot.wait(200)
    assert None not in shown  # nothing flickers where it is the same
    answers["fault"] = "It is gone."
    studio.library_changed.emit()
    wait(qtbot, lambda: view.form.model_fault.text() == "It is gone." and studio.form.card is None)
