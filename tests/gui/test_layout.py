"""Nothing is cut off: all texts in sight fit their place, and all widgets lie inside their window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QCheckBox,
    QLabel,
    QRadioButton,
    QToolButton,
    QWidget,
)

from gui.shell.views import VIEWS

SIZES = ((960, 640), (1280, 800))


def cut_off(window: QWidget) -> list[str]:
    """What is in sight of the window and does not fit, in words."""
    return [
        fault for widget in window.findChildren(QWidget) if widget.isVisible() and (fault := fault_of(widget, window))
    ]


def fault_of(widget: QWidget, window: QWidget) -> str:
    said = getattr(widget, "text", "")
    name = f"{type(widget).__name__} {widget.accessibleName() or (said() if callable(said) else said)!r}"
    if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap():
        needed, has = widget.sizeHint().width(), widget.width()
        if needed > has and "…" not in widget.text():
            return f"{name} needs {needed} pixels and has {has}"
    elif isinstance(widget, QLabel) and widget.text():
        needed, has = widget.heightForWidth(widget.width()), widget.height()
        if needed > has:
            return f"{name} needs {needed} pixels of height and has {has}"
    elif isinstance(widget, QAbstractButton) and widget.text() and not icon_only(widget):
        needed = (
            widget.minimumSizeHint().width() if isinstance(widget, (QCheckBox, QRadioButton)) else text_width(widget)
        )
        if needed > widget.width():
            return f"{name} needs {needed} pixels and has {widget.width()}"
    if not scrolls(widget, window) and not window.rect().contains(widget.mapTo(window, widget.rect().center())):
        return f"{name} lies outside of the window"
    return ""


def icon_only(button: QAbstractButton) -> bool:
    return isinstance(button, QToolButton) and not button.icon().isNull()


def text_width(button: QAbstractButton) -> int:
    return button.fontMetrics().horizontalAdvance(button.text().replace("&", ""))


def scrolls(widget: QWidget, window: QWidget) -> bool:
    """Whether it is reached by scrolling."""
    above = widget.parentWidget()
    while above is not None and above is not window:
        if isinstance(above, QAbstractScrollArea):
            return True
        above = above.parentWidget()
    return False


@pytest.mark.parametrize("size", SIZES, ids=["small", "usual"])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_is_cut_off(open_window, theme, qtbot, size, scheme, tmp_path):
    theme.choose(scheme)
    window = open_window(start=False)
    try:
        window.resize(*size)
        create = window.show_view("create")
        window.studio.form.put(image=str(tmp_path / "gone.png"), mask=str(tmp_path / "mask.png"), model="x" * 60)
        for fold in ("negative", "image", "sampler", "extras", "more"):
            getattr(create.form, f"{fold}_fold").open()
        found = []
        for view in VIEWS:
            window.show_view(view.name)
            qtbot.wait(120)
            found += [f"{view.name}: {fault}" for fault in cut_off(window)]
        assert window.size() == QSize(*size)
        assert not found, "\n".join(found)
    finally:
        theme.choose("light")


def test_a_window_is_never_larger_than_its_screen(open_window):
    """At 150 % a screen of 1280 x 800 has room for 853 x 533."""
    window = open_window(start=False)
    view = window.show_view("create")
    window._fit_screen(QSize(853, 533))
    assert window.width() <= 853 and window.height() <= 533
    button = view.form.button
    assert window.rect().contains(button.mapTo(window, button.rect().bottomRight()))
