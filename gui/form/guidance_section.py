"""Guidance variants: PAG, APG and FreeU with their numbers, rescaling, and the noise levels that guidance acts in."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from gui.form.fields import NumberField, Switch, controls, label_of, translated, watch
from gui.form.model import FormModel, FormPart
from gui.form.pair_field import PairField
from gui.look.plain import set_tooltip
from gui.look.theme import GAP
from gui.widgets.fold import stack
from sdedge.field_rows import Section
from sdedge.field_types import Flag, Float
from sdedge.guides import GUIDES, GuideChoice, chosen, guide_choice

FOLD = "guidance"
_SLIDERS: dict[str, tuple[float, float, int]] = {
    "scale": (0, 10, 4), "norm": (0, 30, 2), "momentum": (-1, 1, 20), "b1": (0.5, 2, 20), "b2": (0.5, 2, 20),
}  # fmt: skip
"""From, to and steps for each 1, of numbers whose slider is not 0 to 1.5 in steps of 0.05."""


class GuidanceSection(QWidget):
    """One switch for each guide, and its numbers while it is on."""

    def __init__(self, form: FormModel) -> None:
        super().__init__()
        self._form = form
        self.switches: dict[str, Switch] = {}
        self._numbers: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for name in GUIDES:
            for widget in self._guide(name):
                column.addWidget(widget)
        for widget in controls(form, Section.GUIDANCE, placed=("guides", "guidance_interval")):
            column.addWidget(widget)
        column.addWidget(self._interval())
        watch(self, form, self._follow, "guides")

    def _labels(self) -> dict[str, tuple[str, str]]:
        return {
            "pag": (self.tr("Clearer structure (PAG)"),
                    self.tr("Away from what is drawn without looking at the whole. Half a step more for each step.")),
            "apg": (self.tr("High guidance without glare (APG)"),
                    self.tr("Takes out the part of guidance that oversaturates. Costs nothing.")),
            "freeu": (self.tr("More from the depth (FreeU)"),
                      self.tr("More of what the network makes in its depth, less of what passes by it. Costs nothing.")),
        }  # fmt: skip

    def _guide(self, name: str) -> list[QWidget]:
        form, info = self._form, GUIDES[name]
        label, tip = self._labels().get(name, (name, info.text))
        form.parts[f"guides:{name}"] = FormPart(
            Flag(), lambda: chosen(form.guides, name) is not None, partial(self._turn, name), ("guides",), FOLD
        )
        self.switches[name] = switch = Switch(form, f"guides:{name}", label)
        set_tooltip(switch, tip)
        rows = []
        for row in info.numbers:
            part = f"guides:{name}:{row.name}"
            form.parts[part] = FormPart(
                Float(row.low, row.high, f"{row.default:g}"), partial(self._number, name, row.name),
                partial(self._put, name, row.name), ("guides",), FOLD,
            )  # fmt: skip
            low, high, steps = _SLIDERS.get(row.name, (0, 1.5, 20))
            field = NumberField(form, part, row.name, low, high, steps, kind=float)
            set_tooltip(field, translated(row.help))
            rows.append(field)
        self._numbers[name] = stack(*rows)
        return [switch, self._numbers[name]]

    def _number(self, guide: str, name: str) -> float:
        numbers = chosen(self._form.guides, guide)
        return numbers[name] if numbers is not None else guide_choice(guide).by_name[name]

    def _turn(self, name: str, on: bool) -> dict[str, Any]:
        others = [guide for guide in self._form.guides if guide.name != name]
        return {"guides": _sorted([*others, guide_choice(name)] if on else others)}

    def _put(self, name: str, number: str, value: float) -> dict[str, Any]:
        if (numbers := chosen(self._form.guides, name)) is None:
            return {}
        others = [guide for guide in self._form.guides if guide.name != name]
        return {"guides": _sorted([*others, guide_choice(name, "guides", **{**numbers, number: value})])}

    def _interval(self) -> QWidget:
        form = self._form
        ends = (("lowest", self.tr("Lowest noise level"), "0"), ("highest", self.tr("Highest noise level"), "∞"))
        for end, (name, _, _) in enumerate(ends):
            form.parts[f"guidance_interval:{name}"] = FormPart(
                Float(0, 1e6, "9"), partial(_end_of, form, end), partial(_put_end, form, end), ("guidance_interval",),
                FOLD, True,
            )  # fmt: skip
        caption = self.tr("Noise levels (sigma) in which guidance acts, 14.6 at the start and 0 at the end")
        rows = [(f"guidance_interval:{name}", label, resting) for name, label, resting in ends]
        return PairField(form, label_of("guidance_interval"), rows, caption)

    def _follow(self) -> None:
        for name, numbers in self._numbers.items():
            numbers.setVisible(chosen(self._form.guides, name) is not None)


def _sorted(guides: list[GuideChoice]) -> tuple[GuideChoice, ...]:
    return tuple(sorted(guides, key=lambda guide: [*GUIDES].index(guide.name)))


def _end_of(form: FormModel, end: int) -> float | None:
    if form.guidance_interval is None:
        return None
    value = form.guidance_interval[end]
    return None if value == (0, math.inf)[end] else value


def _put_end(form: FormModel, end: int, value: float | None) -> dict[str, Any]:
    """An interval of all levels is none."""
    ends = [0.0, math.inf] if form.guidance_interval is None else list(form.guidance_interval)
    ends[end] = (0.0, math.inf)[end] if value is None else value
    return {"guidance_interval": None if ends == [0.0, math.inf] else (ends[0], ends[1])}
