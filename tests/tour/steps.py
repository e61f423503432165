"""The steps of the tour, each named after what must hold."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.tour.driver import Tour


def space_compares_and_never_blanks_the_canvas(tour: Tour) -> None:
    """Before/after by Space with the focus on the canvas shows the other picture, not one flat rectangle."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    tour.click("create.panel.canvas")
    after = tour.look("create.panel.canvas")
    tour.key("space")
    tour.wait("view('create').panel.canvas._comparing")
    before = tour.look("create.panel.canvas")
    tour.shoot("compare")
    assert before.std() > 20, "the canvas is one flat rectangle"
    assert abs(before.astype(int) - after.astype(int)).mean() > 5, "the same picture is shown"
    tour.key("space")
    assert abs(tour.look("create.panel.canvas").astype(int) - after.astype(int)).mean() < 2


def the_picture_acts(tour: Tour) -> None:
    """Toolbar on hover, context menu, trash and Ctrl+Z on the canvas."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    assert tour.ask("view('create').strip.text").startswith("Done.   Seed 2   ")
    tour.move("create.panel.canvas", (0.5, 0.3))
    tour.wait("widget('picture-toolbar')")
    tour.shoot("toolbar")
    tour.click("action:favourite")
    tour.wait("studio.pictures.subject.entry.favourite")
    tour.click("action:trash")
    tour.wait("studio.pictures.subject.entry.seed == 1")
    tour.key("ctrl+z")
    tour.wait("studio.pictures.subject.entry.seed == 2")
    assert not tour.ask("window.banner.isVisible()"), "Undo is offered for what was undone"
    tour.click("create.panel.canvas", button=3)
    tour.wait("app.activePopupWidget()")
    tour.shoot("menu")
    tour.key("Escape")
    tour.wait("not app.activePopupWidget()")


def the_gallery_shows_a_picture_large(tour: Tour) -> None:
    """A click moves nothing and changes no form; a double click opens; arrows walk; two are compared; Esc goes back."""
    for number in (1, 2, 3):
        tour.draw(f"house {number}", seed=number)
    tour.ask("form.put(prompt='mine')")
    tour.click("action:view-gallery") if tour.ask("bool(widget('action:view-gallery'))") else tour.key("ctrl+2")
    tour.wait("view('gallery').model.rowCount() == 3")
    where = tour.ask("place('gallery.list')")
    cell = tour.ask("view('gallery').list.gridSize().width()")
    at = (cell / 2 / where[2], cell / 2 / where[3])
    tour.click("gallery.list", at)
    tour.wait("view('gallery').current()")
    assert tour.ask("place('gallery.list')") == where, "the grid has moved"
    tour.shoot("gallery")
    tour.click("gallery.list", at, times=2)
    tour.wait("widget('large-view')")
    assert tour.ask("form.prompt") == "mine"
    tour.wait("view('gallery').large.canvas.shows_picture")
    tour.shoot("large")
    tour.key("Right")
    tour.wait("view('gallery').current().seed == 2")
    tour.key("c", "Right")
    tour.wait("view('gallery').large.compares and view('gallery').current().seed == 1")
    tour.wait("view('gallery').large.other.shows_picture and view('gallery').large.canvas.shows_picture")
    tour.shoot("beside")
    left, right = tour.look("gallery.large.other"), tour.look("gallery.large.canvas")
    assert left.std() > 20 and right.std() > 20
    tour.key("Escape")
    tour.wait("not widget('large-view')")
    tour.key("Return")
    tour.wait("widget('large-view')")
    tour.click("large-use-settings")
    tour.wait("form.prompt == 'house 1'")


def the_form_survives_a_kill(tour: Tour) -> None:
    """What was typed is there after a power cut, and a start picture is said aloud and taken out with one click."""
    tour.draw("a house", seed=1)
    tour.click("create.form.prompt.editor")
    tour.key("ctrl+a")
    tour.type("typed by hand")
    tour.key("ctrl+e")
    tour.wait("widget('start-chip')")
    time.sleep(1.0)
    tour.kill()
    tour.start()
    assert tour.ask("form.prompt") == "typed by hand"
    tour.wait("widget('start-chip')")
    assert "starts from" in tour.wait("window.banner.text")
    tour.wait("not widget('start-chip').picture.pixmap().isNull()")
    tour.shoot("start-picture")
    tour.click("start-chip-close")
    tour.wait("form.image is None and not widget('start-chip')")
    tour.key("ctrl+z") if not tour.ask("view('create').form.prompt.editor.hasFocus()") else None


def a_cancelled_first_picture_leaves_the_welcome(tour: Tour) -> None:
    """And the strip says that it cancels."""
    tour.ask("form.put(model='fake', prompt='steps=200 step=0.05')")
    tour.wait("widget('create.panel._welcome').isVisible() if view('create').panel._welcome else False")
    tour.shoot("welcome")
    tour.key("ctrl+Return")
    tour.wait("'step' in view('create').strip.text")
    tour.key("Escape")
    tour.wait("'Cancel' in view('create').strip.text")
    tour.wait("view('create').strip.text.startswith('Cancelled')")
    assert tour.ask("view('create').panel._welcome.isVisible() and not view('create').panel.caption.text()")


STEPS: tuple[Callable[[Tour], None], ...] = (
    space_compares_and_never_blanks_the_canvas, the_picture_acts, the_gallery_shows_a_picture_large,
    the_form_survives_a_kill, a_cancelled_first_picture_leaves_the_welcome,
)  # fmt: skip
