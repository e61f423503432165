"""The app as the tour starts it: what is asked over its standard input is worked out on its main thread."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

OFFERED = 120.0  # seconds for which Undo is offered: on a busy machine ten are over before the mouse is there


def run_app(*files: str) -> None:
    """The app as it is started, over an engine without torch; a thread reads expressions and writes their values."""
    import gc
    import threading

    gc.disable()  # as `sdedge gui` does

    from PySide6.QtCore import QObject, Qt, QTimer, Signal

    import gui.shell.undo as undo

    undo.SECONDS = OFFERED  # before anything reads it

    import gui.commands.command as command
    import gui.shell.app as shell
    from gui.shell.bridge import Bridge
    from sdedge.interpreter import python_command

    class Fake(Bridge):
        def __init__(self) -> None:
            super().__init__(drawer="tests.tour.drawer:TourDrawer")
            self.ready.connect(lambda: known.update(ready=True))

    class HeldTimer(QTimer):
        """The banner of a crash goes when `forget_crash()` is asked, as it does after a minute."""

        @staticmethod
        def singleShot(after: int, *work: Any) -> None:
            if after == shell.CRASH_SHOWN:
                known.update(forget_crash=work[-1])
            else:
                QTimer.singleShot(after, *work)

    class Asked(QObject):
        came = Signal(str)

    known: dict[str, Any] = {"ready": False}
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(expression: str) -> None:
        fault, value = "", None
        try:
            _learn(known)
            value = eval(expression, known)
            json.dumps(value)
        except TypeError:
            value = bool(value)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        print(json.dumps([fault, value]), file=out, flush=True)

    def read() -> None:
        for line in sys.stdin:
            asked.came.emit(json.loads(line))

    def run_command(module: str, *arguments: str) -> list[str]:
        """Converting needs torch and minutes; the tour's own converter needs neither."""
        return python_command("tests.tour.converter" if arguments[0] == "convert" else module, *arguments)

    asked = Asked()
    original = shell.MainWindow.show

    def show(window: Any) -> None:
        asked.moveToThread(window.thread())
        asked.came.connect(answer, Qt.ConnectionType.QueuedConnection)
        if size := json.loads(os.environ["TOUR_SIZE"]):
            window.resize(*size)
            window.move(0, 0)
        original(window)
        threading.Thread(target=read, daemon=True).start()

    shell.Bridge, shell.MainWindow.show = Fake, show  # type: ignore[misc, method-assign, assignment]
    shell.QTimer, command.python_command = HeldTimer, run_command  # type: ignore[misc]
    sys.exit(shell.main(files))


def _learn(known: dict[str, Any]) -> None:
    """The names that an expression may use."""
    from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QScrollArea, QWidget

    from tests.gui.cut_off import everything_cut_off
    from tests.tour.neighbour import would_drop

    app: Any = QApplication.instance()
    window: Any = next((w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"), None)
    known.update(app=app, window=window)
    if window is None:
        return
    studio = window.studio

    def is_covered(w: QWidget) -> bool:
        """Whether another widget, such as the drawer of a narrow window, is where the middle of this one is."""
        over: Any = app.widgetAt(w.mapToGlobal(w.rect().center()))
        return over is None or not (over is w or w.isAncestorOf(over) or over.isAncestorOf(w))

    def seen(kind: type) -> list[Any]:
        """All widgets of a kind that are in sight, those of popups and dialogs first, and covered ones last."""
        in_sight = [w for w in QApplication.allWidgets() if isinstance(w, kind) and w.isVisible()]
        return sorted(in_sight, key=lambda w: (is_covered(w), w.window() is window))

    def widget(name: str) -> QWidget | None:
        """In sight, or None."""
        if not name:
            return window
        first, _, rest = name.partition(":")
        if first == "action":
            buttons = [w for w in seen(QAbstractButton) if hasattr(w, "defaultAction")]
            return next((b for b in buttons if b.defaultAction() is studio.actions[rest]), None)
        if first == "named":
            return next((w for w in seen(QWidget) if w.accessibleName() == rest), None)
        if first == "button":
            return next((b for b in seen(QAbstractButton) if b.text().replace("&", "") == rest), None)
        if "." in name:
            first, *names = name.split(".")
            member = window.views[first] if first in window.views else known[first]
            for attribute in names:
                member = getattr(member, attribute)
            return member
        return next((w for w in seen(QWidget) if w.objectName() == name), None)

    def place(name: str) -> list[int] | None:
        """(x, y, width, height) on the screen, in logical pixels; of the entry "menu:TEXT", and of the row "NAME[3]" too."""
        host: Any
        if name.startswith("menu:"):
            host = app.activePopupWidget()
            entries = (
                [a for a in host.actions() if a.text().replace("&", "") == name[5:]] if isinstance(host, QMenu) else []
            )
            rect = host.actionGeometry(entries[0]) if entries else None
        elif row := re.fullmatch(r"(.+)\[(\d+)\]", name):
            view = widget(row[1])
            rect, host = view.visualRect(view.model().index(int(row[2]), 0)), view.viewport()
        else:
            host = widget(name)
            rect = host.rect() if host is not None else None
        if rect is None or rect.isEmpty() or not host.isVisible():
            return None
        corner = host.mapToGlobal(rect.topLeft())
        return [corner.x(), corner.y(), rect.width(), rect.height()]

    def press(name: str, at: tuple[float, float]) -> tuple[str, list[float]]:
        """Why a press there would not come to it, or nothing, and where that is on the screen, in logical pixels."""
        x, y, width, height = place(name) or (0, 0, 0, 0)
        point = [x + at[0] * width, y + at[1] * height]
        if not width:
            return "it is not in sight", point
        host: Any = app.activePopupWidget() if name.startswith("menu:") else widget(name.partition("[")[0])
        over: Any = app.widgetAt(round(point[0]), round(point[1]))
        if not host.isEnabled():
            return "it is disabled", point
        if over is None or not (over is host or host.isAncestorOf(over)):
            return f"{over} covers it", point
        return "", point

    def takes_keys() -> bool:
        """Whether the window in front has the keyboard."""
        active, modal = app.activeWindow(), app.activeModalWidget()
        return app.activePopupWidget() is not None or (active is not None and modal in (None, active))

    def reveal(name: str) -> bool:
        """Scroll to a row of a list, or to a widget that is in a column too long for the window."""
        if row := re.fullmatch(r"(.+)\[(\d+)\]", name):
            view: Any = widget(row[1])
            view.scrollTo(view.model().index(int(row[2]), 0))
            return True
        target = widget(name) if not name.startswith("menu:") else None
        above = target.parentWidget() if target is not None else None
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(target, 0, 8)
        return True

    known.update(
        studio=studio, board=studio.board, form=studio.form, widget=widget, place=place, reveal=reveal, seen=seen,
        press=press, takes_keys=takes_keys, would_drop=would_drop,
        view=lambda name: window.views[name], cut_off=everything_cut_off,
    )  # fmt: skip
