"""The picture acts: what can be done with the one that is looked at, and how pictures and settings come in and go out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.tour.driver import Step, Tour
from tests.tour.steps.canvas import CANVAS
from tests.tour.steps.queue import show_side

ORANGE = (230, 120, 20)
PARAMETERS = """a lighthouse in the fog
Negative prompt: people
Steps: 31, Sampler: Euler a, CFG scale: 6.5, Seed: 4242, Size: 192x128, Model: elsewhere"""


def flat_picture(tour: Tour) -> Path:
    path = tour.folder / "orange.png"
    Image.new("RGB", (128, 96), ORANGE).save(path)
    return path


def is_orange(seen: np.ndarray) -> bool:
    """Whether the middle of what is seen has the flat picture's colour."""
    middle = seen[seen.shape[0] // 2, seen.shape[1] // 2].astype(int)
    return bool(np.abs(middle - ORANGE).max() < 12)


def the_picture_acts(tour: Tour) -> None:
    """Toolbar on hover, context menu, trash and Ctrl+Z on the canvas."""
    for number in (1, 2):
        tour.draw("a house", seed=number)
    tour.move(CANVAS, (0.5, 0.3))
    tour.wait("widget('picture-toolbar')")
    tour.shoot("toolbar")
    tour.click("action:favourite")
    tour.wait("studio.pictures.subject.entry.favourite")
    tour.click("action:trash")
    tour.wait("studio.pictures.subject.entry.seed == 1")
    tour.key("ctrl+z")
    tour.wait("studio.pictures.subject.entry.seed == 2")
    tour.wait("not window.banner.isVisible()")  # Undo is not offered for what was undone
    tour.click(CANVAS, button=3)
    tour.wait("app.activePopupWidget()")
    tour.shoot("menu")
    tour.click("menu:Information")
    tour.wait("widget('large-view')")
    tour.key("ctrl+1")
    tour.wait("view('create').side.recent.list.model().rowCount() == 2 if view('create').isVisible() else False")
    show_side(tour)
    tour.click("create.side.recent.list[1]", button=3)
    tour.wait("app.activePopupWidget()")
    tour.shoot("recent-menu")
    tour.click("menu:Use This Seed")
    tour.wait("form.seed == 1 and form.seed_locked")


def a_picture_is_varied(tour: Tour) -> None:
    """Four close ones are drawn beside the form, which stays as it is; Undo takes those back that wait."""
    tour.draw("a house", seed=1)
    tour.ask("form.put(prompt='mine')")
    tour.move(CANVAS, (0.5, 0.3))
    tour.click("action:vary")
    tour.wait("any(job.count == 4 and job.request.variation_strength for job in board.jobs)")
    tour.wait("view('create').strip.text.startswith('Done') and '4 pictures' in view('create').strip.text")
    assert tour.ask("form.prompt") == "mine"
    tour.wait("view('create').side.recent.list.model().rowCount() == 5")
    tour.shoot("varied")


def a_picture_goes_out(tour: Tour) -> None:
    """Copied, saved under another name, dragged to another program by its handle and by itself."""
    tour.draw("a house", seed=1)
    (path,) = tour.pictures.rglob("*.png")
    tour.move(CANVAS, (0.5, 0.3))
    tour.click("action:copy-picture")
    tour.wait("'copied' in window.banner.text")
    copied = {"picture": [128, 128], "files": [str(path)]}
    assert tour.come(lambda: copied.items() <= tour.neighbour.clipboard().items()), tour.neighbour.clipboard()
    tour.move(CANVAS, (0.5, 0.3))
    tour.click("action:save-as")
    tour.wait("app.activeModalWidget()")
    tour.shoot("save-as")
    tour.answer_dialog(tour.folder / "saved")
    tour.wait("'saved as saved.png' in window.banner.text")
    assert (tour.folder / "saved.png").read_bytes() == path.read_bytes()
    tour.move(CANVAS, (0.5, 0.3))
    assert tour.drag_out("create.panel.toolbar.handle") == [str(path)], "the handle drags nothing"
    assert tour.drag_out(CANVAS) == [str(path)], "the picture drags nothing"
    assert tour.ask("form.image is None"), "the picture fell into its own window"


def pictures_are_pasted_and_dropped(tour: Tour) -> None:
    """A copied picture and a dropped one are what is started from; a click on the chip's cross ends that, Ctrl+Z not."""
    tour.draw("a house", seed=1)
    path = flat_picture(tour)
    tour.neighbour.copy(picture=path)
    tour.click(CANVAS, (0.5, 0.1))
    tour.key("ctrl+v")
    tour.wait("form.image and widget('start-chip')")
    tour.look_for(CANVAS, is_orange, "the pasted picture is not seen")
    tour.wait("view('create').form.image_fold.content.isVisible()")
    tour.shoot("pasted")
    tour.click("start-chip-close")
    tour.wait("form.image is None and not widget('start-chip')")
    tour.drag_in(CANVAS, path)
    tour.wait(f"form.image == {str(path)!r} and widget('start-chip')")
    tour.click("start-chip-close")
    tour.wait("form.image is None")
    (drawn,) = tour.pictures.rglob("*.png")
    tour.drag_in("create.form", drawn)
    tour.wait("'says how it was made' in window.banner.text")
    tour.shoot("dropped")
    tour.click("button:Use its settings")
    tour.wait("form.prompt == 'a house' and form.seed == 1 and form.image is None")


def settings_of_a1111_are_pasted(tour: Tour) -> None:
    """Onto the window they fill the form, and what is not installed is said; into the prompt they are words."""
    tour.draw("a house", seed=1)
    tour.neighbour.copy(text=PARAMETERS)
    tour.click(CANVAS, (0.5, 0.1))
    tour.key("ctrl+v")
    tour.wait("form.prompt == 'a lighthouse in the fog' and form.negative == 'people'")
    tour.wait("[form.steps, form.guidance, form.seed, form.width, form.height] == [31, 6.5, 4242, 192, 128]")
    tour.wait("form.sampler == 'euler_a' and form.model == 'pocket' and 'elsewhere' in window.banner.text")
    tour.shoot("settings-pasted")
    tour.click("create.form.prompt.editor")
    tour.key("ctrl+a", "ctrl+v")
    tour.wait("form.prompt.startswith('a lighthouse') and 'Euler a' in form.prompt")


STEPS: tuple[Step, ...] = (
    the_picture_acts, a_picture_is_varied, a_picture_goes_out, pictures_are_pasted_and_dropped,
    settings_of_a1111_are_pasted,
)  # fmt: skip
