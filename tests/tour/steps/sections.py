"""The form's sections and the canvas together: LoRA rows, controls, hires fix, edges, regions, grids; boards and export."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.tour.driver import Step, Tour, prepared
from tests.tour.steps.canvas import CANVAS, differ
from tests.tour.steps.pictures import flat_picture

LORA = "waterfall"


def install(tour: Tour) -> None:
    """A LoRA, and a picture with edges."""
    (tour.folder / "loras").mkdir()
    (tour.folder / "loras" / f"{LORA}.safetensors").write_bytes(b"")
    photo = Image.new("RGB", (128, 128), "white")
    photo.paste("black", (40, 40, 90, 100))
    photo.save(photo_of(tour))


def photo_of(tour: Tour) -> Path:
    return tour.folder / "photo.png"


@prepared(install)
def what_the_engine_can_is_in_the_form(tour: Tour) -> None:
    """A LoRA is switched off and weighed; a control has its hint made beside it; hires fix says what the picture becomes; what
    few need opens under further settings."""
    tour.ask(f"form.put(prompt='a house <lora:{LORA}:0.8>')")
    tour.click("create.form.adapters_fold.button")
    tour.click(f"named:Draw with {LORA}")
    tour.wait(f"form.loras_off == {{{LORA!r}}} and form.drawn_prompt.strip() == 'a house'")
    tour.click(f"named:Draw with {LORA}")
    tour.wait("not form.loras_off")
    tour.ask("reveal('create.form.adapters.lora')")
    tour.shoot("lora-row")
    tour.click("create.form.adapters_fold.button")
    tour.click("create.form.controls_fold.button")
    tour.ask("form.put(controls=(__import__('sdedge.controls').controls.Control('canny'),))")
    tour.click("named:Choose the picture of canny")
    tour.wait("app.activePopupWidget()")
    tour.click("menu:Choose a file…")
    tour.answer_dialog(photo_of(tour))
    tour.ask("form.set_value('control:0:preprocess', 'canny')")
    tour.wait("place('named:Show the hint of canny large')")
    tour.ask("reveal('create.form.control.add')")
    tour.shoot("control-row")
    tour.click("named:Show the hint of canny large")
    tour.wait("view('create').panel.caption.full_text == 'Hint of canny'")
    tour.look_for(CANVAS, lambda seen: 0 < (seen > 250).all(-1).mean() < 0.2, "no edges are seen")
    tour.shoot("hint")
    tour.click("named:Take canny out")
    tour.click("create.form.controls_fold.button")
    tour.click("create.form.enlarge_fold.button")
    tour.click("create.form.enlarge.how.combo")
    tour.wait("app.activePopupWidget()")
    tour.key("Down", "Return")
    tour.wait("'192 × 192 → 384 × 384' in view('create').form.enlarge.becomes.text()")
    tour.click("create.form.enlarge.hires_further.fold.button")
    tour.ask("reveal('create.form.enlarge.hires_further')")
    tour.shoot("hires-fix")


def edges_and_regions_are_dragged_on_the_canvas(tour: Tour) -> None:
    """Outpainting by a handle, a region by a drag, and both pictures beside a line that is dragged."""
    path = flat_picture(tour)
    tour.ask(f"studio.edit_picture(__import__('pathlib').Path({str(path)!r}))")
    tour.wait("view('create').form.image.source")
    tour.click("create.form.image.edges.button")
    tour.wait("view('create').boxes.editing == 'edges' and view('create').boxes.overlay.hasFocus()")
    box = "view('create').boxes.overlay._on_screen(view('create').boxes.overlay.boxes[0])"
    right, middle, width, height = tour.ask(
        f"[{box}.right(), {box}.center().y(), view('create').boxes.overlay.width(), view('create').boxes.overlay.height()]"
    )
    start = right / width, middle / height
    tour.drag(CANVAS, start, (start[0] + 0.1, start[1]))
    tour.wait("form.outpaint and form.outpaint[2] >= 8 and not any(form.outpaint[:2])")
    tour.key("Up")
    tour.wait("form.outpaint[1] == 8")
    tour.shoot("edges")
    tour.key("Escape")
    tour.wait("not view('create').boxes.editing")
    tour.click("start-chip-close")
    tour.wait("form.image is None")
    for seed in (1, 2):
        tour.draw("a house", seed=seed)
    tour.click("create.form.regions_fold.button")
    tour.click("create.form.regions.draw")
    tour.wait("view('create').boxes.editing == 'regions'")
    tour.drag(CANVAS, (0.42, 0.4), (0.5, 0.6))
    tour.wait("len(form.regions) == 1 and form.regions[0].area != (0, 0, 1, 1)")
    tour.type("a red house")
    tour.wait("form.regions[0].prompt == 'a red house'")
    tour.shoot("regions")
    tour.click("create.form.regions.draw")
    tour.wait("not view('create').boxes.editing")
    tour.move("create.form.button")
    after = tour.look(CANVAS)
    tour.click(CANVAS, (0.1, 0.1))
    tour.key("ctrl+b")
    both = tour.look_for(CANVAS, lambda seen: differ(seen, after) > 2, "no other picture is beside it")
    tour.drag(CANVAS, (0.5, 0.5), (0.6, 0.5))
    tour.look_for(CANVAS, lambda seen: differ(seen, both) > 0.5, "the line is not dragged")
    tour.shoot("before-and-after")


def a_grid_is_drawn_put_on_a_board_and_exported(tour: Tour) -> None:
    """A cell for each pair and one sheet, all in the gallery; two on a board that is made for them, and copied into a folder."""
    tour.ask("form.put(prompt='a house', seed=1)")
    tour.click("create.form.grid_fold.button")
    tour.ask("view('create').form.grid.across.setCurrentIndex(view('create').form.grid.across.findData('seed'))")
    tour.write("create.form.grid.across_values", "1-3")
    tour.wait("view('create').form.grid.count.text() == '3 × 1 pictures'")
    tour.shoot("grid")
    tour.click("button:Draw the grid")
    tour.wait("'The grid is saved' in window.banner.text")
    assert len([*tour.pictures.glob("grid-*.png")]) == 1
    tour.wait("view('create').panel.canvas.image.width() > 3 * 64")  # in place of the last cell
    tour.look_for(CANVAS, lambda seen: seen.std() > 20, "no sheet is seen")
    tour.shoot("grid-sheet")
    tour.key("ctrl+2")
    tour.wait("view('gallery').model.rowCount() == 4 if 'gallery' in window.views else False")
    tour.shoot("grid-in-gallery")
    tour.click("gallery.list[0]")
    tour.key("shift+Right")
    tour.wait("len(view('gallery').chosen()) == 2")
    tour.key("ctrl+shift+b")
    tour.wait("app.activeModalWidget() and not app.activeModalWidget().list.count()")
    tour.write("named:Name of a new board", "for the wall")
    tour.click("button:Add")
    tour.wait("app.activeModalWidget().list.count() == 1")
    tour.shoot_window("boards")
    tour.click("button:Done")
    tour.wait("not app.activeModalWidget() and 'for the wall' in window.banner.text")
    tour.key("ctrl+shift+x")
    tour.wait("app.activeModalWidget()")
    tour.shoot_window("export")
    copies = tour.folder / "copies"
    copies.mkdir()
    tour.ask(f"app.activeModalWidget().export_into({str(copies)!r})")
    assert tour.come(lambda: len([*copies.glob("*.png")]) == 2), "the pictures are not copied"
    tour.wait("not app.activeModalWidget()")
    tour.shoot("exported")


STEPS: tuple[Step, ...] = (
    what_the_engine_can_is_in_the_form, edges_and_regions_are_dragged_on_the_canvas,
    a_grid_is_drawn_put_on_a_board_and_exported,
)  # fmt: skip
