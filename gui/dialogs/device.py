"""Device and memory: what draws and why, what is free and planned, and what the speeds really do."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QProgressBar,
    QPushButton,
    QWidget,
)

from gui.commands.command import Command
from gui.form.memory_hint import PictureMemory
from gui.languages.texts import mark, tr
from gui.look.plain import PlainLabel
from gui.look.readable import decimal, size_in_words
from gui.look.theme import HALF, PAD, set_kind, spaced_font
from gui.shell.advice import for_the_window
from gui.shell.device import UNKNOWN, Device, probe_device
from gui.shell.studio import Studio
from gui.widgets.cards import card, fill, left
from gui.widgets.fault_label import FaultLabel
from sdedge import catalog
from sdedge.machine.memory_plan import MemoryPlan

EVERY = 3000  # milliseconds
_SIZE = 560, 640
_FORMATS = {"float32": mark("32 bits"), "float16": mark("16 bits (fp16)"), "bfloat16": mark("16 bits (bf16)")}


class DeviceDialog(QDialog):
    """Not modal; looks again every few seconds while it is open."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._command: Command | None = None
        self.setWindowTitle(self.tr("Device and Memory"))
        self.resize(*_SIZE)
        self._memory = PictureMemory(studio, self)
        self._memory.planned.connect(self._show_plan)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY)
        self._timer.timeout.connect(self.look)
        self._lay_out()

    def look(self) -> None:
        """Reads what is known and free."""
        mine, engine = self._studio.bridge.worker_memory, self._studio.board.checked_engine
        self._studio.bridge.background.run(lambda: probe_device(mine, engine), self._show, owner=self)
        self._memory.look()

    def _show(self, device: Device) -> None:
        finding = device.finding
        self.button.setText(self.tr("Measure") if finding is None else self.tr("Measure Again"))
        self.device.setText(f"{device.name}" + (f" ({finding.device})" if finding else ""))
        if finding is None:
            self.reason.setText(
                self.tr("It was not measured yet which number format is fastest here; it takes a few seconds.")
            )
        else:
            formats = tr(_FORMATS.get(finding.dtype, finding.dtype))
            self.reason.setText(self.tr("Full-size models run in {0}. {1}").format(formats, finding.reason))
        self.checked.setText(self._say_checked(device))
        for label in (self.checked, self.why_checked):
            label.setVisible(bool(self.checked.text()))
        self._show_timings(device)
        self._show_memory(device)

    def _say_checked(self, device: Device) -> str:
        """Returns what is known of the engines, and how far the check is that runs now."""
        proved = self.tr("Checked, and right: {0}.").format(", ".join(device.proved)) if device.proved else ""
        parts, check = [for_the_window(device.doubts) or proved], device.check
        if check is not None and check.total:
            text = self.tr("{0} is being checked: {1} of {2} results are there.")
            parts.append(text.format(check.engine, check.done, check.total))
        elif check is not None:
            parts.append(self.tr("{0} is being checked.").format(check.engine))
        return " ".join(filter(None, parts))

    def _show_timings(self, device: Device) -> None:
        while (item := self._timings.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        timings = device.finding.timings if device.finding else ()
        for row, timing in enumerate(timings):
            spent = self.tr("refused") if timing.seconds is None else f"{decimal(timing.seconds * 1000)} ms"
            layout = timing.layout.replace("_", " ")
            for column, text in enumerate((timing.kernel, tr(_FORMATS.get(timing.dtype, timing.dtype)), layout, spent)):
                label = PlainLabel(text)
                set_kind(label, "caption")
                label.setFont(spaced_font(label.font()))
                self._timings.addWidget(label, row, column)

    def _show_memory(self, device: Device) -> None:
        if device.total > UNKNOWN:
            self.memory.setText(self.tr("This system does not say how much memory is free."))
            self.bar.hide()
            return
        text = self.tr("{0} of {1} are free.").format(size_in_words(device.free), size_in_words(device.total))
        if mine := self._studio.bridge.worker_memory:
            held = self.tr("The engine's process holds {0}, which counts as free for pictures.")
            text += " " + held.format(size_in_words(mine))
        self.memory.setText(text)
        self.bar.setValue(round(1000 * (1 - device.free / device.total)))

    def _show_plan(self, plan: MemoryPlan | None) -> None:
        if plan is None:
            self.planned.setText(self.tr("The next picture's memory cannot be planned for this model."))
        else:
            text = self.tr("The next picture is planned with about {0}, in mode “{1}”.")
            self.planned.setText(text.format(size_in_words(plan.peak), plan.mode))

    def measure(self) -> None:
        """Times the kernels again, in a process of its own."""
        if self._command is None:
            self.button.setEnabled(False)
            self.fault.say(self.tr("Measuring; it is best to do nothing else meanwhile."), "caption")
            self._command = Command(["doctor", "--again", "--json"], self)
            self._command.ended.connect(self._measured)
            self._command.start()

    def _measured(self, failure: str) -> None:
        if self._command is not None:
            self._command.deleteLater()
        self._command = None
        self.button.setEnabled(True)
        self.fault.say(failure)
        self.look()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        if self._command is not None and not event.spontaneous():  # what is minimised is there all the same
            self._command.leave()
            self._command = None
            self._measured("")

    # Building

    def _lay_out(self) -> None:
        self.device, self.reason, self.memory, self.planned = PlainLabel(), PlainLabel(), PlainLabel(), PlainLabel()
        self.checked, self.fault = PlainLabel(), FaultLabel()
        self.why_checked = self._explain_check()
        self.button = QPushButton(self.tr("Measure"))
        self.button.clicked.connect(self.measure)
        self.release = QPushButton(self.tr("Give Back the Models' Memory"))
        self.release.clicked.connect(self._studio.bridge.release_models)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Memory in use"))
        self._timings = QGridLayout()
        self._timings.setHorizontalSpacing(PAD)
        self._timings.setVerticalSpacing(2)
        set_kind(self.device, "strong")
        known = (self.device, self.reason, self.checked, self.why_checked)
        device = (*known, self._timings, self.fault, left(self.button))
        memory = (self.memory, self.bar, self.planned, left(self.release))
        fill(
            self,
            card(self.tr("Device"), *device, gap=HALF),
            card(self.tr("Memory"), *memory, gap=HALF),
            card(self.tr("Speeds"), *self._speeds(), gap=HALF),
        )

    def _explain_check(self) -> PlainLabel:
        label = PlainLabel(
            self.tr(
                "An update of the system or of a driver can spoil pictures without any error. So what a device computes in a "
                "number format is compared with known results once, when it is first used, and again after updates."
            )
        )
        set_kind(label, "caption")
        return label

    def _speeds(self) -> list[PlainLabel]:
        labels: list[PlainLabel] = []
        for speed in catalog.SPEEDS.values():
            title, text = PlainLabel(tr(speed.label)), PlainLabel(tr(speed.text))
            set_kind(title, "strong")
            set_kind(text, "muted")
            labels += [title, text]
        return labels
