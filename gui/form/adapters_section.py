"""LoRA and embeddings: the rows of the prompt's LoRAs, what can be added to it, and the person's own list of tags."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from gui.form.completion import Offered
from gui.form.lora_rows import LoraRows
from gui.form.names import Names
from gui.form.prompt_editor import PromptEditor
from gui.form.tag_list import TagList, read_tags
from gui.look.plain import PlainLabel, menu_text, set_tooltip
from gui.look.theme import GAP, HALF, set_kind
from gui.shell.actions import name_button
from gui.shell.background import LatestRun, in_words
from gui.shell.file_dialogs import ask_file
from gui.shell.studio import Studio
from gui.widgets.elided import ElidedLabel
from gui.widgets.fault_label import FaultLabel


class AdaptersSection(QWidget):
    """`editors` are the prompts in which names are completed; the first takes what is added."""

    def __init__(self, studio: Studio, editors: Sequence[PromptEditor]) -> None:
        super().__init__()
        self._studio, self._editors = studio, editors
        self._reading = LatestRun(studio.bridge.background, self)
        self._names: Names | None = None
        self._tags: TagList | None = None
        self.rows = LoraRows(studio)
        self.lora = self._inserting(self.tr("Add a LoRA…"), self.tr("Put an installed LoRA into the prompt"))
        self.embedding = self._inserting(self.tr("Add an embedding…"), self.tr("Put an embedding into the prompt"))
        self.note, self.tags_note = PlainLabel(), FaultLabel()
        self.tags, self.tags_name, self.no_tags = QPushButton(), ElidedLabel(), QToolButton()
        self._lay_out()
        studio.settings.changed.connect(lambda name: self._read_tags() if name == "tags_file" else None)

    def offer(self, names: Names) -> None:
        """Offers what is installed; the list of tags is read when this is first called."""
        first, self._names = self._names is None, names
        self._fill(self.lora, names.loras, "<lora:{}:1>")
        self._fill(self.embedding, names.embeddings, "{}")
        empty = not (names.loras or names.embeddings)
        text = (
            self.tr("None is installed: drop their files on Models.") if empty else self.tr("They go into the prompt.")
        )
        self.note.setText(text)
        self._offer()
        if first:
            self._read_tags()

    def _offer(self) -> None:
        if self._names is not None:
            names = self._names
            for editor in self._editors:
                editor.offer(Offered(names.loras, names.embeddings, names.wildcards, self._tags))

    # Tags

    def choose_tags(self) -> None:
        """Asks for a CSV of tags."""
        title, filters = self.tr("Tags to complete"), self.tr("Lists of tags (*.csv *.txt)")
        if path := ask_file(self, self._studio.settings, "tags", title, filters):
            if path == self._studio.settings.tags_file:
                self._read_tags()  # it may be another by now
            self._studio.settings.tags_file = path

    def _read_tags(self) -> None:
        path = self._studio.settings.tags_file
        if not path:
            self._reading.forget()
            self._take_tags(None)
            return
        self._reading.run(lambda: read_tags(path), self._take_tags, self._fail)

    def _take_tags(self, tags: TagList | None) -> None:
        self._tags = tags
        path = self._studio.settings.tags_file
        self.tags_name.say(
            self.tr("{0}: {1} tags").format(Path(path).name, len(tags))
            if tags is not None
            else self.tr("Tags: none are completed")
        )
        set_tooltip(self.tags_name, path)
        self.no_tags.setVisible(bool(path))
        self.tags_note.say("")
        self._offer()

    def _fail(self, error: Exception) -> None:
        self._take_tags(None)
        self.tags_note.say(in_words(error))

    # Building

    def _lay_out(self) -> None:
        for label in (self.note, self.tags_name):
            set_kind(label, "caption")
        self.note.setWordWrap(True)
        self.tags.setText(self.tr("Choose…"))
        self.tags.setAccessibleName(self.tr("Choose tags to complete"))
        set_tooltip(
            self.tags, self.tr("A CSV of tags, as A1111's tag completion reads it: tag, kind, count, other names")
        )
        self.tags.clicked.connect(self.choose_tags)
        self.no_tags.setIcon(self._studio.theme.icon("close", "muted"))
        set_kind(self.no_tags, "quiet")
        name_button(self.no_tags, self.tr("Complete no tags"))
        self.no_tags.clicked.connect(lambda: setattr(self._studio.settings, "tags_file", ""))
        self._take_tags(None)
        row = QHBoxLayout()
        row.setSpacing(HALF)
        row.addWidget(self.tags_name, 1)
        row.addWidget(self.no_tags)
        row.addWidget(self.tags)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (self.rows, self.lora, self.embedding, self.note):
            column.addWidget(widget)
        column.addLayout(row)
        column.addWidget(self.tags_note)

    def _inserting(self, label: str, tip: str) -> QPushButton:
        button = QPushButton(label)
        button.setMenu(QMenu(button))
        set_tooltip(button, tip)
        return button

    def _fill(self, button: QPushButton, names: list[str], pattern: str) -> None:
        menu = button.menu()
        menu.clear()
        for name in names:
            menu.addAction(menu_text(name), partial(self._editors[0].insert, pattern.format(name)))
        button.setEnabled(bool(names))
