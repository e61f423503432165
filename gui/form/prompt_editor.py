"""Where prompts are written: live count and chunk marks, weights by keys, history, completion of names."""

from __future__ import annotations

import re

from PySide6.QtCore import QMimeData, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QTextCursor
from PySide6.QtWidgets import QCompleter, QListView, QPlainTextEdit

from gui.form.weighing import STEP, weigh
from gui.look.theme import Theme, set_kind
from gui.shell.keys import held

PAUSE = 150  # milliseconds after the last key until tokens are counted
NAME = 120  # characters, of the longest name that is completed
_LORA_TYPED = re.compile(r"<lora:([^<>:]*)$", re.I)
_WORD_TYPED = re.compile(r"[\w.-]{2,}$")


class PromptEditor(QPlainTextEdit):
    """Plain text; Tab leaves it. `paused` comes a moment after the last change, for whoever counts."""

    paused = Signal()
    history_wanted = Signal(int)
    """-1: the prompt before; 1: the one after."""

    def __init__(self, theme: Theme, label: str, lines: int) -> None:
        super().__init__()
        self._theme = theme
        self.marks: tuple[int, ...] = ()
        self.names: list[str] = []
        self.loras: list[str] = []
        self.setAccessibleName(label)
        self.setTabChangesFocus(True)
        margins = self.contentsMargins()
        height = self.fontMetrics().lineSpacing() * lines + 2 * 8 + margins.top() + margins.bottom()
        self.setFixedHeight(height)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self.paused)
        self.textChanged.connect(self._timer.start)
        self._popup = QListView()
        self._popup.setObjectName("completion")
        set_kind(self._popup, "popup")
        self._completer = self._make_completer()

    # Text

    def show_text(self, text: str) -> None:
        """Replaces the text in a way that can be undone; nothing happens where it is there already."""
        if text == self.toPlainText():
            return
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def insert(self, text: str) -> None:
        """Puts something at the caret, apart from its neighbours."""
        cursor = self.textCursor()
        before = self.toPlainText()[: cursor.position()]
        cursor.insertText(text if not before or before[-1].isspace() else f" {text}")
        self.setTextCursor(cursor)

    def weigh(self, direction: int) -> None:
        """Puts more (1) or less (-1) weight on the selection or the word at the caret."""
        cursor = self.textCursor()
        old = self.toPlainText()
        done = weigh(old, cursor.selectionStart(), cursor.selectionEnd(), direction * STEP)
        if done.text == old:
            return
        self.show_text(done.text)
        cursor = self.textCursor()
        cursor.setPosition(done.start)
        cursor.setPosition(done.end, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() and not source.hasUrls()  # files are for the window

    # Marks

    def set_marks(self, starts: tuple[int, ...]) -> None:
        """Marks the characters at which a further chunk of tokens begins."""
        if starts != self.marks:
            self.marks = starts
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.marks:
            return
        painter = QPainter(self.viewport())
        painter.setPen(QPen(self._theme.color("accent"), 1, Qt.PenStyle.DashLine))
        length = len(self.toPlainText())
        for start in self.marks:
            if start <= length:
                cursor = self.textCursor()
                cursor.setPosition(start)
                place = self.cursorRect(cursor)
                painter.drawLine(place.topLeft(), place.bottomLeft())
        painter.end()

    # Keys and completion

    def offer(self, loras: list[str], embeddings: list[str]) -> None:
        """Offers names to complete."""
        self.loras, self.names = loras, embeddings

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._popup.isVisible() and event.key() in (
            Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Escape, Qt.Key.Key_Backtab,
        ):  # fmt: skip
            event.ignore()  # the completer takes it
            return
        if held(event.modifiers()) == Qt.KeyboardModifier.AltModifier and event.key() in (
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
        ):
            self.history_wanted.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and event.modifiers() & _COMMAND:
            event.ignore()  # draw
            return
        super().keyPressEvent(event)
        if event.text():
            self._complete()

    def _make_completer(self) -> QCompleter:
        completer = QCompleter(QStringListModel(self), self)
        completer.setWidget(self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.activated.connect(self._take)
        completer.setPopup(self._popup)
        return completer

    def text_before(self) -> str:
        """Returns what stands before the caret, as far back as a name is long: each key looks at no more."""
        cursor = self.textCursor()
        end = cursor.position()
        cursor.setPosition(max(0, end - NAME))
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor.selectedText()

    def _complete(self) -> None:
        before = self.text_before()
        if match := _LORA_TYPED.search(before):
            names, typed = self.loras, match[1]
        elif match := _WORD_TYPED.search(before):
            names, typed = self.names, match[0]
        else:
            names, typed = [], ""
        model = self._completer.model()
        assert isinstance(model, QStringListModel)
        model.setStringList(names)
        self._completer.setCompletionPrefix(typed)
        if not names or self._completer.completionCount() == 0 or typed in names:
            self._popup.hide()
            return
        place = self.cursorRect()
        place.setWidth(max(160, self._popup.sizeHintForColumn(0) + 24))
        self._popup.setCurrentIndex(self._completer.completionModel().index(0, 0))
        self._completer.complete(place)

    def _take(self, name: str) -> None:
        cursor, before = self.textCursor(), self.text_before()
        match = _LORA_TYPED.search(before) or _WORD_TYPED.search(before)
        if match is None:
            return
        lora = match.re is _LORA_TYPED
        start = match.start(1) if lora else match.start()
        typed = len(before[start:].encode("utf-16-le", "surrogatepass")) // 2  # as Qt counts characters
        cursor.setPosition(cursor.position() - typed, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(f"{name}:1>" if lora else name)
        self.setTextCursor(cursor)


_COMMAND = Qt.KeyboardModifier.ControlModifier
