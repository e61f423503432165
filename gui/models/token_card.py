"""What a repository that is not for everybody wants: its conditions accepted on its page, and a token, said step by step."""

from __future__ import annotations

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QLineEdit, QPushButton, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, PAD, set_kind
from gui.widgets.fault_label import FaultLabel
from sdedge.weights.hub import endpoint


class TokenCard(QFrame):
    """Three steps, each with what it takes. What is typed is shown as dots."""

    typed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        set_kind(self, "card")
        self._page = ""
        self._was_typed = False
        self._ask, self._make = PlainLabel(), PlainLabel()
        self._where = PlainLabel(
            self.tr("It goes into the system's keyring; where there is none it is forgotten when sdedge is closed.")
        )
        set_kind(self._where, "caption")
        self.open_page, self.open_tokens = (
            QPushButton(self.tr("Open Its Page")), QPushButton(self.tr("Open the Page of Tokens"))
        )  # fmt: skip
        self.open_page.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(self._page)))
        self.open_tokens.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(f"{endpoint()}/settings/tokens")))
        self.field, self.fault = QLineEdit(), FaultLabel()
        self.field.setEchoMode(QLineEdit.EchoMode.Password)
        self.field.setPlaceholderText(self.tr("Access token"))
        self.field.setAccessibleName(self.tr("Access token"))
        self.field.setMaxLength(500)
        self.use = QPushButton(self.tr("Use This Token"))
        set_kind(self.use, "accent")
        self.use.setEnabled(False)
        self.field.textChanged.connect(lambda text: self.use.setEnabled(bool(text.strip())))
        self.field.returnPressed.connect(self.use.click)
        self.use.clicked.connect(self._give)
        self.forget = QPushButton(self.tr("Try Without a Token"))
        set_tooltip(self.forget, self.tr("Forget the token that was given, also in the keyring"))
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        for widget in (self._ask, self.open_page, self._make, self.open_tokens, self.field, self.fault, self.use,
                       self.forget, self._where):  # fmt: skip
            column.addWidget(widget)
            if isinstance(widget, PlainLabel):
                widget.setWordWrap(True)

    def explain(self, page: str, gated: bool) -> None:
        """Says the steps: a `gated` repository is asked for on its page first, a private one is not."""
        self._was_typed = self._was_typed and page == self._page
        self._page = page
        self._ask.setText(
            self.tr("1. On its page, sign in and press the button that agrees to its conditions and asks for access.")
            if gated
            else self.tr("1. If it is a private one, sign in with the account that may see it.")
        )
        self.forget.setVisible(not gated)  # one that is wrong stands in the way of what needs none
        self._make.setText(self.tr("2. On the page of tokens, make one that may read, and copy it to here."))

    @property
    def first(self) -> QWidget:
        """What is done first: the repository's page asked for access, or a token typed after one that was given is wrong."""
        return self.field if self._was_typed else self.open_page

    def refuse(self, fault: str) -> None:
        """Says beside the field what is wrong with what was typed."""
        self.fault.say(fault)

    def _give(self) -> None:
        self._was_typed = True
        self.fault.say("")
        token = self.field.text()
        self.field.clear()
        self.typed.emit(token)
