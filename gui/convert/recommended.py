"""What this machine draws a model fastest as, in one button: nobody need know what Core ML or int8 is."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.convert.plan import ANE, GRAPH, INT8
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, set_kind
from gui.shell.device import Device, probe_device
from gui.shell.studio import Studio
from sdedge.machine.findings import Timing

ROOM = 12e9  # bytes of memory in all, below which a Mac's Neural Engine draws where its GPU would not fit
FASTER = 0.9  # of the time of the best other format, from which on int8 pays for being a little lossy


def recommended(device: Device) -> str | None:
    """Returns the target that suits this machine; None where a model is drawn best as it is, or nothing was measured yet."""
    if sys.platform == "darwin":
        return (ANE if device.total < ROOM else GRAPH) if platform.machine() == "arm64" else None
    return INT8 if device.kind == "cpu" and device.finding and _int8_pays(device.finding.timings) else None


def _int8_pays(timings: Sequence[Timing]) -> bool:
    """Returns whether what int8 computes takes less time in it than in the best of the others."""
    quantized = {timing.kernel: timing.seconds for timing in timings if timing.dtype == "int8" and timing.seconds}
    best: dict[str, float] = {}
    for timing in timings:
        if timing.dtype != "int8" and timing.seconds and timing.kernel in quantized:
            best[timing.kernel] = min(best.get(timing.kernel, timing.seconds), timing.seconds)
    return bool(best) and sum(quantized[kernel] or 0 for kernel in best) <= FASTER * sum(best.values())


class OptimiseCard(QWidget):
    """`wanted` when the button is pressed and there is something to make; where nothing was measured yet it leads there."""

    wanted = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.target: str | None = None
        self.button, self.text = QPushButton(), PlainLabel()
        set_kind(self.button, "accent")
        self.button.setEnabled(False)
        self.button.clicked.connect(self._press)
        self.text.setWordWrap(True)
        set_kind(self.text, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.button)
        column.addWidget(self.text)
        self._name()

    def look(self) -> None:
        """Reads what was measured here; an answer that a later reading overtook is not shown."""
        self._reading = reading = object()

        def show(device: Device) -> None:
            if self._reading is reading:
                self.show_device(device)

        self._studio.bridge.background.run(probe_device, show, owner=self)

    def show_device(self, device: Device) -> None:
        """Says what the button does here, or why there is nothing for it to do."""
        self.target = recommended(device)
        is_known = device.finding is not None or sys.platform == "darwin"
        self.button.setEnabled(self.target is not None or not is_known)
        texts = {
            GRAPH: self.tr("Makes a copy for the graphics of this Mac, which draws every size."),
            ANE: self.tr("Makes a copy for the Neural Engine, which takes the least memory and power."),
            INT8: self.tr("Makes a copy that this processor draws faster. Its pictures differ a little."),
        }
        nothing = self.tr("This machine draws models best as they are. Details convert one for another.")
        unmeasured = self.tr("What is fastest here was not measured yet; it takes a few seconds.")
        self.text.setText(texts[self.target] if self.target else nothing if is_known else unmeasured)
        self._name(is_known)

    def _name(self, is_known: bool = True) -> None:
        mine = self.tr("Optimise for This Mac") if sys.platform == "darwin" else self.tr("Optimise for This Machine")
        self.button.setText(mine if is_known else self.tr("Measure This Machine…"))

    def _press(self) -> None:
        if self.target is None:
            self._studio.actions["device"].trigger()
        else:
            self.wanted.emit()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.look()

    def changeEvent(self, event: QEvent) -> None:
        """Back from the dialog that measures."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isVisible() and self.isActiveWindow():
            self.look()
