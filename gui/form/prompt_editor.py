"""Where prompts are written: live count and chunk marks, weights by keys, history, completion of names."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QStringListModel, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPen, QTextCursor
from PySide6.QtWidgets import QCompleter, QListView, QPlainTextEdit, QTextEdit

from gui.form.completion import LONGEST, Offered, complete
from gui.form.weighing import STEP, weigh
from gui.look.theme import Theme, set_kind
from gui.shell.keys import held

PAUSE = 150  # milliseconds after the last key until tokens are counted
JOINED = 8  # characters: changes from outside so close to the last one are undone together with it


class PromptEditor(QPlainTextEdit):
    """Plain text; Tab leaves it. `paused` comes a moment after the last change, for whoever counts."""

    paused = Signal()
    history_wanted = Signal(int)
    """-1: the prompt before; 1: the one after."""

    def __init__(self, theme: Theme, label: str, lines: int) -> None:
        super().__init__()
        self._theme = theme
        self.marks: tuple[int, ...] = ()
        self.offered = Offered()
        self._shown_at = (-1, -1)  # the document's revision after the last change from outside, and where it was
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
        old = self.toPlainText()
        if text == old:
            return
        start, end, middle = _difference(old, text)
        cursor = QTextCursor(self.document()) if not self.hasFocus() else self.textCursor()
        revision, before = self._shown_at
        in_tag = old.rfind("<", 0, start) > old.rfind(">", 0, start)  # a LoRA's slider is dragged
        joins = in_tag and revision == self.document().revision() and abs(before - start) <= JOINED
        cursor.joinPreviousEditBlock() if joins else cursor.beginEditBlock()
        cursor.setPosition(qt_length(old[:start]))
        cursor.setPosition(qt_length(old[:end]), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(middle)
        cursor.endEditBlock()
        self._shown_at = self.document().revision(), start if in_tag else -JOINED - 1
        if self.hasFocus():
            self.setTextCursor(cursor)

    def strike_out(self, spans: list[tuple[int, int]]) -> None:
        """Draws a line through these characters, which are not drawn with."""
        text, selections = self.toPlainText(), []
        for start, end in spans:
            selection = QTextEdit.ExtraSelection()
            selection.cursor = QTextCursor(self.document())
            selection.cursor.setPosition(qt_length(text[:start]))
            selection.cursor.setPosition(qt_length(text[:end]), QTextCursor.MoveMode.KeepAnchor)
            selection.format.setFontStrikeOut(True)
            selection.format.setForeground(self._theme.color("muted"))
            selections.append(selection)
        self.setExtraSelections(selections)

    def insert(self, text: str) -> None:
        """Puts something at the caret, apart from its neighbours."""
        cursor, old = self.textCursor(), self.toPlainText()
        before = old[: characters(old, cursor.position())]
        cursor.insertText(text if not before or before[-1].isspace() else f" {text}")
        self.setTextCursor(cursor)

    def weigh(self, direction: int) -> None:
        """Puts more (1) or less (-1) weight on the selection or the word at the caret."""
        cursor = self.textCursor()
        old = self.toPlainText()
        start, end = (characters(old, place) for place in (cursor.selectionStart(), cursor.selectionEnd()))
        done = weigh(old, start, end, direction * STEP)
        if done.text == old:
            return
        self.show_text(done.text)
        cursor = self.textCursor()
        cursor.setPosition(qt_length(done.text[: done.start]))
        cursor.setPosition(qt_length(done.text[: done.end]), QTextCursor.MoveMode.KeepAnchor)
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
        text = self.toPlainText()
        for start in self.marks:
            if start <= len(text):
                cursor = self.textCursor()
                cursor.setPosition(qt_length(text[:start]))
                place = self.cursorRect(cursor)
                painter.drawLine(place.topLeft(), place.bottomLeft())
        painter.end()

    # Keys and completion

    def offer(self, offered: Offered) -> None:
        """Offers names to complete."""
        self.offered = offered

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
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        completer.activated.connect(self._take)
        completer.setPopup(self._popup)
        return completer

    def text_before(self) -> str:
        """Returns what stands before the caret, as far back as a name is long: each key looks at no more."""
        cursor = self.textCursor()
        end = cursor.position()
        cursor.setPosition(max(0, end - LONGEST))
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        return cursor.selectedText()

    def _complete(self) -> None:
        labels = [candidate.label for candidate in complete(self.text_before(), self.offered).candidates]
        model = self._completer.model()
        assert isinstance(model, QStringListModel)
        model.setStringList(labels)
        if not labels:
            self._popup.hide()
            return
        place = self.cursorRect()
        place.setWidth(max(160, self._popup.sizeHintForColumn(0) + 24))
        self._popup.setCurrentIndex(self._completer.completionModel().index(0, 0))
        self._completer.complete(place)

    def _take(self, label: str) -> None:
        cursor, completion = self.textCursor(), complete(self.text_before(), self.offered)
        text = next((candidate.text for candidate in completion.candidates if candidate.label == label), None)
        if text is None:
            return
        old = self.toPlainText()
        if old[characters(old, cursor.position()) :].lstrip(" ")[:1] in (",", ")"):
            text = text.removesuffix(", ")
        cursor.setPosition(cursor.position() - qt_length(completion.typed), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(text)
        self.setTextCursor(cursor)


def qt_length(text: str) -> int:
    """Returns how many characters a text has as Qt counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def characters(text: str, length: int) -> int:
    """Returns how many characters of a text take so many as Qt counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")[: 2 * length].decode("utf-16-le", "ignore"))


def _difference(old: str, new: str) -> tuple[int, int, str]:
    """Returns where the part of the old text begins and ends that is another in the new one, and what it is there."""
    start = _equal(old, new)
    end = _equal(old[start:][::-1], new[start:][::-1])
    return start, len(old) - end, new[start : len(new) - end]


def _equal(one_text: str, another: str) -> int:
    """Returns how many characters at the beginning are the same."""
    pairs = enumerate(zip(one_text, another, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one_text), len(another)))


_COMMAND = Qt.KeyboardModifier.ControlModifier
