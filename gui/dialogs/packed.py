"""The row of the settings that lets packed weights be kept on disk: what they take, what is there, and a way to clear it."""

from __future__ import annotations

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.look.readable import size_in_words
from gui.look.theme import HALF
from gui.shell.background import in_words
from gui.shell.studio import Studio
from gui.widgets.cards import left
from gui.widgets.fault_label import FaultLabel
from gui.widgets.wrapping_check import WrappingCheck
from sdedge.engines.torch.cpu import packed_cache
from sdedge.errors import SdedgeError
from sdedge.machine.memory_plan import Sizes


class PackedRow(QWidget):
    """Asks before a byte is kept. The answer is the same as that of `sdedge cache`, and holds from the next model on."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._background = studio.bridge.background
        self.switch = WrappingCheck(self.tr("Keep models prepared for this processor: they start faster"))
        self.note = FaultLabel()
        self.clear = QPushButton(self.tr("Clear"))
        self.clear.setAccessibleName(self.tr("Clear what was kept of models"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(HALF)
        column.addWidget(self.switch)
        column.addWidget(self.note)
        column.addLayout(left(self.clear))
        self.show_state()
        self.switch.toggled.connect(self._choose)
        self.clear.clicked.connect(
            lambda: self._background.run(packed_cache.clear, lambda _: self.show_state(), owner=self, lasting=True)
        )

    def show_state(self) -> None:
        """Says what a model takes, what is there and how much there may be."""
        choice, there = packed_cache.choice(), sum(entry.size for entry in packed_cache.entries())
        self.switch.blockSignals(True)
        self.switch.setChecked(bool(choice.keep))
        self.switch.blockSignals(False)
        model = sum((Sizes().text_encoder, Sizes().unet, Sizes().vae))
        text = self.tr(
            "A full-size model takes {0} to {1} of the disk, all of them together at most {2}; {3} are there now."
        )
        held = size_in_words(there) if there else self.tr("none")
        self.note.say(
            text.format(size_in_words(model * 2), size_in_words(model * 4), size_in_words(choice.limit), held),
            "caption",
        )
        self.clear.setEnabled(there > 0)

    def _choose(self, keep: bool) -> None:
        try:
            packed_cache.choose(keep=keep)
        except SdedgeError as error:
            self.show_state()
            self.note.say(in_words(error))
            return
        self.show_state()
