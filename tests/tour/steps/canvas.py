"""The canvas: before and after, what stands on it while a picture is drawn and when it is cancelled, masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.tour.driver import Step, Tour

CANVAS = "create.panel.canvas"


def differ(first: Any, second: Any) -> float:
    """How far two looks are from each other, in levels of 255."""
    return float(np.abs(inner(first) - inner(second)).mean())


def inner(seen: Any) -> Any:
    """Without the edge, where the ring of the focus comes and goes."""
    return seen[6:-6, 6:-6].astype(int)


def space_compares_and_never_blanks_the_canvas(tour: Tour) -> None:
    """Before/after by Space with the focus on the canvas shows the other picture, not one flat rectangle."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    tour.click(CANVAS, (0.5, 0.2))
    tour.wait("view('create').panel.canvas.hasFocus() and widget('picture-toolbar')")
    after = tour.look_for(CANVAS, lambda seen: seen.std() > 20, "the canvas is one flat rectangle")
    tour.key("space")
    tour.wait("studio.actions['before-after'].isChecked()")
    before = tour.look_for(CANVAS, lambda seen: differ(seen, after) > 5, "the same picture is shown")
    tour.shoot("compare")
    assert before.std() > 20, "the canvas is one flat rectangle"
    tour.key("space")
    tour.look_for(CANVAS, lambda seen: differ(seen, after) < 2, "the picture does not come back")


def a_cancelled_first_picture_leaves_the_welcome(tour: Tour) -> None:
    """The strip says what is done from the first step on; of a cancelled picture neither preview nor caption stay."""
    tour.wait("widget('named:A blue house at night')")
    tour.shoot("welcome")
    go = tour.folder / "go"
    tour.line_up(f"steps=9000 step=0.2 hold={go}")
    tour.wait("'first step' in view('create').strip.text")
    go.touch()
    tour.wait("view('create').panel.caption.full_text.startswith('Preview')")
    tour.look_for(CANVAS, lambda seen: seen.std() > 15, "no preview is seen")
    tour.shoot("preview")
    tour.key("Escape")
    tour.wait("'Cancel' in view('create').strip.text")
    tour.wait("view('create').strip.text.startswith('Cancelled')")
    tour.wait("widget('named:A blue house at night')")
    tour.wait("view('create').panel.canvas.is_empty and not view('create').panel.caption.full_text")


def a_cancelled_picture_leaves_the_one_before(tour: Tour) -> None:
    """With its own caption; a finished one says its seed, its size and how long it took."""
    tour.draw("a house", seed=5)
    status = "view('create').strip.text.split('   ')"
    tour.wait(f"{status}[:3] == ['Done.', 'Seed 5', '128 × 128'] and {status}[3].endswith(' s')")
    finished = tour.look(CANVAS)
    tour.line_up("steps=9000 step=0.2", seed=6)
    tour.wait("view('create').panel.caption.full_text.startswith('Preview')")
    tour.look_for(CANVAS, lambda seen: differ(seen, finished) > 5, "no preview is seen")
    tour.key("Escape")
    tour.wait("view('create').panel.caption.full_text == 'Seed 5   128 × 128'")
    tour.look_for(CANVAS, lambda seen: differ(seen, finished) < 2, "the picture of before does not come back")


def a_mask_is_painted_and_taken_back(tour: Tour) -> None:
    """A stroke is seen where the mouse was, Ctrl+Z takes it back, and a mask that is taken out comes back too."""
    tour.draw("a house", seed=1)
    tour.move(CANVAS, (0.5, 0.2))
    tour.click("action:paint-picture")
    tour.wait("view('create').panel.paints_mask")
    tour.move("button:Done")  # no brush is seen over the picture then
    plain = tour.look(CANVAS)
    tour.drag(CANVAS, (0.42, 0.5), (0.58, 0.5))
    tour.move("button:Done")
    painted = tour.look_for(CANVAS, lambda seen: differ(seen, plain) > 0.3, "no stroke is seen")
    height, width = painted.shape[:2]
    changed = np.abs(painted.astype(int) - plain.astype(int)).sum(-1)
    assert changed[height // 2, width // 2] > 30 > changed[10, 10], "the stroke is elsewhere"
    tour.shoot("mask")
    tour.key("ctrl+z")
    tour.look_for(CANVAS, lambda seen: differ(seen, plain) < 0.1, "the stroke is not taken back")
    tour.key("ctrl+shift+z")
    tour.look_for(CANVAS, lambda seen: differ(seen, painted) < 0.1, "the stroke does not come again")
    tour.click("button:Done")
    tour.wait("form.mask and widget('button:Change the mask')")
    tour.click("button:Remove the mask")
    tour.wait("form.mask is None and widget('button:Undo')")
    tour.click(CANVAS, (0.1, 0.5))
    tour.key("ctrl+z")
    tour.wait("form.mask")
    tour.wait("'masked' in widget('start-chip').text")
    tour.click("button:Change the mask")
    tour.wait("view('create').panel.paints_mask")
    tour.look_for(CANVAS, lambda seen: differ(seen, painted) < 0.3, "the mask of before is not shown")
    tour.key("Escape")
    tour.wait("not view('create').panel.paints_mask")
    tour.shoot("masked")


STEPS: tuple[Step, ...] = (
    space_compares_and_never_blanks_the_canvas, a_cancelled_first_picture_leaves_the_welcome,
    a_cancelled_picture_leaves_the_one_before, a_mask_is_painted_and_taken_back,
)  # fmt: skip
