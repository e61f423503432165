"""Foreign words are shown as they are: nothing that they name is opened, whoever wrote them."""

from __future__ import annotations

import ast
import ctypes
import os
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

from gui.look.plain import PlainLabel, menu_text, message_box, plain_tooltip
from gui.models.card import ModelCard
from gui.models.details import LibraryDetails
from gui.models.items import Item
from gui.shell.studio import BannerNotice
from tests.gui.pictures import save_pictures

GUI = Path(__file__).parents[2] / "gui"
MAKERS = {"QLabel", "QMessageBox", "QErrorMessage", "QInputDialog", "QProgressDialog", "QTextEdit", "QTextBrowser",
          "QTextDocument", "QWhatsThis"}  # fmt: skip
CALLS = {
    "setToolTip",
    "setWhatsThis",
    "setStatusTip",
    "setTextFormat",
    "setHtml",
    "appendHtml",
    "showText",
    "drawStaticText",
}

STATIC = {"about", "aboutQt", "critical", "information", "question", "warning", "getText", "getItem"}


def _guesses(tree: ast.Module) -> list[str]:
    """What in a module leaves it to Qt whether a text is HTML."""
    guesses = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            guesses += [
                f"line {node.lineno}: {base.id}"
                for base in node.bases
                if isinstance(base, ast.Name) and base.id in MAKERS
            ]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            spoken = isinstance(node.func, ast.Attribute) and name == "addRow" and node.args
            owner = getattr(getattr(node.func, "value", None), "id", "")
            unlabelled = spoken and isinstance(node.args[0], (ast.Constant, ast.JoinedStr))
            if name in MAKERS | CALLS or (owner in MAKERS and name in STATIC) or unlabelled:
                guesses.append(f"line {node.lineno}: {name}")
            if (
                any(isinstance(arg, ast.Attribute) and arg.attr == "ToolTipRole" for arg in node.args)
                and name == "setItemData"
            ):
                value = node.args[1]
                if not (isinstance(value, ast.Call) and getattr(value.func, "id", "") == "plain_tooltip"):
                    guesses.append(f"line {node.lineno}: ToolTipRole")
    return guesses


def test_no_other_place_makes_labels_tooltips_or_messages():
    files = [path for path in sorted(GUI.rglob("*.py")) if path.name != "plain.py"]
    guesses = {path.name: _guesses(ast.parse(path.read_text("utf-8"))) for path in files}
    assert len(files) > 60 and not {name: lines for name, lines in guesses.items() if lines}


def test_the_lint_sees_what_it_looks_for():
    for line in ("QLabel('x')", "class A(QLabel): pass", "w.setToolTip(t)", "QMessageBox.warning(w, t, t)", "QMessageBox(w)",
                 "c.setItemData(1, t, Qt.ItemDataRole.ToolTipRole)", "form.addRow('x', w)", "l.setTextFormat(f)"):  # fmt: skip
        assert _guesses(ast.parse(line)), line
    assert not _guesses(ast.parse("PlainLabel('x'); c.setItemData(1, plain_tooltip(t), Qt.ItemDataRole.ToolTipRole)"))


@pytest.fixture
def opened(tmp_path):
    """A function that says whether the file `named.png` was opened since, by whatever part of the process."""
    if not sys.platform.startswith("linux"):
        pytest.skip("files are watched by inotify")
    target = tmp_path / "named.png"
    target.write_bytes(b"")
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0 and libc.inotify_add_watch(watch, os.fsencode(target), 0x20) >= 0  # IN_OPEN

    def was_opened() -> bool:
        try:
            return bool(os.read(watch, 4096))
        except BlockingIOError:
            return False

    yield was_opened
    os.close(watch)


def _hostile(place: Path) -> str:
    return f'<img src="{place.as_uri()}"> <a href="x">a</a> <b>bold</b> &lt;i&gt; Q&A'


def test_tooltips_are_read_by_qt_as_what_was_written(qapp, tmp_path):
    text = _hostile(tmp_path / "pipe") + "\n two  spaces"
    document = QTextDocument()
    document.setHtml(plain_tooltip(text))
    assert document.toPlainText() == text and plain_tooltip("red > blue") == "red > blue"
    assert menu_text("a&b\tc") == "a&&b c"


def test_a_message_is_literal_in_all_its_parts(qtbot, tmp_path):
    text = _hostile(tmp_path / "pipe")
    box = message_box(None, text, text)
    qtbot.addWidget(box)
    shown = [label for label in box.findChildren(QLabel) if label.text() == text]
    assert len(shown) == 2 and all(label.textFormat() == Qt.TextFormat.PlainText for label in shown)
    assert isinstance(box, QMessageBox)


def _labels() -> list[QLabel]:
    return [
        label for top in QApplication.topLevelWidgets() for label in top.findChildren(QLabel) if "<img" in label.text()
    ]


def test_a_label_that_guesses_would_open_the_file(qtbot, opened, tmp_path):
    """What the next test relies on."""
    label = QLabel(_hostile(tmp_path / "named.png"))
    qtbot.addWidget(label)
    label.sizeHint()
    assert opened()


def test_a_hostile_picture_opens_nothing_wherever_it_is_shown(open_window, qtbot, opened, tmp_path):
    target = tmp_path / "named.png"
    text = _hostile(target)
    save_pictures(tmp_path / "out", [text], model=text, negative=text)
    window = open_window(start=False)
    view = window.show_view("gallery")
    qtbot.waitUntil(lambda: view.model.rowCount() == 1 and view.model.entry(0) is not None)
    view.choose(0)
    qtbot.waitUntil(lambda: view.details.prompt.text() == text)
    window.studio.notified.emit(BannerNotice(text, "bad"))
    create = window.show_view("create")
    create.strip.fail(text, [])
    create.form.show_card(ModelCard("x", 64, fault=text))
    create.form.problem.say(text)
    details = LibraryDetails()
    qtbot.addWidget(details)
    details.show_item(
        Item(text, "model", text, tmp_path / text.replace("/", "_"), 1, licence=text, accepted=False), text
    )
    shown = _labels()
    assert len(shown) >= 9
    for label in shown:
        assert isinstance(label, PlainLabel) and label.textFormat() == Qt.TextFormat.PlainText
        label.sizeHint()
    window.grab()
    tips = [view.model.index(0).data(Qt.ItemDataRole.ToolTipRole)]
    qtbot.waitUntil(lambda: create.side.recent.model.rowCount() == 1)
    tips.append(create.side.recent.model.index(0).data(Qt.ItemDataRole.ToolTipRole))
    for tip in tips:
        assert "<img" not in tip and "&lt;img" in tip
    assert not opened()
