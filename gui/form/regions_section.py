"""Regions: areas of the picture with prompts of their own, drawn on the canvas and listed here."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from gui.form.fields import LABEL, Choice, NumberField, Option, TypedEdit, watch
from gui.form.mask_choice import MaskChoice
from gui.form.model import FormModel, FormPart
from gui.form.pair_field import PairField
from gui.form.regioning import PLACES, UNNAMED, changed, free_place, place_of, with_region
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, plain_button, set_kind
from gui.shell.actions import name_button
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import InvalidRequest
from sdedge.field_types import FieldType, Float, Text
from sdedge.regions import MAX_PROMPT, MAX_REGIONS, Region, RegionMethod

PREFIX = "region:"
FOLD = "regions"
_SIDE_NAMES = ("left", "top", "right", "bottom")


class RegionsSection(QWidget):
    """`drawing_wanted` asks for regions to be drawn on the canvas, or no more; `chosen` names the row that is edited."""

    drawing_wanted = Signal(bool)
    chosen = Signal(int)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio, self._form = studio, studio.form
        self.rows: list[RegionRow] = []
        self._count = 0
        self.draw = QPushButton(self.tr("Draw on the picture"))
        self.draw.setCheckable(True)
        self.draw.clicked.connect(self.drawing_wanted)
        set_tooltip(
            self.draw,
            self.tr("Drag on the canvas to draw a region; move it, or drag its edges, which snap unless Ctrl is held"),
        )
        self.add = plain_button(self.tr("Add a region"), self._add)
        set_tooltip(
            self.add,
            self.tr("A region without the mouse, in a part of the picture that is free: a half, a third or a quarter"),
        )
        self._lay_out()
        watch(self, studio.form, self._follow, "regions")

    def show_row(self, number: int) -> None:
        """Puts the caret into the prompt of a region that was chosen on the canvas."""
        if number < len(self.rows) and not self._form.regions[number].prompt:
            self.rows[number].prompt.setFocus()

    def _follow(self) -> None:
        regions = self._form.regions
        if len(regions) < self._count:
            self._form.forget_typed(PREFIX)
        self._count = len(regions)
        for number in range(len(self.rows), len(regions)):
            row = RegionRow(self._studio, number)
            row.remove.clicked.connect(partial(self._remove, number))
            row.entered.connect(partial(self.chosen.emit, number))
            self.rows.append(row)
            self._column.addWidget(row)
        for row in self.rows:
            row.follow()
        self.add.setEnabled(len(regions) < MAX_REGIONS)

    def _add(self) -> None:
        self._form.put(regions=with_region(self._form.regions, free_place(self._form.regions)))
        self.rows[len(self._form.regions) - 1].prompt.setFocus()

    def _remove(self, number: int) -> None:
        self._studio.take_region_out(number)

    def _lay_out(self) -> None:
        hint = PlainLabel(self.tr("The prompt above draws what no region covers."))
        hint.setWordWrap(True)
        set_kind(hint, "caption")
        rows = QWidget()
        self._column = QVBoxLayout(rows)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2 * GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (rows, self.draw, self.add, hint):
            column.addWidget(widget)


class RegionRow(QWidget):
    """The region with this number; `entered` when its prompt is gone into."""

    entered = Signal()

    def __init__(self, studio: Studio, number: int) -> None:
        super().__init__()
        self._form, self._number = studio.form, number
        self._add_parts(studio.form)
        name = self._name
        self.prompt = PromptLine(studio.form, name("prompt"), self.tr("Prompt of region {0}").format(number + 1))
        self.prompt.entered.connect(self.entered)
        self.prompt.setPlaceholderText(self.tr("What this area shows"))
        self.remove = QToolButton()
        self.remove.setIcon(studio.theme.icon("close", "muted"))
        set_kind(self.remove, "quiet")
        name_button(self.remove, self.tr("Take region {0} out").format(number + 1))
        self.across = PairField(studio.form, self.tr("Across"), (
            (name("left"), self.tr("Left side, in fractions of the picture"), "0"),
            (name("right"), self.tr("Right side, in fractions of the picture"), "1"),
        ))  # fmt: skip
        self.down = PairField(studio.form, self.tr("Down"), (
            (name("top"), self.tr("Upper side, in fractions of the picture"), "0"),
            (name("bottom"), self.tr("Lower side, in fractions of the picture"), "1"),
        ))  # fmt: skip
        self.place = Choice(studio.form, name("place"), self.tr("Place"), self._places())
        self.place.combo.setAccessibleName(self.tr("Place of region {0}").format(number + 1))
        self.where = MaskChoice(studio, self.tr("Area"), self.tr("The rectangle"), partial(self._put_mask, studio.form))
        self.base = NumberField(studio.form, name("base"), self.tr("Base"), 0, 1, 20, kind=float)
        self.base.call(self.tr("Fraction of the main prompt in it"))
        set_tooltip(self.base, self.tr("How much of the prompt above acts here too; more makes it one picture."))
        self.weight = NumberField(studio.form, name("weight"), self.tr("Weight"), 0.1, 3, 10, kind=float)
        self.weight.call(self.tr("Weight where regions overlap"))
        self.by = Choice(studio.form, name("by"), self.tr("By"), self._ways())
        set_tooltip(
            self.by,
            self.tr(
                "Attention costs next to nothing; prediction works with every engine, half a step each; window shows the model "
                "each region by itself, for wide pictures."
            ),
        )
        self.note = FaultLabel()
        self._lay_out()

    def follow(self) -> None:
        """Shows the region as it is now; hides where there is none of this number."""
        region = self._region()
        self.setVisible(region is not None)
        mask = region.mask if region is not None else None
        for widget in (self.place, self.across, self.down):
            widget.setVisible(mask is None)
        self.where.show_mask(mask, self.tr("Area of region {0}").format(self._number + 1))
        missing = region is not None and not region.prompt.strip()
        self.note.say(self.tr("Write what this area shows.") if missing else "", "caution")

    def _region(self) -> Region | None:
        regions = self._form.regions
        return regions[self._number] if self._number < len(regions) else None

    # Parts

    def _name(self, part: str) -> str:
        return f"{PREFIX}{self._number}:{part}"

    def _add_parts(self, form: FormModel) -> None:
        types: dict[str, FieldType] = {
            "prompt": Text(MAX_PROMPT), "base": Float(0, 1), "weight": Float(0.01, 10, "1"), "by": Text(20),
        }  # fmt: skip
        for name, type in types.items():
            read, put = partial(self._value, name), partial(self._put, name)
            form.parts[self._name(name)] = FormPart(type, read, put, ("regions",), FOLD)
        form.parts[self._name("place")] = FormPart(
            Text(20), lambda: place_of((self._region() or Region("")).area), self._put_place, ("regions",), FOLD
        )
        for side, name in enumerate(_SIDE_NAMES):
            read, put = partial(self._side, side), partial(self._put_side, side)
            form.parts[self._name(name)] = FormPart(Float(0, 1, "0.5"), read, put, ("regions",), FOLD)

    def _value(self, name: str) -> Any:
        return getattr(self._region() or Region(""), name)

    def _put(self, name: str, value: Any) -> dict[str, Any]:
        return {"regions": changed(self._form.regions, self._number, **{name: value})}

    def _put_mask(self, form: FormModel, path: str | None) -> None:
        form.put(**self._put("mask", path))

    def _put_place(self, place: str) -> dict[str, Any]:
        return {} if place == UNNAMED else self._put("area", PLACES[place])

    def _side(self, side: int) -> float:
        return (self._region() or Region("")).area[side]

    def _put_side(self, side: int, value: float) -> dict[str, Any]:
        area = list((self._region() or Region("")).area)
        area[side] = value
        left, top, right, bottom = area
        if left >= right or top >= bottom:
            raise InvalidRequest(self.tr("It would have no area; the first number is the smaller one."))
        return self._put("area", (left, top, right, bottom))

    # Building

    def _ways(self) -> list[Option]:
        return [
            Option(RegionMethod.ATTENTION, self.tr("Attention")),
            Option(RegionMethod.PREDICTION, self.tr("Prediction")),
            Option(RegionMethod.WINDOW, self.tr("Window")),
        ]

    def _places(self) -> list[Option]:
        names = {
            "left-half": self.tr("Left half"), "right-half": self.tr("Right half"), "upper-half": self.tr("Upper half"),
            "lower-half": self.tr("Lower half"), "left-third": self.tr("Left third"), "middle-third": self.tr("Middle third"),
            "right-third": self.tr("Right third"), "upper-left": self.tr("Upper left"), "upper-right": self.tr("Upper right"),
            "lower-left": self.tr("Lower left"), "lower-right": self.tr("Lower right"), "middle": self.tr("Middle"),
        }  # fmt: skip
        return [*(Option(name, names[name]) for name in PLACES), Option(UNNAMED, self.tr("By its sides"))]

    def _lay_out(self) -> None:
        number = PlainLabel(self.tr("Region {0}").format(self._number + 1))
        set_kind(number, "strong")
        number.setBuddy(self.prompt)
        number.setMinimumWidth(LABEL)
        head = QHBoxLayout()
        head.setSpacing(HALF)
        head.addWidget(number, 1)
        head.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addLayout(head)
        for widget in (
            self.prompt,
            self.note,
            self.where,
            self.place,
            self.across,
            self.down,
            self.base,
            self.weight,
            self.by,
        ):
            column.addWidget(widget)


class PromptLine(TypedEdit):
    """A prompt in one line; `entered` when the caret comes into it."""

    entered = Signal()

    def focusInEvent(self, event: Any) -> None:
        super().focusInEvent(event)
        self.entered.emit()
