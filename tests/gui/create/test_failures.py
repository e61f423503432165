"""A failure says what happened and offers what helps."""

from __future__ import annotations

import pytest

from gui.create.failures import REMEDIES, remedies, smaller
from sdedge.request import Request
from tests.gui.conftest import wait
from tests.gui.create.conftest import draw


@pytest.mark.parametrize(
    "fault, message, helps",
    [
        ("memory@2", "memory ran out", ["Draw at 384 × 384", "Try again"]),
        ("segv@2", "crashed while drawing step 1 of 3", ["Try again", "Show the log"]),
        ("bug@2", "ZeroDivisionError", ["Show the log", "Try again"]),
        ("words@2", "do something else", ["Try again"]),
    ],
)
def test_a_failure_says_what_happened_and_offers_what_helps(view, qtbot, fault, message, helps):
    draw(view, qtbot, f"fail={fault}", width=512, height=512)
    wait(qtbot, lambda: message in view.strip.text)
    assert [button.text() for button in view.strip.buttons()] == helps
    assert not view.window().banner.isVisible()  # one place is enough
    assert view.window().studio.form.prompt == f"fail={fault}"


def test_a_model_that_is_missing_is_said_at_the_model_and_when_it_is_drawn(view, qtbot):
    draw(view, qtbot, "a house", model="nowhere")
    wait(qtbot, lambda: "There is no model" in view.strip.text)
    assert [button.text() for button in view.strip.buttons()] == ["Show the models", "Try again"]
    wait(qtbot, lambda: "nowhere" in view.form.model_fault.text())


def test_every_failure_of_the_engine_has_an_answer():
    from sdedge.process.worker import describe_failure

    for error in (MemoryError(), ZeroDivisionError(), OSError("x")):
        assert describe_failure(error).kind in REMEDIES
    assert remedies("never heard of")


def test_smaller_keeps_the_proportions_and_ends():
    assert smaller(Request(width=512, height=768), 512) == (384, 576) and smaller(Request(), 128) == (96, 96)
    assert smaller(Request(width=64, height=64), 512) is None


def test_drawing_smaller_puts_the_size_into_the_form_and_draws(view, qtbot):
    draw(view, qtbot, "fail=memory@1", width=512, height=256)
    wait(qtbot, lambda: view.strip.buttons() and "Draw at" in view.strip.buttons()[0].text())
    view.strip.buttons()[0].click()
    assert (view.window().studio.form.width, view.window().studio.form.height) == (384, 192)
    wait(qtbot, lambda: len(view.window().studio.board.jobs) == 2)
