"""A prompt's editor with its heading, live token count and what cannot be read in it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from gui.form.fields import watch
from gui.form.prompt_editor import PromptEditor
from gui.form.tokens import Count, count
from gui.look.plain import PlainLabel, menu_text, set_tooltip
from gui.look.theme import HALF, set_kind, spaced_font
from gui.shell.actions import name_button
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.text.tags import lora_tags, without_loras

HISTORY = 100  # prompts of the history
SHOWN = 20
_WIDTH = 60  # characters of a prompt in the menu


class PromptField(QWidget):
    """`name` is the field of the form: prompt or negative."""

    def __init__(self, studio: Studio, name: str, label: str, lines: int) -> None:
        super().__init__()
        self._studio, self._name = studio, name
        self._asked = 0
        self._walked, self._written = -1, ""
        self.editor = PromptEditor(studio.theme, label, lines)
        self.counter = PlainLabel()
        self.counter.setFont(spaced_font(self.counter.font()))
        set_kind(self.counter, "caption")
        self.note = FaultLabel()
        self._lay_out(label)
        self.editor.textChanged.connect(lambda: studio.form.put(**{name: self.editor.toPlainText()}))
        self.editor.paused.connect(self._count)
        self.editor.history_wanted.connect(self._walk)
        watch(self, studio.form, lambda: self.editor.show_text(getattr(studio.form, name)), name)
        watch(self, studio.form, self._count, "card", "loras_off")
        if name == "prompt":
            watch(self, studio.form, self._strike_out, "prompt", "loras_off")

    def clear(self) -> None:
        """Takes the text out, which can be undone."""
        form, before = self._studio.form, self._studio.form.prompt
        self.editor.show_text("")
        if before:
            self._studio.offer_undo(self.tr("The prompt is cleared."), lambda: form.put(prompt=before))

    def _lay_out(self, label: str) -> None:
        title = PlainLabel(label)
        set_kind(title, "strong")
        title.setBuddy(self.editor)
        row = QHBoxLayout()
        row.setSpacing(HALF)
        row.addWidget(title)
        row.addStretch(1)
        row.addWidget(self.counter)
        if self._name == "prompt":
            self.history = self._history_button()
            row.addWidget(self.history)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addLayout(row)
        column.addWidget(self.editor)
        column.addWidget(self.note)

    def _strike_out(self) -> None:
        off = self._studio.form.loras_off
        tags = lora_tags(self._studio.form.prompt) if off else ()
        self.editor.strike_out([(tag.start, tag.end) for tag in tags if tag.name in off])

    # Counting

    def _count(self) -> None:
        card, text = self._studio.form.card, self.editor.toPlainText()
        off = self._studio.form.loras_off if self._name == "prompt" else frozenset()
        self._asked += 1
        asked = self._asked
        if card is None or card.tokenizer is None:
            self._show(Count(), known=False)
            return
        tokenizer, negative = card.tokenizer, self._name == "negative"
        longest, fixed = card.longest_prompt, card.fixed_adapters

        def work() -> Count | None:
            if asked != self._asked:
                return None
            counted = count(without_loras(text, off), tokenizer, negative=negative, longest=longest, fixed=fixed)
            return replace(counted, starts=()) if off else counted  # they are places in a text that is not shown

        def show(counted: Count | None) -> None:
            if counted is not None and asked == self._asked:  # nothing was typed since
                self._show(counted)

        self._studio.bridge.background.run(work, show, owner=self)

    def _show(self, counted: Count, known: bool = True) -> None:
        self.counter.setText(f"{counted.used}/{counted.limit}" if known and not counted.fault else "")
        parts = counted.limit // 75
        text = (
            self.tr("{0} of {1} tokens in {2} parts, each read on its own")
            if parts > 1
            else self.tr("{0} of {1} tokens")
        )
        set_tooltip(self.counter, text.format(counted.used, counted.limit, parts))
        self.counter.setAccessibleName(self.counter.toolTip())
        self.editor.set_marks(counted.starts)
        self.note.say(counted.fault)

    # History

    def remember(self) -> None:
        """Puts the present text at the top of the history."""
        text = self.editor.toPlainText().strip()
        if text and self._name == "prompt":
            older = [old for old in self._studio.settings.texts("prompts") if old != text]
            self._studio.settings.set_texts("prompts", [text, *older][:HISTORY])
        self._walked = -1

    def show_history(self) -> None:
        """Opens a menu of the latest prompts."""
        button = getattr(self, "history", None)
        if button is not None and button.menu() is not None:
            button.showMenu()

    def _history_button(self) -> QToolButton:
        button = QToolButton()
        button.setIcon(self._studio.theme.icon("history", "muted"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        set_kind(button, "quiet")
        name_button(button, self.tr("Prompt history"), self._studio.actions["history"].shortcut())
        menu = QMenu(button)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        button.setMenu(menu)
        return button

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        for text in self._studio.settings.texts("prompts")[:SHOWN]:
            line = " ".join(text.split())
            shown = line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
            action = QAction(menu_text(shown), menu)
            action.triggered.connect(lambda checked=False, text=text: self.editor.show_text(text))
            menu.addAction(action)
        if menu.isEmpty():
            menu.addAction(self.tr("Prompts that you draw with are kept here.")).setEnabled(False)

    def _walk(self, direction: int) -> None:
        """Goes to the prompt before or after, and at the end back to what was being written."""
        texts, now = self._studio.settings.texts("prompts"), self.editor.toPlainText()
        if self._walked >= len(texts) or (self._walked >= 0 and now != texts[self._walked]):
            self._walked = -1  # it was written on
        if self._walked < 0:
            self._written = now
        first = 0 if self._written.strip() != (texts or [""])[0] else 1
        target = self._walked - direction
        if self._walked < 0 < -direction:
            target = first
        elif target < first:
            target = -1
        if target >= len(texts):
            return
        self._walked = target
        self.editor.show_text(self._written if target < 0 else texts[target])
