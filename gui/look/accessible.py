"""What screen readers are told beyond what Qt says by itself: roles and values of painted widgets, and what happens.

Qt asks a factory for the interface of a widget; ours answers for those that were given a role here, and leaves all others to Qt.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAccessibleInterface,
    QAccessibleValueInterface,
)
from PySide6.QtWidgets import QAbstractSlider, QAccessibleWidget, QLabel, QWidget
from shiboken6.Shiboken import VoidPtr

from gui.look.readable import shortest

Role = QAccessible.Role
_ROLE = "accessibleRole"
_NOTHING = VoidPtr(0)
"""A null pointer: PySide ends the program where None is returned for one."""


def set_role(widget: QWidget, role: QAccessible.Role, value: Callable[[], str] | None = None) -> None:
    """Says what a widget is to screen readers, and by `value` how it stands now, in words."""
    _install()
    widget.setProperty(_ROLE, role.value)
    if value is not None:
        widget.accessible_value = value  # type: ignore[attr-defined]


def set_scale(slider: QAbstractSlider, scale: float) -> None:
    """Says that a slider's number is `scale` times the value that a person means, which screen readers read then."""
    _install()
    slider.setProperty(_ROLE, Role.Slider.value)
    slider.accessible_scale = scale  # type: ignore[attr-defined]


def announce(widget: QWidget, text: str, urgent: bool = False) -> None:
    """Lets a screen reader say something, now if it is `urgent` and otherwise when it is done with what it says."""
    if text and QAccessible.isActive():
        event = QAccessibleAnnouncementEvent(widget, text)
        politeness = QAccessible.AnnouncementPoliteness
        event.setPoliteness(politeness.Assertive if urgent else politeness.Polite)
        QAccessible.updateAccessibility(event)


def label_for(widget: QWidget, text: str) -> None:
    """Names a combo box by a label that is not seen: on Linux Qt reads its entry in place of its name."""
    parent = widget.parentWidget()
    if parent is None or not text or any(label.buddy() is widget for label in parent.findChildren(QLabel)):
        return
    from gui.look.plain import PlainLabel

    label = PlainLabel(text)
    label.setParent(parent)
    label.setBuddy(widget)
    label.hide()


class _Described(QAccessibleWidget):
    """A widget with the role that it was given; a slider of a scale counts in what a person means."""

    def __init__(self, widget: QWidget) -> None:
        role = widget.property(_ROLE)
        super().__init__(widget, Role(role) if role else Role.Pane, widget.accessibleName())
        scale = getattr(widget, "accessible_scale", None)
        self._scaled = _Scaled(widget, scale) if scale and isinstance(widget, QAbstractSlider) else None

    def text(self, kind: QAccessible.Text) -> str:
        widget = self.object()
        if kind == QAccessible.Text.Name:
            return widget.accessibleName()  # type: ignore[attr-defined]
        if kind == QAccessible.Text.Value and self._scaled is not None:
            return shortest(self._scaled.currentValue())
        if kind == QAccessible.Text.Value and (value := getattr(widget, "accessible_value", None)) is not None:
            return str(value())
        return super().text(kind)

    def interface_cast(self, kind: QAccessible.InterfaceType) -> Any:
        if kind == QAccessible.InterfaceType.ValueInterface and self._scaled is not None:
            return self._scaled
        own = super().interface_cast(kind)
        return _NOTHING if own is None else own


class _Scaled(QAccessibleValueInterface):
    """A slider's value, its ends and its steps, over the scale."""

    def __init__(self, slider: QAbstractSlider, scale: float) -> None:
        super().__init__()
        self._slider, self._scale = slider, scale

    def currentValue(self) -> float:
        return self._slider.value() / self._scale

    def setCurrentValue(self, value: float) -> None:
        self._slider.setValue(round(float(value) * self._scale))

    def maximumValue(self) -> float:
        return self._slider.maximum() / self._scale

    def minimumValue(self) -> float:
        return self._slider.minimum() / self._scale

    def minimumStepSize(self) -> float:
        return self._slider.singleStep() / self._scale


def _describe(key: str, widget: QObject) -> QAccessibleInterface | None:
    if isinstance(widget, QWidget) and (widget.property(_ROLE) or key == "QScrollArea"):
        return _Described(widget)
    return None


@cache
def _install() -> None:
    """Once, before the first widget that has a role is asked for."""
    QAccessible.installFactory(_describe)
