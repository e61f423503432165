"""The convert view: plans and estimates as data, and one model all the way from the button to the form."""

from __future__ import annotations

import contextlib
import platform
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from gui.commands.command import last_sentence
from gui.convert import orphans
from gui.convert import results as convert_results
from gui.convert.orphans import Orphans, adoption, converted_folder, find_orphans, remove_result, remove_unfinished
from gui.convert.plan import (
    ANE,
    COMPRESSIONS,
    GPU,
    GRAPH,
    INT8,
    ConversionPlan,
    count_weights,
    estimate,
    graph_range,
    parse_sizes,
)
from gui.convert.recommended import recommended
from gui.models.items import Item, read_items
from gui.shell.device import Device
from sdedge.engines.open import locate
from sdedge.errors import InvalidRequest, ModelError
from sdedge.library.manifest import Manifest
from sdedge.library.models import Library
from sdedge.machine.findings import DeviceFinding, Timing

PATIENCE = 120_000
MODEL = Item("dream v1.5", "model", "folder", Path("/models/dream"), 1, licence="mine")


SIZES = {"512": ((512, 512),), "512x768, 768×512": ((512, 768), (768, 512)), " 64 ;64\n128X64": ((64, 64), (128, 64))}


@pytest.mark.parametrize(("text", "sizes"), SIZES.items())
def test_sizes_are_read_as_people_type_them(text, sizes):
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "500", "512x", "-512", "4096", "512x100000000", "a"])
def test_sizes_that_cannot_be_are_refused_in_words(text):
    with pytest.raises(InvalidRequest, match=r"such as|512"):
        parse_sizes(text)


@given(st.text(max_size=20))
def test_nothing_typed_as_a_size_breaks(text):
    with contextlib.suppress(InvalidRequest):
        assert all(side % 64 == 0 for size in parse_sizes(text) for side in size)


def test_a_plan_is_a_command():
    plan = ConversionPlan(MODEL, ANE, ((512, 512), (512, 768)), "6bit")
    assert plan.name == "dream v1.5 neural engine 2 sizes 6bit"
    assert plan.convert()[:3] == ["convert", "coreml", "/models/dream"]
    assert "macOS15" in plan.convert() and "512x512,512x768" in plan.convert() and "split-einsum" in plan.convert()
    assert "original" in ConversionPlan(MODEL, GPU, ((512, 512),)).convert()
    assert ConversionPlan(MODEL, GRAPH).convert()[1] == "mps" and ConversionPlan(MODEL, GRAPH).verify()[:2] == [
        "convert",
        "verify",
    ]
    int8 = ConversionPlan(MODEL, INT8)
    assert int8.convert() == ["models", "quantize", "/models/dream", str(int8.folder)] and int8.verify() is None
    assert plan.install()[-3:] == ["--license", "mine", "--accept-license"]
    with_nets = ConversionPlan(MODEL, GPU, ((512, 512),), controls=("canny", "depth"))
    assert with_nets.name == "dream v1.5 gpu 512x512 canny depth"
    assert with_nets.convert()[-2:] == ["--controlnet=canny", "--controlnet=depth"]


def test_estimates_follow_the_weights_and_their_bits():
    weights = count_weights(locate("pocket"))
    plans = {name: ConversionPlan(MODEL, ANE, ((512, 512),), name) for name in COMPRESSIONS}
    disk = [estimate(plan, weights).disk for plan in plans.values()]
    assert disk == sorted(disk, reverse=True) and disk[0] == 2 * sum(weights.values())
    full = {"unet": 859_520_964, "text_encoder": 123_060_480, "vae": 83_653_863}
    assert 2.1e9 < estimate(plans["none"], full).disk < 2.2e9
    assert estimate(plans["none"], full).memory > estimate(plans["none"], weights).memory
    with_net = estimate(ConversionPlan(MODEL, ANE, ((512, 512),), controls=("canny",)), full)
    assert 4.4e9 < with_net.disk < 4.8e9  # a second UNet and a ControlNet, 0.36 thousand million weights


def test_the_reason_is_found_in_what_a_process_says():
    assert last_sentence("warning: x\nsdedge: The disk is full.\n") == "The disk is full."
    assert last_sentence("Traceback …\nValueError: no\n\nsee the docs") == "ValueError: no"
    assert last_sentence("") == ""


def measured(int8: float) -> Device:
    seconds = {"float32": 2.0, "bfloat16": 1.0, "int8": int8}
    timings = [Timing(kernel, dtype, "", seconds[dtype]) for kernel in ("linear", "convolution") for dtype in seconds]
    timings.append(Timing("attention", "bfloat16", "", 9.0))  # which int8 does not compute
    return Device(
        DeviceFinding("cpu", "A processor", "bfloat16", "", 2, "", timings=tuple(timings)), 8 * 10**9, 16 * 10**9
    )


def test_what_suits_this_machine(monkeypatch):
    """int8 where it takes clearly less time; on a Mac its graphics, or where there is little memory the Neural Engine."""
    monkeypatch.setattr(sys, "platform", "linux")
    assert recommended(measured(0.5)) == INT8 and recommended(measured(0.95)) is None
    assert recommended(Device(None, 8 * 10**9, 16 * 10**9)) is None
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert recommended(Device(None, 8 * 10**9, 16 * 10**9, "mps")) == GRAPH
    assert recommended(Device(None, 4 * 10**9, 8 * 10**9, "mps")) == ANE
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert recommended(Device(None, 8 * 10**9, 16 * 10**9)) is None


def test_one_button_optimises_for_this_machine(convert, qtbot, slow_commands, monkeypatch):
    """What it makes is said beneath it; everything else is behind Details."""
    window, view = convert
    card, unmeasured = view.optimise, Device(None, 8 * 10**9, 16 * 10**9)
    assert not view.button.isVisible() and not view.targets.button(0).isVisible() and card.button.isVisible()
    monkeypatch.setattr(sys, "platform", "linux")

    def find(device: Device, text: str) -> None:
        monkeypatch.setattr("gui.convert.recommended.probe_device", lambda: device)
        card.look()
        qtbot.waitUntil(lambda: text in card.text.text())

    find(unmeasured, "not measured")
    assert card.button.text() == "Measure This Machine…" and card.button.isEnabled()
    find(measured(0.95), "best as they are")
    assert not card.button.isEnabled()
    find(measured(0.5), "draws faster")
    card.button.click()
    assert [task.title for task in view.tasks.all] == ["Converting to pocket int8"]
    view.details.open()
    assert view.button.isVisible() and view.targets.button(3).isChecked()


@pytest.fixture
def convert(open_window, qtbot):
    window = open_window(start=False)
    view = window.show_view("convert")
    qtbot.waitUntil(lambda: view.model.count() > 0 and view.estimate.text() != "", timeout=PATIENCE)
    return window, view


def test_the_plan_says_what_it_takes_and_what_is_wrong_with_it(convert, qtbot):
    window, view = convert
    assert view.model.currentText() == "pocket"
    qtbot.waitUntil(lambda: "on disk" in view.estimate.text())
    view.sizes.setText("500")
    assert "multiples of 64" in view.fault.text() and view.fault.isVisible()
    view.button.click()
    assert not view.tasks.all
    view.targets.button(2).click()
    assert not view.sizes.isEnabled() and not view.fault.isVisible()


@pytest.mark.slow
def test_installed_controlnets_go_along_in_a_bundle(convert, qtbot, slow_commands, monkeypatch):
    _, view = convert
    assert not view.controls.isVisibleTo(view.packages)  # nothing to choose
    view.details.open()
    nets = [Item(f"net {kind}", "control", kind, Path("/nets"), 1) for kind in ("controlnet", "ip-adapter")]
    items = [*read_items(), *nets, Item("gone", "control", "controlnet", Path("/nets"), 1, here=False)]
    monkeypatch.setattr("gui.convert.view.read_items", lambda: items)
    view.read()
    qtbot.waitUntil(view.controls.isVisible)
    (net,) = [view.controls.list.item(row) for row in range(view.controls.list.count())]
    before = view.estimate.text()
    net.setCheckState(Qt.CheckState.Checked)
    assert net.text() == "net controlnet" and view.estimate.text() != before
    view.read()  # what was chosen stays chosen
    view.button.click()
    (task,) = view.tasks.all
    assert task.arguments[-1] == "--controlnet=net controlnet" and task.title.endswith("net controlnet")
    view.targets.button(2).click()
    assert not view.controls.isEnabled() and view.plan().controls == ()


@pytest.mark.slow
def test_a_model_is_converted_compared_and_used(open_window, qtbot, tiny_model):
    library = Library()
    library.add(tiny_model, "tiny", link=True, licence="mine")
    library.close()
    window = open_window(start=False)
    view = window.show_view("convert")
    qtbot.waitUntil(lambda: view.model.findText("tiny") >= 0)
    view.model.setCurrentText("tiny")
    view.sizes.setText("64")
    view.targets.button(1).click()
    view.button.click()
    qtbot.waitUntil(
        lambda: (view.results.cards and not view.tasks.all) or any(task.state == "failed" for task in view.tasks.all),
        timeout=2 * PATIENCE,  # three processes, one after the other
    )
    qtbot.waitUntil(lambda: "Verified" in view.results.cards[0].verdict.text())
    library = Library()
    assert library.verify("tiny gpu 64x64") == []  # the figures in its manifest are no change
    library.close()
    assert not view.tasks.all, view.tasks.all[0].message
    card = view.results.cards[0]
    figures = Manifest.read(card.item.path).figures
    assert figures["outcome"] == "passed" and figures["psnr"]["unet"]["float16"] >= 60
    assert "Verified" in card.verdict.text() and card.item.kind == "Core ML"
    card.use.click()
    assert window.studio.form.model == "tiny gpu 64x64" and window.current_view == "create"


def test_a_conversion_is_cancelled(convert, qtbot):
    window, view = convert
    view.button.click()
    (task,) = view.tasks.all
    view.tasks.cancel(task)
    qtbot.waitUntil(lambda: task.state == "cancelled", timeout=PATIENCE)
    qtbot.waitUntil(lambda: not view.tasks.busy)
    assert view.tasks.all == [task] and not view.results.cards


def test_an_int8_copy_shows_what_it_loses(open_window, qtbot, tmp_path):
    mine = shutil.copytree(locate("pocket"), tmp_path / "mine int8")
    (mine / convert_results.INT8).write_text(
        '{"version": 1, "ranges": {}, "kept": {}, "figures": {"psnr": [40.6, 34.3]}}'
    )
    library = Library()
    library.add(mine, link=True, licence="mine")
    library.close()
    view = open_window(start=False).show_view("convert")
    qtbot.waitUntil(lambda: bool(view.results.cards))
    card = view.results.cards[0]
    assert "close to the model" in card.verdict.text() and card.use.isEnabled()
    figures = [label for label in card.figures.findChildren(QLabel) if "34 dB" in label.text()]
    assert figures and not figures[0].isVisibleTo(card)  # for those who know decibels
    card.figures.open()
    assert figures[0].isVisibleTo(card)


# Whatever ends the window or the comparison, the result is there


@pytest.fixture
def slow_commands(monkeypatch):
    """Commands that do nothing, and end when they are told to, by the words of their arguments."""
    import gui.commands.tasks as tasks

    class Scripted(tasks.Command):
        made: list[Scripted] = []

        def __init__(self, arguments, *more):
            super().__init__(arguments, *more)
            self.command = " ".join(arguments[:2])
            Scripted.made.append(self)

        def start(self):
            pass

        def cancel(self):
            self._cancelled = True
            self.ended.emit("Cancelled.")

    monkeypatch.setattr(tasks, "Command", Scripted)
    return Scripted.made


def press_convert(view, size: str = "128") -> None:
    view.targets.button(1).click()
    view.sizes.setText(size)
    view.button.click()


def test_a_finished_conversion_is_added_first_and_compared_after(convert, slow_commands):
    window, view = convert
    press_convert(view)
    press_convert(view, "192")
    assert [command.command for command in slow_commands] == ["convert coreml"]
    slow_commands[-1].ended.emit("")
    assert slow_commands[-1].command == "models add"  # before the other conversion
    slow_commands[-1].ended.emit("")
    assert slow_commands[-1].command == "convert coreml"
    slow_commands[-1].ended.emit("It failed.")
    assert slow_commands[-1].command == "convert verify"
    assert view.unfinished == ""  # it can be compared again at any time
    view.tasks.cancel(next(task for task in view.tasks.all if task.state == "running"))
    assert len(slow_commands) == 4


def test_a_conversion_is_not_compared_where_that_is_not_wanted(convert, slow_commands):
    window, view = convert
    with_it = view.estimate.text()
    view.verify.click()
    assert view.estimate.text() != with_it
    press_convert(view)
    view.verify.click()  # what was asked for then counts
    slow_commands[-1].ended.emit("")
    slow_commands[-1].ended.emit("")
    assert [command.command for command in slow_commands] == ["convert coreml", "models add"]


def test_closing_while_a_model_is_converted_is_asked_and_can_be_left(convert, slow_commands, qtbot):
    window, view = convert
    press_convert(view)
    window.close()
    assert window.isVisible() and "Converting to pocket gpu" in window.question.informativeText()
    qtbot.mouseClick(window.question.defaultButton(), Qt.MouseButton.LeftButton)
    assert window.isVisible() and view.tasks.busy
    window.close()
    end_it = next(button for button in window.question.buttons() if button.text() == "Close and End It")
    qtbot.mouseClick(end_it, Qt.MouseButton.LeftButton)
    assert not window.isVisible() and not view.tasks.busy


@pytest.fixture
def bundle(tmp_path):
    """A converted model in the app's own folder, as far as its manifest goes."""
    folder = converted_folder() / "pocket gpu 128x128"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    return folder


def test_conversions_that_nobody_added_are_found_and_those_in_the_library_are_not(bundle, monkeypatch):
    monkeypatch.setattr(orphans.Manifest, "read", lambda folder: Manifest)
    monkeypatch.setattr(Manifest, "source", {"name": "pocket"}, raising=False)
    pocket = Item("pocket", "model", "folder", Path("/p"), 1, licence="Apache-2.0")
    assert find_orphans([pocket]) == Orphans(finished=(bundle,))
    assert adoption(bundle, [pocket])[-2:] == ["--license", "Apache-2.0"]
    assert "--license" not in adoption(bundle, [])  # nothing is claimed
    here = Item("mine", "model", "coreml", bundle, 1)
    assert find_orphans([pocket, here]) == Orphans()


def test_half_a_conversion_is_unfinished_until_its_last_file_is_there(bundle):
    assert find_orphans([]) == Orphans(unfinished=(bundle,))
    recipe = bundle / orphans.INT8
    recipe.parent.mkdir()
    (bundle / "manifest.json").unlink()
    recipe.write_text('{"figures": {}}')
    assert find_orphans([]) == Orphans(unfinished=(bundle,))
    recipe.write_text('{"figures": {"psnr": [40]}}')
    assert find_orphans([]) == Orphans(finished=(bundle,))
    assert "--license" not in adoption(bundle, [])


def test_what_an_interrupted_conversion_left_is_shown_and_removed(bundle, convert, slow_commands, qtbot):
    window, view = convert
    qtbot.waitUntil(lambda: bool(view.results.unfinished))
    (card,) = view.results.unfinished
    assert card.folder == bundle and "Interrupted" in " ".join(label.text() for label in card.findChildren(QLabel))
    view.tasks.add("Converting", ["convert", str(bundle)])
    view.read()
    qtbot.waitUntil(lambda: not view.results.unfinished)  # what is written now is not offered to be removed
    view.tasks.close()
    view.read()
    qtbot.waitUntil(lambda: bool(view.results.unfinished))
    view.results.unfinished[0].remove.click()
    next(button for button in view.question.buttons() if button.text() == "Delete").click()
    qtbot.waitUntil(lambda: not bundle.exists() and not view.results.unfinished)


def test_only_a_folder_of_the_apps_own_is_deleted(bundle, tmp_path):
    (tmp_path / "mine").mkdir()
    link = bundle.with_name("link")
    link.symlink_to(tmp_path / "mine")
    for folder in (tmp_path / "mine", link, bundle / ".." / ".."):
        with pytest.raises(ModelError, match="by hand"):
            remove_unfinished(folder)
    assert (tmp_path / "mine").is_dir() and bundle.is_dir()


def test_a_result_is_removed_with_the_apps_own_files_only(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(Library, "remove", lambda self, name: None)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for folder in (bundle, elsewhere):
        remove_result(Item("x", "model", "coreml", folder, 1))
    assert elsewhere.is_dir() and not bundle.exists()


@pytest.mark.parametrize(("side", "sizes"), [(512, (256, 1024)), (192, (64, 384)), (64, (64, 128)), (768, (384, 1536))])
def test_a_graphs_sizes_follow_the_models_own(side, sizes):
    assert graph_range(side) == sizes
    assert f"{sizes[0]}..{sizes[1]}" in ConversionPlan(MODEL, GRAPH, side=side).convert()


def test_the_graph_of_a_small_model_is_offered_for_its_sizes(convert, qtbot):
    _, view = convert
    qtbot.waitUntil(lambda: "on disk" in view.estimate.text())
    view.targets.button(2).click()
    assert any("from 64 to 384" in label.text() for label in view.findChildren(QLabel))
