"""What helps is said as one does it in the window."""

from __future__ import annotations

import pytest

from gui.advice import for_the_window
from gui.background import in_words
from sdedge.errors import ModelError
from sdedge.library.models import Library


@pytest.mark.parametrize(
    "said, shown",
    [
        ("It was filtered; --no-safety draws it.", "It was filtered; the checker can be turned off in Settings."),
        ("Get them again, or use --no-safety.", "Get them again, or turn the checker off in Settings."),
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
