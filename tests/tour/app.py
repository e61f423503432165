"""The app as the tour starts it: what is asked over its standard input is worked out on its main thread."""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def run_app() -> None:
    """The app as it is started, over the engine that draws noise; a thread reads expressions and writes their values."""
    import threading

    from PySide6.QtCore import QObject, Qt, Signal

    import gui.shell.app as shell
    from gui.shell.bridge import Bridge

    class Fake(Bridge):
        def __init__(self) -> None:
            super().__init__(drawer="tests.fake_drawer:FakeDrawer")
            self.ready.connect(lambda: known.update(ready=True))

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

    asked = Asked()
    original = shell.MainWindow.show

    def show(window: Any) -> None:
        asked.moveToThread(window.thread())
        asked.came.connect(answer, Qt.ConnectionType.QueuedConnection)
        window.resize(*(round(side) for side in json.loads(os.environ["TOUR_SIZE"])))
        original(window)
        threading.Thread(target=read, daemon=True).start()

    shell.Bridge, shell.MainWindow.show = Fake, show  # type: ignore[misc, method-assign, assignment]
    sys.exit(shell.main())


def _learn(known: dict[str, Any]) -> None:
    """The names that an expression may use."""
    from PySide6.QtWidgets import QApplication, QWidget

    app = QApplication.instance()
    window = next((w for w in QApplication.topLevelWidgets() if type(w).__name__ == "MainWindow"), None)
    known.update(app=app, window=window)
    if window is None:
        return
    studio = window.studio  # type: ignore[attr-defined]

    def widget(name: str) -> QWidget | None:
        """In sight, or None."""
        if not name:
            return window
        if name.startswith("action:"):
            buttons = [w for w in QApplication.allWidgets() if hasattr(w, "defaultAction") and w.isVisible()]
            return next((b for b in buttons if b.defaultAction() is studio.actions[name[7:]]), None)
        if "." in name:
            first, *rest = name.split(".")
            found = window._views[first] if first in window._views else known[first]  # type: ignore[attr-defined]
            for attribute in rest:
                found = getattr(found, attribute)
            return found
        return next((w for w in QApplication.allWidgets() if w.objectName() == name and w.isVisible()), None)

    def place(name: str) -> list[int] | None:
        """(x, y, width, height) on the screen, in logical pixels."""
        found = widget(name)
        if found is None or not found.isVisible():
            return None
        corner = found.mapToGlobal(found.rect().topLeft())
        return [corner.x(), corner.y(), found.width(), found.height()]

    known.update(
        studio=studio, board=studio.board, form=studio.form, widget=widget, place=place,
        view=lambda name: window._views[name],  # type: ignore[attr-defined]
    )  # fmt: skip
