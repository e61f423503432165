"""LoRAs of the prompt as rows: sliders and switches change its tags and nothing else of it."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QCompleter

from sdedge.text.tags import lora_tags, without_loras
from tests.gui.conftest import wait

PROMPT = "🦊 a house <lora:ink:0.8> by <lora:oil:1:0.4> the sea"


def test_sliders_and_numbers_weigh_the_tags_and_one_undo_takes_a_drag_back(view, qtbot):
    form, rows = view.window().studio.form, view.form.adapters.rows
    form.put(prompt=PROMPT)
    editor = view.form.prompt.editor
    for value in (10, 11, 12):
        rows.rows[0].weight.slider.setValue(value)
    assert form.prompt == editor.toPlainText() == PROMPT.replace("ink:0.8", "ink:0.6")
    editor.undo()
    assert form.prompt == PROMPT
    rows.rows[1].weight.edit.setText("-0.5")
    rows.rows[1].weight.edit.textEdited.emit("-0.5")
    assert form.prompt == PROMPT.replace("oil:1:0.4", "oil:1:-0.5")
    rows.rows[1].weight.edit.textEdited.emit("99")
    assert "lora:1:weight" in form.problems()
    view.form.focus_problem()
    assert view.form.adapters_fold.button.isChecked()


@pytest.mark.slow
def test_a_lora_that_is_off_keeps_its_place_and_weight_also_at_the_next_start(open_window, qtbot):
    window = open_window(start=False)
    view, form = window.show_view("create"), window.studio.form
    form.put(prompt=PROMPT, model="fake")
    view.form.adapters.rows.rows[0].switch.click()
    assert form.prompt == PROMPT and form.wanted().request.prompt == "🦊 a house by <lora:oil:1:0.4> the sea"
    (struck,) = view.form.prompt.editor.extraSelections()
    assert struck.cursor.selectedText() == "<lora:ink:0.8>" and struck.format.fontStrikeOut()
    window.close()
    again = open_window(start=False)
    assert again.studio.form.prompt == PROMPT and again.studio.form.loras_off == {"ink"}
    row = again.show_view("create").form.adapters.rows.rows[0]
    assert not row.switch.isChecked()
    row.switch.click()
    assert again.studio.form.wanted().request.prompt == PROMPT
    row.switch.click()
    again.studio.form.put(prompt="a house")  # and again with it: a new tag is drawn with
    again.studio.form.put(prompt="a house <lora:ink:1>")
    assert not again.studio.form.loras_off


@pytest.mark.slow
def test_a_lora_is_taken_out_and_comes_back_with_undo(view):
    form, rows = view.window().studio.form, view.form.adapters.rows
    form.put(prompt=PROMPT)
    rows.rows[0].remove.click()
    assert form.prompt == "🦊 a house by <lora:oil:1:0.4> the sea" and rows.rows[1].isHidden()
    view.window().studio.undoing.take_back()
    assert form.prompt == PROMPT


@pytest.mark.slow
def test_tags_of_a_csv_are_completed_and_one_that_cannot_be_read_says_so(view, qtbot, tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text("long_hair,0,4350743,\n")
    settings, section = view.window().studio.settings, view.form.adapters
    view.form.look_around()
    settings.tags_file = str(path)
    editor = view.form.prompt.editor
    wait(qtbot, lambda: editor.offered.tags)
    editor.setFocus()
    qtbot.keyClicks(editor, "a girl, long h")
    popup = editor.findChild(QCompleter).popup()
    assert popup.isVisible()
    editor.findChild(QCompleter).activated.emit("long_hair   4.4M")
    assert editor.toPlainText() == "a girl, long hair, "
    settings.tags_file = str(tmp_path / "gone.csv")
    wait(qtbot, lambda: "gone.csv" in section.tags_note.text())
    assert editor.offered.tags is None
    popup.hide()


@pytest.mark.parametrize("tag, weighed", [
    ("<lora:a>", "<lora:a:0.5>"), ("<lora:a:1>", "<lora:a:0.5>"), ("<LoRA:a:1:2>", "<LoRA:a:1:0.5>"),
    ("<lora:a:te=1>", "<lora:a:te=1:unet=0.5>"), ("<lora:a:unet=1:te=2>", "<lora:a:unet=0.5:te=2>"),
    ("<lora:a:1:lbw=MIDD>", "<lora:a:0.5:lbw=MIDD>"), ("<lora:a:1:MIDD>", "<lora:a:0.5:MIDD>"),
    ("<lora:C:\\x.safetensors:1>", "<lora:C:\\x.safetensors:0.5>"),
])  # fmt: skip
def test_a_tag_in_any_spelling_is_weighed_in_the_unet(tag, weighed):
    (before,) = lora_tags(f"x {tag} y")
    assert before.weighted(0.5) == weighed
    (after,) = lora_tags(weighed)
    assert after.lora.unet_weight == 0.5 and after.lora.blocks == before.lora.blocks and after.name == before.name
    assert without_loras(f"x {tag} y", {before.name}) == "x y"
