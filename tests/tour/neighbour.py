"""Another program beside the app: it copies and reads what is copied, gives files to be dragged and takes those dropped on it.

Told what to do by lines of JSON, each answered by one.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDrag, QDragEnterEvent, QDropEvent, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class Window(QLabel):
    """Its whole place is dragged from and dropped on."""

    def __init__(self, place: list[int]) -> None:
        super().__init__("another program")
        self.offered: list[str] = []
        self.taken: list[str] = []
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setWindowFlags(Qt.WindowType.BypassWindowManagerHint | Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setGeometry(*place)
        self.setAcceptDrops(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.offered:
            files, self.offered = self.offered, []
            drag, data = QDrag(self), QMimeData()
            data.setUrls([QUrl.fromLocalFile(file) for file in files])
            drag.setMimeData(data)
            drag.exec(Qt.DropAction.CopyAction)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.taken += [url.toLocalFile() for url in event.mimeData().urls()]
        event.acceptProposedAction()


def would_drop() -> bool:
    """Whether this process drags something, and where the mouse is it would be taken."""
    cursor = QApplication.overrideCursor()
    return cursor is not None and cursor.shape().name in ("DragCopyCursor", "DragMoveCursor", "DragLinkCursor")


class Asked(QObject):
    came = Signal(dict)


def answer(window: Window, asked: dict[str, Any]) -> Any:
    clipboard = QApplication.clipboard()
    if asked["what"] == "copy" and asked["picture"]:
        clipboard.setImage(QImage(asked["picture"]))
    elif asked["what"] == "copy":
        clipboard.setText(asked["text"])
    elif asked["what"] == "offer":
        window.offered = asked["files"]
    elif asked["what"] == "dropping":
        return would_drop()
    elif asked["what"] == "taken":
        taken, window.taken = window.taken, []
        return taken
    elif asked["what"] == "clipboard":
        data, image = clipboard.mimeData(), clipboard.image()
        size = [image.width(), image.height()]
        return {"text": data.text(), "files": [url.toLocalFile() for url in data.urls()], "picture": size}
    return None


def main() -> None:
    app = QApplication(sys.argv[:1])
    window, heard = Window(json.loads(sys.argv[1])), Asked()
    heard.came.connect(lambda asked: print(json.dumps(answer(window, asked)), flush=True))

    def read() -> None:
        for line in sys.stdin:
            heard.came.emit(json.loads(line))

    window.show()
    threading.Thread(target=read, daemon=True).start()
    app.exec()


if __name__ == "__main__":
    main()
