"""Export Everything and Read a Backup in the File menu."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from gui.shell import backups


@pytest.mark.slow
def test_everything_is_written_and_read_back(open_window, qtbot, monkeypatch, tmp_path):
    """What is told at the end comes with a button that shows it; a fault is told in a sentence."""
    window = open_window()
    notices: list = []
    window.studio.notified.connect(notices.append)
    target, shown = tmp_path / "all.zip", []
    monkeypatch.setattr(backups, "reveal", shown.append)
    monkeypatch.setattr(backups, "ask_where", lambda *asked: str(target))
    monkeypatch.setattr(backups, "ask_file", lambda *asked: str(target))

    def done(action: str, last: str) -> None:
        notices.clear()
        window.actions_list[action].trigger()
        qtbot.waitUntil(lambda: any(last in notice.text for notice in notices), timeout=120_000)

    for _ in range(2):  # a person has allowed the file to be replaced
        done("export-everything", "0 pictures and 0 waiting jobs were written.")
    assert zipfile.is_zipfile(target)
    done("read-backup", "0 pictures came back, 0 were here.")
    notices[-1].work()
    assert shown == [Path(window.studio.settings.output().folder) / "restored"]
    target.write_bytes(b"no archive")
    done("read-backup", "is damaged or no backup")
    monkeypatch.setattr(backups, "ask_file", lambda *asked: "")
    window.actions_list["read-backup"].trigger()  # given up
