"""The gallery: nothing moves at a click, nothing is overwritten, and a picture is seen large."""

from __future__ import annotations

from tests.tour.driver import Step, Tour


def a_picture_is_seen_large(tour: Tour) -> None:
    """A click moves nothing and changes no form; a double click opens; arrows walk; two are compared; Esc goes back."""
    for number in (1, 2, 3):
        tour.draw(f"house {number}", seed=number)
    tour.ask("form.put(prompt='mine')")
    tour.click("button:Gallery")
    tour.wait("view('gallery').model.rowCount() == 3 if 'gallery' in window.views else False")
    where = tour.ask("place('gallery.list')")
    tour.click("gallery.list[0]")
    tour.wait("view('gallery').current()")
    assert tour.ask("place('gallery.list')") == where, "the grid has moved"
    tour.shoot("gallery")
    tour.click("gallery.list[0]", times=2)
    tour.wait("widget('large-view')")
    assert tour.ask("form.prompt") == "mine"
    tour.wait("view('gallery').large.canvas.shows_picture")
    tour.shoot("large")
    tour.key("Right")
    tour.wait("view('gallery').current().seed == 2")
    tour.key("c", "Right")
    tour.wait("view('gallery').large.compares and view('gallery').current().seed == 1")
    tour.wait("view('gallery').large.compared.shows_picture and view('gallery').large.canvas.shows_picture")
    tour.shoot("beside")
    for name in ("gallery.large.compared", "gallery.large.canvas"):
        tour.look_for(name, lambda seen: seen.std() > 20, f"{name} shows no picture")
    tour.key("Escape")
    tour.wait("not widget('large-view')")
    tour.key("Return")
    tour.wait("widget('large-view')")
    tour.click("large-use-settings")
    tour.wait("form.prompt == 'house 1'")


def pictures_are_searched_tagged_and_trashed(tour: Tour) -> None:
    """Words narrow the grid; several are chosen and go to the trash together, and come back together."""
    for number in (1, 2, 3):
        tour.draw(f"house {number}", seed=number)
    tour.key("ctrl+2")
    tour.wait("view('gallery').model.rowCount() == 3 if 'gallery' in window.views else False")
    tour.click("gallery.filters.query")
    tour.type("nothing")
    tour.wait("view('gallery').model.rowCount() == 0 and widget('button:Show all')")
    tour.shoot("nothing-found")
    tour.click("button:Show all")
    tour.wait("view('gallery').model.rowCount() == 3")
    tour.click("gallery.list[0]")
    tour.key("shift+Right")
    tour.wait("len(view('gallery').chosen()) == 2 and widget('button:Compare the two')")
    tour.shoot("two-chosen")
    tour.click("gallery.list[0]", button=3)
    tour.wait("app.activePopupWidget()")
    tour.shoot("gallery-menu")
    tour.click("menu:Move to Trash")
    tour.wait("view('gallery').model.rowCount() == 1 and '2 pictures' in window.banner.text")
    tour.shoot("trash")
    tour.click("button:Undo")
    tour.wait("view('gallery').model.rowCount() == 3")


STEPS: tuple[Step, ...] = (a_picture_is_seen_large, pictures_are_searched_tagged_and_trashed)
