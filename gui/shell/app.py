"""The process of the app: one QApplication, one window, and what must be up before and down after it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QEventLoop, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QDialog, QMessageBox

import sdedge
from gui.languages.language import Language, chosen
from gui.languages.texts import tr
from gui.look.plain import message_box
from gui.look.theme import Theme
from gui.shell.bridge import Bridge
from gui.shell.crash import CrashLog
from gui.shell.first_paint import FirstPaint
from gui.shell.icon import app_icon
from gui.shell.instance import Instance
from gui.shell.offline import forbid_network
from gui.shell.reveal import show_file
from gui.shell.settings import Settings
from gui.shell.signals import Ending
from gui.shell.window import MainWindow
from sdedge.process.cocoa import name_process

CRASH_SHOWN = 60_000  # milliseconds


class App(QApplication):
    """Hears of files that a Mac's Finder wants opened."""

    opened = Signal(str)
    """A path."""

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FileOpen:
            self.opened.emit(event.file() or event.url().toLocalFile())  # type: ignore[attr-defined]
            return True
        return super().event(event)


def main(files: Sequence[str] = ()) -> int:
    """Opens the window and runs until it is closed, by a person or a signal; returns the exit status."""
    forbid_network()
    name_process("sdedge")
    app = App([sys.argv[0]])
    settings = Settings()
    language = Language(app, chosen(settings.language))
    instance, files = Instance(), [*files, *files_of_the_finder(app)]
    if not instance.claim(files):
        return say_busy(instance) if instance.is_busy else 0
    ending = Ending()
    crash = CrashLog()
    last_crash = crash.begin()
    app.setApplicationName("sdedge")
    app.setDesktopFileName("sdedge")
    app.setApplicationVersion(sdedge.__version__)
    theme = Theme(app, settings.theme)
    settings.changed.connect(lambda name: theme.choose(settings.theme) if name == "theme" else None)
    bridge = Bridge()
    with theme.undressed():
        window = MainWindow(settings, theme, bridge)
    crash.tell = lambda text: window.studio.say(text, "bad", window.tr("Show the log"), lambda: show_file(crash.log))
    app.opened.connect(lambda path: window.studio.files_wanted.emit([path]))
    instance.opened.connect(lambda paths: bring_forward(window, paths))
    ending.asked.connect(lambda: close(app))
    window.show()
    if last_crash is not None:
        text = window.tr("sdedge ended unexpectedly the last time. Nothing was sent anywhere.")
        window.studio.say(text, "warning", window.tr("Show the log"), lambda: show_file(last_crash), topic="crash")
        QTimer.singleShot(CRASH_SHOWN, window, lambda: window.studio.withdraw("crash"))
    painted = FirstPaint(window).came
    painted.connect(collect_garbage)
    painted.connect(bridge.start)
    painted.connect(lambda: app.setWindowIcon(app_icon()))
    if files:
        QTimer.singleShot(0, lambda: window.studio.files_wanted.emit([os.path.abspath(file) for file in files]))
    try:
        return app.exec()
    finally:
        instance.stop_listening()
        window.studio.serving.close()
        bridge.close()
        crash.end()
        ending.close()
        instance.close()
        language.withdraw()


def collect_garbage() -> None:
    """Begins to, and leaves out what is there by now: it stays, and looking through it takes tens of milliseconds each time."""
    gc.freeze()
    gc.enable()


def say_busy(instance: Instance) -> int:
    """Says that the app is open and does not answer, until it does; returns the exit status."""
    text = tr(
        "The window comes forward, with what you opened, as soon as it answers. A second one is not opened: both would draw "
        "from one queue. If it never answers, end its process, number {0}.",
    )
    box = message_box(None, tr("sdedge is open and busy."), text.format(instance.holder))
    box.addButton(QMessageBox.StandardButton.Close)
    instance.answered.connect(box.accept)
    box.exec()
    return 0


def files_of_the_finder(app: App, patience: int = 300) -> list[str]:
    """On a Mac, what was double-clicked comes as events, within `patience` milliseconds, and not among the arguments."""
    if sys.platform != "darwin":
        return []
    paths: list[str] = []
    waiting = QEventLoop()
    collecting = app.opened.connect(paths.append)
    QTimer.singleShot(patience, waiting.quit)
    waiting.exec()
    app.disconnect(collecting)
    return paths


def bring_forward(window: MainWindow, files: Sequence[str]) -> None:
    """Shows the window that there is, since another start of the app was asked for, and opens what it was to open."""
    window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    QApplication.alert(window)  # where a window may not come forward by itself
    if files:
        window.studio.files_wanted.emit(list(files))


def close(app: QApplication) -> None:
    """Closes every window as its own button does, which keeps the form, and leaves whatever dialog waits."""
    for window in app.topLevelWidgets():
        if isinstance(window, MainWindow):
            window.leaving = True  # nobody is asked who may not be there
        elif isinstance(window, QDialog) and window.isVisible():
            window.done(
                QDialog.DialogCode.Rejected
            )  # one that waits for its command would not close, nor let the window
    app.closeAllWindows()
    app.quit()
