"""What a person keeps beside a model: a picture, notes, and trigger words that a click puts into the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, set_kind
from gui.models.items import Item

_HEIGHT = 72  # pixels of the notes
_PICTURE = 160  # pixels of the picture, at most
SHOWN = 12  # words with a button


class NoteEdit(QPlainTextEdit):
    """Tells what was written when the focus leaves it, or when `flush` asks."""

    written = Signal(str)

    def flush(self) -> None:
        """Tells what was written since it was told last."""
        if self.document().isModified():
            self.document().setModified(False)
            self.written.emit(self.toPlainText())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.flush()


class NotesCard(QWidget):
    """Shows one item's; what is written is told with the item that it is about."""

    text_written = Signal(object, str)
    """(item, notes)."""
    triggers_written = Signal(object, list)
    """(item, words)."""
    picture_asked = Signal(bool)
    """Choose a picture, or take it away."""
    word_wanted = Signal(str)
    """Into the prompt."""

    def __init__(self) -> None:
        super().__init__()
        self._item: Item | None = None
        self.picture = PlainLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.picture.setAccessibleName(self.tr("Picture of the model"))
        self.choose, self.clear = QPushButton(self.tr("Choose a Picture…")), QPushButton(self.tr("No Picture"))
        set_tooltip(
            self.choose, self.tr("A small copy of it is kept; Picture of Its Model in the gallery does the same")
        )
        self.choose.clicked.connect(lambda: self.picture_asked.emit(True))
        self.clear.clicked.connect(lambda: self.picture_asked.emit(False))
        self.triggers = QLineEdit()
        self.triggers.setPlaceholderText(self.tr("Trigger words, separated by commas"))
        self.triggers.setAccessibleName(self.tr("Trigger words"))
        self.triggers.editingFinished.connect(self._tell_triggers)
        self.words_title = PlainLabel()
        set_kind(self.words_title, "caption")
        self._trigger_buttons = QWidget()
        self.text = NoteEdit()
        self.text.setPlaceholderText(self.tr("Notes"))
        self.text.setAccessibleName(self.tr("Notes"))
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(_HEIGHT)
        self.text.written.connect(self._tell_text)
        self._lay_out()

    def show_item(self, item: Item, trained: Sequence[str] = ()) -> None:
        """Shows what is noted of this; `trained` are words out of its file, offered while there are none of a person's own."""
        if self._item is not None and (item.name, item.role) != (self._item.name, self._item.role):
            self.flush()
        written = self.text.document().isModified() or self.triggers.isModified()
        self._item = item
        if not written:
            self.text.setPlainText(item.note.text)
            self.triggers.setText(", ".join(item.note.triggers))
        self._show_picture(item.note.picture)
        triggers = item.note.triggers or tuple(trained)
        self.words_title.setText(
            self.tr("Into the prompt by a click:")
            if item.note.triggers
            else self.tr("Its trainer's words, by a click:")
        )
        self._show_words(triggers)

    def flush(self) -> None:
        """Tells what was written and not told yet."""
        self.text.flush()
        self._tell_triggers()

    def word_buttons(self) -> list[QPushButton]:
        """Returns the buttons of the words."""
        return self._trigger_buttons.findChildren(QPushButton)

    def _show_picture(self, picture: bytes) -> None:
        pixmap = QPixmap()
        if picture and pixmap.loadFromData(picture):
            fit, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            ratio = self.devicePixelRatioF()
            pixmap = pixmap.scaled(round(_PICTURE * ratio), round(_PICTURE * ratio), fit, smooth)
            pixmap.setDevicePixelRatio(ratio)
        self.picture.setPixmap(pixmap)
        self.picture.setVisible(not pixmap.isNull())
        self.clear.setVisible(not pixmap.isNull())

    def _show_words(self, triggers: Sequence[str]) -> None:
        shown = list(triggers[:SHOWN])
        self._trigger_buttons.setVisible(bool(shown))
        self.words_title.setVisible(bool(shown))
        if [button.toolTip() for button in self.word_buttons()] == shown:
            return
        column = self._trigger_buttons.layout()
        assert isinstance(column, QVBoxLayout)
        while (item := column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.setParent(None)
                widget.deleteLater()
        for word in shown:
            button = QPushButton()
            set_kind(button, "link")
            button.setText(button.fontMetrics().elidedText(word, Qt.TextElideMode.ElideRight, 220).replace("&", "&&"))
            button.setAccessibleName(self.tr("Put {0} into the prompt").format(word))
            set_tooltip(button, word)
            button.clicked.connect(partial(self.word_wanted.emit, word))
            column.addWidget(button)

    def _tell_text(self, text: str) -> None:
        if self._item is not None:
            self.text_written.emit(self._item, text)

    def _tell_triggers(self) -> None:
        if self._item is not None and self.triggers.isModified():
            self.triggers.setModified(False)
            self.triggers_written.emit(self._item, self.triggers.text().split(","))

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        row = QHBoxLayout()
        row.setSpacing(HALF)
        row.addWidget(self.choose)
        row.addWidget(self.clear)
        row.addStretch(1)
        buttons = QVBoxLayout(self._trigger_buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.setSpacing(0)
        column.addWidget(self.picture)
        column.addLayout(row)
        for widget in (self.triggers, self.words_title, self._trigger_buttons, self.text):
            column.addWidget(widget)
