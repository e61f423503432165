"""The Edit menu: undo, cut, copy and paste go to the text that is written, and elsewhere to pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

if TYPE_CHECKING:
    from gui.shell.studio import Studio

Text = QLineEdit | QPlainTextEdit | QTextEdit


class Editing(QObject):
    """One per window. A view that has an undo of its own, such as strokes of a mask, is asked `before` all others."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._studio = studio
        self._before: dict[str, list[Callable[[], bool]]] = {"undo": [], "redo": []}
        for id, work in (
            ("undo", self._undo), ("redo", self._redo), ("cut", self._cut), ("copy", self._copy), ("paste", self._paste),
            ("select-all", self._select_all),
        ):  # fmt: skip
            studio.actions.bind(id, work)
        cast(QApplication, QApplication.instance()).focusChanged.connect(self._watch)

    def _watch(self, before: QWidget | None, now: QWidget | None) -> None:
        if isinstance(before, Text):
            before.removeEventFilter(self)
        if isinstance(now, Text):
            now.installEventFilter(self)

    def eventFilter(self, text: QObject, event: QEvent) -> bool:
        """Leaves Ctrl+Z to the menu, which asks the text first: Qt has a text keep that key though nothing was written in it."""
        is_asked = event.type() == QEvent.Type.ShortcutOverride
        return is_asked and cast(QKeyEvent, event).matches(QKeySequence.StandardKey.Undo)

    def before(self, id: str, work: Callable[[], bool]) -> None:
        """Asks this first for "undo" or "redo"; it says whether it did something."""
        self._before[id].append(work)

    def _undo(self) -> None:
        text = _text()
        if text is not None and _can_undo(text):
            text.undo()
        elif not any(work() for work in self._before["undo"]) and not self._studio.undoing.take_back():
            self._studio.say_briefly(self.tr("There is nothing to undo."))

    def _redo(self) -> None:
        if (text := _text()) is not None:
            text.redo()
        else:
            any(work() for work in self._before["redo"])

    def _cut(self) -> None:
        if (text := _text()) is not None:
            text.cut()

    def _copy(self) -> None:
        """Copies the chosen text, or the picture in front."""
        focused = QApplication.focusWidget()
        if isinstance(focused, QLabel) and focused.hasSelectedText():
            QGuiApplication.clipboard().setText(focused.selectedText())
        elif (text := _text()) is not None:
            text.copy()
        else:
            self._studio.pictures.do("copy-picture")

    def _paste(self) -> None:
        """Pastes text where text is written; anywhere else a picture, its file, or settings that another program has copied."""
        data = QGuiApplication.clipboard().mimeData() or QMimeData()  # none where nothing was ever copied
        text = _text()
        if text is not None and data.hasText() and not data.hasUrls():
            text.paste()
        else:
            self._studio.drops.paste(data)

    def _select_all(self) -> None:
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractItemView):
            focused.selectAll()
        elif (text := _text()) is not None:
            text.selectAll()


def _text() -> Text | None:
    """Returns where a person writes, if the focus is there."""
    focused: QWidget | None = QApplication.focusWidget()
    return focused if isinstance(focused, Text) and not focused.isReadOnly() else None


def _can_undo(text: Text) -> bool:
    return text.isUndoAvailable() if isinstance(text, QLineEdit) else text.document().isUndoAvailable()
