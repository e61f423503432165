"""What a person keeps beside a model in the window: written, seen again, inserted by a click, and a picture of the gallery."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import Qt

from sdedge.library.adapters import lora_folder
from sdedge.library.model_notes import ModelNotes
from sdedge.library.models import Library
from tests.gui.pictures import save_pictures
from tests.library.test_model_notes import write_lora

pytestmark = pytest.mark.slow


def noted(name: str, role: str):
    library = Library()
    try:
        return ModelNotes(library).of(name, role)
    finally:
        library.close()


def test_notes_and_words_are_written_seen_and_put_into_the_prompt(open_window, qtbot):
    write_lora(lora_folder() / "house.safetensors", **{"modelspec.trigger_phrase": "sks"})
    window = open_window(start=False)
    view, form = window.show_view("models"), window.studio.form
    qtbot.waitUntil(lambda: len(view.model.items) == 2)
    view.choose(1)
    card = view.details.notes
    qtbot.waitUntil(lambda: [button.toolTip() for button in card.word_buttons()] == ["sks"])
    qtbot.keyClicks(card.triggers, "brick, old wall")
    qtbot.keyClick(card.triggers, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [button.toolTip() for button in card.word_buttons()] == ["brick", "old wall"])
    form.put(prompt="a tower")
    card.word_buttons()[1].click()
    assert form.prompt == "a tower, old wall"
    card.word_buttons()[1].click()
    assert form.prompt == "a tower, old wall" and "already" in window.banner.text
    qtbot.keyClicks(card.text, "at most 0.8")
    view.choose(0)  # leaves the field
    qtbot.waitUntil(lambda: noted("house", "lora").text == "at most 0.8")
    assert noted("house", "lora").triggers == ("brick", "old wall") and noted("pocket", "model").text == ""


def test_a_note_that_is_written_last_is_kept_though_the_threads_are_busy(open_window, qtbot):
    window = open_window(start=False)
    view = window.show_view("models")
    qtbot.waitUntil(lambda: len(view.model.items) == 1)
    qtbot.keyClicks(view.details.notes.text, "draws houses")
    for _ in range(4):
        window.studio.bridge.background.run(lambda: time.sleep(0.3))
    window.close()
    window.studio.bridge.close()
    assert noted("pocket", "model").text == "draws houses"


def test_a_picture_of_the_gallery_becomes_its_model_s(open_window, qtbot, tmp_path):
    save_pictures(tmp_path / "out", ["a"])
    window = open_window(start=False)
    gallery, models = window.show_view("gallery"), window.show_view("models")
    window.show_view("gallery")
    qtbot.waitUntil(lambda: gallery.model.rowCount() == 1 and gallery.model.entry(0) is not None)
    gallery.choose(0)
    window.actions_list["model-picture"].trigger()
    qtbot.waitUntil(lambda: bool(models.model.items and models.model.items[0].note.picture))
    window.show_view("models")
    card = models.details.notes
    qtbot.waitUntil(lambda: card.picture.isVisible())
    card.clear.click()
    qtbot.waitUntil(lambda: not card.picture.isVisible())
    window.actions_list["undo"].trigger()
    qtbot.waitUntil(lambda: card.picture.isVisible())
