"""The settings dialog: everything applies at once, and what cannot be is said beside it."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.dialogs.packed import PackedRow
from gui.languages.language import SYSTEM, codes, own_name
from gui.languages.texts import tr
from gui.look.plain import PlainLabel
from gui.look.readable import breakable, percent, short_path
from gui.look.theme import GAP, HALF, PAD
from gui.shell.background import in_words
from gui.shell.file_dialogs import ask_folder
from gui.shell.reveal import reveal
from gui.shell.settings import default_folder
from gui.shell.studio import Studio
from gui.widgets.calm import WideCombo
from gui.widgets.cards import card, fill, left, stand_beside
from gui.widgets.fault_label import FaultLabel
from gui.widgets.wrapping_check import WrappingCheck
from sdedge.errors import InvalidRequest
from sdedge.images.naming import TEMPLATE, name
from sdedge.places import data_folder, expanded
from sdedge.request import Request

_SIZE = 640, 640
_LABEL = 80  # pixels
_EXAMPLE = Request(prompt="a red house at night", seed=1234, width=512, height=512)


class SettingsDialog(QDialog):
    """Not modal: the effect of a setting is seen behind it."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio, self._settings = studio, studio.settings
        self._shows: dict[str, Callable[[Any], object]] = {}
        """By setting: what shows its value."""
        self._settings.changed.connect(self._follow)
        self.setWindowTitle(self.tr("Settings"))
        self.resize(*_SIZE)
        fill(
            self,
            card(self.tr("Pictures"), self._pictures()),
            card(self.tr("Drawing"), self._drawing()),
            card(self.tr("Other programs"), self._server()),
            card(self.tr("Look"), self._look()),
            card(self.tr("Storage"), self._storage()),
        )

    def _follow(self, setting: str) -> None:
        """Shows what was set elsewhere; the dialog is there, out of sight, from when it was opened first."""
        if (show := self._shows.get(setting)) is not None:
            show(getattr(self._settings, setting))

    # Pictures

    def _pictures(self) -> QFormLayout:
        self.folder = QLineEdit(self._settings.folder)
        self.folder.setPlaceholderText(short_path(default_folder()))
        self.folder.setAccessibleName(self.tr("Folder for pictures"))
        self.folder_fault = FaultLabel()
        self.folder.editingFinished.connect(lambda: self.set_folder(self.folder.text()))
        choose = QPushButton(self.tr("Choose…"))
        choose.clicked.connect(self._choose_folder)
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self.folder, 1)
        row.addWidget(choose)
        self.format = self._choice(
            "file_format", self.tr("Format"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WebP")]
        )
        self.file_name = QLineEdit(self._settings.file_name)
        self.file_name.setPlaceholderText(TEMPLATE)
        self.file_name.setAccessibleName(self.tr("Template of file names"))
        self.name_note = FaultLabel()
        self.file_name.textChanged.connect(self._set_name)
        self.metadata = WrappingCheck(self.tr("Write the settings into the files"))
        self.metadata.setChecked(not self._settings.private)
        self.metadata.toggled.connect(lambda on: setattr(self._settings, "private", not on))
        self._shows["private"] = lambda on: self.metadata.setChecked(not on)
        self._shows |= {"folder": partial(_show_text, self.folder), "file_name": partial(_show_text, self.file_name)}
        form = _form()
        _row(form, self.tr("Folder"), _stack(row, self.folder_fault))
        _row(form, self.tr("Format"), self.format)
        _row(form, self.tr("File name"), _stack(self.file_name, self.name_note))
        _row(form, "", self.metadata)
        self._set_name(self._settings.file_name)
        return form

    def set_folder(self, text: str) -> None:
        """Saves pictures there, if that can be a folder."""
        text = text.strip()
        fault = folder_fault(expanded(text)) if text else ""
        self.folder_fault.say(fault)
        self.folder.setText(text)
        if not fault:
            self._settings.folder = text

    def _choose_folder(self) -> None:
        if chosen := ask_folder(self, self._settings, "pictures", self.tr("Folder for Pictures"), self.folder.text()):
            self.set_folder(chosen)

    def _set_name(self, template: str) -> None:
        try:
            example = name(template or TEMPLATE, _EXAMPLE, 1, datetime.datetime.now())
        except InvalidRequest as error:
            self.name_note.say(in_words(error))
            return
        self.name_note.say(self.tr("Such as {0}").format(example), "caption")
        self._settings.file_name = template

    # Drawing, look, storage

    def _drawing(self) -> QFormLayout:
        rates = [
            (1, self.tr("After every step")), (2, self.tr("After every second step")),
            (5, self.tr("After every fifth step")), (0, self.tr("Never")),
        ]  # fmt: skip
        self.preview = self._choice("preview_rate", self.tr("Preview"), rates)
        shares = [
            (0, self.tr("Draw on")),
            *((n, self.tr("Rest below {0}").format(percent(n / 100))) for n in (10, 20, 30, 50)),
        ]
        self.battery = self._choice("battery", self.tr("Rest on battery"), [*shares, (100, self.tr("Rest"))])
        self.heat = self._choice(
            "heat", self.tr("When the computer is hot"),
            [
                ("critical", self.tr("Rest before it switches itself off")),
                ("slow", self.tr("Draw at half the pace, and rest before it switches itself off")),
                ("off", self.tr("Draw on")),
            ],
        )  # fmt: skip
        form = _form()
        _row(form, self.tr("Preview"), self.preview)
        _row(form, self.tr("On battery"), self.battery)
        _row(form, self.tr("In heat"), self.heat)
        for setting, text in (
            ("safety", self.tr("Check pictures with the model's safety checker, if it has one")),
            ("keep_awake", self.tr("Keep the computer awake while drawing; the display may sleep")),
            ("notify", self.tr("Tell me in other windows when the queue is done or stops")),
        ):
            _row(form, "", self._switch(setting, text))
        return form

    def _server(self) -> QFormLayout:
        switch = self._switch("serve", self.tr("Let other programs and a browser draw here"))
        self.serving = FaultLabel()
        self.port = QSpinBox()
        self.port.setRange(1024, 65535)
        self.port.lineEdit().setTextMargins(GAP, 0, GAP, 0)  # where other fields have their padding
        self.port.setKeyboardTracking(False)
        self.port.setAccessibleName(self.tr("Port of the server"))
        self.port.setValue(self._settings.serve_port)
        self.port.valueChanged.connect(lambda port: setattr(self._settings, "serve_port", port))
        self._shows["serve_port"] = self.port.setValue
        self._studio.serving.changed.connect(self._show_serving)
        form = _form()
        _row(form, "", _stack(switch, self.serving))
        _row(form, self.tr("Port"), left(self.port))
        self._show_serving()
        return form

    def _show_serving(self) -> None:
        serving = self._studio.serving
        if serving.fault:
            self.serving.say(serving.fault)
        elif serving.address:
            self.serving.say(self.tr("{0}: for programs of this computer alone").format(serving.address), "caption")
        else:
            self.serving.say("")

    def _look(self) -> QFormLayout:
        themes = [("system", self.tr("As the system")), ("light", self.tr("Light")), ("dark", self.tr("Dark"))]
        self.theme = self._choice("theme", self.tr("Theme"), themes)
        form = _form()
        _row(form, self.tr("Theme"), self.theme)
        moves = [("system", self.tr("As the system")), ("less", self.tr("Less"))]
        _row(form, self.tr("Motion"), self._choice("motion", self.tr("Motion"), moves))
        spoken = [(SYSTEM, self.tr("As the system")), *((code, own_name(code)) for code in codes())]
        self.language, note = self._choice("language", self.tr("Language"), spoken), FaultLabel()
        self.language.currentIndexChanged.connect(
            lambda: note.say(self.tr("sdedge speaks it when it is started the next time."), "caption")
        )
        _row(form, self.tr("Language"), _stack(self.language, note))
        return form

    def _storage(self) -> QFormLayout:
        where = PlainLabel(breakable(short_path(data_folder())))
        where.setWordWrap(True)
        where.setSizePolicy(
            QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred
        )  # as wide as the form, or it is cut off
        where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        note = FaultLabel()
        note.say(
            self.tr("Models, the gallery's index, thumbnails and logs. SDEDGE_HOME names another place."), "caption"
        )
        show = QPushButton(self.tr("Show in Folder"))
        show.clicked.connect(lambda: reveal(data_folder()))
        form = _form()
        _row(form, self.tr("Data"), _stack(where, note))
        _row(form, "", left(show))
        self.packed = PackedRow(self._studio)
        _row(form, "", self.packed)
        return form

    def _choice(self, setting: str, label: str, options: Sequence[tuple[object, str]]) -> QComboBox:
        choice = WideCombo()
        choice.setAccessibleName(label)
        for value, text in options:
            choice.addItem(text, value)
        _show_chosen(choice, getattr(self._settings, setting))
        self._shows[setting] = partial(_show_chosen, choice)
        choice.currentIndexChanged.connect(lambda: setattr(self._settings, setting, choice.currentData()))
        return choice

    def _switch(self, setting: str, text: str) -> WrappingCheck:
        switch = WrappingCheck(text)
        switch.setChecked(getattr(self._settings, setting))
        switch.toggled.connect(lambda on: setattr(self._settings, setting, on))
        self._shows[setting] = switch.setChecked
        setattr(self, setting, switch)
        return switch


def folder_fault(folder: Path) -> str:
    """Returns why pictures cannot be saved there, in words; nothing when they can, even if it has to be made first."""
    import os

    if folder.exists() and not folder.is_dir():
        return tr("{folder} is a file; choose a folder.").format(folder=folder)
    there = next((place for place in (folder, *folder.parents) if place.is_dir()), None)
    if there is None or not folder.is_absolute():
        return tr("There is no place {folder}; choose a folder of this computer.").format(folder=folder)
    if os.access(there, os.W_OK):
        return ""
    return tr("{folder} cannot be written to; choose another folder.").format(folder=there)


def _show_chosen(choice: QComboBox, value: object) -> None:
    """Chooses what has this value; another program may have written one that is not offered."""
    if choice.findData(value) < 0:
        choice.addItem(str(value), value)
    choice.setCurrentIndex(choice.findData(value))


def _show_text(field: QLineEdit, text: str) -> None:
    """Leaves the cursor where it is in a field that has this text, such as the one in which it is written."""
    if field.text() != text:
        field.setText(text)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setHorizontalSpacing(PAD)
    form.setVerticalSpacing(GAP)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def _row(form: QFormLayout, text: str, field: QWidget | QVBoxLayout | QHBoxLayout) -> None:
    """Returns a row whose label is as wide as every other one."""
    label = PlainLabel(text)
    label.setFixedWidth(max(_LABEL, label.sizeHint().width()))
    stand_beside(label, field)
    form.addRow(label, field)


def _stack(*parts: QWidget | QHBoxLayout) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(HALF)
    for part in parts:
        column.addLayout(part) if isinstance(part, QHBoxLayout) else column.addWidget(part)
    return column
