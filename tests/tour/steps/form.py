"""The form: what is kept, what is said, what is chosen from, and that all of it is readable."""

from __future__ import annotations

from tests.tour.driver import Step, Tour, prepared
from tests.tour.steps.pictures import flat_picture

LORAS = ("watercolour_style_v2_by_somebody", "waterfall")
LONG_NAME = "a model with a very long name that somebody downloaded somewhere v1-5 pruned emaonly"


def the_form_survives_a_kill(tour: Tour) -> None:
    """What was typed is there after a power cut, and a start picture is said aloud and taken out with one click."""
    tour.draw("a house", seed=1)
    tour.write("create.form.prompt.editor", "typed by hand")
    tour.key("ctrl+e")
    tour.wait("widget('start-chip')")
    draft = tour.folder / "form.json"
    assert tour.come(lambda: draft.exists() and "typed by hand" in draft.read_text() and ".png" in draft.read_text())
    tour.end()
    tour.start()
    tour.wait("form.prompt == 'typed by hand' and widget('start-chip')")
    tour.wait("'starts from' in window.banner.text and window.banner.isVisible()")
    tour.wait("not widget('start-chip').picture.pixmap().isNull()")
    tour.shoot("start-picture")
    tour.click("start-chip-close")
    tour.wait("form.image is None and not widget('start-chip')")


def a_start_picture_is_in_sight(tour: Tour) -> None:
    """Whatever it came from: its section opens, a chip says it above Generate, one click ends it and Ctrl+Z brings it back."""
    path = flat_picture(tour)
    assert not tour.ask("view('create').form.image_fold.content.isVisible()")
    tour.key("ctrl+o")
    tour.wait("app.activeModalWidget()")
    tour.shoot("open")
    tour.answer_dialog(path)
    tour.wait("form.image and view('create').form.image_fold.content.isVisible()")
    tour.wait("widget('start-chip').text == 'Starts from orange.png'")
    tour.click("create.form.image_fold.button")
    tour.wait("not view('create').form.image_fold.content.isVisible()")
    tour.click("start-chip", (0.4, 0.5))
    tour.wait("view('create').form.image_fold.content.isVisible()")
    tour.shoot("start-chip")
    tour.click("start-chip-close")
    tour.wait("form.image is None")
    tour.key("ctrl+z")
    tour.wait("form.image")
    tour.ask("form.put(image=None)")
    tour.key("ctrl+o")  # where it was answered last
    tour.wait(
        "app.activeModalWidget() and app.activeModalWidget().directory().absolutePath() == " + repr(str(path.parent))
    )
    tour.key("Escape")
    tour.wait("not app.activeModalWidget()")


def examples_leave_the_seed_open_and_nothing_is_drawn_unsaid(tour: Tour) -> None:
    """An example fills the form and locks nothing; an empty prompt is asked about; clearing it can be undone."""
    tour.click("named:A white lighthouse at sunset")
    tour.wait("form.prompt and not form.seed_locked")
    prompt = tour.ask("form.prompt")
    tour.shoot("example")
    tour.key("ctrl+shift+BackSpace")
    tour.wait("form.prompt == '' and widget('button:Undo')")
    tour.key("ctrl+Return")
    tour.wait("'prompt is empty' in view('create').form.problem.text()")
    assert not tour.ask("board.jobs")
    tour.shoot("empty-prompt")
    tour.key("ctrl+z")
    tour.wait(f"form.prompt == {prompt!r} and not view('create').form.problem.text()")
    tour.key("ctrl+Return")
    tour.wait("view('create').strip.text.startswith('Done')")


def prompts_of_before_come_back(tour: Tour) -> None:
    """Alt+Up, the latest first, and back to what was being written; the menu shows them too."""
    for prompt in ("first", "second"):
        tour.draw(prompt)
    tour.write("create.form.prompt.editor", "third")
    for keys, prompt in (("alt+Up", "second"), ("alt+Up", "first"), ("alt+Down", "second"), ("alt+Down", "third")):
        tour.key(keys)
        tour.wait(f"form.prompt == {prompt!r}")
    tour.key("ctrl+h")
    tour.wait("app.activePopupWidget()")
    tour.shoot("history")
    tour.click("menu:first")
    tour.wait("form.prompt == 'first'")


def a_long_prompt_is_counted_beside_the_typing(tour: Tour) -> None:
    """13,000 characters: the window answers at once, the count comes, and each further key is taken."""
    tour.neighbour.copy(text=" ".join(f"red house {number}" for number in range(900)))
    tour.click("create.form.prompt.editor")
    tour.key("ctrl+v")
    tour.wait("len(form.prompt) > 12_000")
    tour.wait("int(view('create').form.prompt.counter.text().partition('/')[0] or 0) > 1800")
    before = tour.ask("view('create').form.prompt.counter.text()")
    tour.type(" and more")
    tour.wait("form.prompt.endswith(' and more')")
    tour.wait(f"view('create').form.prompt.counter.text() != {before!r}")
    tour.shoot("long-prompt")


def install(tour: Tour) -> None:
    """LoRAs to complete, and a model with a long name."""
    from sdedge.engines.open import locate
    from sdedge.library.models import Library

    (tour.folder / "loras").mkdir()
    for name in LORAS:
        (tour.folder / "loras" / f"{name}.safetensors").write_bytes(b"")
    library = Library(tour.folder)
    library.add(locate("pocket"), LONG_NAME, link=True, licence="mine")
    library.close()


@prepared(install)
def what_is_chosen_from_is_whole(tour: Tour) -> None:
    """Popups, menus and completions: as wide as their entries, none of them scrolled without need, all on the screen."""
    for name in ("model", "speed"):
        tour.click(f"create.form.{name}.combo")
        tour.wait("app.activePopupWidget()")
        tour.shoot(f"popup-{name}")
        assert_whole(tour, f"view('create').form.{name}.combo.view()")
        tour.key("Down", "Return")
        tour.wait("not app.activePopupWidget()")
    tour.wait(f"form.model == {LONG_NAME!r}")
    tour.click("create.form.size_field.presets")
    tour.wait("app.activePopupWidget()")
    tour.shoot("popup-sizes")
    assert_on_screen(tour)
    tour.key("Escape")
    tour.write("create.form.size_field.width_edit", "1024x768")
    tour.key("Tab")
    tour.wait("[form.width, form.height] == [1024, 768]")
    for edit in ("width_edit", "height_edit"):
        field = f"view('create').form.size_field.{edit}"
        tour.wait(f"{field}.fontMetrics().horizontalAdvance({field}.text()) < {field}.width() - 14")
    tour.write("create.form.prompt.editor", "a house <lora:wat")
    tour.wait("widget('completion')")
    tour.shoot("completion")
    assert_whole(tour, "widget('completion')")
    tour.key("Return")
    tour.wait(f"form.prompt == 'a house <lora:{LORAS[0]}:1>'")
    tour.click("create.form.adapters_fold.button")
    tour.click("create.form.adapters.lora")
    tour.wait("app.activePopupWidget()")
    tour.shoot("popup-lora")
    assert_on_screen(tour)
    tour.key("Escape")


def assert_on_screen(tour: Tour) -> None:
    popup = "app.activePopupWidget()"
    assert tour.ask(f"{popup}.screen().geometry().contains({popup}.frameGeometry())"), "the popup leaves the screen"


def assert_whole(tour: Tour, view: str) -> None:
    """A list of a popup shows all of its entries, in their full width."""
    assert tour.ask(f"not {view}.verticalScrollBar().maximum()"), "a short popup scrolls"
    assert tour.ask(f"{view}.sizeHintForColumn(0) <= {view}.viewport().width()"), "entries are cut"
    frame = f"{view}.window().frameGeometry()"
    assert tour.ask(f"{view}.screen().geometry().contains({frame})"), "the popup leaves the screen"


def the_edit_menu_is_about_what_has_the_focus(tour: Tour) -> None:
    """Undo, cut, copy, paste and select all, of the text that is written."""
    tour.write("create.form.prompt.editor", "red green blue")
    tour.key("alt+e")
    tour.wait("app.activePopupWidget()")
    tour.shoot("edit-menu")
    for entry in ("Undo", "Redo", "Cut", "Copy", "Paste", "Select All"):
        tour.wait(f"place('menu:{entry}')")
    tour.click("menu:Select All")
    tour.key("alt+e")
    tour.wait("app.activePopupWidget()")
    tour.click("menu:Cut")
    tour.wait("form.prompt == ''")
    tour.key("alt+e")
    tour.wait("app.activePopupWidget()")
    tour.click("menu:Undo")
    tour.wait("form.prompt == 'red green blue'")


def a_new_picture_begins_with_an_empty_form(tour: Tour) -> None:
    """Ctrl+N empties it from any view, and the next key is written into the prompt; Ctrl+Z brings everything back."""
    tour.write("create.form.prompt.editor", "a red house")
    tour.ask("form.put(negative='blurry', steps=7, width=128, height=64)")
    tour.key("alt+f")
    tour.wait("app.activePopupWidget()")
    tour.shoot("file-menu")
    tour.key("Escape", "Escape")
    tour.key("ctrl+2")
    tour.wait("window.current_view == 'gallery'")
    tour.key("ctrl+n")
    tour.wait("window.current_view == 'create' and form.prompt == '' and form.steps != 7 and form.negative == ''")
    tour.shoot("new-picture")
    tour.key("ctrl+z")
    tour.wait("form.prompt == 'a red house' and form.steps == 7 and form.negative == 'blurry' and form.width == 128")
    tour.key("ctrl+n")
    tour.wait("form.prompt == ''")
    tour.type("a boat")
    tour.wait("form.prompt == 'a boat'")


STEPS: tuple[Step, ...] = (
    the_form_survives_a_kill, a_start_picture_is_in_sight, examples_leave_the_seed_open_and_nothing_is_drawn_unsaid,
    prompts_of_before_come_back, a_long_prompt_is_counted_beside_the_typing, what_is_chosen_from_is_whole,
    the_edit_menu_is_about_what_has_the_focus, a_new_picture_begins_with_an_empty_form,
)  # fmt: skip
