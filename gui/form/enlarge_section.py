"""Enlarge and redraw: hires fix, upscaling, faces drawn again, and large pictures in windows, in plain words."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.form.enlarging import (
    DETAIL_PART,
    HIRES_PART,
    NONE,
    Enlarging,
    add_parts,
    detail_pass,
    enlarging,
    further_passes,
    pass_in_words,
    pixel_enlargers,
    size_in_words,
)
from gui.form.fields import Choice, NumberField, Option, TypedField, controls, watch
from gui.form.names import Names
from gui.form.pass_settings import DetailSettings, HiresSettings
from gui.form.windows_field import WindowsField
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, Theme, set_kind
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import stack
from sdedge.field_rows import Section
from sdedge.passes import ENLARGERS


class EnlargeSection(QWidget):
    """What is shown of it is what is in force. `detection_wanted` asks for what the detector finds in the picture on the canvas
    to be shown there, or no more."""

    detection_wanted = Signal(bool)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._form = studio.form
        self._upscalers: list[str] = []
        add_parts(self._form)
        self.how = Choice(self._form, f"{HIRES_PART}how", self.tr("Enlarge"), self._ways(), advice=True)
        self.detail = Choice(self._form, f"{DETAIL_PART}model", self.tr("Redraw"))
        self._lay_out(studio.theme)
        self._offer_detectors([])
        watch(self, self._form, self._follow, "passes", "width", "height", "card", "steps", "guidance")

    def offer(self, names: Names) -> None:
        """Offers what is installed."""
        self._upscalers = names.upscalers
        self._offer_upscalers()
        self._offer_detectors(names.detectors)

    # Building

    def _ways(self) -> list[Option]:
        return [
            Option(Enlarging.OFF, self.tr("No"), ""),
            Option(Enlarging.REDRAWN, self.tr("Hires fix"),
                   self.tr("drawn small, where v1 composes best, then enlarged and drawn anew in part")),
            Option(Enlarging.ONLY, self.tr("Only enlarge"), self.tr("the finished picture, without drawing it anew")),
        ]  # fmt: skip

    def _lay_out(self, theme: Theme) -> None:
        form, number = self._form, NumberField
        self.scale = number(form, f"{HIRES_PART}scale", self.tr("Times"), 1, 4, 4, kind=float)
        self.upscaler = Choice(form, f"{HIRES_PART}by", self.tr("By"))
        self.becomes = PlainLabel()
        set_kind(self.becomes, "caption")
        self.strength = number(form, f"{HIRES_PART}strength", self.tr("Strength"), 0.05, 1, 20, kind=float)
        self.steps = number(form, f"{HIRES_PART}steps", self.tr("Steps"), 1, 60, resting=lambda: form.steps)
        self.guidance = number(form, f"{HIRES_PART}guidance", self.tr("Guidance"), 1, 15, 2, self._guidance, kind=float)
        self.prompt = TypedField(form, f"{HIRES_PART}prompt", self.tr("Prompt"), self.tr("as above"))
        self.enlarged = stack(self.scale, self.becomes, self.upscaler)
        self.hires_further, self.detail_further = HiresSettings(form, theme), DetailSettings(form, theme)
        self.redrawn = stack(self.strength, self.steps, self.guidance, self.prompt, self.hires_further)
        self.detail_strength = number(form, f"{DETAIL_PART}strength", self.tr("Strength"), 0.05, 1, 20, kind=float)
        self.confidence = number(form, f"{DETAIL_PART}confidence", self.tr("Surely"), 0, 1, 20, kind=float)
        self.detail_prompt = TypedField(form, f"{DETAIL_PART}prompt", self.tr("Prompt"), self.tr("as above"))
        self.look = QPushButton(self.tr("Show what it finds"))
        self.look.setCheckable(True)
        self.look.clicked.connect(self.detection_wanted)
        self.detection_note = FaultLabel()
        self.detailed = stack(
            self.look,
            self.detection_note,
            self.detail_strength,
            self.confidence,
            self.detail_prompt,
            self.detail_further,
        )
        self.windows = WindowsField(form)
        self.further = PlainLabel()
        self.further.setWordWrap(True)
        set_kind(self.further, "caption")
        self._tips()
        self.scale.call(self.tr("Times as large"))
        self.strength.call(self.tr("Strength of drawing it anew"))
        self.steps.call(self.tr("Steps of drawing it anew"))
        self.guidance.call(self.tr("Guidance of drawing it anew"))
        self.detail_strength.call(self.tr("Strength of drawing details again"))
        self.confidence.call(self.tr("How sure the detector must be"))
        self.prompt.edit.setAccessibleName(self.tr("Prompt of drawing it anew"))
        self.detail_prompt.edit.setAccessibleName(self.tr("Prompt of drawing details again"))
        more = controls(form, Section.ENLARGE, placed=("passes", "windows"))
        rows = (self.how, self.enlarged, self.redrawn, self.detail, self.detailed, self.windows, *more, self.further)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for row in rows:
            column.addWidget(row)

    def _tips(self) -> None:
        for widget, text in (
            (self.scale, self.tr("How many times as wide and as high it becomes.")),
            (self.upscaler, self.tr("What enlarges it. Latent ways want a strength of 0.5 or more, the others 0.2 or more.")),
            (self.strength, self.tr("How much is drawn anew: little keeps the picture, much adds detail.")),
            (self.steps, self.tr("Steps of drawing it anew; empty is as many as above.")),
            (self.guidance, self.tr("Guidance while it is drawn anew; empty is as above.")),
            (self.prompt, self.tr("Another prompt while it is drawn anew; empty is the one above.")),
            (self.detail, self.tr("Faces, hands or whatever an installed detector finds, each drawn again at full size.")),
            (self.look, self.tr("Boxes over the picture on the canvas, found by a process of its own; nothing is drawn.")),
            (self.detail_strength, self.tr("How much of each is drawn anew.")),
            (self.confidence, self.tr("How sure the detector must be of what it finds.")),
            (self.detail_prompt, self.tr("A prompt for these alone; [SEP] stands between the prompts of several.")),
        ):  # fmt: skip
            set_tooltip(widget, text)

    # What a detector finds

    def show_looking(self) -> None:
        """Says that it is looked for."""
        self.look.setChecked(True)
        self.detection_note.say(self.tr("Looking…"), "caption")

    def say_detections(self, text: str, kind: str = "caption", on: bool = False) -> None:
        """Says what was found, or why nothing is; `on` while it is shown on the canvas."""
        self.look.setChecked(on)
        self.detection_note.say(text, kind)

    # Following

    def _guidance(self) -> float:
        card = self._form.card
        return self._form.guidance or (card.guidance if card else 7.5)

    def _follow(self) -> None:
        passes = self._form.passes
        how = enlarging(passes)
        self.enlarged.setVisible(how != Enlarging.OFF)
        self.redrawn.setVisible(how == Enlarging.REDRAWN)
        self.detailed.setVisible(detail_pass(passes) is not None)
        self.becomes.setText(size_in_words(passes, self._form.size))
        self.becomes.setVisible(bool(self.becomes.text()))
        more = ", ".join(map(pass_in_words, further_passes(passes)))
        self.further.setText(self.tr("Also, from a picture: {0}").format(more))
        self.further.setVisible(bool(more))
        if getattr(self, "_offered", None) != how:
            self._offer_upscalers()

    def _offer_upscalers(self) -> None:
        """Latents cannot be enlarged alone."""
        self._offered = enlarging(self._form.passes)
        own = pixel_enlargers() if self._offered == Enlarging.ONLY else list(ENLARGERS)
        self.upscaler.offer(
            [Option(name, ENLARGERS[name].label) for name in own] + [Option(n, n) for n in self._upscalers]
        )

    def _offer_detectors(self, detectors: list[str]) -> None:
        self.detail.offer([Option(NONE, self.tr("Nothing")), *(Option(name, name) for name in detectors)])
        note = self.tr("Add a detector under Models, such as face_yolov8n.") if not detectors else ""
        self.detail.note.say(note, "caption")
