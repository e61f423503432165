"""Weights by keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gui.form.weighing import weigh
from sdedge.text.prompt import weighted_segments


def press(text: str, caret: int | tuple[int, int], *steps: float) -> str:
    start, end = caret if isinstance(caret, tuple) else (caret, caret)
    for step in steps:
        done = weigh(text, start, end, step)
        text, start, end = done.text, done.start, done.end
    return text


def test_the_word_at_the_caret_is_weighed_and_the_next_press_goes_on():
    assert press("a red house", 3, 0.1) == "a (red:1.1) house"
    assert press("a red house", 3, 0.1, 0.1, 0.1) == "a (red:1.3) house"
    assert press("a red house", 3, 0.1, 0.1, -0.1, -0.1, -0.1) == "a (red:0.9) house"


def test_brackets_go_when_the_weight_is_one_again():
    assert press("a (red:1.1) house", (3, 6), -0.1) == "a red house"
    assert press("a (red) house", (3, 6), -0.1) == "a red house"


def test_a_selection_is_weighed_as_one():
    assert press("a red house at night", (2, 12), 0.1) == "a (red house:1.1) at night"


def test_between_words_nothing_happens():
    assert press("a  house", 2, 0.1) == "a  house" and press("", 0, 0.1) == ""


@given(
    text=st.text(alphabet="ab ,"), caret=st.integers(0, 30), presses=st.lists(st.sampled_from([0.1, -0.1]), max_size=8)
)
def test_the_prompt_language_reads_the_weight_that_was_pressed(text, caret, presses):
    """And as many presses back give the text back."""
    if caret > len(text):
        return
    pressed = press(text, caret, *presses)
    assert "".join(segment.text for segment in weighted_segments(pressed)) == text
    weighed = weigh(text, caret, caret, 0.1)
    assert weigh(weighed.text, weighed.start, weighed.end, -0.1).text == text
