"""What this machine draws a model fastest as, in one button: nobody need know what Core ML or int8 is."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.convert.plan import ANE, GRAPH, INT8
from gui.look.plain import PlainLabel
from gui.look.theme import GAP, set_kind
from gui.shell.device import Device
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
    """`wanted` when the button is pressed."""

    wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.target: str | None = None
        is_a_mac = sys.platform == "darwin"
        self.button = QPushButton(
            self.tr("Optimise for This Mac") if is_a_mac else self.tr("Optimise for This Machine")
        )
        set_kind(self.button, "accent")
        self.button.clicked.connect(self.wanted)
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        set_kind(self.text, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        column.addWidget(self.button)
        column.addWidget(self.text)
        self.button.setEnabled(False)

    def show_device(self, device: Device) -> None:
        """Says what the button does here, or why there is nothing for it to do."""
        self.target = recommended(device)
        self.button.setEnabled(self.target is not None)
        texts = {
            GRAPH: self.tr("Makes a copy for the graphics of this Mac, which draws every size."),
            ANE: self.tr("Makes a copy for the Neural Engine, which takes the least memory and power."),
            INT8: self.tr("Makes a copy that this processor draws faster. Its pictures differ a little."),
        }
        nothing = self.tr("This machine draws models best as they are. Details convert one for another.")
        unmeasured = self.tr("What is fastest here was not measured yet: View, Device and Memory, Measure.")
        is_known = device.finding is not None or sys.platform == "darwin"
        self.text.setText(texts[self.target] if self.target else nothing if is_known else unmeasured)
