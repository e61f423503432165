"""Nothing is cut off: all texts in sight fit their place, all widgets lie inside their window, and popups are whole."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize, Qt, QTranslator
from PySide6.QtWidgets import QApplication

from gui.form.enlarging import Enlarging, detailed, enlarged
from gui.form.fields import Option
from gui.languages.language import ENGLISH, Language, codes
from gui.shell.views import VIEWS
from gui.widgets.calm import WideCombo
from sdedge.controls import Control
from sdedge.guides import GUIDES, guide_choice
from sdedge.library.adapters import lora_folder
from sdedge.regions import Region
from tests.gui.create.conftest import filled
from tests.gui.cut_off import cut_off, everything_cut_off
from tests.gui.page import SECTIONS

SIZES = ((853, 533), (960, 640), (1280, 800))
"""The first is what a screen of 1280 x 800 has room for at 150 %."""
LONG = "a model with a very long name that somebody downloaded somewhere v1-5 pruned emaonly"


@pytest.fixture
def full_window(open_window, theme, qtbot, tmp_path):
    """A window that has much to show: every section is open, a picture to start from and a mask are in force."""
    lora_folder().mkdir(parents=True)
    for number in range(3):
        (lora_folder() / f"{LONG} {number}.safetensors").touch()
    window = open_window(start=False)
    create = window.show_view("create")
    pictures = {"image": str(tmp_path / "gone.png"), "mask": str(tmp_path / "mask.png")}
    passes = detailed(enlarged((), Enlarging.REDRAWN), "face_yolov8n")
    window.studio.form.put(passes=passes, guides=tuple(guide_choice(name) for name in GUIDES))
    window.studio.form.put(regions=(Region("a red house"),), outpaint=(1024, 8, 0, 8))
    window.studio.form.put(controls=(Control(LONG, preprocess="canny"),))
    window.studio.form.put(prompt=f"<lora:{LONG} 1:0.5>")
    window.studio.form.put(**pictures, model="x" * 60, seed=2**32 - 1)
    for fold in SECTIONS:
        getattr(create.form, f"{fold}_fold").open()
    qtbot.waitUntil(create.form.adapters.lora.isEnabled)  # names were read
    get = window.show_view("get")
    qtbot.waitUntil(lambda: get.details.isVisible())  # rows were read, so nothing appears between layout and look
    yield window
    theme.choose("light")


def painted(window) -> None:
    """Lay out and paint what is in sight."""
    for _ in range(3):
        QApplication.sendPostedEvents()
        QApplication.processEvents()
    window.grab()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_is_cut_off(full_window, theme, scheme):
    theme.choose(scheme)
    faults, panel = [], full_window.show_view("create").panel
    for size in SIZES:
        full_window.fit_screen(QSize(*size))
        full_window.show_view("create")
        panel.begin_mask(filled("red", 64, 64), None)
        painted(full_window)
        faults += [f"mask at {size}: {fault}" for fault in cut_off(full_window)]
        panel.canvas.paint_mask(None)
        for view in VIEWS:
            full_window.show_view(view.name)
            painted(full_window)
            faults += [f"{view.name} at {size}: {fault}" for fault in cut_off(full_window)]
        assert full_window.size() == QSize(*size)
    assert not faults, "\n".join(faults)


def longer(text: str) -> str:
    """The text and a third of it again, in short words, as a language has them that takes more room than any of ours; a word
    such as "auto" stays."""
    extra = -(-len(text) * 35 // 100)
    return text + (" ëë" * extra)[:extra] if len(text) > 4 else text


class Longer(QTranslator):
    """A language that nobody speaks: every text of the app, 35 % longer."""

    def translate(self, context, source, disambiguation=None, n=-1):
        return None if context[:1] == "Q" and context[1:2].isupper() else longer(source)

    def isEmpty(self):
        return False


@pytest.fixture
def in_language(qapp, english):
    """A function that lets the app speak a language, an invented longer one, or read English from the right."""
    undo = []

    def speak(name: str) -> None:
        if name == "longer":
            translator = Longer()
            qapp.installTranslator(translator)
            undo.append(lambda: qapp.removeTranslator(translator))
        elif name == "from the right":
            qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        else:
            undo.append(Language(qapp, name).withdraw)

    yield speak
    for step in undo:
        step()
    english.apply()


IN_LANGUAGES = [*(code for code in codes() if code != ENGLISH), "longer", "from the right"]


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_LANGUAGES)
def test_nothing_is_cut_off_in_any_language(name, in_language, request):
    in_language(name)
    window, faults = request.getfixturevalue("full_window"), []
    for size in SIZES[:2]:
        window.fit_screen(QSize(*size))
        for view in VIEWS:
            window.show_view(view.name)
            painted(window)
            faults += [f"{view.name} at {size}: {fault}" for fault in cut_off(window)]
        assert window.size() == QSize(*size)
    for dialog in ("settings:SettingsDialog", "device:DeviceDialog"):
        shown = window.show_dialog(f"gui.dialogs.{dialog}")
        painted(shown)
        faults += [f"{dialog}: {fault}" for fault in cut_off(shown)]
        shown.close()
    assert not faults, "\n".join(faults)


def test_the_drawer_and_what_pops_up_are_whole(full_window, qtbot):
    window, create = full_window, full_window.show_view("create")
    window.resize(960, 640)
    painted(window)
    window.actions_list["side-column"].setChecked(True)
    painted(window)
    faults = cut_off(window)
    drawer, form = create.side, create.form
    assert drawer.isVisible() and create.rect().contains(drawer.geometry())
    assert drawer.y() >= create.panel.canvas.y(), "the drawer lies over the button that closes it"
    window.actions_list["side-column"].setChecked(False)
    form.model.offer([Option(name, name) for name in ("pocket", LONG, "third")])
    for combo in (form.model.combo, form.speed.combo):
        combo.showPopup()
        painted(window)
        assert combo.view().isVisible()
        faults += everything_cut_off()
        combo.hidePopup()
    for button in (form.size_field.presets, form.prompt.history, form.adapters.lora):
        menu = button.menu()
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
        painted(window)
        faults += everything_cut_off()
        menu.hide()
    form.prompt.editor.setFocus()
    painted(window)
    qtbot.keyClicks(form.prompt.editor, "<lora:a mod")
    completions = [w for w in QApplication.topLevelWidgets() if w.objectName() == "completion" and w.isVisible()]
    assert len(completions) == 1
    faults += everything_cut_off()
    completions[0].hide()
    assert not faults, "\n".join(faults)


def test_a_window_is_never_larger_than_its_screen(open_window):
    """At 150 % a screen of 1280 x 800 has room for 853 x 533."""
    window = open_window(start=False)
    view = window.show_view("create")
    window.fit_screen(QSize(853, 533))
    assert window.width() <= 853 and window.height() <= 533
    button = view.form.button
    assert window.rect().contains(button.mapTo(window, button.rect().bottomRight()))


def test_an_open_popup_has_room_for_entries_that_come(qtbot):
    combo = WideCombo()
    qtbot.addWidget(combo)
    combo.addItem("pocket")
    combo.show()
    combo.showPopup()
    combo.addItems([f"a model of a longer name {number}" for number in range(5)])
    qtbot.waitUntil(lambda: combo.view().viewport().height() >= 6 * combo.view().sizeHintForRow(0))
    combo.hidePopup()
    combo.addItem("later")
    qtbot.wait(20)
    assert not combo.view().isVisible()
