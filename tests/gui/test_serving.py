"""The server that the app switches on: it follows the setting, its address is shown, and it ends with the app."""

from __future__ import annotations

import importlib.util
import json
import urllib.request

import pytest
from PySide6.QtCore import QObject, Signal

from gui.dialogs.settings import SettingsDialog
from gui.shell import serving
from gui.shell.serving import Serving
from gui.shell.settings import Settings


class ScriptedCommand(QObject):
    """Stands in for the process; `runs` holds every one that was started and not closed."""

    said, ended = Signal(dict), Signal(str)
    runs: list = []

    def __init__(self, arguments, parent=None):
        super().__init__(parent)
        self.arguments = arguments

    def start(self):
        self.runs.append(self)

    def close(self):
        self.runs.remove(self)

    def leave(self, then):
        self.close()
        then()


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr(serving, "Command", ScriptedCommand)
    ScriptedCommand.runs = []
    return ScriptedCommand.runs


def test_the_server_follows_the_setting_once_the_queue_runs(qapp, scripted):
    settings = Settings()
    server = Serving(settings)
    settings.serve = True
    assert scripted == []  # the app has not taken the queue yet
    server.start()
    assert scripted[0].arguments == ["serve", "--json", "--until-eof", "--port", "7860"]
    scripted[0].said.emit({"address": "http://127.0.0.1:7860/", "token": ""})
    assert server.address == "http://127.0.0.1:7860/"
    settings.serve_port = 7999
    assert scripted[0].arguments[-1] == "7999" and len(scripted) == 1 and server.address == ""
    settings.serve = False
    assert scripted == []
    settings.serve = True
    server.close()
    assert scripted == []


def test_the_dialog_says_where_it_serves_and_why_not(open_window, scripted):
    window = open_window()
    window.actions_list["settings"].trigger()
    dialog = window.findChild(SettingsDialog)
    window.studio.serving.start()
    dialog.serve.click()
    (run,) = scripted
    run.said.emit({"address": "http://127.0.0.1:7860/"})
    assert "http://127.0.0.1:7860/" in dialog.serving.text()
    run.ended.emit("Cannot listen at 127.0.0.1, port 7860.")
    assert dialog.serving.text() == "Cannot listen at 127.0.0.1, port 7860."
    dialog.serve.click()
    assert dialog.serving.text() == "" and not window.studio.settings.serve


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="the extra sdedge[serve] is not installed")
def test_a_real_server_answers_and_ends_with_the_app(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_PICTURES_DIR", str(tmp_path))
    settings = Settings()
    settings.serve, settings.serve_port = True, 17860
    server = Serving(settings)
    server.start()
    qtbot.waitUntil(lambda: bool(server.address or server.fault))
    try:
        with urllib.request.urlopen(f"{server.address}api/about") as answer:
            assert json.load(answer)["model"] == "pocket"
    finally:
        server.close()
    with pytest.raises(OSError):
        urllib.request.urlopen("http://127.0.0.1:17860/api/about")
