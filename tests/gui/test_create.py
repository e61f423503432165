"""The create view over an engine that draws noise: what is said where, and that nothing typed is lost."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)

from gui.create.canvas import Canvas
from gui.create.failures import REMEDIES, remedies, smaller
from gui.form.tokens import Count
from gui.models.card import ModelCard
from gui.shell.drops import sort_out
from sdedge.library.adapters import embedding_folder, lora_folder
from sdedge.library.models import Library
from sdedge.request import Request
from tests.gui.conftest import PATIENCE


@pytest.fixture
def view(open_window):
    """The create view of a new window, with the noise engine's model chosen."""
    window = open_window()
    view = window.show_view("create")
    window.studio.form.put(model="fake")
    return view


def wait(qtbot, condition) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


def draw(view, qtbot, prompt: str, **fields) -> None:
    view._studio.form.put(prompt=prompt, **fields)
    view.generate()


def drop(view, *paths, text: str = "") -> None:
    data = QMimeData()
    if paths:
        data.setUrls([QUrl(path) if "://" in str(path) else QUrl.fromLocalFile(str(path)) for path in paths])
    elif text:
        data.setText(text)
    view._studio.drops.take(data)


# Failures


@pytest.mark.parametrize(
    "fault, words, helps",
    [
        ("memory@2", "memory ran out", ["Draw at 384 × 384", "Try again"]),
        ("segv@2", "crashed while drawing step 1 of 3", ["Try again", "Show the log"]),
        ("bug@2", "ZeroDivisionError", ["Show the log", "Try again"]),
        ("words@2", "do something else", ["Try again"]),
    ],
)
def test_a_failure_says_what_happened_and_offers_what_helps(view, qtbot, fault, words, helps):
    draw(view, qtbot, f"fail={fault}", width=512, height=512)
    wait(qtbot, lambda: words in view.strip.text)
    assert [button.text() for button in view.strip.buttons()] == helps
    assert not view.window().banner.isVisible()  # one place is enough
    assert view._studio.form.prompt == f"fail={fault}"


def test_a_model_that_is_missing_is_said_at_the_model_and_when_it_is_drawn(view, qtbot):
    draw(view, qtbot, "a house", model="nowhere")
    wait(qtbot, lambda: "There is no model" in view.strip.text)
    assert [button.text() for button in view.strip.buttons()] == ["Show the models", "Try again"]
    wait(qtbot, lambda: "nowhere" in view.form.model_fault.text())


def test_every_failure_of_the_engine_has_an_answer():
    from sdedge.process.worker import describe_failure

    for error in (MemoryError(), ZeroDivisionError(), OSError("x")):
        assert describe_failure(error).kind in REMEDIES
    assert remedies("never heard of")


def test_smaller_keeps_the_proportions_and_ends():
    assert smaller(Request(width=512, height=768), 512) == (384, 576) and smaller(Request(), 128) == (96, 96)
    assert smaller(Request(width=64, height=64), 512) is None


def test_drawing_smaller_puts_the_size_into_the_form_and_draws(view, qtbot):
    draw(view, qtbot, "fail=memory@1", width=512, height=256)
    wait(qtbot, lambda: view.strip.buttons() and "Draw at" in view.strip.buttons()[0].text())
    view.strip.buttons()[0].click()
    assert (view._studio.form.width, view._studio.form.height) == (384, 192)
    wait(qtbot, lambda: len(view._studio.board.jobs) == 2)


# Typing


def test_a_key_in_a_long_prompt_looks_at_a_names_length_and_counts_the_last_text_only(view, qtbot, monkeypatch):
    editor, counted = view.form.prompt.editor, []
    editor.offer(["🦊x", "style"], [])
    editor.show_text("🦊" * 13_000 + " <lora:sty")
    assert len(editor._typed()) <= 120
    editor._take("style")
    assert editor.toPlainText().endswith("🦊 <lora:style:1>")
    monkeypatch.setattr("gui.form.prompt_field.count", lambda text, *_, **__: counted.append(text) or Count())
    waiting = []
    monkeypatch.setattr(view._studio.bridge.background, "run", lambda work, *_, **__: waiting.append(work))
    monkeypatch.setattr(view._studio.form, "card", ModelCard("fake", 64, tokenizer=object()), raising=False)
    waiting.clear()
    for text in ("one", "two", "three"):
        editor.show_text(text)
        view.form.prompt._count()
    assert [work() is None for work in waiting][-3:] == [True, True, False] and counted == ["three"]


def test_a_fault_is_said_beneath_its_field_after_a_pause_and_goes_with_it(view, qtbot):
    edit = view.form.steps.edit
    edit.setFocus()
    edit.selectAll()
    qtbot.keyClicks(edit, "900000")
    note = view.form.steps.findChildren(type(view.form.problem))[0]
    assert not note.text()  # it may be half a number
    wait(qtbot, lambda: "900000" in note.text())
    view.generate()
    assert "900000" in view.form.problem.text() and not view._studio.board.jobs
    edit.selectAll()
    qtbot.keyClicks(edit, "12")
    assert not note.text() and view._studio.form.steps == 12
    assert edit.text() == "12"


def test_slider_and_number_are_one(view, qtbot):
    view.form.guidance.slider.setValue(9)
    assert view._studio.form.guidance == 4.5 and view.form.guidance.edit.text() == "4.5"
    view._studio.form.type("guidance", "7")
    assert view.form.guidance.slider.value() == 14


def test_weights_by_keys_and_their_undo(view, qtbot):
    editor = view.form.prompt.editor
    view._studio.form.put(prompt="a red house")
    cursor = editor.textCursor()
    cursor.setPosition(4)
    editor.setTextCursor(cursor)
    view._studio.actions["weigh-more"].trigger()
    view._studio.actions["weigh-more"].trigger()
    assert view._studio.form.prompt == "a (red:1.2) house"
    editor.undo()
    editor.undo()
    assert view._studio.form.prompt == "a red house"


def test_names_of_loras_and_embeddings_are_completed(view, qtbot):
    for folder, name in ((lora_folder(), "watercolour.safetensors"), (embedding_folder(), "my-style.pt")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    view.form.look_around()
    editor = view.form.prompt.editor
    wait(qtbot, lambda: editor._loras)
    editor.setFocus()
    qtbot.keyClicks(editor, "a house <lora:wa")
    assert editor._popup.isVisible()
    qtbot.keyClick(editor._popup, Qt.Key.Key_Return)
    assert editor.toPlainText() == "a house <lora:watercolour:1>"
    qtbot.keyClicks(editor, " my")
    qtbot.keyClick(editor._popup, Qt.Key.Key_Return)
    assert view._studio.form.prompt == "a house <lora:watercolour:1> my-style"


def test_the_history_keeps_what_was_drawn_and_alt_up_brings_it_back(view, qtbot):
    for prompt in ("one", "two", "one"):
        draw(view, qtbot, prompt)
    assert view._studio.settings.texts("prompts") == ["one", "two"]
    view._studio.form.put(prompt="half a thought")
    editor = view.form.prompt.editor
    shown = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(editor, key, Qt.KeyboardModifier.AltModifier)
        shown.append(view._studio.form.prompt)
    assert shown == ["one", "two", "one", "half a thought"]
    wait(qtbot, lambda: view._studio.board.running is None)


def test_tokens_are_counted_while_typing_and_chunks_marked(view, qtbot):
    view._studio.form.put(model="pocket")
    wait(qtbot, lambda: view._studio.form.card)
    view._studio.form.put(prompt=", ".join(f"a red house number {i}" for i in range(20)))
    wait(qtbot, lambda: view.form.prompt.counter.text() == "209/225")
    assert len(view.form.prompt.editor._marks) == 2
    view._studio.form.put(prompt="a house <lora:missing>")
    wait(qtbot, lambda: "missing" in view.form.prompt.note.text())


def test_clearing_the_prompt_can_be_undone(view):
    view._studio.form.put(prompt="a long thought")
    view._studio.actions["clear-prompt"].trigger()
    assert view._studio.form.prompt == ""
    view.form.prompt.editor.undo()
    assert view._studio.form.prompt == "a long thought"


def test_the_form_is_there_again_at_the_next_start(open_window, qtbot):
    first = open_window(start=False)
    first.studio.form.put(prompt="kept", steps=33, seed=5)
    first.close()
    form = open_window(start=False).studio.form
    assert (form.prompt, form.steps, form.seed, form.seed_locked) == ("kept", 33, 5, False)


# Drops


def test_paths_are_sorted_by_what_can_be_done_with_them(tmp_path):
    for name in ("a.png", "b.safetensors", "model/model_index.json", "folder/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    paths = [str(tmp_path / name) for name in ("a.png", "b.safetensors", "model", "folder", "gone.png")]
    kinds = sort_out(paths)
    assert (kinds.pictures, kinds.models, kinds.folders, kinds.missing) == (
        (paths[0],), (paths[1], paths[2]), (paths[3],), (paths[4],),
    )  # fmt: skip


@pytest.fixture
def odd_files(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "good.png")
    whole = (tmp_path / "good.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:200])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder").mkdir()
    Image.new("1", (30_000, 3_000)).save(tmp_path / "huge.png")
    return tmp_path


@pytest.mark.parametrize(
    "name, words",
    [
        ("cut.png", "damaged"), ("text.png", "not a picture"), ("empty.jpg", "not a picture"),
        ("huge.png", "megapixels"), ("folder", "without a model"), ("gone.png", "no file"),
        ("https://example.org/a.png", "no network addresses"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_once_and_the_form_stays(view, qtbot, odd_files, name, words):
    view._studio.form.put(prompt="mine", image=None)
    view._studio.form.type("steps", "many")
    before = view._studio.form.snapshot()
    drop(view, name if "://" in name else odd_files / name)
    wait(qtbot, lambda: words in view.window().banner.text)
    assert view._studio.form.snapshot() == before


def test_of_a_hundred_pictures_the_first_is_used_and_that_is_said(view, qtbot, odd_files):
    drop(view, *[odd_files / "good.png"] * 100)
    wait(qtbot, lambda: view.window().banner.text == "Only the first of 100 pictures is used.")
    assert view._studio.form.image == str(odd_files / "good.png")


def test_copied_settings_are_taken_and_other_text_is_not(view, qtbot):
    drop(view, text="a house\nNegative prompt: fog\nSteps: 7, Sampler: Euler a, CFG scale: 3, Seed: 9, Size: 64x128")
    form = view._studio.form
    assert (form.prompt, form.negative, form.steps, form.sampler, form.seed) == ("a house", "fog", 7, "euler_a", 9)
    drop(view, text="some words")
    assert "into the prompt" in view.window().banner.text and form.prompt == "a house"


def test_a_picture_from_another_program_offers_its_settings_and_keeps_a_model_that_is_here(view, qtbot, tmp_path):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("parameters", "a cat\nSteps: 9, Sampler: Euler, CFG scale: 6, Seed: 4, Size: 64x64, Model: v1-5")
    Image.new("RGB", (64, 64)).save(tmp_path / "a1111.png", pnginfo=info)
    view._studio.form.put(model="pocket")
    drop(view, tmp_path / "a1111.png")
    wait(qtbot, lambda: "says how it was made" in view.window().banner.text)
    view.window().banner._button.click()
    form = view._studio.form
    assert (form.prompt, form.steps, form.guidance, form.seed, form.model) == ("a cat", 9, 6.0, 4, "pocket")
    assert "v1-5 is not installed" in view.window().banner.text


def test_models_are_handed_to_their_view(view, tmp_path):
    given = []
    view._studio.models_wanted.connect(given.append)
    (tmp_path / "x.safetensors").touch()
    drop(view, tmp_path / "x.safetensors")
    assert given == [[str(tmp_path / "x.safetensors")]] and view.window().current_view == "models"


# The queue


def test_jobs_are_reordered_put_off_cancelled_and_drawn_again(view, qtbot):
    board, model = view._studio.board, view.side.queue.model
    board.pause(True)
    wait(qtbot, lambda: board.paused is not None)
    for prompt in ("one", "two", "three"):
        draw(view, qtbot, prompt)
    wait(qtbot, lambda: model.rowCount() == 3)
    one, two, three = (job.id for job in board.jobs)
    model.dropMimeData(model.mimeData([model.index(2)]), Qt.DropAction.MoveAction, 0, 0, model.index(-1))
    wait(qtbot, lambda: [job.id for job in board.jobs] == [three, one, two])
    view.side.queue.choose(one)
    qtbot.keyClick(view.side.queue.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    wait(qtbot, lambda: [job.id for job in board.jobs] == [three, two, one])
    assert view.side.queue.chosen().id == one
    qtbot.keyClick(view.side.queue.list, Qt.Key.Key_Delete)
    wait(qtbot, lambda: board.find(one).state == "cancelled")
    view._studio.actions["pause-queue"].trigger()
    wait(qtbot, lambda: board.find(three).state == board.find(two).state == "done")
    labels = [action.text() for action in view.side.queue.menu(board.find(one)).actions()]
    assert labels[0] == "Try again" and "Use its settings" in labels


def test_cancel_after_this_picture_keeps_it(view, qtbot):
    draw(view, qtbot, "steps=5 step=0.05", count=3)
    wait(qtbot, lambda: view._studio.board.running is not None and "step" in view.strip.text)
    view._studio.actions["cancel-after"].trigger()
    wait(qtbot, lambda: "1 finished pictures are kept" in view.strip.text)
    job = view._studio.board.jobs[0]
    wait(qtbot, lambda: view._studio.board.find(job.id).state == "cancelled")
    assert view._studio.board.find(job.id).saved == 1


def test_a_failed_job_says_why_in_the_queue_too(view, qtbot):
    draw(view, qtbot, "fail=words@1")
    wait(qtbot, lambda: view._studio.board.jobs and view._studio.board.jobs[0].state == "failed")
    index = view.side.queue.model.index(0)
    assert "do something else" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    assert "do something else" in index.data(Qt.ItemDataRole.ToolTipRole)


# Looks


def test_zoom_and_place_stay_between_pictures_of_one_size(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(400, 400)
    canvas.show_picture(_filled("red", 64, 64))
    assert canvas.is_fitted
    canvas.zoom_to(3.0, QPointF(100, 100))
    corner = canvas.to_picture(QPointF(100, 100))
    canvas.show_preview(_filled("green", 8, 8), QSize(64, 64))
    canvas.show_picture(_filled("blue", 64, 64))
    assert canvas.zoom == 3.0 and canvas.to_picture(QPointF(100, 100)) == corner
    canvas.show_picture(_filled("blue", 64, 96))
    assert canvas.is_fitted


def test_the_point_under_the_mouse_stays_while_zooming(theme, qtbot):
    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(500, 300)
    canvas.show_picture(_filled("red", 640, 480))
    at = QPointF(310, 170)
    point = canvas.to_picture(at)
    for zoom in (2.0, 5.0, 0.9):
        canvas.zoom_to(zoom, at)
        assert (canvas.to_picture(at) - point).manhattanLength() < 1e-6


def test_the_side_column_is_a_drawer_in_a_narrow_window(view, qtbot):
    window, side, toggle = view.window(), view.side, view._studio.actions["side-column"]
    assert side.isVisible()
    window.resize(1000, 700)
    wait(qtbot, lambda: not side.isVisible())
    toggle.trigger()
    assert side.isVisible() and side.geometry().right() == view.rect().right()
    toggle.trigger()
    assert not side.isVisible() and view._studio.settings.side_column


def test_every_control_has_a_name(view):
    for fold in (view.form.negative_fold, view.form.sampler_fold, view.form.image_fold, view.form.more_fold):
        fold.open()
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractSlider, QAbstractItemView)
    nameless = []
    for kind in kinds:
        for widget in view.findChildren(kind):
            named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
            inner = widget.objectName().startswith("qt_") or isinstance(widget.parent(), QComboBox)
            if not named and not inner and widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisibleTo(view):
                nameless.append(widget)
    assert not nameless


def test_the_keyboard_reaches_every_control_of_the_form(view, qtbot):
    """Tab from the prompt comes past each of them and back."""
    for fold in (view.form.negative_fold, view.form.sampler_fold, view.form.more_fold):
        fold.open()
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit, QComboBox, QAbstractSlider)
    wanted = {
        widget for kind in kinds for widget in view.form.findChildren(kind)
        if widget.isVisibleTo(view) and widget.isEnabled() and not isinstance(widget.parent(), QComboBox)
        and not widget.objectName().startswith("qt_") and "ScrollBar" not in type(widget).__name__
    }  # fmt: skip
    reached, widget = set(), view.form.prompt.editor
    for _ in range(300):
        widget = widget.nextInFocusChain()
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisibleTo(view):
            reached.add(widget)
    assert not wanted - reached


def test_a_mask_is_painted_erased_undone_and_taken_up_again(theme, qtbot):
    from gui.create.mask_layer import MaskLayer, save_mask

    layer = MaskLayer(QSize(100, 80))
    assert layer.is_empty
    layer.begin(QPointF(20, 40), 20, erase=False)
    layer.extend(QPointF(80, 40), 20)
    layer.end()
    painted = np.array(Image.open(save_mask(layer.png())))
    assert painted.shape == (80, 100) and painted[40, 20:80].min() == 255 and painted[:25].max() == 0
    layer.begin(QPointF(50, 40), 30, erase=True)
    layer.end()
    assert QImage.fromData(layer.png()).pixelColor(50, 40) == QColor("black")
    layer.undo()
    assert (np.array(Image.open(save_mask(layer.png()))) == painted).all()
    layer.redo()
    assert QImage.fromData(layer.png()).pixelColor(50, 40) == QColor("black")
    layer.undo()
    layer.invert()
    assert (np.array(Image.open(save_mask(layer.png()))) == 255 - painted).all()
    again = MaskLayer(QSize(100, 80))
    again.load(QImage.fromData(layer.png()))
    assert again.png() == layer.png()
    layer.clear()
    assert layer.is_empty and layer.can_undo


def _filled(color: str, width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image


def test_painting_with_the_mouse_follows_the_picture_at_any_zoom(theme, qtbot):
    from gui.create.mask_layer import MaskLayer

    canvas = Canvas(theme)
    qtbot.addWidget(canvas)
    canvas.resize(300, 300)
    canvas.show()
    canvas.show_picture(_filled("white", 200, 100))
    canvas.zoom_to(2.0)
    canvas.paint_mask(MaskLayer(QSize(200, 100)))
    canvas.set_brush(10)
    at = QPoint(120, 140)
    point = canvas.to_picture(QPointF(at))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
    mask = QImage.fromData(canvas.layer.png())
    assert mask.pixelColor(point.toPoint()) == QColor("white")
    assert mask.pixelColor(round(point.x()) + 8, round(point.y())) == QColor("black")


# Options and the default model


def test_the_form_shows_the_options_of_the_chosen_sampler_only(view, qtbot):
    form, shown = view._studio.form, view.form.options
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
    form, settings = view._studio.form, view._studio.settings
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
