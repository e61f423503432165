"""Settings of hires fix and of the detector's boxes that few people need, in a fold of their own beneath the others."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.form.enlarging import DETAIL_FURTHER, DETAIL_PART, HIRES_FURTHER, HIRES_PART, differs
from gui.form.fields import Choice, NumberField, Option, TypedField, choices, watch
from gui.form.model import FormModel
from gui.form.pair_field import PairField
from gui.look.plain import set_tooltip
from gui.look.theme import Theme
from gui.widgets.fold import Fold, Later, stack


class FurtherSettings(QWidget):
    """Settings of a pass in a fold, which opens by itself where one of its `names` is not the usual, or is typed wrongly."""

    prefix: str
    names: tuple[str, ...]

    def __init__(self, form: FormModel, theme: Theme) -> None:
        super().__init__()
        self._form = form
        self.fold = Fold(theme, self.tr("Further settings"), Later(lambda: stack(*self._rows())))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.fold)
        watch(self, form, self._follow, "passes", "faults")

    def _rows(self) -> list[QWidget]:
        raise NotImplementedError

    def _follow(self) -> None:
        wrong = any(f"{self.prefix}{name}" in self._form.faults for name in self.names)
        if wrong or differs(self._form.passes, self.names, self.prefix):
            self.fold.open()

    def _sampling(self, sampler: str, schedule: str, negative: str) -> list[QWidget]:
        """Returns sampler, schedule and negative prompt of the pass by what they are called in full, each left to the form's
        own where it is open."""
        rows: list[QWidget] = []
        as_above = self.tr("as above")
        for name, label, called in (
            ("sampler", self.tr("Sampler"), sampler),
            ("schedule", self.tr("Schedule"), schedule),
        ):
            own = [option for option in choices(name) if option.value is not None]
            choice = Choice(self._form, f"{self.prefix}{name}", label, [Option(None, as_above), *own])
            choice.combo.setAccessibleName(called)
            rows.append(choice)
        field = TypedField(self._form, f"{self.prefix}negative", self.tr("Not"), as_above)
        field.edit.setAccessibleName(negative)
        set_tooltip(field, negative)
        return [*rows, field]


class HiresSettings(FurtherSettings):
    """What drawing an enlarged picture anew has beside strength, steps, guidance and prompt."""

    prefix, names = HIRES_PART, HIRES_FURTHER

    def _rows(self) -> list[QWidget]:
        size = TypedField(self._form, f"{HIRES_PART}size", self.tr("Or to size"), "1024x1024")
        set_tooltip(size, self.tr("Width and height in pixels, in place of times; 0 follows the other side."))
        called = (
            self.tr("Sampler of drawing it anew"),
            self.tr("Schedule of drawing it anew"),
            self.tr("What it should not show, drawn anew"),
        )
        return [size, *self._sampling(*called)]


class DetailSettings(FurtherSettings):
    """What drawing a detector's boxes again has beside how sure it is, strength and prompt."""

    prefix, names = DETAIL_PART, DETAIL_FURTHER

    def _rows(self) -> list[QWidget]:
        form = self._form
        only = TypedField(form, f"{DETAIL_PART}only", self.tr("Only these"), self.tr("all it knows"))
        set_tooltip(only, self.tr("Names of the detector's classes to draw again, between commas."))
        steps = NumberField(form, f"{DETAIL_PART}steps", self.tr("Steps"), 1, 60, resting=lambda: form.steps)
        steps.call(self.tr("Steps of details"))
        part, label = f"{DETAIL_PART}guidance", self.tr("Guidance")
        guidance = NumberField(form, part, label, 1, 15, 2, self._guidance, kind=float)
        guidance.call(self.tr("Guidance of details"))
        called = (
            self.tr("Sampler of details"),
            self.tr("Schedule of details"),
            self.tr("What details should not show"),
        )
        return [only, *self._boxes(), steps, guidance, *self._sampling(*called)]

    def _boxes(self) -> list[QWidget]:
        rows: list[QWidget] = []
        for name, label, low, high, tip in (
            ("most", self.tr("At most"), 0, 20, self.tr("So many of the largest boxes; 0 is all.")),
            ("dilate", self.tr("Grow"), -32, 32, self.tr("Pixels by which a box grows; below 0 it shrinks.")),
            ("blur", self.tr("Soft edge"), 0, 64, self.tr("Pixels over which the drawing fades in at a box's edge.")),
            ("padding", self.tr("Around it"), 0, 256, self.tr("Pixels of surroundings that are drawn with a box.")),
        ):
            kind = float if name == "blur" else int
            field = NumberField(self._form, f"{DETAIL_PART}{name}", label, low, high, kind=kind)
            set_tooltip(field, tip)
            field.call(tip)
            rows.append(field)
        moved = (
            (f"{DETAIL_PART}right", self.tr("Pixels by which boxes are moved to the right"), "0"),
            (f"{DETAIL_PART}up", self.tr("Pixels by which boxes are moved up"), "0"),
        )
        return [*rows, PairField(self._form, self.tr("Moved"), moved)]

    def _guidance(self) -> float:
        form = self._form
        return form.guidance or (form.card.guidance if form.card else 7.5)
