"""How far the queue is, where a dock shows it."""

from __future__ import annotations

import sys

import pytest

from gui.shell import dock
from gui.shell.dock import DockProgress


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    shares = []
    monkeypatch.setattr(dock, "show_over_dbus", shares.append)
    return shares


def test_a_dock_is_told_in_hundredths_and_at_the_end_to_forget(shown):
    progress = DockProgress()
    for fraction in (None, 0.101, 0.102, 0.5, None, None):
        progress.show(fraction)
    assert shown == [0.1, 0.5, None]
    assert dock.launcher_update(0.5) == [dock.ENTRY, {"progress": 0.5, "progress-visible": True}]
    assert dock.launcher_update(None) == [dock.ENTRY, {"progress": 0.0, "progress-visible": False}]


def test_a_dock_that_fails_costs_nothing_and_is_not_asked_again(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    asked = []

    def refuse(fraction):
        asked.append(fraction)
        raise OSError("no bus")

    monkeypatch.setattr(dock, "show_over_dbus", refuse)
    progress = DockProgress()
    for fraction in (0.1, 0.2, 0.3):
        progress.show(fraction)
    assert asked == [0.1]


def test_the_session_without_a_bus_hears_nothing(monkeypatch, qapp):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    dock.show_over_dbus(0.5)


class Objc:
    """Records what is sent, as text."""

    def __init__(self):
        self.sent = []

    def find_class(self, name):
        return name

    def send(self, receiver, selector, *arguments):
        value = [getattr(argument, "value", argument) for argument in arguments]
        self.sent.append((receiver, selector, *value))
        return value[0].decode() if selector == "stringWithUTF8String:" else selector

    def badges(self):
        return [sent[2] for sent in self.sent if sent[1] == "setBadgeLabel:"]


def test_a_macs_icon_bears_the_share():
    objc = Objc()
    for fraction in (0.42, None):
        dock.show_on_a_mac(fraction, objc)
    assert objc.badges() == ["42%", None]
