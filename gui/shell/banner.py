"""One line above the views for what concerns the whole window. A new notice takes the place of the old one; one about a
topic comes back when that is gone, for as long as its topic lasts."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton

from gui.look.accessible import announce
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, PAD, Theme, set_kind
from gui.shell.actions import name_button
from gui.shell.studio import BannerNotice
from gui.shell.undo import SECONDS

PASSING = round(SECONDS * 1000)  # milliseconds
_ICONS = {
    "info": ("info", "accent"),
    "good": ("check", "good"),
    "warning": ("warning", "warning"),
    "bad": ("warning", "bad"),
}


class Banner(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._notice: BannerNotice | None = None
        self._beneath: dict[str, BannerNotice] = {}
        set_kind(self, "banner")
        self._icon, self._text = PlainLabel(), PlainLabel()
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._button = QPushButton()
        self._button.clicked.connect(self._act)
        self._close = QToolButton()
        self._close.setIcon(theme.icon("close"))
        set_kind(self._close, "quiet")
        name_button(self._close, self.tr("Close this notice"))
        self._close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(PAD, GAP, GAP, GAP)
        row.setSpacing(GAP)
        for widget in (self._icon, self._text, self._button, self._close):
            row.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.clear)
        theme.changed.connect(self._tint)
        self.hide()

    @property
    def text(self) -> str:
        """What it says now; nothing when it is hidden."""
        return self._notice.text if self._notice else ""

    def show_notice(self, notice: BannerNotice) -> None:
        """Says this now; what is said about another topic comes back after it."""
        before = self._notice
        if before is not None and before.topic and before.topic != notice.topic:
            self._beneath[before.topic] = before
        self._beneath.pop(notice.topic, None)
        self._notice = notice
        self._text.setText(notice.text)
        self.setAccessibleName(notice.text)
        announce(self, notice.text, urgent=notice.kind == "bad")
        self._button.setText(notice.label)
        self._button.setVisible(bool(notice.label))
        self._tint()
        self.show()
        self._timer.stop()
        if notice.passing:
            self._timer.start(PASSING)

    def clear(self) -> None:
        """Hides it, or shows what it took the place of."""
        self._notice = None
        self._timer.stop()
        self.hide()
        if self._beneath:
            self.show_notice(self._beneath.pop(next(reversed(self._beneath))))

    def withdraw(self, topic: str) -> None:
        """Hides what was said about it, or does not come back to it."""
        self._beneath.pop(topic, None)
        if self._notice is not None and self._notice.topic == topic:
            self.clear()

    def _act(self) -> None:
        notice = self._notice
        self.clear()
        if notice is not None and notice.work is not None:
            notice.work()

    def _tint(self) -> None:
        if self._notice is not None:
            name, token = _ICONS[self._notice.kind]
            self._icon.setPixmap(self._theme.icon(name, token).pixmap(20, 20))
