"""Settings, observable properties, theme, actions and the window around the views."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, QRect, QSettings, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication

from gui.look.theme import DARK, LIGHT, icon_names, tinted
from gui.shell import settings as settings_module
from gui.shell.actions import ACTIONS, MENUS
from gui.shell.observable import Observable, Observed
from gui.shell.settings import Settings
from sdedge.places import data_folder
from tests.gui.conftest import wait


class Pair(Observable):
    left = Observed(0)
    right = Observed("")


def test_a_watcher_hears_of_its_properties_only_and_of_real_changes_only():
    pair, heard = Pair(), []
    stop = pair.watch(lambda: heard.append(pair.left), "left")
    pair.left, pair.right, pair.left = 1, "a", 1
    assert heard == [1]
    stop()
    pair.left = 2
    assert heard == [1]


def test_grouped_changes_are_told_once_at_the_end():
    pair, heard = Pair(), []
    pair.watch(lambda: heard.append((pair.left, pair.right)))
    with pair.grouped():
        pair.left, pair.right = 5, "b"
        assert heard == []
    assert heard == [(5, "b")]


def test_settings_keep_their_type_on_disk(qapp):
    first = Settings()
    first.theme, first.private, first.preview_rate = "dark", True, 4
    first.set_texts("prompts", ["a, b", "ü"])
    first.save()
    again = Settings()
    assert (again.theme, again.private, again.preview_rate) == ("dark", True, 4)
    assert again.texts("prompts") == ["a, b", "ü"]


@pytest.mark.parametrize("stored", ["", "purple", "-3", "51", "4.5", "[]"])
def test_what_was_damaged_on_disk_counts_as_the_default(qapp, stored):
    file = QSettings(str(data_folder() / "settings.ini"), QSettings.Format.IniFormat)
    for key in ("look/theme", "drawing/preview_rate", "pictures/private"):
        file.setValue(key, stored)
    file.sync()
    settings = Settings()
    assert (settings.theme, settings.preview_rate, settings.private) == ("system", 1, False)


def test_a_setting_refuses_what_it_cannot_be(qapp):
    with pytest.raises(ValueError, match="look/theme"):
        Settings().theme = "purple"


def test_settings_of_an_older_version_are_migrated_once(qapp, monkeypatch):
    Settings().save()
    moved = []
    monkeypatch.setattr(settings_module, "MIGRATIONS", (lambda file: moved.append(file.value("version")),))
    monkeypatch.setattr(settings_module, "VERSION", 2)
    Settings().save()
    Settings()
    assert moved == ["1"] or moved == [1]


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_every_text_colour_is_readable_on_every_ground(palette):
    """WCAG 2 contrast, AA is 4.5."""
    pairs = [(palette.on_accent, palette.accent)]
    pairs += [
        (text, ground)
        for text in (palette.text, palette.muted, palette.accent, palette.good, palette.warning, palette.bad)
        for ground in (palette.window, palette.panel)
    ]
    for text, ground in pairs:
        low, high = sorted((luminance(text), luminance(ground)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_icons_are_drawn_in_the_colour_of_the_scheme(theme):
    for name in icon_names():
        assert b"currentColor" not in tinted(name, "#ff0000")
        image = theme.icon(name, "bad").pixmap(24, 24).toImage()
        drawn = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        solid = [color for color in drawn if color.alpha() > 200]
        assert solid, name
        for color in solid:  # within the rounding of premultiplied pixels
            assert color.getRgb()[:3] == pytest.approx(theme.color("bad").getRgb()[:3], abs=2), name


def test_no_two_actions_share_a_shortcut_and_every_one_is_in_a_menu():
    keys = [key for spec in ACTIONS for key in spec.keys]
    assert len(keys) == len(set(keys)) and len({spec.id for spec in ACTIONS}) == len(ACTIONS)
    assert {spec.menu for spec in ACTIONS} == set(MENUS)


def test_buttons_have_names_for_screen_readers(open_window):
    window = open_window(start=False)
    shown = [button for button in window.findChildren(QAbstractButton) if button.isVisibleTo(window)]
    assert shown and not [button for button in shown if not (button.text() or button.accessibleName())]


def test_the_window_remembers_its_size(open_window, qtbot):
    window = open_window(start=False)
    window.resize(960, 700)
    window.close()
    assert open_window(start=False).size().toTuple() == (960, 700)


def test_a_second_app_on_the_same_folder_says_so_and_can_try_again(open_window, qtbot):
    open_window()
    second = open_window(start=False)
    with qtbot.waitSignal(second.studio.bridge.unavailable):
        second.studio.bridge.start()
    assert "another sdedge" in second.banner.text


def test_the_engines_process_is_started_ahead_of_the_first_job(open_window, qtbot):
    window = open_window(warm=True)
    wait(qtbot, lambda: window.studio.bridge.worker_pid)


def test_a_window_that_is_closed_at_once_leaves_nothing_running(open_window):
    window = open_window(start=False, warm=True)
    window.studio.bridge.start()
    window.close()
    window.studio.bridge.close()
    assert window.studio.bridge.worker_pid is None


def test_a_remark_is_replaced_and_not_stacked_and_its_button_acts(open_window, qtbot):
    window, done = open_window(start=False), []
    window.studio.say("One.", "warning")
    window.studio.offer_undo("Two.", lambda: done.append(1))
    assert window.banner.text == "Two."
    button = next(b for b in window.banner.findChildren(QAbstractButton) if b.text() == "Undo")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == [1] and not window.banner.isVisible()


def test_an_offer_to_undo_does_not_come_back_from_beneath_another_notice(open_window):
    window = open_window(start=False)
    window.studio.say("It stays.", topic="queue")
    window.studio.offer_undo("A picture moved to the trash.", lambda: None, expires=True)
    window.studio.say("Something else.")
    window.banner.clear()
    assert window.banner.text == "It stays."


def test_full_screen_is_left_by_one_press_also_after_a_start(open_window):
    window = open_window(start=False)
    window.actions_list["full-screen"].trigger()
    window.close()
    later = open_window(start=False)
    assert later.isFullScreen() and later.actions_list["full-screen"].isChecked()
    later.actions_list["full-screen"].trigger()
    assert not later.isFullScreen() and later.isVisible()


def test_a_window_that_was_maximised_is_so_after_full_screen(open_window):
    window = open_window(start=False)
    window.showMaximized()
    window.actions_list["full-screen"].trigger()
    assert window.isFullScreen()
    window.actions_list["full-screen"].trigger()
    assert window.isMaximized() and not window.isFullScreen()
    window.showFullScreen()  # as the system's own button does
    assert window.actions_list["full-screen"].isChecked()


def test_a_notice_lies_over_the_view_and_moves_nothing(open_window, qtbot):
    """Over the top of the canvas, whose tools are at its bottom; elsewhere over the bottom. It never leaves the window."""
    window = open_window(start=False)
    create = window.show_view("create")
    place = create.panel.canvas.mapTo(window, create.panel.canvas.rect().topLeft())
    for size in ((1280, 800), (960, 640)):
        window.resize(*size)
        window.studio.say(
            "A sentence that is rather long, as they are, and needs two lines or three. " * 2, label="Do it"
        )
        for view in (create, window.show_view("gallery"), window.show_view("create")):
            over = window.banner.geometry()
            assert window.banner.isVisible() and window.centralWidget().rect().contains(over) and over.width() <= 560
            assert window.banner.layout().heightForWidth(over.width()) <= over.height()
            if view is create:
                assert window.banner.mapTo(window, window.banner.rect().topLeft()).y() > place.y()
        assert create.panel.canvas.mapTo(window, create.panel.canvas.rect().topLeft()) == place
        window.banner.clear()


@pytest.mark.parametrize("name", ["gallery", "models", "get"])
def test_a_notice_leaves_the_buttons_of_what_is_chosen_in_reach(open_window, qtbot, name):
    window = open_window(start=False)
    view = window.show_view(name)
    if name == "get":
        qtbot.waitUntil(lambda: bool(view.model.rows))
        view.choose("v1-5")
    for size in ((1280, 800), (960, 640)):
        window.resize(*size)
        QApplication.processEvents()
        window.studio.say("A sentence that is rather long, as they are, and needs two lines or three.", label="Do it")
        details = QRect(view.details.mapTo(window, QPoint(0, 0)), view.details.size())
        over = QRect(window.banner.mapTo(window, QPoint(0, 0)), window.banner.size())
        assert view.details.isVisible() and over.isValid() and not over.intersects(details)
        window.banner.clear()


def test_no_module_of_the_window_brings_torch():
    code = "import sys, gui.shell.app, gui.create.view; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
