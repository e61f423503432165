"""The prompt: names are completed, weights set by keys, tokens counted, and nothing typed is lost."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCompleter

from gui.form.completion import Offered
from gui.form.tokens import Count
from gui.models.card import ModelCard
from sdedge.library.adapters import embedding_folder, lora_folder
from tests.gui.conftest import wait
from tests.gui.create.conftest import draw


def test_a_key_in_a_long_prompt_looks_at_a_names_length_and_counts_the_last_text_only(view, qtbot, monkeypatch):
    editor, counted = view.form.prompt.editor, []
    editor.offer(Offered(["🦊x", "style"]))
    editor.show_text("🦊" * 13_000 + " <lora:sty")
    assert len(editor.text_before()) <= 120
    editor.findChild(QCompleter).activated.emit("style")
    assert editor.toPlainText().endswith("🦊 <lora:style:1>")
    monkeypatch.setattr("gui.form.prompt_field.count", lambda text, *_, **__: counted.append(text) or Count())
    waiting = []
    monkeypatch.setattr(view.window().studio.bridge.background, "run", lambda work, *_, **__: waiting.append(work))
    monkeypatch.setattr(view.window().studio.form, "card", ModelCard("fake", 64, tokenizer=object()), raising=False)
    waiting.clear()
    for text in ("one", "two", "three"):
        editor.show_text(text)
        view.form.prompt.editor.paused.emit()
    assert [work() is None for work in waiting][-3:] == [True, True, False] and counted == ["three"]


def test_weights_by_keys_are_put_on_the_word_at_the_caret_behind_emoji_too(view):
    editor = view.form.prompt.editor
    view.window().studio.form.put(prompt="🦊🦊🦊 red house")
    cursor = editor.textCursor()
    cursor.setPosition(8)  # as Qt counts: inside of "red"
    editor.setTextCursor(cursor)
    view.window().studio.actions["weigh-more"].trigger()
    assert editor.toPlainText() == "🦊🦊🦊 (red:1.1) house"
    view.window().studio.actions["weigh-more"].trigger()
    assert editor.toPlainText() == "🦊🦊🦊 (red:1.2) house"
    cursor.setPosition(6)
    editor.setTextCursor(cursor)
    editor.insert("sky")
    assert editor.toPlainText() == "🦊🦊🦊 sky (red:1.2) house"


def test_weights_by_keys_and_their_undo(view, qtbot):
    editor = view.form.prompt.editor
    view.window().studio.form.put(prompt="a red house")
    cursor = editor.textCursor()
    cursor.setPosition(4)
    editor.setTextCursor(cursor)
    view.window().studio.actions["weigh-more"].trigger()
    view.window().studio.actions["weigh-more"].trigger()
    assert view.window().studio.form.prompt == "a (red:1.2) house"
    editor.undo()
    editor.undo()
    assert view.window().studio.form.prompt == "a red house"


def test_names_of_loras_and_embeddings_are_completed(view, qtbot):
    for folder, name in ((lora_folder(), "watercolour.safetensors"), (embedding_folder(), "my-style.pt")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    view.form.look_around()
    editor = view.form.prompt.editor
    wait(qtbot, lambda: editor.offered.loras)
    editor.setFocus()
    qtbot.keyClicks(editor, "a house <lora:wa")
    popup = editor.findChild(QCompleter).popup()
    assert popup.isVisible()
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert editor.toPlainText() == "a house <lora:watercolour:1>"
    qtbot.keyClicks(editor, " my")
    qtbot.keyClick(popup, Qt.Key.Key_Return)
    assert view.window().studio.form.prompt == "a house <lora:watercolour:1> my-style"


def test_the_history_keeps_what_was_drawn_and_alt_up_brings_it_back(view, qtbot):
    for prompt in ("one", "two", "one"):
        draw(view, qtbot, prompt)
    assert view.window().studio.settings.texts("prompts") == ["one", "two"]
    view.window().studio.form.put(prompt="half a thought")
    editor = view.form.prompt.editor
    shown = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(editor, key, Qt.KeyboardModifier.AltModifier)
        shown.append(view.window().studio.form.prompt)
    assert shown == ["one", "two", "one", "half a thought"]
    wait(qtbot, lambda: view.window().studio.board.running is None)


def test_tokens_are_counted_while_typing_and_chunks_marked(view, qtbot):
    view.window().studio.form.put(model="pocket")
    wait(qtbot, lambda: view.window().studio.form.card)
    view.window().studio.form.put(prompt=", ".join(["a red house in the snow by day"] * 22))
    wait(qtbot, lambda: view.form.prompt.counter.text() == "197/225")
    assert len(view.form.prompt.editor.marks) == 2
    view.window().studio.form.put(prompt="a house <lora:missing>")
    wait(qtbot, lambda: "missing" in view.form.prompt.note.text())


def test_clearing_the_prompt_can_be_undone(view):
    view.window().studio.form.put(prompt="a long thought")
    view.window().studio.actions["clear-prompt"].trigger()
    assert view.window().studio.form.prompt == ""
    view.form.prompt.editor.undo()
    assert view.window().studio.form.prompt == "a long thought"
