"""The LoRAs of the prompt, each with a switch and a slider: what they change is its tags, which stay where they are."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gui.form.fields import NumberField, watch
from gui.form.model import FormPart
from gui.look.plain import set_tooltip
from gui.look.readable import shortest
from gui.look.theme import GAP, HALF, set_kind
from gui.shell.actions import name_button
from gui.shell.advice import for_the_window
from gui.shell.studio import Studio
from gui.widgets.elided import ElidedLabel
from gui.widgets.fault_label import FaultLabel
from sdedge.field_types import Float
from sdedge.text.tags import LoraTag, lora_tags, without_loras

LOW, HIGH, STEPS = -1, 2, 20  # of the slider, and its steps for each 1 of the weight
PREFIX = "lora:"
_WEIGHT = Float(-10, 10, "0.8")


class LoraRows(QWidget):
    """One row for each tag in the prompt; hidden while there is none."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio, self._form = studio, studio.form
        self.rows: list[LoraRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GAP)
        self._names: list[str] = []
        watch(self, self._form, self._follow, "prompt", "loras_off")

    def _follow(self) -> None:
        tags = lora_tags(self._form.prompt)
        if (names := [tag.name for tag in tags]) != self._names:
            self._form.forget_typed(PREFIX)
            self._names = names
        for number in range(len(self.rows), len(tags)):
            row = LoraRow(self._studio, number)
            row.remove.clicked.connect(partial(self._remove, number))
            self.rows.append(row)
            self._column.addWidget(row)
        for row, tag in zip(self.rows, tags, strict=False):
            row.show_tag(tag)
        for row in self.rows[len(tags) :]:
            row.hide()
        self.setVisible(bool(tags))

    def _remove(self, number: int) -> None:
        form, before, off = self._form, self._form.prompt, self._form.loras_off
        tags = lora_tags(before)
        if number >= len(tags):
            return
        tag = tags[number]
        form.put(prompt=(before[: tag.start] + without_loras(before[tag.start : tag.end] + before[tag.end :][:1], {tag.name})
                         + before[tag.end + 1 :]).rstrip(" "))  # fmt: skip
        text = self.tr("The LoRA {0} is taken out.").format(tag.name)
        self._studio.offer_undo(text, lambda: form.put(prompt=before, loras_off=off))


class LoraRow(QWidget):
    """The tag with this number in the prompt."""

    def __init__(self, studio: Studio, number: int) -> None:
        super().__init__()
        self._form, self._number = studio.form, number
        self.switch, self.name, self.remove = QCheckBox(), ElidedLabel(), QToolButton()
        self.note = FaultLabel()
        part = f"{PREFIX}{number}:weight"
        self._form.parts[part] = FormPart(_WEIGHT, self._weight, self._put_weight, ("prompt",), "adapters")
        self.weight = NumberField(self._form, part, self.tr("Weight"), LOW, HIGH, STEPS, kind=float)
        self.switch.toggled.connect(self._turn)
        self.remove.setIcon(studio.theme.icon("close", "muted"))
        set_kind(self.remove, "quiet")
        self._lay_out()

    def show_tag(self, tag: LoraTag) -> None:
        """Shows what the tag says now, and whether it is drawn with."""
        on = tag.name not in self._form.loras_off
        self.switch.blockSignals(True)
        self.switch.setChecked(on)
        self.switch.blockSignals(False)
        self.switch.setAccessibleName(self.tr("Draw with {0}").format(tag.name))
        set_tooltip(self.switch, self.tr("Draw with it; off, it keeps its place and its weight."))
        self.name.say(tag.name)
        set_kind(self.name, "" if on else "muted")
        set_tooltip(self.name, tag.text)
        name_button(self.remove, self.tr("Take {0} out").format(tag.name))
        self.weight.setEnabled(tag.lora is not None)
        for control in (self.weight.slider, self.weight.edit):
            control.setAccessibleName(self.tr("Weight of {0}").format(tag.name))
            set_tooltip(control, self._says(tag))
        self.note.say(for_the_window(tag.fault))
        self.show()

    def _says(self, tag: LoraTag) -> str:
        if tag.lora is None or tag.lora.text_weight == tag.lora.unet_weight:
            return self.tr("How strongly it acts: 0 is not at all, 1 as it was trained.")
        return self.tr("Its weight in the UNet; in the text encoder it stays {0}.").format(
            shortest(tag.lora.text_weight)
        )

    def _tag(self) -> LoraTag | None:
        tags = lora_tags(self._form.prompt)
        return tags[self._number] if self._number < len(tags) else None

    def _weight(self) -> float:
        tag = self._tag()
        return tag.lora.unet_weight if tag is not None and tag.lora is not None else 1.0

    def _put_weight(self, weight: float) -> dict[str, str]:
        tag, prompt = self._tag(), self._form.prompt
        if tag is None:
            return {}
        return {"prompt": prompt[: tag.start] + tag.weighted(weight) + prompt[tag.end :]}

    def _turn(self, on: bool) -> None:
        if (tag := self._tag()) is not None:
            off = self._form.loras_off
            self._form.put(loras_off=off - {tag.name} if on else off | {tag.name})

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(HALF)
        row.addWidget(self.switch)
        row.addWidget(self.name, 1)
        row.addWidget(self.remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.weight)
        column.addWidget(self.note)
