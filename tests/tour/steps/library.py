"""Models and conversions: licences that are known, asked for and corrected, and results that nothing loses."""

from __future__ import annotations

import shutil
from contextlib import redirect_stdout
from pathlib import Path

from tests.stand_in_hub import TOKEN, Repository, serving
from tests.tour.converter import COMPARING, CONVERTING, convert
from tests.tour.driver import Step, Tour, prepared
from tests.tour.steps.pictures import flat_picture

OPENRAIL = "CreativeML OpenRAIL-M"


def copied_model(tour: Tour, name: str, card: str = "") -> Path:
    """A copy of the embedded model whose card says this, and nothing else."""
    from sdedge.engines.open import locate

    folder = tour.folder.parent / name
    shutil.copytree(locate("pocket"), folder, ignore=shutil.ignore_patterns("LICEN*", "*.md"))
    if card:
        (folder / "README.md").write_text(card)
    return folder


def install(tour: Tour) -> None:
    from sdedge.library.models import Library

    library = Library(tour.folder)
    library.add(copied_model(tour, "unknown"), link=True)
    library.add(copied_model(tour, "carded", "---\nlicense: creativeml-openrail-m\n---\n"), link=True)
    library.close()


@prepared(install)
def licences_are_known_asked_and_corrected(tour: Tour) -> None:
    """Read from the model's card; asked where nothing says it; accepted before use; corrected afterwards."""
    tour.key("ctrl+3")
    tour.wait("len(view('models').model.items) == 3 if 'models' in window.views else False")
    items = "{item.name: item for item in view('models').model.items}"
    tour.wait(f"{items}['unknown'].licence == '' and {items}['carded'].licence == {OPENRAIL!r}")
    choose(tour, "carded")
    tour.shoot("licence-to-accept")
    tour.wait("not view('models').details.buttons['use'].isEnabled()")
    tour.click("button:I Have Read and Accept It")
    tour.wait(f"{items}['carded'].accepted and view('models').details.buttons['use'].isEnabled()")
    choose(tour, "unknown")
    tour.shoot("licence-asked")
    tour.write("models.details.licences", "mine alone")
    tour.click("button:Record It")
    tour.wait(f"{items}['unknown'].licence == 'mine alone'")
    tour.click("button:Correct the Licence")
    tour.wait("place('models.details.licences')")
    tour.shoot("licence-corrected")
    tour.write("models.details.licences", "mit")
    tour.click("button:Record It")
    tour.wait(f"{items}['unknown'].licence == 'MIT'")
    tour.click("button:Use It")
    tour.wait("form.model == 'unknown' and window.current_view == 'create'")


def serve_models(tour: Tour) -> None:
    """A hub on the loopback that has a model of v1's shape in place of v1-5, and wants a token for v1-4."""
    from sdedge.engines.open import locate

    folder = locate("pocket")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    hub = tour.leaving.enter_context(serving())
    hub.repositories["stable-diffusion-v1-5/stable-diffusion-v1-5"] = Repository(files)
    hub.repositories["CompVis/stable-diffusion-v1-4"] = Repository(files, gated=True)
    hub.repositories["CompVis/stable-diffusion-v1-3"] = Repository(files, nonsense="content")
    tour.variables |= {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "", "HF_TOKEN": "", "NO_PROXY": "*"}


@prepared(serve_models)
def a_first_picture_with_v1_takes_five_clicks(tour: Tour) -> None:
    """Get Models, Get, Accept and Download, Use It, and, after a prompt was typed, Generate; one licence is accepted."""
    tour.click("button:Get Models")
    tour.wait("view('get').current() is not None if 'get' in window.views else False")
    tour.shoot("get-models")
    tour.click("button:Get")
    tour.wait("place('button:Accept and Download')")
    tour.shoot("get-models-licence")
    tour.click("button:Accept and Download")
    tour.wait("view('get').downloads.of('v1-5').installed == 'v1-5'")
    tour.shoot("get-models-installed")
    tour.click("button:Use It")
    tour.wait("form.model == 'v1-5' and window.current_view == 'create'")
    tour.write("create.form.prompt.editor", "a red house by the sea")
    tour.click("button:Generate")
    tour.wait("any(job.request.model == 'v1-5' for job in board.jobs)")


@prepared(serve_models)
def what_a_download_wants_or_lacks_is_said_beside_it(tour: Tour) -> None:
    """A repository that wants a token says how to get one; a file that is not what was announced is told and leaves nothing."""
    tour.click("button:Get Models")
    tour.wait("view('get').current() is not None if 'get' in window.views else False")
    choose_to_get(tour, "v1-4")
    tour.click("button:Get")
    tour.wait("view('get').details.token.isVisible()")
    tour.shoot("get-models-token")
    tour.write("get.details.token.field", TOKEN)
    tour.click("button:Use This Token")
    tour.wait("place('button:Accept and Download')")
    choose_to_get(tour, "v1-3")
    tour.click("button:Get")
    tour.wait("place('button:Accept and Download')")
    tour.click("button:Accept and Download")
    tour.wait("'its hash differs' in view('get').details.fault.text()")
    tour.shoot("get-models-failed")
    assert not (tour.folder / "models" / "v1-3").exists()


def choose_to_get(tour: Tour, name: str) -> None:
    row = tour.ask(f"view('get').model.row_of({name!r})")
    tour.click(f"get.table[{row}]")
    tour.wait(f"view('get').details.title.text() == {name!r}")


def choose(tour: Tour, name: str) -> None:
    row = tour.ask(f"view('models').model.row_of({name!r}, 'model')")
    tour.click(f"models.table[{row}]")
    tour.wait(f"view('models').details.title.text() == {name!r}")


def refused_files_are_said_on_their_card(tour: Tour) -> None:
    """What is dropped on Models is added by a process of its own; a page that calls itself a model is refused in words."""
    page = tour.folder.parent / "page.safetensors"
    page.write_text("<!DOCTYPE html><html>Sign in</html>")
    tour.key("ctrl+3")
    tour.wait("place('models.table')")
    tour.drag_in("models.table", page)
    tour.wait("view('models').tasks.all")
    tour.wait("view('models').tasks.all[0].state == 'failed'")
    tour.shoot("refused")
    tour.wait("'page.safetensors' in view('models').tasks.all[0].message")
    tour.click("named:Remove from this list")
    tour.wait("not view('models').tasks.all")


def a_conversion_is_never_lost(tour: Tour) -> None:
    """It is in the library before it is compared: closing the window while it is compared, or a power cut, costs nothing."""
    converting, comparing = tour.folder / CONVERTING, tour.folder / COMPARING
    converting.touch()
    comparing.touch()
    tour.key("ctrl+4")
    tour.wait("place('convert.details.button')")
    tour.click("convert.details.button")
    tour.click("button:MPS graph")
    tour.wait(
        "any('from 64 to 384' in label.text() for label in seen(type(window.status)))"
    )  # of a model of 192 pixels
    tour.shoot("convert-graph")
    tour.click("button:Core ML for the GPU")
    tour.wait("view('convert').sizes.text() == '192' and 'on disk' in view('convert').estimate.text()")
    tour.click("convert.button")
    tour.wait("view('convert').tasks.all and view('convert').tasks.all[0].fraction == 0.5")
    tour.shoot("converting")
    tour.ask("window.close() and None")
    tour.wait("app.activeModalWidget()")
    tour.shoot("close-asked")
    tour.click("button:Keep It Open")
    tour.wait("not app.activeModalWidget() and window.isVisible()")
    converting.unlink()
    tour.wait(
        "view('convert').results.cards and [task.fraction for task in view('convert').tasks.all "
        "if 'Comparing' in task.title] == [0.5]"
    )
    tour.shoot("comparing")
    tour.end()
    comparing.unlink()
    tour.start()
    tour.key("ctrl+4")
    tour.wait("len(view('convert').results.cards) == 1 if 'convert' in window.views else False")
    tour.wait("'Not compared' in view('convert').results.cards[0].verdict.text()")
    tour.click("button:Compare Now")
    tour.wait("'Verified' in view('convert').results.cards[0].verdict.text() and not view('convert').tasks.all")
    tour.shoot("compared")
    tour.click("button:Use the Result")
    tour.wait("form.model == 'pocket gpu 192x192' and window.current_view == 'create'")


def what_nobody_added_is_added_at_the_start(tour: Tour) -> None:
    """A conversion whose app was killed before it was added; it is removed with one button, after a question."""
    tour.key("ctrl+4")
    tour.wait("place('convert.details.button')")
    if not tour.ask("view('convert').button.isVisible()"):
        tour.click("convert.details.button")
    tour.click("button:Core ML for the GPU")
    (tour.folder / CONVERTING).touch()
    tour.wait("'on disk' in view('convert').estimate.text()")
    tour.click("convert.button")
    tour.wait("view('convert').tasks.all and view('convert').tasks.all[0].fraction == 0.5")
    tour.end()
    (tour.folder / CONVERTING).unlink()
    manifest = tour.folder / "converted" / "pocket gpu 192x192" / "manifest.json"
    assert tour.come(manifest.exists), "the conversion did not outlive the app"
    tour.start()
    tour.key("ctrl+4")
    tour.wait("len(view('convert').results.cards) == 1 if 'convert' in window.views else False")
    tour.click("button:Remove…")
    tour.wait("app.activeModalWidget()")
    tour.shoot("remove-asked")
    tour.click("button:Delete")
    tour.wait("not view('convert').results.cards")
    assert tour.come(lambda: not manifest.exists()), "its files are still there"


def install_converted(tour: Tour) -> None:
    """A bundle without a VAE encoder."""
    from sdedge.library.models import Library

    bundle = tour.folder / "converted" / "small"
    with redirect_stdout(None):
        convert(bundle)
    library = Library(tour.folder)
    library.add(bundle, link=True, licence="mine")
    library.close()


@prepared(install_converted)
def what_a_converted_model_cannot_do_is_said_before_it_is_drawn(tour: Tour) -> None:
    """A picture to start from, without an encoder that reads it: above Generate, and no job is made."""
    path, problem = flat_picture(tour), "view('create').form.problem"
    tour.ask("form.put(model='small', prompt='a house')")
    tour.wait("form.card and form.card.bundle")
    tour.drag_in("create.form", path)
    tour.wait(f"form.image and {problem}.isVisible() and 'without a VAE encoder' in {problem}.text()")
    tour.shoot("refused-start")
    tour.key("ctrl+Return")
    assert tour.stays("not board.jobs"), "it is drawn all the same"
    tour.click("start-chip-close")
    tour.wait(f"form.image is None and not {problem}.text()")


STEPS: tuple[Step, ...] = (
    a_first_picture_with_v1_takes_five_clicks, what_a_download_wants_or_lacks_is_said_beside_it,
    licences_are_known_asked_and_corrected, refused_files_are_said_on_their_card, a_conversion_is_never_lost,
    what_nobody_added_is_added_at_the_start, what_a_converted_model_cannot_do_is_said_before_it_is_drawn,
)  # fmt: skip
