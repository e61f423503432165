"""One control in the form: its model, its picture and hint, how strongly and in which steps it acts."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from gui.form.controlling import (
    AS_IT_IS,
    FITS,
    IP_ADAPTER,
    MODES,
    ControlRow,
    fault_of,
    settings_example,
    spoken_picture,
)
from gui.form.fields import LABEL, Choice, NumberField, Option, TypedField, translated, watch
from gui.form.hint_preview import HintPreview
from gui.form.image_section import FILES
from gui.form.mask_choice import MaskChoice
from gui.form.model import FormModel, FormPart
from gui.form.pair_field import PairField
from gui.look.plain import PlainLabel, menu_text, set_tooltip
from gui.look.theme import GAP, HALF, set_kind
from gui.shell.actions import name_button
from gui.shell.file_dialogs import ask_file
from gui.shell.pictures import short, shrink
from gui.shell.studio import Studio
from gui.widgets.cards import beginning
from gui.widgets.fault_label import FaultLabel
from sdedge.controls import MAX_WEIGHT
from sdedge.field_types import Float, Text
from sdedge.preprocessors import PREPROCESSORS

PREFIX = "control:"
FOLD = "controls"
THUMBNAIL = 72  # pixels


class ControlRowView(QWidget):
    """The control with this number; `hint_wanted` carries a hint to be seen large, and what it is called."""

    hint_wanted = Signal(object, str)

    def __init__(self, studio: Studio, number: int) -> None:
        super().__init__()
        self._studio, self._form = studio, studio.form
        self.row = ControlRow(number, lambda: studio.form.controls)
        self._kinds: dict[str, str] = {}
        self.hint_image = QImage()
        self.preview = HintPreview(studio.form, studio.bridge.background, self)
        self._add_parts(studio.form)
        self._build()
        self.preview.made.connect(self._show_pictures)
        self.preview.failed.connect(lambda text: self.note.say(text))
        self.preview.making.connect(lambda: self.hint.setText(self.tr("Making…")))
        watch(self, studio.form, self.follow, "controls", "image", "width", "height", "card")

    def offer(self, controls: list[tuple[str, str]]) -> None:
        """Offers control models by name and kind."""
        self._kinds = dict(controls)
        self.model.offer([Option(name, name) for name, _ in controls])
        self.follow()

    # Parts

    def _name(self, part: str) -> str:
        return f"{PREFIX}{self.row.number}:{part}"

    def _add_parts(self, form: FormModel) -> None:
        row = self.row

        def add(name: str, type: Float | Text, read: object, put: object, optional: bool = False) -> None:
            form.parts[self._name(name)] = FormPart(type, read, put, ("controls",), FOLD, optional)  # type: ignore[arg-type]

        for name in ("model", "mode", "resize"):
            add(name, Text(4096), partial(self._value, name), partial(self._put, name))
        add("weight", Float(0, MAX_WEIGHT, "0.8"), partial(self._value, "weight"), partial(self._put, "weight"))
        add("preprocess", Text(100), lambda: row.preprocessor, row.with_preprocessor)
        add("settings", Text(500), lambda: row.settings, row.with_settings, True)
        for end, name in enumerate(("start", "end")):
            add(name, Float(0, 1, "0.5"), partial(self._span, end), partial(row.with_end, end))

    def _value(self, name: str) -> object:
        control = self.row.control
        return {"weight": 1.0}.get(name) if control is None else getattr(control, name)

    def _put(self, name: str, value: object) -> dict[str, object]:
        return self.row.changed(**{name: value})

    def _span(self, end: int) -> float:
        return self.row.control.span[end] if self.row.control else float(end)

    # Building

    def _build(self) -> None:
        form = self._form
        self.model = Choice(form, self._name("model"), self.tr("Model"))
        self.remove = QToolButton()
        self.remove.setIcon(self._studio.theme.icon("close", "muted"))
        set_kind(self.remove, "quiet")
        self.picture, self.hint = self._thumbnail(), self._thumbnail()
        self.picture.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.picture)
        menu.aboutToShow.connect(lambda: self._fill(menu))
        self.picture.setMenu(menu)
        self.hint.clicked.connect(lambda: self.hint_wanted.emit(self.hint_image, self.model.combo.currentText()))
        self.preprocess = Choice(form, self._name("preprocess"), self.tr("Hint by"), self._ways())
        self.settings = TypedField(form, self._name("settings"), self.tr("Settings"))
        self.weight = NumberField(form, self._name("weight"), self.tr("Weight"), 0, 2, 20, kind=float)
        self.mode = Choice(form, self._name("mode"), self.tr("Counts"), self._modes())
        self.resize_choice = Choice(form, self._name("resize"), self.tr("Fitted"), self._fits())
        self.where = MaskChoice(self._studio, self.tr("Where"), self.tr("Everywhere"), self._take_mask)
        self.note = FaultLabel()
        self._lay_out()

    def _thumbnail(self) -> QToolButton:
        button = QToolButton()
        button.setFixedSize(THUMBNAIL + 8, THUMBNAIL + 8)
        button.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        set_kind(button, "picture")
        return button

    def _lay_out(self) -> None:
        head, pictures = QHBoxLayout(), QHBoxLayout()
        head.setSpacing(HALF)
        head.addWidget(self.model, 1)
        head.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        pictures.setSpacing(GAP)
        pictures.setContentsMargins(*beginning(self, LABEL + GAP))
        for button in (self.picture, self.hint):
            pictures.addWidget(button)
        pictures.addStretch(1)
        self.pictures_name = PlainLabel()
        set_kind(self.pictures_name, "caption")
        self.pictures_name.setContentsMargins(*beginning(self, LABEL + GAP))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addLayout(head)
        column.addLayout(pictures)
        column.addWidget(self.pictures_name)
        for widget in (
            self.preprocess,
            self.settings,
            self.weight,
            self._range(),
            self.mode,
            self.resize_choice,
            self.where,
            self.note,
        ):
            column.addWidget(widget)

    def _range(self) -> QWidget:
        rows = (
            (self._name("start"), self.tr("Acts from this fraction of the steps"), "0"),
            (self._name("end"), self.tr("Acts up to this fraction of the steps"), "1"),
        )
        return PairField(self._form, self.tr("Steps"), rows)

    def _ways(self) -> list[Option]:
        as_it_is = Option(AS_IT_IS, self.tr("The picture as it is"), self.tr("it is a hint already"))
        return [as_it_is, *(Option(r.name, r.name, translated(r.help.split(". ")[0])) for r in PREPROCESSORS.values())]

    def _modes(self) -> list[Option]:
        labels = (self.tr("Prompt and hint alike"), self.tr("The prompt more"), self.tr("The hint more"))
        return [Option(mode, label) for mode, label in zip(MODES, labels, strict=True)]

    def _fits(self) -> list[Option]:
        labels = (self.tr("Cut to the picture"), self.tr("Stretched"), self.tr("With edges continued"))
        return [Option(fit, label) for fit, label in zip(FITS, labels, strict=True)]

    # Following

    def follow(self) -> None:
        """Shows the control as it is now; hides where there is none of this number."""
        control = self.row.control
        self.setVisible(control is not None)
        if control is None:
            self.preview.close()
            return
        reads_picture = self._kinds.get(control.model) == IP_ADAPTER
        for widget in (self.preprocess, self.settings, self.mode):
            widget.setVisible(not reads_picture)
        usual = settings_example(self.row.preprocessor)
        self.settings.setVisible(bool(usual) and not reads_picture)
        self.settings.edit.setPlaceholderText(usual)
        name = spoken_picture(control) or (self.tr("The picture to start from") if control.hint is None else "")
        self.pictures_name.setText(short(name, 28))
        self.where.show_mask(control.mask, self.tr("Where {0} acts").format(control.model))
        self._name_controls(control.model, name)
        self.note.say(fault_of(control, self._form.image))
        self.preview.show_control(control)

    def _name_controls(self, model: str, picture: str) -> None:
        name_button(self.remove, self.tr("Take {0} out").format(model))
        name_button(self.picture, self.tr("Choose the picture of {0}").format(model))
        set_tooltip(self.picture, picture or self.tr("Choose a picture"))
        name_button(self.hint, self.tr("Show the hint of {0} large").format(model))
        self.weight.call(self.tr("Weight of {0}").format(model))
        for choice, label in (
            (self.model, self.tr("Control model")),
            (self.preprocess, self.tr("What makes the hint")),
            (self.mode, self.tr("What counts more")),
            (self.resize_choice, self.tr("How the hint is fitted")),
        ):
            choice.combo.setAccessibleName(label)
            set_tooltip(choice.combo, label)

    def _show_pictures(self, picture: QImage, hint: QImage) -> None:
        self.hint_image = hint
        for button, image in ((self.picture, picture), (self.hint, hint)):
            ratio = self.devicePixelRatioF()
            pixmap = QPixmap.fromImage(shrink(image, round(THUMBNAIL * ratio)))
            pixmap.setDevicePixelRatio(ratio)
            button.setIcon(QIcon(pixmap) if not image.isNull() else self._studio.theme.icon("image", "muted"))
            button.setText("")
        self.hint.setVisible(not hint.isNull() and self.row.preprocessor != AS_IT_IS)
        if (control := self.row.control) is not None:
            self.note.say(fault_of(control, self._form.image))

    # The picture

    def _fill(self, menu: QMenu) -> None:
        menu.clear()
        menu.addAction(menu_text(self.tr("Choose a file…")), self._choose)
        seen = self._studio.pictures.seen_in("create").path
        if seen is not None and seen.is_file():
            menu.addAction(menu_text(self.tr("The picture on the canvas")), partial(self._take, str(seen)))
        menu.addAction(menu_text(self.tr("The picture to start from")), partial(self._take, None))

    def _choose(self) -> None:
        kinds, every = self.tr("Pictures ({0})").format(FILES), self.tr("All files (*)")
        if path := ask_file(
            self, self._studio.settings, "pictures", self.tr("A picture for the control"), f"{kinds};;{every}"
        ):
            self._take(path)

    def _take(self, path: str | None) -> None:
        self._form.put(**self.row.changed(hint=path))

    def _take_mask(self, path: str | None) -> None:
        self._form.put(**self.row.changed(mask=path))
