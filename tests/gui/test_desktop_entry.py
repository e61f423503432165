"""The app in a Linux desktop's menu: the entry says what the specification wants, and goes again without a trace."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gui.cli import gui
from gui.shell import desktop_entry

linux = pytest.mark.skipif(sys.platform != "linux", reason="the menu of a Linux desktop")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    return tmp_path / "share"


def _entry(text: str) -> configparser.SectionProxy:
    parser = configparser.RawConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser["Desktop Entry"]


@linux
def test_the_app_goes_into_the_menu_and_out_again(home):
    said = CliRunner().invoke(gui, ["--install-desktop"])
    assert said.exit_code == 0 and said.output.strip() == str(home / desktop_entry.ENTRY)
    entry = _entry((home / desktop_entry.ENTRY).read_text("utf-8"))
    assert entry["Type"] == "Application" and entry["Name"] == entry["StartupWMClass"] == "sdedge"
    assert entry["Exec"] == f'"{sys.executable}" "-P" "-m" "sdedge" "gui" %F'
    assert (home / desktop_entry.ICON).stem == entry["Icon"] and (home / desktop_entry.ICON).read_bytes()[:1] == b"<"
    assert {"image/png", desktop_entry.MODEL} <= {*entry["MimeType"].split(";")}
    assert "*.safetensors" in (home / desktop_entry.KINDS).read_text()
    for name in (desktop_entry.ENTRY, desktop_entry.ICON, desktop_entry.KINDS):
        assert os.stat(home / name).st_mode & 0o777 == 0o644
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", home / desktop_entry.ENTRY], check=True)
    assert CliRunner().invoke(gui, ["--remove-desktop"]).exit_code == 0
    assert not [path for path in home.rglob("*sdedge*") if path.is_file()]
    assert "not there" in CliRunner().invoke(gui, ["--remove-desktop"]).output


@linux
def test_it_is_one_or_the_other_and_no_files(home):
    for arguments in (["--install-desktop", "--remove-desktop"], ["--install-desktop", "a.png"]):
        assert CliRunner().invoke(gui, arguments).exit_code == 2
    assert not home.exists()


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/opt/a b/sdedge", '"/opt/a b/sdedge"'),
        ("/50%/sdedge", '"/50%%/sdedge"'),
        ('/"$x`/\\', '"/\\\\"\\\\$x\\\\`/\\\\\\\\"'),
    ],
)
def test_any_path_can_be_started(path, written):
    """Escaped for the quotes, and that once more as every value of the file is."""
    line = next(line for line in desktop_entry.desktop_entry([path, "gui"]).splitlines() if line.startswith("Exec="))
    assert line == f'Exec={written} "gui" %F'


def test_a_frozen_app_is_started_by_its_own_name(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", "/opt/sdedge/sdedge")
    assert desktop_entry.own_command("gui") == ["/opt/sdedge/sdedge", "gui"]
