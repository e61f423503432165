"""A check box whose words may take several lines, as they do in languages that need more of them than there is room for."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QCheckBox, QSizePolicy, QStyle, QStyleOptionButton, QStylePainter, QWidget


class WrappingCheck(QCheckBox):
    """As high as its words are at its width; no narrower than the longest of them."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        of_one_line = super().sizeHint().height()
        return of_one_line + self._text_place(width).height() - self.fontMetrics().height()

    def minimumSizeHint(self) -> QSize:
        longest = max(map(self.fontMetrics().horizontalAdvance, self._plain().split()), default=0)
        return QSize(self._beside() + longest, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = self._broken(self.width())
        QStylePainter(self).drawControl(QStyle.ControlElement.CE_CheckBox, option)

    def _plain(self) -> str:
        return self.text().replace("&", "")

    def _beside(self) -> int:
        """What box and margins take of the width."""
        return super().sizeHint().width() - self.fontMetrics().size(0, self._plain()).width()

    def _text_place(self, width: int) -> QRect:
        """The text's place if it is laid out in a check box of this width."""
        room = QRect(0, 0, max(1, width - self._beside()), 1 << 12)
        return self.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, self._plain())

    def _broken(self, width: int) -> str:
        """Returns the words with their lines ended where they have to."""
        room, lines = width - self._beside(), [""]
        for word in self.text().split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and self.fontMetrics().horizontalAdvance(longer.replace("&", "")) > room:
                lines.append(word)
            else:
                lines[-1] = longer
        return "\n".join(lines)
