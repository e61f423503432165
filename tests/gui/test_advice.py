"""What helps is said as one does it in the window."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from gui.commands.command import Command
from gui.create import failures
from gui.shell.advice import PHRASES, for_the_window
from gui.shell.background import in_words
from sdedge.errors import ModelError, Remedy
from sdedge.library.models import Library
from sdedge.request import Request


@pytest.mark.parametrize(
    "said, shown",
    [
        ("It was filtered; --no-safety draws it.", "It was filtered; the checker can be turned off in Settings."),
        ("Get them again, or use --no-safety.", "Get them again, or turn the checker off in Settings."),
        ("The engine merges nothing, which --speed fast does.", "The engine merges nothing, which the speed fast does."),
        ("Nothing to replace.", "Nothing to replace."),
    ],
)  # fmt: skip
def test_options_become_places(said, shown):
    assert for_the_window(said) == shown


def test_a_model_that_is_not_there_names_the_view_and_no_command(tmp_path):
    library = Library(tmp_path)
    with pytest.raises(ModelError) as error:
        library.locate("nowhere")
    library.close()
    assert "`" not in in_words(error.value) and "see Models" in in_words(error.value)


@pytest.mark.parametrize("remedy", Remedy)
def test_everything_that_helps_has_words_of_the_window(remedy):
    shown = for_the_window(f"It failed; {remedy.format(name='fast')}, or not.")
    assert shown == f"It failed; {PHRASES[remedy].format(name='fast')}, or not." and "--" not in shown


def test_what_a_command_says_of_its_failure_is_said_as_in_the_window(qtbot, monkeypatch):
    code = f"import sys; sys.exit({f'sdedge: It is not accepted; {Remedy.ACCEPT}.'!r})"
    monkeypatch.setattr("gui.commands.command.python_command", lambda *arguments: [sys.executable, "-c", code])
    command = Command(())
    with qtbot.waitSignal(command.ended, timeout=60_000) as ended:
        command.start()
    assert ended.args == [f"It is not accepted; {PHRASES[Remedy.ACCEPT]}."]


def test_no_view_shows_an_error_in_the_words_of_the_command_line():
    """Errors become texts in `in_words` and `for_the_window` only."""
    sources = {path: path.read_text("utf-8") for path in (Path(__file__).parents[2] / "gui").rglob("*.py")}
    assert len(sources) > 50
    assert not [path for path, text in sources.items() if re.search(r"(?<!for_the_window\()str\(error\)", text)]


def test_of_a_batch_that_does_not_fit_one_at_a_time_is_offered_before_a_smaller_size():
    request = Request("a", width=4096, height=2048)
    assert failures.smaller(request, 512, batch=64) == (4096, 2048)
    assert failures.smaller(request, 512) == (3072, 1536)


def test_a_failure_offers_what_the_window_can_do_itself():
    assert failures.remedies("model", "SAFETY_OFF")[0] == failures.CHECKER_OFF
    assert failures.remedies("model", "FLOAT32") == failures.remedies("model")
