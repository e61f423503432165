"""Sliders and combo boxes that the wheel does not change, because it scrolls what they stand in, and popups that are whole."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QPaintEvent, QShowEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QSlider, QStyle, QStyledItemDelegate, QStyleOptionComboBox, QStylePainter

from gui.look.accessible import label_for

_FRAME = 6  # pixels around the entries of a popup


class CalmSlider(QSlider):
    """Horizontal, and not moved by the wheel that scrolls the form."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class WideCombo(QComboBox):
    """Its popup is as wide as its entries are, wherever the screen has the room, and has none to scroll up to 16."""

    def __init__(self) -> None:
        super().__init__()
        self.setMaxVisibleItems(16)
        self.setItemDelegate(QStyledItemDelegate(self))  # the style sheet gives the entries their height
        self._is_open = False
        self.model().rowsInserted.connect(self._make_room)

    def sizeHint(self) -> QSize:
        """Returns Qt's and the margin inside of which a text is drawn, so that its longest one is whole."""
        return super().sizeHint() + QSize(_FRAME, 0)

    def showEvent(self, event: QShowEvent) -> None:
        label_for(self, self.accessibleName())
        super().showEvent(event)

    def showPopup(self) -> None:
        view = self.view()
        bar = view.verticalScrollBar().sizeHint().width() if self.count() > self.maxVisibleItems() else 0
        width = view.sizeHintForColumn(self.modelColumn()) + 2 * _FRAME + bar
        view.setMinimumWidth(min(width, self.screen().availableGeometry().width() - 2 * _FRAME))
        self._is_open = True
        super().showPopup()

    def hidePopup(self) -> None:
        self._is_open = False
        super().hidePopup()

    def _make_room(self) -> None:
        """Entries that come while the popup is open, as those of a library that is still read, find room in it."""
        if self._is_open:
            QTimer.singleShot(0, self, self._open_again)

    def _open_again(self) -> None:
        if self._is_open:
            self.showPopup()

    def paintEvent(self, event: QPaintEvent) -> None:
        """A text that is too long ends in dots; Qt would cut it."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        room = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        ).width()
        text = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideMiddle, room - _FRAME)
        option.currentText = text
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


class CalmCombo(WideCombo):
    """Not changed by the wheel that scrolls the form, and no wider than its place."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()
