"""What is drawn in the create view's tests, and pictures of one colour."""

from __future__ import annotations

from PySide6.QtGui import QColor, QImage


def draw(view, qtbot, prompt: str, **fields) -> None:
    view.window().studio.form.put(prompt=prompt, **fields)
    view.generate()


def filled(color: str, width: int = 64, height: int = 64) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(color))
    return image
