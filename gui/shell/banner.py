"""A notice over the view for what concerns the whole window; nothing moves when it comes or goes. A new one takes the place of
the old one; one about a topic, which does not pass by itself, comes back when that is gone, for as long as its topic lasts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget

from gui.look.accessible import announce
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, PAD, Theme, set_kind
from gui.shell.actions import name_button
from gui.shell.studio import BannerNotice
from gui.shell.undo import SECONDS

PASSING = round(SECONDS * 1000)  # milliseconds
WIDEST = 560  # pixels
_ICONS = {
    "info": ("info", "accent"),
    "good": ("check", "good"),
    "warning": ("warning", "warning"),
    "bad": ("warning", "bad"),
}


class Banner(QFrame):
    """Hidden while there is nothing to say."""

    def __init__(self, theme: Theme, over: QWidget) -> None:
        """`over` is the window's body, in which it lies over all else."""
        super().__init__(over)
        self._theme = theme
        self._body = self._place = over
        self._at_top = False
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._notice: BannerNotice | None = None
        self._beneath: dict[str, BannerNotice] = {}
        set_kind(self, "floating")
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
        row = self._row = QHBoxLayout(self)
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
        """Says this now; what is said about another topic comes back after it, unless it would have passed by itself."""
        before = self._notice
        if before is not None and before.topic not in ("", notice.topic) and not before.passing:
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
        self._settle()
        self._timer.stop()
        if notice.passing:
            self._timer.start(PASSING)

    def lie_over(self, place: QWidget, at_top: bool = False) -> None:
        """Lies over this from now on, at the end where it has no controls."""
        self._place.removeEventFilter(self)
        self._place, self._at_top = place, at_top
        place.installEventFilter(self)
        self._settle()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show):
            self._settle()
        return False

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._settle()

    def _settle(self) -> None:
        """Takes its place: as wide as its words, up to WIDEST, and as high as they are then."""
        if not self.isVisible():
            return
        room = QRect(self._place.mapTo(self._body, QPoint(0, 0)), self._place.size())
        layout = self._row
        length = self._text.fontMetrics().horizontalAdvance(self._text.text())
        beside = layout.totalMinimumSize().width() - self._text.minimumSizeHint().width()
        width = min(room.width() - 2 * GAP, WIDEST, length + beside + PAD)
        height = max(layout.totalHeightForWidth(width), layout.totalMinimumSize().height())
        top = room.top() + GAP if self._at_top else room.bottom() - height - PAD
        self.setGeometry(room.left() + (room.width() - width) // 2, top, width, height)
        self.raise_()

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
