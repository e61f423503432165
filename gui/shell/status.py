"""The line at the right of the header: model, device and precision, memory."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLabel

from gui.look.plain import set_tooltip
from gui.look.readable import decimal
from gui.shell.pictures import short
from gui.shell.studio import Studio
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue
from sdedge.machine.memory import available_memory

EVERY = 5000  # milliseconds
LONGEST = 40  # characters of a model's name
_SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


class Status(QObject):
    """Keeps a label up to date while it is visible."""

    def __init__(self, studio: Studio, label: QLabel) -> None:
        super().__init__(label)
        self._studio, self._label = studio, label
        self._engine = ""
        self._memory = ""
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY)
        self._timer.timeout.connect(self._look)
        studio.form.watch(self._show, "model")
        studio.board.drawn.connect(lambda job, event: self._ask_engine())
        studio.bridge.ready.connect(self._begin)
        self._show()

    def _begin(self) -> None:
        self._timer.start()
        self._look()
        self._ask_engine()

    def stop(self) -> None:
        self._timer.stop()

    def _look(self) -> None:
        self._studio.bridge.background.run(available_memory, self._take_memory, owner=self)

    def _take_memory(self, memory: tuple[int, int]) -> None:
        free, total = memory
        if total < 1 << 49:  # known
            used = self._studio.bridge.worker_memory
            text = self.tr("{0} of {1} GB").format(decimal(used / 1e9), decimal(total / 1e9, 0))
            self._memory = text
            set_tooltip(self._label, self.tr("The engine uses {0}; {1} GB are free.").format(text, decimal(free / 1e9)))
        self._show()

    def _ask_engine(self) -> None:
        """Asks what drew the latest picture."""

        def read(queue: Queue, gallery: Gallery) -> str:
            latest = gallery.search(limit=1)
            return str(latest[0].facts.get("engine", "")) if latest else ""

        self._studio.bridge.ask(read, self._take_engine, lambda error: None, self)

    def _take_engine(self, engine: str) -> None:
        device, _, precision = engine.partition(" ")
        self._engine = f"{device.upper()} {_SHORT.get(precision, precision)}".strip()
        self._show()

    def _show(self) -> None:
        model = short(self._studio.form.model, LONGEST)
        self._label.setText(" · ".join(part for part in (model, self._engine, self._memory) if part))
