"""Whether a large picture is drawn in windows, and in which: as a whole, in the model's own size, or in sizes that are typed."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.form.fields import Choice, Option, TypedField, label_of, watch
from gui.form.model import FormModel, FormPart
from gui.languages.texts import mark
from gui.look.plain import set_tooltip
from gui.look.theme import HALF
from sdedge.errors import InvalidRequest
from sdedge.field_types import FieldType, Text
from sdedge.windows import Windows, WindowsType

HOW_PART, TEXT_PART = "windows:how", "windows:text"
FOLD = "enlarge"
USUAL_SIDE = 512  # pixels, where the model's is not known


class WindowsUse(StrEnum):
    """Which windows there are."""

    OFF = "off"
    MODEL = "model"
    TYPED = "typed"


def windows_use(windows: Windows | None) -> WindowsUse:
    """Returns which windows these are."""
    if windows is None:
        return WindowsUse.OFF
    return WindowsUse.MODEL if windows == Windows() else WindowsUse.TYPED


def windows_for(use: WindowsUse, side: int) -> Windows | None:
    """Returns the windows that a choice begins with, for a model whose pictures have this side in pixels."""
    if use == WindowsUse.TYPED:
        return Windows((side, side), side // 4)
    return Windows() if use == WindowsUse.MODEL else None


class WindowsField(QWidget):
    """A choice, and beneath it the line in which sizes are typed where that is chosen."""

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self._add_parts(form)
        self.how = Choice(form, HOW_PART, self.tr("In windows"), self._ways(), advice=True)
        self.how.combo.setAccessibleName(label_of("windows"))
        self.text = TypedField(form, TEXT_PART, self.tr("Windows"), "512:128")
        self.text.edit.setAccessibleName(self.tr("Size and overlap of the windows"))
        set_tooltip(
            self.text, self.tr("Side or width x height in pixels, and after a colon what neighbours share: 512:128.")
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addWidget(self.how)
        column.addWidget(self.text)
        self.text.edit.editingFinished.connect(self._follow)
        watch(self, form, self._follow, "windows", "faults")

    def _follow(self) -> None:
        """The line stays while the caret is in it, or what is in it is not right yet."""
        wrong = TEXT_PART in self._form.faults
        self.text.setVisible(wrong or self.text.edit.hasFocus() or windows_use(self._form.windows) == WindowsUse.TYPED)

    def _ways(self) -> list[Option]:
        return [
            Option(WindowsUse.OFF, self.tr("As a whole"), ""),
            Option(WindowsUse.MODEL, self.tr("Of the model's size"),
                   self.tr("a picture larger than the model's own in parts that overlap; one of its size stays whole")),
            Option(WindowsUse.TYPED, self.tr("Of a size of your own"), ""),
        ]  # fmt: skip

    def _add_parts(self, form: FormModel) -> None:
        def put(use: WindowsUse) -> dict[str, Any]:
            side = form.card.side if form.card else None
            return {"windows": windows_for(use, side or USUAL_SIDE)}

        form.parts[HOW_PART] = FormPart(Text(20), lambda: windows_use(form.windows), put, ("windows",), FOLD)
        form.parts[TEXT_PART] = FormPart(
            WindowsText(), lambda: WindowsType().format(form.windows or Windows()),
            lambda text: {"windows": WindowsType().parse("windows", text)}, ("windows",), FOLD,
        )  # fmt: skip


class WindowsText(FieldType):
    """Windows as people write them, kept as the text."""

    expected = mark("a size of windows")
    example = "512:128"

    def parse(self, name: str, text: str) -> str:
        windows = WindowsType().parse("windows", text)
        if windows is None:  # an empty line, on the way to another size
            raise InvalidRequest("No windows are another choice.", field=name)
        return WindowsType().format(windows)

    def check(self, name: str, value: Any) -> Any:
        return value
