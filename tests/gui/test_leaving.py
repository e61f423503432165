"""What the window's end would cut off is asked about before, and not by a signal."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject, Qt, Signal

from gui.commands import tasks
from gui.shell import backups


class EndlessCommand(QObject):
    """Stands in for a process that goes on until it is ended."""

    said, ended = Signal(dict), Signal(str)

    def __init__(self, arguments, parent=None, variables=None):
        super().__init__(parent)

    def start(self): ...

    def close(self): ...


@pytest.fixture
def window(open_window, monkeypatch):
    for module in (tasks, backups):
        monkeypatch.setattr(module, "Command", EndlessCommand)
    return open_window(start=False)


def export_everything(window, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "ask_where", lambda *asked: str(tmp_path / "all.zip"))
    window.actions_list["export-everything"].trigger()
    return "The backup"


def add_a_model(window, tmp_path, monkeypatch):
    (tmp_path / "large.safetensors").touch()
    window.show_view("models").add([tmp_path / "large.safetensors"])
    return "Adding large.safetensors"


@pytest.mark.parametrize("begin", [export_everything, add_a_model])
def test_closing_asks_before_it_ends_what_takes_minutes(window, qtbot, tmp_path, monkeypatch, begin):
    said = begin(window, tmp_path, monkeypatch)
    window.close()
    assert window.isVisible() and said in window.question.informativeText()
    qtbot.mouseClick(window.question.defaultButton(), Qt.MouseButton.LeftButton)
    assert window.isVisible()
    window.leaving = True
    window.close()
    assert not window.isVisible()
