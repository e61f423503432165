"""What is in sight of the app and does not fit: texts that are cut, widgets that leave their window, popups that leave the
screen or scroll without need."""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QRadioButton,
    QStyle,
    QStyleOptionComboBox,
    QToolButton,
    QWidget,
)

SHORT = 12  # characters of a line that is seen whole: a size, a seed, "by chance"
SHORT_ENTRY = 20  # characters of a chosen entry that is seen whole; names of models may be longer
ROWS = 16  # of a popup that does not scroll


def cut_off(window: QWidget) -> list[str]:
    """The faults of one window, in words."""
    own = [widget for widget in window.findChildren(QWidget) if widget.isVisible() and widget.window() is window]
    return [fault for widget in own if (fault := fault_of(widget, window))]


def everything_cut_off() -> list[str]:
    """The faults of all windows, dialogs, menus and popups that are open."""
    faults = []
    for window in QApplication.topLevelWidgets():
        if window.isVisible() and not isinstance(window, QFileDialog):  # Qt's own
            faults += [*cut_off(window), *popup_faults(window)]
    return faults


def fault_of(widget: QWidget, window: QWidget) -> str:
    said = getattr(widget, "text", "")
    name = f"{type(widget).__name__} {widget.accessibleName() or (said() if callable(said) else said)!r}"
    if missing := text_fault(widget):
        return f"{name} {missing}"
    area = scroll_area(widget, window)
    if area is None and not window.rect().contains(widget.mapTo(window, widget.rect().center())):
        return f"{name} lies outside of the window"
    if area is not None and area.viewport().isAncestorOf(widget) and not isinstance(area, QAbstractItemView):
        room = area.viewport().rect()
        place = QRect(widget.mapTo(area.viewport(), widget.rect().topLeft()), widget.size())
        if place.left() < room.left() or place.right() > room.right():
            return f"{name} is wider than the column that it scrolls in"
    return ""


def text_fault(widget: QWidget) -> str:
    """Why its text cannot be read, in words."""
    if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap():
        needed, has = widget.sizeHint().width(), widget.width()
        return f"needs {needed} pixels and has {has}" if needed > has and "…" not in widget.text() else ""
    if isinstance(widget, QLabel) and widget.text():
        needed, has = widget.heightForWidth(widget.width()), widget.height()
        return f"needs {needed} pixels of height and has {has}" if needed > has else ""
    if isinstance(widget, QAbstractButton) and widget.text() and not icon_only(widget):
        own = isinstance(widget, (QCheckBox, QRadioButton, QPushButton))
        if own and widget.hasHeightForWidth() and (needed := widget.heightForWidth(widget.width())) > widget.height():
            return f"needs {needed} pixels of height and has {widget.height()}"
        needed = widget.minimumSizeHint().width() if own else text_width(widget, widget.text().replace("&", ""))
        return f"needs {needed} pixels and has {widget.width()}" if needed > widget.width() else ""
    if isinstance(widget, QComboBox) and len(widget.currentText()) <= SHORT_ENTRY:
        option = QStyleOptionComboBox()
        widget.initStyleOption(option)
        field = QStyle.SubControl.SC_ComboBoxEditField
        room = widget.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, field, widget).width()
        needed = text_width(widget, widget.currentText())
        return f"cuts {widget.currentText()!r}, which needs {needed} pixels and has {room}" if needed > room else ""
    if isinstance(widget, QLineEdit) and not isinstance(widget.parentWidget(), QComboBox):
        shown = widget.displayText() or widget.placeholderText()
        needed, has = text_width(widget, shown), widget.width() - 2 * 8
        return f"cuts {shown!r}" if len(shown) <= SHORT and needed > has else ""
    return ""


def popup_faults(window: QWidget) -> list[str]:
    """Of a popup: that it leaves the screen, or shows less than all of a few entries."""
    if window.isWindow() and type(window).__name__ == "MainWindow":
        return []
    name = f"{type(window).__name__} {window.accessibleName()!r}"
    faults = []
    if not window.screen().geometry().contains(window.geometry()):
        faults.append(f"{name} leaves the screen")
    for view in [window, *window.findChildren(QListView)]:
        if isinstance(view, QListView) and view.isVisible() and (is_popup(window) or is_popup(view)):
            rows = view.model().rowCount()
            if rows <= ROWS and view.verticalScrollBar().maximum():
                faults.append(f"{name} scrolls {rows} entries")
            if view.sizeHintForColumn(0) > view.viewport().width():
                faults.append(f"{name} cuts its entries")
    return faults


def is_popup(window: QWidget) -> bool:
    return window.windowType() in (window.windowType().Popup, window.windowType().Tool, window.windowType().ToolTip)


def icon_only(button: QAbstractButton) -> bool:
    return isinstance(button, QToolButton) and not button.icon().isNull()


def text_width(widget: QWidget, text: str) -> int:
    return widget.fontMetrics().horizontalAdvance(text)


def scroll_area(widget: QWidget, window: QWidget) -> QAbstractScrollArea | None:
    """Where it is reached by scrolling."""
    above = widget.parentWidget()
    while above is not None and above is not window:
        if isinstance(above, QAbstractScrollArea):
            return above
        above = above.parentWidget()
    return None
