"""The hint that a control reads, made by a process of its own while the form is filled."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTemporaryDir, QTimer, Signal
from PySide6.QtGui import QImage

from gui.commands.command import Command
from gui.form.controlling import hint_arguments, picture_of
from gui.form.model import FormModel
from gui.shell.background import Background, in_words
from gui.shell.pictures import look_at_picture
from sdedge.controls import Control, HintFit
from sdedge.errors import SdedgeError

REST = 400  # milliseconds without a change until it is made
SIZE = (512, 512)  # where the picture's is not known yet


class HintPreview(QObject):
    """`made` carries the picture and its hint, QImages that may be null; `failed` says why there is none."""

    made = Signal(object, object)
    failed = Signal(str)
    making = Signal()

    def __init__(self, form: FormModel, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._form, self._background = form, background
        self._folder: QTemporaryDir | None = None
        self._asked: tuple[Path | None, str | None, HintFit, tuple[int, int]] | None = None
        self._number = 0
        self._control: Control | None = None
        self._command: Command | None = None
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._make)

    def show_control(self, control: Control) -> None:
        """Shows the hint of this control, a moment after its picture, preprocessor or fitting changed."""
        picture = picture_of(control, self._form.image)
        asked = (picture, control.preprocess, control.resize, self._form.size or SIZE)
        if asked != self._asked:
            self.close()
            self._asked, self._control = asked, control
            self._rest.start()

    def close(self) -> None:
        """Ends the process that makes one; the next control that is shown has its hint made, also where it is this one."""
        self._rest.stop()
        self._asked = None
        self._number += 1
        if self._command is not None:
            self._command.leave()
            self._command = None

    def _fail(self, fault: str) -> None:
        """Shows none rather than the one before."""
        self.made.emit(QImage(), QImage())
        self.failed.emit(fault)

    def _make(self) -> None:
        assert self._control is not None and self._asked is not None
        picture, *_, size = self._asked
        if picture is None:
            self.made.emit(QImage(), QImage())
            return
        if self._folder is None:
            self._folder = QTemporaryDir()
        number = self._number
        out = Path(self._folder.path()) / f"{number}.png"
        try:
            arguments = hint_arguments(self._control, picture, size, out)
        except SdedgeError as error:
            self._fail(in_words(error))
            return
        if arguments is None:
            self._read(number, picture, None)
            return
        self.making.emit()
        self._command = Command(arguments, self)
        self._command.ended.connect(lambda failure: self._end(number, failure, picture, out))
        self._command.start()

    def _end(self, number: int, failure: str, picture: Path, out: Path) -> None:
        if number == self._number:
            self._fail(failure) if failure else self._read(number, picture, out)

    def _read(self, number: int, picture: Path, hint: Path | None) -> None:
        def work() -> tuple[QImage, QImage]:
            seen = look_at_picture(picture).image
            return seen, seen if hint is None else look_at_picture(hint).image

        def show(images: tuple[QImage, QImage]) -> None:
            if number == self._number:
                self.made.emit(*images)

        def fail(error: Exception) -> None:
            if number == self._number:
                self._fail(in_words(error))

        self._background.run(work, show, fail, self)
