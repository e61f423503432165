"""The models view with real processes: models come in, are refused with the reason, checked, allowed and removed."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QMessageBox, QPushButton
from safetensors.torch import save_file

from gui.look.readable import size_in_words
from gui.models import view as models_view
from gui.models.items import FileHashes, Item, read_items
from gui.models.tables import ThingsTable
from gui.shell.drops import MODELS
from sdedge.engines.open import locate
from sdedge.library import adapters
from sdedge.library.licences import OPENRAIL
from sdedge.library.models import Library

PATIENCE = 60_000


@pytest.fixture
def models(open_window, qtbot):
    """(window, models view) with the embedded model alone."""
    window = open_window(start=False)
    view = window.show_view("models")
    qtbot.waitUntil(lambda: names(view) == ["pocket"])
    return window, view


@pytest.fixture
def embedding(tmp_path) -> Path:
    save_file({"<cat>": torch.randn(2, 768)}, tmp_path / "cat.safetensors")
    return tmp_path / "cat.safetensors"


def names(view) -> list[str]:
    return [item.name for item in view.model.items]


def idle(view) -> bool:
    return not view.tasks.busy


def drop(view, *urls: QUrl) -> None:
    data = QMimeData()
    data.setUrls(list(urls))
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, buttons, keys)
    view.dragEnterEvent(enter)
    if enter.isAccepted():
        view.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))


def local(path: Path) -> QUrl:
    return QUrl.fromLocalFile(str(path))


def install(path: Path, **how) -> None:
    library = Library()
    library.add(path, **how)
    library.close()


def test_a_dropped_model_is_copied_in_by_another_process_and_allowed(models, qtbot, tmp_path):
    window, view = models
    QAbstractItemModelTester(view.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine")
    (mine / "README.md").unlink()  # which names the licence
    drop(view, local(mine))
    qtbot.waitUntil(lambda: "mine" in names(view), timeout=PATIENCE)
    view.choose(names(view).index("mine"))
    item = view.current()
    assert (item.role, item.licence, item.accepted, item.linked) == ("model", "", True, False)
    assert view.details.licences.isVisible() and not view.details.buttons["accept"].isVisible()
    view.details.licences.setCurrentText("creativeml-openrail-m")
    qtbot.mouseClick(view.details.record, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view.current().licence == OPENRAIL)
    assert not view.details.licences.isVisible() and view.details.change_licence.isVisible()
    assert not view.details.buttons["use"].isEnabled() and view.details.buttons["accept"].isVisible()
    view.details.buttons["accept"].click()
    qtbot.waitUntil(lambda: view.current().accepted)
    view.details.buttons["default"].click()
    qtbot.waitUntil(lambda: view.current().default)
    view.details.buttons["verify"].click()
    qtbot.waitUntil(lambda: idle(view), timeout=PATIENCE)
    assert view.tasks.all[-1].message == "Every file is as it was added."
    view.details.buttons["use"].click()
    assert window.studio.form.model == "mine" and window.current_view == "create"


def test_damage_is_found(open_window, qtbot, tmp_path):
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine")
    install(mine, link=True, licence="mine")
    view = open_window(start=False).show_view("models")
    qtbot.waitUntil(lambda: "mine" in names(view))
    with open(mine / "vae" / "diffusion_pytorch_model.safetensors", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    view.choose(1)
    view.details.buttons["verify"].click()
    qtbot.waitUntil(lambda: idle(view), timeout=PATIENCE)
    assert view.tasks.all[-1].state == "failed" and "has changed since it was added" in view.tasks.all[-1].message


@pytest.mark.slow
def test_extras_are_added_and_used(models, qtbot, embedding, tmp_path):
    window, view = models
    drop(view, local(embedding))
    qtbot.waitUntil(lambda: "cat" in names(view), timeout=PATIENCE)
    view.choose(names(view).index("cat"))
    window.studio.form.put(prompt="a photo of")
    view.details.buttons["use"].click()
    assert window.studio.form.prompt == "a photo of cat"


def test_what_is_refused_is_said_on_its_card_and_the_rest_goes_on(models, qtbot, tmp_path):
    window, view = models
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine")
    (tmp_path / "page.ckpt").write_text("<!DOCTYPE html><html>Sign in</html>")
    view.link.setChecked(True)
    drop(view, local(tmp_path / "page.ckpt"), local(mine), QUrl("https://example.org/model.ckpt"))
    assert "Only files and folders" in window.banner.text
    qtbot.waitUntil(lambda: idle(view) and "mine" in names(view), timeout=PATIENCE)
    (refused,) = view.tasks.all
    assert refused.state == "failed" and "page.ckpt" in refused.message and "\n" not in refused.message
    view.tasks.dismiss(refused)
    assert not view.tasks.all


def test_a_vanished_file_is_told_and_not_tried(models, tmp_path):
    window, view = models
    drop(view, local(tmp_path / "gone.ckpt"))
    assert "gone.ckpt is not there any more" in window.banner.text and not view.tasks.all


def test_an_import_can_be_cancelled_and_leaves_nothing(models, qtbot, tmp_path):
    window, view = models
    os.mkfifo(tmp_path / "slow.safetensors")  # reading it waits for a writer that never comes
    view.add([tmp_path / "slow.safetensors", tmp_path / "slow.safetensors"])
    running, waiting = view.tasks.all
    qtbot.waitUntil(lambda: running.state == "running")
    view.tasks.cancel(waiting)
    view.tasks.cancel(running)
    qtbot.waitUntil(lambda: idle(view), timeout=PATIENCE)
    assert running.state == "cancelled" and view.tasks.all == [running] and names(view) == ["pocket"]


def test_closing_the_window_ends_an_import(models, qtbot, tmp_path):
    window, view = models
    os.mkfifo(tmp_path / "slow.safetensors")
    view.add([tmp_path / "slow.safetensors"] * 2)
    window.close()
    assert window.isVisible() and not idle(view)
    next(button for button in window.question.buttons() if button.text() == "Close and End It").click()
    assert not window.isVisible() and idle(view)


def test_a_reading_of_the_library_that_ends_late_does_not_undo_a_later_one(models, tmp_path, monkeypatch):
    window, view = models
    readings = []

    def run(work, then=None, failed=None, owner=None):
        if work is read_items:
            readings.append((work(), then))

    monkeypatch.setattr(window.studio.bridge.background, "run", run)
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine")
    install(mine, link=True, licence="mine")
    view.read()
    shutil.move(mine, tmp_path / "elsewhere")
    view.read()
    for items, take in reversed(readings):
        take(items)
    assert names(view) == ["pocket", "mine"] and not view.model.items[1].here


def test_a_linked_model_that_is_gone_says_so_and_is_removed_without_a_question(open_window, qtbot, tmp_path):
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine")
    install(mine, link=True, licence="mine")
    view = open_window(start=False).show_view("models")
    shutil.move(mine, tmp_path / "elsewhere")
    view.read()
    qtbot.waitUntil(lambda: "mine" in names(view) and not view.model.items[1].here)
    view.choose(1)
    assert view.model.index(1, 4).data() == "File is gone" and not view.details.buttons["use"].isEnabled()
    view.details.buttons["remove"].click()
    qtbot.waitUntil(lambda: names(view) == ["pocket"])
    assert (tmp_path / "elsewhere" / "unet").is_dir()


def test_deleting_a_copy_is_asked_first(open_window, qtbot, tmp_path):
    save_file({"decoder.conv_in.weight": torch.zeros(1)}, tmp_path / "x.safetensors")
    install(locate("pocket"), name="mine", licence="mine")
    view = open_window(start=False).show_view("models")
    qtbot.waitUntil(lambda: "mine" in names(view))
    view.choose(names(view).index("mine"))
    view.details.buttons["remove"].click()
    assert isinstance(view.question, QMessageBox) and "deleted for good" in view.question.informativeText()
    delete = next(button for button in view.question.findChildren(QPushButton) if button.text() == "Delete")
    assert view.question.defaultButton() is not delete, "Return deletes for good"
    delete.click()
    qtbot.waitUntil(lambda: names(view) == ["pocket"])
    assert [item.name for item in read_items()] == ["pocket"]


def test_loras_go_to_the_trash(models, qtbot, embedding, tmp_path, monkeypatch):
    window, view = models
    adapters.install(embedding, "embedding")
    view.read()
    qtbot.waitUntil(lambda: "cat" in names(view))
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr("gui.models.view.QFile.moveToTrash", lambda path: bool(shutil.move(path, tmp_path / "bin")))
    view.choose(names(view).index("cat"))
    qtbot.waitUntil(lambda: view.details.isVisible())
    view.remove(view.current())
    qtbot.waitUntil(lambda: names(view) == ["pocket"])
    assert (tmp_path / "bin" / "cat.safetensors").is_file()


def test_files_of_every_kind_of_model_can_be_chosen(models, monkeypatch):
    asked = []
    monkeypatch.setattr(models_view, "ask_files", lambda *arguments: asked.append(arguments[-1]) or [])
    models[1].ask_for_files()
    (kinds,) = asked
    assert all(f"*{suffix}" in kinds for suffix in MODELS) and kinds.endswith(";;All files (*)")


def test_sizes_are_told_in_words():
    assert [size_in_words(size) for size in (10, 2_500, 22_300_000, 4_265_000_000)] == [
        "1 KB",
        "2 KB",
        "22 MB",
        "4.3 GB",
    ]
    assert Item("a", "lora", "pt", Path("a"), 1, here=False).usable is False


@pytest.mark.parametrize(
    ("role", "field", "value"),
    [
        ("vae", "vae", "x"),
        ("model", "model", "x"),
        ("lora", "prompt", "a house <lora:x:1>"),
        ("embedding", "prompt", "a house x"),
        ("controlnet", "prompt", "a house"),
        ("upscaler", "prompt", "a house"),
        ("detector", "prompt", "a house"),
    ],
)
def test_what_is_used_goes_where_it_acts(models, tmp_path, role, field, value):
    window, view = models
    form = window.studio.form
    form.put(prompt="a house")
    item = Item("x", role, "file", tmp_path / "x", 0, "", licence="MIT", source="test")
    item.path.touch()
    view.model.show([item])
    view.choose(0)
    view.findChild(ThingsTable).activated.emit(view.model.index(0, 0))
    assert form.value(field) == value and not form.carried


def test_a_hash_is_computed_once_and_given_up_when_nobody_wants_it(tmp_path):
    file, hashes = tmp_path / "x.bin", FileHashes()
    file.write_bytes(b"a" * 100)
    hashes.want(tmp_path / "another")
    assert hashes.of(file) == ""
    hashes.want(file)
    digest = hashlib.sha256(b"a" * 100).hexdigest()
    assert hashes.of(file) == digest
    hashes.want(None)
    assert hashes.of(file) == digest, "known by now"
    file.write_bytes(b"b" * 100)
    hashes.want(file)
    assert hashes.of(file) == hashlib.sha256(b"b" * 100).hexdigest()
