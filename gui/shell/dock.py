"""How far the queue is, on the program's icon: in the Dock of a Mac, and in the docks of Linux that hear of it over D-Bus."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from gui.look.readable import percent
from sdedge.process import cocoa

log = logging.getLogger(__name__)

ENTRY = "application://sdedge.desktop"
_PATH, _INTERFACE = "/sdedge", "com.canonical.Unity.LauncherEntry"


class DockProgress:
    """Shows a fraction from 0 to 1; None takes it away. Where there is no dock that shows one, nothing happens."""

    def __init__(self) -> None:
        self._shown: float | None = None
        self._show: Callable[[float | None], None] | None = None

    def show(self, fraction: float | None) -> None:
        """Shows it, in steps of a hundredth."""
        fraction = None if fraction is None else round(fraction, 2)
        if fraction == self._shown:
            return
        self._shown = fraction
        if self._show is None:  # at the first picture, so that the first paint waits for none of it
            self._show = (
                show_on_a_mac if sys.platform == "darwin" else show_over_dbus if sys.platform == "linux" else _nowhere
            )
        try:
            self._show(fraction)
        except Exception as error:  # the picture is drawn whatever a dock says
            log.info("The dock does not show how far the queue is: %s", error)
            self._show = _nowhere


def show_on_a_mac(fraction: float | None, objc: cocoa.Runtime | None = None) -> None:
    """Writes it on the icon in the Dock. None of it has run on a Mac."""
    objc = objc or cocoa.runtime()
    if objc is None:
        return
    app = objc.send(objc.find_class("NSApplication"), "sharedApplication")
    tile = objc.send(app, "dockTile")
    objc.send(tile, "setBadgeLabel:", None if fraction is None else cocoa.text(objc, percent(fraction)))


def launcher_update(fraction: float | None) -> list[object]:
    """Returns what is told to docks, by the Unity launcher's API, which Ubuntu's and KDE's follow."""
    return [ENTRY, {"progress": float(fraction or 0.0), "progress-visible": fraction is not None}]


def show_over_dbus(fraction: float | None) -> None:
    """Tells the docks of the session."""
    from PySide6.QtDBus import QDBusConnection, QDBusMessage

    bus = QDBusConnection.sessionBus()
    if bus.isConnected():
        message = QDBusMessage.createSignal(_PATH, _INTERFACE, "Update")
        message.setArguments(launcher_update(fraction))
        bus.send(message)


def _nowhere(fraction: float | None) -> None:
    pass
