"""Beside the models: the chosen one, its licence, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFormLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.readable import breakable, short_path, size_in_words
from gui.look.theme import GAP, HALF, PAD, set_kind, spaced_font
from gui.models.items import Item
from gui.models.kinds import base_text, day_text, format_text, kind_text, note_texts
from gui.models.notes_card import NotesCard
from gui.widgets.calm import WideCombo
from gui.widgets.cards import framed
from sdedge.library.licences import COMMON, OPENRAIL
from sdedge.library.models import ROLES as INSTALLED


class LibraryDetails(QScrollArea):
    """Shows one item; the buttons ask for what they say."""

    asked = Signal(str)
    """ "use", "default", "accept", "verify", "reveal" or "remove"."""
    licence_named = Signal(str)
    """Its owner says which licence the item is under."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("What is known of it"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.title, self._state, self._terms, self._unnamed = (PlainLabel() for _ in range(4))
        set_kind(self.title, "title")
        self.title.setWordWrap(True)
        for label in (self._state, self._terms, self._unnamed):
            label.setWordWrap(True)
        self.buttons = {
            "use": QPushButton(self.tr("Use It")), "default": QPushButton(self.tr("Use by Default")),
            "accept": QPushButton(self.tr("I Have Read and Accept It")), "verify": QPushButton(self.tr("Verify the Files")),
            "reveal": QPushButton(self.tr("Show in Folder")), "remove": QPushButton(self.tr("Remove…")),
        }  # fmt: skip
        for name, button in self.buttons.items():
            button.clicked.connect(lambda checked=False, name=name: self.asked.emit(name))
        self._read = QPushButton(self.tr("Read the Licence"))
        self._read.clicked.connect(self._open_page)
        self._page = ""
        self.change_licence = QPushButton(self.tr("Correct the Licence"))
        self.change_licence.clicked.connect(self._show_choice)
        self.licences, self.record = WideCombo(), QPushButton(self.tr("Record It"))
        self.licences.setEditable(True)
        self.licences.setAccessibleName(self.tr("Licence"))
        self.licences.addItems(COMMON)
        self.licences.currentTextChanged.connect(lambda text: self.record.setEnabled(bool(text.strip())))
        self.record.clicked.connect(lambda: self.licence_named.emit(self.licences.currentText()))
        self.notes = NotesCard()
        self._facts = QFormLayout()
        self._facts.setHorizontalSpacing(PAD)
        self._facts.setVerticalSpacing(HALF)
        self._lay_out()

    def show_item(self, item: Item, state: str, trained: Sequence[str] = ()) -> None:
        """Shows an item; `trained` are words that its file says it was trained with."""
        self.notes.show_item(item, trained)
        self.title.setText(item.name)
        self._state.setText(state)
        set_kind(self._state, "muted" if item.usable else "caution")
        self._page = item.page
        self._licence.setVisible(not item.accepted)
        installed = item.role in INSTALLED and not item.embedded
        self._choice.setVisible(installed and not item.licence)
        self.change_licence.setVisible(installed and bool(item.licence))
        self.licences.setCurrentText(item.licence)
        self.record.setEnabled(bool(item.licence))
        self._unnamed.setText(self._about_choice(item))
        self._terms.setText(
            self.tr(
                "The weights are under the {0} licence. It allows use and sharing, also commercial, and forbids the uses "
                "listed in its Attachment A; these restrictions apply to you and go along with every copy."
            ).format(item.licence)
        )
        self.buttons["use"].setEnabled(item.usable)
        self.buttons["use"].setVisible(
            item.role not in ("control", "upscaler", "detector")
        )  # whose hint the form has no place for
        self.buttons["default"].setVisible(item.role == "model")
        self.buttons["default"].setEnabled(item.usable and not item.default)
        self.buttons["verify"].setVisible(not item.embedded)
        self.buttons["remove"].setVisible(not item.embedded)
        while self._facts.rowCount():
            self._facts.removeRow(0)
        for name, value in self._describe(item):
            caption, text = PlainLabel(name), PlainLabel(value)
            set_kind(caption, "muted")
            caption.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            text.setWordWrap(True)
            text.setFont(spaced_font(text.font()))
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addRow(caption, text)

    def _describe(self, item: Item) -> list[tuple[str, str]]:
        facts = [
            (self.tr("Kind"), kind_text(item) if item.role != "model" else ""),
            (self.tr("Format"), format_text(item) if item.role != "control" else ""),
            (self.tr("Base", "of a model"), base_text(item)), (self.tr("Size"), size_in_words(item.size)),
            (self.tr("Hash"), item.hash[:10]), (self.tr("Licence"), item.licence or self._no_licence(item)),
            (self.tr("From"), breakable(item.source if item.source != str(item.path) else "")),
            (self.tr("Added"), day_text(item.added)),
            (self.tr("Where", "of a file"), self._place(item)),
            *((self.tr("Note"), note) for note in note_texts(item)),
        ]  # fmt: skip
        return [(name, value) for name, value in facts if value]

    def _place(self, item: Item) -> str:
        path = breakable(short_path(item.path))
        return self.tr("{0} (left in its place)").format(path) if item.linked else path

    def _about_choice(self, item: Item) -> str:
        if item.licence:
            return self.tr("Another licence than its files name:")
        return self.tr(
            "Its files name no licence. Models trained from Stable Diffusion v1 carry the use restrictions of {0}; where it "
            "comes from says which it is under."
        ).format(OPENRAIL)

    def _no_licence(self, item: Item) -> str:
        return self.tr("not known") if item.role in ("model", "vae") else ""

    def _show_choice(self) -> None:
        self.change_licence.hide()
        self._choice.show()
        self.licences.setFocus()

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._page))

    def _lay_out(self) -> None:
        body = QWidget()
        set_kind(body, "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        column.addWidget(self.title)
        column.addWidget(self._state)
        self._licence = framed(self._terms, self._read, self.buttons["accept"])
        self._choice = framed(self._unnamed, self.licences, self.record)
        column.addWidget(self._licence)
        column.addWidget(self._choice)
        for name in ("use", "default"):
            column.addWidget(self.buttons[name])
        column.addSpacing(GAP)
        column.addWidget(self.notes)
        column.addSpacing(GAP)
        column.addLayout(self._facts)
        column.addSpacing(GAP)
        for button in (self.buttons["reveal"], self.buttons["verify"], self.change_licence, self.buttons["remove"]):
            column.addWidget(button)
        column.addStretch(1)
        self.setWidget(body)
