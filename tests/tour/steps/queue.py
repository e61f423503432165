"""The queue: failures and what repairs them, rows that stay in sight, and what Esc is for."""

from __future__ import annotations

import numpy as np

from tests.tour.driver import Step, Tour
from tests.tour.steps.canvas import CANVAS

LONG = "steps=9000 step=0.1"


def show_side(tour: Tour) -> None:
    """Queue and recent pictures: beside a wide window, in a drawer of a narrow one."""
    tour.wait("view('create').isVisible()")
    if not tour.ask("studio.actions['side-column'].isChecked()"):
        tour.key("F9")
    tour.wait("place('create.side')")


def a_failure_is_repaired_by_generate(tour: Tour) -> None:
    """What failed is said red; the next press of Generate draws, and nothing of the failure stays."""
    tour.line_up("a house fail=segv@2")
    tour.wait("'crashed' in view('create').strip.text and board.paused")
    reds = tour.look_for(
        "create.strip", lambda seen: (np.ptp(seen.astype(int), axis=-1) > 60).any(), "the failure is not red"
    )
    assert reds.std() > 5
    tour.shoot("failed")
    tour.draw("a house")
    tour.wait("board.paused is None and not window.banner.isVisible()")
    tour.look_for(
        "create.strip", lambda seen: not (np.ptp(seen.astype(int), axis=-1) > 60).any(), "the strip is still red"
    )
    tour.line_up("another fail=words@1")
    tour.wait("'do something else' in view('create').strip.text")
    tour.key("ctrl+2")
    tour.wait("'queue is paused' in window.banner.text if board.paused else True")
    tour.shoot("failed-gallery")
    tour.key("ctrl+1")
    tour.line_up("a boat")
    tour.wait("view('create').strip.text.startswith('Done') and not window.banner.isVisible()")


def a_paused_queue_says_so_on_the_button(tour: Tour) -> None:
    """A person paused it: Generate lines up and says that; one press goes on."""
    show_side(tour)
    tour.click("action:pause-queue")
    tour.wait("board.paused")
    tour.wait("widget('button:Add to the Paused Queue')")
    tour.line_up("a house")
    tour.wait("'paused' in view('create').strip.text.lower()")
    show_side(tour)
    tour.shoot("paused")
    tour.click("button:Go on with the queue")
    tour.wait("view('create').strip.text.startswith('Done') and widget('button:Generate')")


def the_running_job_stays_in_sight(tour: Tour) -> None:
    """Above all others, whatever is chosen; ended ones are folded; crosses, the grip and keys are on each row."""
    for number in (1, 2):
        tour.draw(f"ended {number}")
    tour.line_up(LONG)
    for number in (1, 2, 3):
        tour.line_up(f"waits {number}")
    show_side(tour)
    queue = "view('create').side.queue"
    tour.wait(f"{queue}.running.isVisible() and len({queue}.list.shown_jobs()) == 3")
    tour.click("create.side.queue.fold.button")
    tour.wait(f"{queue}.finished.isVisible() and len({queue}.finished.shown_jobs()) == 2")
    last = tour.ask(f"{queue}.finished.shown_jobs()")[-1]
    tour.click("create.side.queue.finished" + row_of(tour, last))
    tour.wait(f"{queue}.chosen() and {queue}.chosen().id == {last}")
    tour.shoot("queue")
    tour.wait(f"{queue}.running.isVisible() and {queue}.running.viewport().height() > 30")
    tour.click("create.side.queue.fold.button")
    first, second, third = tour.ask(f"{queue}.list.shown_jobs()")
    grip, above = (
        tour.place("create.side.queue.list" + row_of(tour, id), (0.04, y)) for id, y in ((third, 0.5), (first, 0.1))
    )
    tour.drag_between(grip, above, dropping=lambda: tour.ask("would_drop()"))
    tour.wait(f"{queue}.list.shown_jobs() == {[third, first, second]}")
    tour.click("create.side.queue.list" + row_of(tour, first), (0.95, 0.3))
    tour.wait(f"{queue}.list.shown_jobs() == {[third, second]} and widget('button:Undo')")
    tour.click("button:Undo")
    tour.wait(f"len({queue}.list.shown_jobs()) == 3")
    tour.click("create.side.queue.list" + row_of(tour, second))
    tour.wait(f"{queue}.chosen() and {queue}.chosen().id == {second}")
    tour.key("Delete")
    tour.wait(f"{second} not in {queue}.list.shown_jobs()")
    tour.click("create.side.queue.running" + row_of(tour, tour.ask("board.drawing")), (0.95, 0.3))
    tour.wait("not any(job.state in ('running', 'waiting') for job in board.jobs)")


def row_of(tour: Tour, id: int) -> str:
    row = tour.ask(f"view('create').side.queue.model.row_of({id})")
    return f"[{row}]"


def esc_goes_to_what_has_the_focus(tour: Tour) -> None:
    """The search, a popup, a choice in the queue; in Create it cancels, with Undo for a job of many."""
    tour.draw("a house")
    tour.line_up(LONG, count=3)
    tour.wait("board.running")
    tour.key("ctrl+2")
    tour.click("gallery.filters.query")
    tour.type("house")
    tour.key("Escape")
    tour.wait("view('gallery').filters.query.text() == ''")
    tour.key("Escape")
    assert tour.stays("board.running and not board.progress(board.running.id).ending"), "Esc in the gallery cancels"
    tour.key("ctrl+1")
    tour.click("create.form.speed.combo")
    tour.wait("app.activePopupWidget()")
    tour.key("Escape")
    tour.wait("not app.activePopupWidget()")
    assert tour.stays("board.running and not board.progress(board.running.id).ending"), "Esc in a popup cancels"
    show_side(tour)
    tour.click("create.side.queue.running" + row_of(tour, tour.ask("board.drawing")))
    tour.wait("view('create').side.queue.chosen()")
    tour.key("Escape")
    tour.wait("not view('create').side.queue.chosen()")
    assert tour.stays("board.running and not board.progress(board.running.id).ending"), (
        "Esc takes the choice back first"
    )
    tour.click(CANVAS, (0.3, 0.1))
    tour.key("Escape")
    tour.wait("board.running is None and 'pictures were drawn' in window.banner.text")
    tour.shoot("cancelled")
    tour.click("button:Undo")
    tour.wait("board.running and board.running.count == 3")
    tour.key("Escape")
    tour.wait("board.running is None")


STEPS: tuple[Step, ...] = (
    a_failure_is_repaired_by_generate, a_paused_queue_says_so_on_the_button, the_running_job_stays_in_sight,
    esc_goes_to_what_has_the_focus,
)  # fmt: skip
