"""What helps is said as one does it in the window."""

from __future__ import annotations

import pytest

from gui.advice import WORDS, for_the_window
from gui.background import in_words
from gui.create import failures
from sdedge.errors import ModelError, Remedy
from sdedge.library.models import Library


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
    assert shown == f"It failed; {WORDS[remedy].format(name='fast')}, or not." and "--" not in shown


def test_a_failure_offers_what_the_window_can_do_itself():
    assert failures.remedies("model", "SAFETY_OFF")[0] == failures.CHECKER_OFF
    assert failures.remedies("model", "FLOAT32") == failures.remedies("model")
