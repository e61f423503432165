"""What files and prompts hold is printed as text: it neither commands a terminal nor passes for a message of ours."""

import re
import sys
from pathlib import Path

import pytest

from sdedge import cli
from sdedge.commands import progress
from sdedge.commands.terminal import echo, note
from sdedge.events import Checking, ImageDone, Notice, Step

ROOT = Path(__file__).parent.parent
HOSTILE = "a \x1b[2J\x1b]0;title\x07 \x9b31m\r[/bold] [link=file:///x]b[/link] :skull:\nsdedge: forged"
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def be_terminal(monkeypatch, name):
    monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True)


def test_every_command_prints_through_one_module():
    files = [
        path for folder in ("sdedge", "converters") for path in (ROOT / folder).rglob("*.py") if path.stem != "terminal"
    ]
    assert not [path for path in files if re.search(r"click\.s?echo\(", path.read_text("utf-8"))]


def test_lines_are_clean_on_a_terminal_and_exact_in_a_pipe(monkeypatch, capsys):
    echo("a\x1bb.png")
    assert capsys.readouterr().out == "a\x1bb.png\n"
    be_terminal(monkeypatch, "stdout")
    echo(HOSTILE)
    echo(HOSTILE, err=True)
    note(HOSTILE)
    out, err = capsys.readouterr()
    assert not CONTROLS.search(out + err)
    assert err.splitlines()[-1].startswith("note: a [2J") and err.splitlines()[-1].endswith("sdedge: forged")


def test_notes_above_a_bar_are_no_markup(monkeypatch, capsys):
    be_terminal(monkeypatch, "stderr")
    be_terminal(monkeypatch, "stdout")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "300")
    with progress.show(1) as tell:
        tell(Notice(HOSTILE))
        tell(ImageDone("x\x1b[2J.png", 1))
    out, err = capsys.readouterr()
    assert "[/bold] [link=file:///x]b[/link] :skull: sdedge: forged" in err
    assert "\x1b[2J" not in out + err and "\x1b]" not in out + err and "\x9b" not in out + err


def test_a_notice_of_every_picture_is_told_once(capsys):
    with progress.show(3) as tell:
        for index in range(3):
            tell(Notice("The picture has 256x256 pixels."))
            tell(Notice(f"The safety checker filtered the picture of seed {index}."))
            tell(ImageDone(f"{index}.png", index, index))
    out, err = capsys.readouterr()
    assert err.count("256x256") == 1 and err.count("filtered") == 3 and out.count(".png") == 3


def test_a_check_beside_the_drawing_has_a_line_of_its_own(monkeypatch, capsys):
    be_terminal(monkeypatch, "stderr")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.show(1) as tell:
        tell(Step(3, 20))
        tell(Checking("cpu float32", 4, 10, "a block"))
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", capsys.readouterr().err)
    assert re.search(r"Denoising .* 3/20 steps", shown) and re.search(
        r"Checking cpu float32, once .* 4/10 results", shown
    )
    with progress.show(1) as tell:
        tell(Checking("cpu float32", 4, 10, "a block"))
        tell(Checking("cpu float32", 10, 10))
    assert "Checking" not in capsys.readouterr().err


TYPED = [["info", HOSTILE], [HOSTILE], ["generate", "x", "--like", HOSTILE], ["grid", "--" + HOSTILE]]


@pytest.mark.parametrize("arguments", TYPED)
def test_what_was_typed_comes_back_clean(monkeypatch, capsys, arguments):
    monkeypatch.setattr(sys, "argv", ["sdedge", *arguments])
    assert cli.run_command() == 2
    assert not CONTROLS.search(capsys.readouterr().err)


TURNED = "gpj.\u202eexe \u2066\u200f\u061c"


def test_names_that_turn_the_direction_of_writing_are_shown_as_they_are(monkeypatch, capsys):
    echo(TURNED)
    assert capsys.readouterr().out == f"{TURNED}\n"  # a pipe's path still opens
    be_terminal(monkeypatch, "stdout")
    echo(TURNED)
    note(TURNED)
    monkeypatch.setattr(sys, "argv", ["sdedge", "info", TURNED])
    assert cli.run_command() == 2
    out, err = capsys.readouterr()
    assert out == "gpj.\\u202eexe \\u2066\\u200f\\u061c\n" and "gpj.\\u202eexe" in err.splitlines()[0]
    assert not set(TURNED[4:]) & set(out + err) - set("exe ")
