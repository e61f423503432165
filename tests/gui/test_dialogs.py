"""Settings, device and memory, the warning beside the form, notifications and the first start."""

from __future__ import annotations

import platform
import shutil
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication

from gui.create.view import CreateView
from gui.create.welcome import EXAMPLES, Welcome, example_path
from gui.dialogs.settings import SettingsDialog, folder_fault
from gui.form import memory_hint
from gui.form.view import WIDTH
from gui.look.theme import PAD
from gui.shell import device as device_module
from gui.shell.device import Device, is_quantized, plan_picture, probe_device, read_sizes
from gui.shell.settings import Settings
from sdedge.engines.open import locate
from sdedge.engines.torch.cpu import packed_cache
from sdedge.events import Checking, Finished
from sdedge.images import metadata
from sdedge.machine import canary
from sdedge.machine.canary import State, Verdict
from sdedge.machine.findings import DeviceFinding, Timing, keep
from sdedge.machine.memory_plan import CHECKER_SIZE, MemoryPlan, MemoryRequest, Sizes
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.process.power import HeatLimit, PowerPolicy
from sdedge.process.supervisor import Supervisor
from tests.gui.page import last_dialog
from tests.gui.pictures import save_pictures

FINDING = DeviceFinding(
    "cpu", "A processor", "bfloat16", "channels_last", 2, "It is faster.", (Timing("linear", "float16", "", None),)
)


@pytest.fixture
def dialog(open_window):
    window = open_window(start=False)
    window.actions_list["settings"].trigger()
    settings_dialog = window.findChild(SettingsDialog)
    assert settings_dialog is not None and settings_dialog.isVisible()
    return window, settings_dialog


# Settings


def test_packed_weights_are_kept_and_cleared_by_the_settings_as_by_the_command(dialog, qtbot, tmp_path, monkeypatch):
    _, dialog = dialog
    row = dialog.packed
    assert not row.switch.isChecked() and not row.clear.isEnabled() and "none" in row.note.text()
    row.switch.click()
    assert packed_cache.choice() == packed_cache.Choice(True, packed_cache.LIMIT, True)
    packed_cache.packed_folder().mkdir(parents=True)
    (packed_cache.packed_folder() / "a.packed").write_bytes(bytes(2_000_000))
    row.show_state()
    assert "2.0 MB" in row.note.text()
    row.clear.click()
    qtbot.waitUntil(lambda: not packed_cache.entries() and not row.clear.isEnabled())
    row.switch.click()
    assert packed_cache.choice().keep is False
    monkeypatch.setattr(packed_cache, "choice_file", lambda: tmp_path / "file" / "packed.json")
    (tmp_path / "file").write_text("in the way")
    row.switch.click()
    assert not row.switch.isChecked() and "file" in row.note.text()


def test_settings_apply_at_once_and_are_kept(dialog, theme):
    window, dialog = dialog
    dialog.format.setCurrentIndex(1)
    dialog.preview.setCurrentIndex(dialog.preview.findData(0))
    dialog.metadata.setChecked(False)
    dialog.safety.setChecked(False)
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    window.studio.settings.save()
    again = Settings()
    assert (again.file_format, again.preview_rate, again.private) == ("jpeg", 0, True)
    assert (again.safety, again.theme) == (False, "dark")


def test_the_settings_follow_what_is_set_elsewhere(dialog, tmp_path):
    window, view = dialog
    settings = window.studio.settings
    changes = {
        "safety": False,
        "theme": "dark",
        "serve_port": 7870,
        "private": True,
        "file_name": "{seed}",
        "battery": 15,
    }
    for name, value in {**changes, "folder": str(tmp_path)}.items():
        setattr(settings, name, value)
    assert not view.safety.isChecked() and view.theme.currentData() == "dark" and view.port.value() == 7870
    assert not view.metadata.isChecked() and view.file_name.text() == "{seed}" and view.battery.currentData() == 15
    assert view.folder.text() == str(tmp_path)
    assert {name: getattr(settings, name) for name in changes} == changes


def test_a_folder_that_cannot_be_is_told_and_not_taken(dialog, tmp_path):
    window, dialog = dialog
    before = window.studio.settings.folder
    (tmp_path / "file").touch()
    for text, fault in ((str(tmp_path / "file"), "is a file"), ("somewhere/else", "no place")):
        dialog.set_folder(text)
        assert fault in dialog.folder_fault.text() and window.studio.settings.folder == before
    dialog.set_folder(str(tmp_path / "new"))
    assert dialog.folder_fault.text() == "" and window.studio.settings.output().folder == tmp_path / "new"
    dialog.set_folder("")
    assert window.studio.settings.folder == ""


def test_a_folder_without_permission_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "cannot be written" in folder_fault(tmp_path / "new")


def test_a_file_name_shows_an_example_or_its_fault(dialog):
    window, dialog = dialog
    dialog.file_name.setText("{seed}-{steps}")
    assert dialog.name_note.text() == "Such as 1234-20"
    dialog.file_name.setText("{nonsense}")
    assert "{nonsense}" in dialog.name_note.text() and window.studio.settings.file_name == "{seed}-{steps}"


def test_keeping_awake_and_when_to_rest_reach_the_supervisor(open_window, monkeypatch):
    supervisors = []

    def supervisor(*arguments, **options):
        supervisors.append(Supervisor(*arguments, **options))
        return supervisors[-1]

    monkeypatch.setattr("sdedge.process.supervisor.Supervisor", supervisor)
    window = open_window()
    assert supervisors[0].keep_awake is True
    window.studio.settings.keep_awake = False
    assert supervisors[0].keep_awake is False
    assert supervisors[0].power_policy == PowerPolicy(0.2, HeatLimit.CRITICAL)
    window.studio.settings.battery, window.studio.settings.heat = 0, "slow"
    assert supervisors[0].power_policy == PowerPolicy(0.0, HeatLimit.SLOW)


# Device and memory


def test_the_device_is_the_measured_one(monkeypatch):
    assert probe_device().finding is None and probe_device().itemsize == 4
    keep(FINDING)
    assert (probe_device().finding, probe_device().kind, probe_device().itemsize) == (FINDING, "cpu", 2)
    monkeypatch.setenv("SDEDGE_DEVICE", "cuda")
    assert probe_device().finding is None


def test_the_device_dialog_says_what_draws_and_why(open_window, qtbot):
    keep(FINDING)
    window = open_window(start=False)
    window.actions_list["device"].trigger()
    dialog = last_dialog(window)
    qtbot.waitUntil(lambda: "A processor (cpu)" in dialog.device.text())
    assert "16 bits (bf16)" in dialog.reason.text() and "It is faster." in dialog.reason.text()
    qtbot.waitUntil(lambda: "are free" in dialog.memory.text() and "planned with about" in dialog.planned.text())


def test_the_device_dialog_says_in_one_line_what_the_check_of_engines_found(open_window, qtbot):
    window = open_window(start=False)
    window.actions_list["device"].trigger()
    dialog = last_dialog(window)
    qtbot.waitUntil(lambda: bool(dialog.device.text()))
    assert dialog.checked.isHidden() and dialog.why_checked.isHidden()
    canary.keep_progress(Checking("cpu float32", 3, 10, "attention"))
    dialog.look()
    qtbot.waitUntil(lambda: dialog.checked.text() == "cpu float32 is being checked: 3 of 10 results are there.")
    assert dialog.why_checked.isVisible() and "once" in dialog.why_checked.text()
    canary.end_progress("cpu float32")
    canary.keep(Verdict("cpu float32", State.PROVED))
    dialog.look()
    qtbot.waitUntil(lambda: dialog.checked.text() == "Checked, and right: cpu float32.")
    canary.keep(Verdict("mps float16", State.FAILED, "a gain of 1.020 in attention of 320 channels"))
    dialog.look()
    qtbot.waitUntil(lambda: "mps float16 is switched off" in dialog.checked.text())
    window.studio.board.checked_engine = "openvino bfloat16"  # as was heard of last
    canary.keep_progress(Checking("openvino bfloat16", 0, 0))
    dialog.look()
    qtbot.waitUntil(lambda: dialog.checked.text().endswith(" openvino bfloat16 is being checked."))
    assert "1.020" in dialog.checked.text() and "--" not in dialog.checked.text() and dialog.checked.wordWrap()


def test_the_embedded_models_sizes_are_read_from_its_headers():
    sizes = read_sizes(locate("pocket"))
    assert sizes is not None and sizes.unet_width < Sizes().unet_width and sizes.unet < Sizes().unet
    assert plan_picture(Device(None, 8 << 30, 8 << 30), sizes, 256, 256, 1).fits


def test_what_the_app_foretells_is_what_the_engine_plans(tiny_model, tmp_path, monkeypatch):
    """Byte for byte, with the safety checker and without; a format that the environment names counts."""
    from sdedge.engines.torch.cpu.int8_unet import Int8Recipe
    from sdedge.engines.torch.engine import TorchEngine

    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    sizes, free = read_sizes(tiny_model), 3 << 30
    assert sizes is not None
    monkeypatch.setattr(engine.residency, "free_bytes", lambda: free)
    for safety in (True, False):
        foretold = plan_picture(Device(None, free, free), sizes, 512, 384, 2, safety)
        assert foretold == engine.choose_memory(512, 384, 2, safety)
    checked = replace(sizes, safety_checker=CHECKER_SIZE)
    with_checker, without = (
        plan_picture(Device(None, free, free), checked, 64, 64, 1, safety) for safety in (True, False)
    )
    assert with_checker.peak > without.peak
    copy = tmp_path / "copy"
    shutil.copytree(tiny_model, copy)
    assert not is_quantized(copy)
    Int8Recipe({}).write(copy)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    in_int8 = plan_picture(Device(None, free, free), sizes, 512, 384, 2, quantized=is_quantized(copy))
    assert in_int8.peak < foretold.peak
    monkeypatch.setenv("SDEDGE_DTYPE", "bfloat16")
    assert plan_picture(Device(None, free, free), sizes, 512, 384, 2).peak < foretold.peak
    assert plan_picture(Device(replace(FINDING, device="cuda:0"), free, free), sizes, 64, 64, 1) is None


def test_what_does_not_fit_is_told_beside_the_form_with_what_does(open_window, qtbot, monkeypatch):
    monkeypatch.setattr(device_module, "available_memory", lambda: (1 << 29, 4 << 30))
    window = open_window(start=False)
    view = window.show_view("create")
    hint = view.findChild(memory_hint.MemoryHint)
    qtbot.waitUntil(lambda: window.studio.form.card is not None and hint.memory.plan is not None)
    assert not hint.isVisible()
    window.studio.form.put(width=4096, height=4096, batch=4, prompt="kept")
    qtbot.waitUntil(hint.isVisible)
    assert "0.5 GB are free" in hint.text.text()
    hint.button.click()
    qtbot.waitUntil(lambda: not hint.isVisible())
    form = window.studio.form
    assert form.width == form.height < 4096 and form.batch == 1 and form.prompt == "kept"


@pytest.mark.slow
def test_a_later_pass_that_does_not_fit_is_told_too(open_window, qtbot, monkeypatch):
    monkeypatch.setattr(device_module, "available_memory", lambda: (1 << 29, 4 << 30))
    window = open_window(start=False)
    form, hint = window.studio.form, window.show_view("create").findChild(memory_hint.MemoryHint)
    form.put(width=512, height=512)
    qtbot.waitUntil(lambda: form.card is not None and hint.memory.plan is not None)
    assert not hint.isVisible()
    form.put(passes=(Pass(Changes(strength=0.5), Enlargement("lanczos", 8.0)),))
    qtbot.waitUntil(hint.isVisible)
    assert not hint.button.isVisible()  # the size is a later pass's
    form.put(passes=(Pass(Changes(strength=0.0), Enlargement("lanczos", 8.0)),))
    qtbot.waitUntil(lambda: not hint.isVisible())


# Notifications


def test_the_end_of_the_queue_is_told_only_to_who_is_elsewhere(open_window, monkeypatch):
    alerts = []
    monkeypatch.setattr(QApplication, "alert", lambda window: alerts.append(window))
    window = open_window(start=False)
    for active, notify, expected in ((True, True, 0), (False, False, 0), (False, True, 1)):
        monkeypatch.setattr(window, "isActiveWindow", lambda active=active: active)
        window.studio.settings.notify = notify
        window.studio.board.ended.emit(1, Finished(1, 1.0))
        assert len(alerts) == expected


# First start


def test_the_first_start_greets_and_an_example_fills_the_form(open_window, qtbot):
    window = open_window(start=False)
    view = window.show_view("create")
    assert isinstance(view, CreateView)
    qtbot.waitUntil(lambda: view.findChild(Welcome) is not None)
    welcome = view.findChild(Welcome)
    for example, name in zip(welcome.examples, EXAMPLES):
        example.click()
        request = metadata.to_request(metadata.read(example_path(name)))
        form = window.studio.form
        open_choices = {
            "noise": None,
            "schedule": None,
            "seed": None,
        }  # the seed is left open, or every picture is the same
        assert name in form.prompt
        assert form.wanted().request.replace(**open_choices) == request.replace(**open_choices)


def test_who_has_pictures_is_not_greeted(open_window, qtbot, tmp_path):
    save_pictures(tmp_path / "out", ["a red house"])
    view = open_window(start=False).show_view("create")
    qtbot.waitUntil(lambda: not view.panel.canvas.is_empty)
    assert view.findChild(Welcome) is None


@pytest.mark.parametrize("width", [512, 4096])
def test_the_hints_button_is_not_cut_off_where_the_form_is_narrow(open_window, width):
    form = open_window(start=False).show_view("create").form
    hint = form.findChild(memory_hint.MemoryHint)
    form.window().studio.form.put(width=4096, height=4096, batch=64)
    for batch in (1, 64):
        hint.memory.planned.emit(MemoryPlan("lowest", 1 << 40, 1 << 30, MemoryRequest(width, 4096, batch)))
        assert hint.button.sizeHint().width() <= WIDTH - 2 * PAD, hint.button.text()
