"""The whole way with the real engine and the embedded model: what a person does, and what must come of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtWidgets import QAbstractButton

from gui.form import generate_buttons
from sdedge.events import Cancelled, Failed, Finished, ImageDone
from sdedge.images.metadata import read, to_request
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from sdedge.request import Request
from tests.conftest import needs_embedded
from tests.gui.conftest import PATIENCE
from tests.pictures_shown import shown

pytestmark = needs_embedded


class Desk:
    """The session's window, and what it told during one test."""

    def __init__(self, window, qtbot) -> None:
        self.window, self.qtbot = window, qtbot
        self.view = window.show_view("create")
        self.form, self.board, self.bridge = window.studio.form, window.studio.board, window.studio.bridge
        self.drawn: list[ImageDone] = []
        self.ends: list = []
        self.board.drawn.connect(self._hear_picture)
        self.board.ended.connect(self._hear_end)
        self.form.restore(Request(model="pocket", steps=6, width=128, height=128))
        self.form.put(count=1, seed=None)
        window.banner.clear()
        window.activateWindow()

    def close(self) -> None:
        self.board.drawn.disconnect(self._hear_picture)
        self.board.ended.disconnect(self._hear_end)

    def _hear_picture(self, job, event) -> None:
        self.drawn.append(event)

    def _hear_end(self, job, event) -> None:
        self.ends.append(event)

    def wait(self, condition) -> None:
        self.qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)

    def generate(self) -> None:
        self.qtbot.keyClick(self.view.form.prompt.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)

    def draw(self) -> np.ndarray:
        """Press Generate and wait; the picture's pixels."""
        ended = len(self.ends)
        self.generate()
        self.wait(lambda: len(self.ends) > ended)
        assert isinstance(self.ends[-1], Finished), self.ends
        return pixels(self.drawn[-1].path)

    def drop(self, *paths) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        self.window.studio.drops.take(data)

    def press(self, label: str, inside) -> None:
        button = next(b for b in inside.findChildren(QAbstractButton) if b.text() == label and b.isVisible())
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture
def desk(studio_window, qtbot):
    desk = Desk(studio_window, qtbot)
    yield desk
    desk.wait(lambda: desk.board.running is None)
    desk.close()


def test_a_prompt_becomes_a_picture_that_shows_it(desk, qtbot):
    previews = []
    desk.view.panel.canvas.show_preview, show = (
        lambda image, size, done: previews.append((image.size().toTuple(), size.toTuple())),
        desk.view.panel.canvas.show_preview,
    )
    editor = desk.view.form.prompt.editor
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "a blue house at night")
    desk.form.put(seed=4, steps=10)
    drawn = desk.draw()
    desk.view.panel.canvas.show_preview = show
    assert all(shown(drawn, "a blue house at night").values())
    assert ((16, 16), (128, 128)) in previews
    desk.wait(lambda: desk.view.panel.canvas.image.size().toTuple() == (128, 128))
    desk.wait(lambda: desk.view.side.recent.model.rowCount() > 0)
    assert desk.view.panel.caption.full_text == "Seed 4   128 × 128"
    assert desk.view.strip.text.startswith("Done.   Seed 4   128 × 128   ")
    with open_store(Path(desk.window.studio.settings.folder).parent) as store:
        assert Gallery(store).find(desk.drawn[-1].path).prompt == "a blue house at night"


@pytest.mark.slow
def test_a_dropped_picture_gives_its_settings_back_and_they_draw_it_again(desk):
    desk.form.put(prompt="a blue boat on the sea at sunset", seed=12, steps=14)
    first = desk.draw()
    path = desk.drawn[-1].path
    desk.form.put(prompt="something else", seed=None, steps=3, guidance=9.0)
    desk.drop(path)
    desk.wait(lambda: "says how it was made" in desk.window.banner.text)
    assert desk.form.image == path and desk.form.prompt == "something else"
    desk.press("Use its settings", desk.window.banner)
    assert desk.form.prompt == "a blue boat on the sea at sunset" and desk.form.image is None
    assert (desk.draw() == first).all()
    desk.drop(path)
    desk.wait(lambda: "says how it was made" in desk.window.banner.text)
    before = desk.form.snapshot()
    desk.press("Use its settings", desk.window.banner)
    desk.press("Undo", desk.window.banner)
    assert desk.form.snapshot() | {"image": None} == before | {"image": None}


def test_picture_to_picture_is_compared_with_its_source(desk, qtbot, tmp_path):
    source = tmp_path / "blue.png"
    Image.fromarray(np.full((128, 128, 3), (30, 60, 200), np.uint8)).save(source)
    desk.drop(source)
    desk.wait(lambda: desk.form.image == str(source))
    desk.form.put(prompt="a yellow balloon over the desert by day", strength=0.9, seed=3)
    canvas = desk.view.panel.canvas
    drawn = desk.draw()
    desk.wait(lambda: canvas.image.pixelColor(64, 64).getRgb()[:3] == tuple(drawn[64, 64]))
    assert to_request(read(desk.drawn[-1].path)).image == str(source)
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    shown = canvas.grab().toImage().pixelColor(canvas.rect().center())
    assert shown.getRgb()[:3] == (30, 60, 200) and desk.window.actions_list["before-after"].isChecked()
    qtbot.keyClick(canvas, Qt.Key.Key_Space)


def test_a_painted_mask_is_drawn_anew_and_nothing_else(desk, qtbot, tmp_path):
    source = tmp_path / "grey.png"
    Image.fromarray(np.full((128, 128, 3), 128, np.uint8)).save(source)
    desk.drop(source)
    desk.wait(lambda: desk.form.image == str(source))
    desk.press("Paint a mask", desk.view.form) if desk.view.form.image.isVisible() else desk.view.paint_mask()
    canvas = desk.view.panel.canvas
    canvas.set_brush(40)
    middle = canvas.rect().center()
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle - QPoint(60, 0))
    qtbot.mouseMove(canvas, middle + QPoint(60, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    desk.form.put(prompt="a red house at night", strength=1.0, seed=1, mask_blur=0.0)
    drawn = desk.draw()  # Generate ends the painting by itself
    mask = pixels(desk.form.mask)[..., 0] >= 128
    assert 0.05 < mask.mean() < 0.5 and mask[64, 64] and not mask[5, 5]
    assert (drawn[~mask] == 128).all() and (drawn[mask] != 128).mean() > 0.5


def test_several_pictures_wait_in_line_while_the_form_is_edited(desk):
    desk.form.put(prompt="a house", seed=20, count=2, steps=6)
    desk.generate()
    desk.form.put(prompt="a boat", seed=40, count=1)
    desk.generate()
    desk.form.type("steps", "none")  # what is wrong with the next one does not concern these
    desk.wait(lambda: len(desk.ends) == 2)
    assert [event.seed for event in desk.drawn] == [20, 21, 40]
    assert desk.form.text("steps") == "none" and all(isinstance(end, Finished) for end in desk.ends)


def test_cancel_ends_the_picture_and_the_next_one_is_drawn(desk, qtbot, monkeypatch):
    monkeypatch.setattr(generate_buttons, "DOUBLE", 0)
    desk.form.put(prompt="a house", steps=200)
    desk.generate()
    desk.wait(lambda: desk.board.running is not None and "step" in desk.view.strip.text)
    desk.press("Cancel", desk.view.form.buttons)
    desk.wait(lambda: len(desk.ends) == 1)
    assert isinstance(desk.ends[0], Cancelled) and not desk.drawn and "Cancelled" in desk.view.strip.text
    desk.form.put(steps=4)
    desk.draw()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_engine_is_killed_in_the_middle_of_a_picture(desk, qtbot):
    """The window says what happened, stays alive, and goes on with the pictures that are lacking."""
    desk.form.put(prompt="a red house", steps=30, seed=7, count=2)
    desk.generate()
    desk.wait(lambda: len(desk.drawn) == 1 and "step" in desk.view.strip.text)
    os.kill(desk.bridge.worker_pid, signal.SIGKILL)
    desk.form.type("seed", "99")  # meanwhile one goes on typing
    desk.wait(lambda: desk.ends)
    assert isinstance(desk.ends[0], Failed) and "killed" in desk.view.strip.text
    desk.wait(lambda: desk.board.paused is not None)
    assert desk.window.isVisible() and desk.form.text("seed") == "99" and not desk.window.banner.isVisible()
    desk.press("Try again", desk.view.strip)
    desk.wait(lambda: len(desk.ends) == 2)
    assert isinstance(desk.ends[1], Finished) and [event.seed for event in desk.drawn] == [7, 8]
    assert desk.board.paused is None


def test_a_folder_that_cannot_be_written_is_said_with_what_helps(desk, tmp_path):
    settings, folder = desk.window.studio.settings, desk.window.studio.settings.folder
    (tmp_path / "a file").touch()
    settings.folder = str(tmp_path / "a file")
    desk.form.put(prompt="a house", steps=2)
    desk.generate()
    desk.wait(lambda: desk.ends)
    settings.folder = folder
    assert isinstance(desk.ends[0], Failed) and str(tmp_path / "a file") in desk.view.strip.text
    assert [button.text() for button in desk.view.strip.buttons()] == ["Choose a folder…", "Try again"]
    desk.wait(lambda: desk.board.paused is not None)
    desk.board.pause(False)
    desk.wait(lambda: desk.board.paused is None)
