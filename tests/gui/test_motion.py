"""Nothing moves where the system, or a setting, says so; and nothing but a busy bar ever does."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QComboBox, QProgressBar, QStyle

from gui.look import motion


@pytest.fixture(autouse=True)
def _as_before(qapp, monkeypatch):
    monkeypatch.setattr(motion, "system_reduces", lambda: False)
    yield
    motion.choose("system")


def test_a_busy_bar_moves_only_where_things_may(qtbot):
    bar = QProgressBar()
    qtbot.addWidget(bar)
    motion.show_share(bar, None)
    assert bar.maximum() == 0
    motion.choose("less")
    motion.show_share(bar, None)
    assert (bar.maximum(), bar.value()) == (1000, 0)
    motion.show_share(bar, 0.5)
    assert bar.value() == 500


def test_no_control_is_animated(theme, qtbot):
    combo = QComboBox()
    qtbot.addWidget(combo)
    combo.ensurePolished()
    assert combo.style().styleHint(QStyle.StyleHint.SH_Widget_Animation_Duration, None, combo) == 0


def test_the_setting_counts_at_once(open_window):
    window = open_window(start=False)
    assert not motion.is_reduced()
    window.studio.settings.motion = "less"
    assert motion.is_reduced() and QApplication.instance().property("motion") == "less"


@pytest.mark.parametrize(
    ("name", "text", "reduces"),
    [
        ("gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=0\n", True),
        ("gtk-4.0/settings.ini", "[Settings]\ngtk-enable-animations = false\n", True),
        ("gtk-3.0/settings.ini", "[Settings]\ngtk-enable-animations=1\n", False),
        ("kdeglobals", "[KDE]\nAnimationDurationFactor=0\n[KDE]\nx=%y\n", True),
        ("kdeglobals", "no section\x00", False),
        ("kdeglobals", "[KDE]\nAnimationDurationFactor=0.5\n", False),
    ],
)
def test_what_desktops_are_set_to(tmp_path, name, text, reduces):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert motion.desktop_reduces(tmp_path) is reduces
    (tmp_path / name).write_bytes(b"\xff\xfe[")
    assert not motion.desktop_reduces(tmp_path)


def test_what_a_mac_is_set_to():
    class Objc:
        answer = 1

        def find_class(self, name):
            return name

        def send(self, receiver, selector, *arguments):
            return self.answer if selector == "accessibilityDisplayShouldReduceMotion" else receiver

    assert motion.mac_reduces(Objc())
    Objc.answer = 256  # a BOOL is a byte; what is above it in the register means nothing
    assert not motion.mac_reduces(Objc()) and not motion.mac_reduces(None)
