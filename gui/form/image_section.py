"""Picture to picture: the picture to start from, how much of it stays, and its mask."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from gui.form.edges_field import EdgesField
from gui.form.fields import control, controls, label_of, watch
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, plain_button, set_kind
from gui.shell.actions import name_button
from gui.shell.background import in_words
from gui.shell.file_dialogs import ask_file
from gui.shell.pictures import Looked, look_at_picture, short, shrink
from gui.shell.studio import Studio
from gui.widgets.fault_label import FaultLabel
from gui.widgets.fold import stack
from sdedge.field_rows import Section

INSTRUCT_CHANNELS = 8  # of a UNet that reads the picture to start from beside its noise
THUMBNAIL = 64  # pixels
FILES = "*.png *.jpg *.jpeg *.webp *.avif *.gif *.bmp *.tif *.tiff *.jp2 *.ppm *.qoi"


class ImageSection(QWidget):
    """`looked` tells when the picture was read, None when there is none any more."""

    looked = Signal(object)
    paint_wanted = Signal()

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._path: str | None = None
        self.source: Looked | None = None
        self.fault = FaultLabel()
        self._thumbnail, self._name = PlainLabel(), PlainLabel()
        self._hint = PlainLabel(self.tr("Drop a picture anywhere on the window, or choose one."))
        self._lay_out()
        watch(self, studio.form, self._follow, "image")
        watch(self, studio.form, self._show_mask, "mask", "image", "outpaint")

    def choose(self) -> None:
        """Asks for a file."""
        title, kinds = self.tr("Open a picture"), self.tr("Pictures ({0})").format(FILES)
        every = self.tr("All files (*)")
        if path := ask_file(self, self._studio.settings, "pictures", title, f"{kinds};;{every}"):
            self._studio.files_wanted.emit([path])

    def _take_mask_out(self) -> None:
        """Draws everything anew, which can be undone."""
        form, mask = self._studio.form, self._studio.form.mask
        form.put(mask=None)
        self._studio.offer_undo(self.tr("The mask is taken out."), lambda: form.put(mask=mask))

    def give(self, source: Looked) -> None:
        """Takes a picture that was read already, just before the form takes its path."""
        self._read_before = source

    # Building

    _read_before: Looked | None = None

    def _lay_out(self) -> None:
        self._hint.setWordWrap(True)
        set_kind(self._hint, "caption")
        self._choose = plain_button(self.tr("Choose…"), self.choose)
        form = self._studio.form
        started = controls(form, Section.IMAGE, placed=("image", "mask", "outpaint", "image_guidance"))
        self.edges = EdgesField(form)
        self._closeness = control(form, "image_guidance", resting=lambda: 1.5)
        watch(self, form, self._show_closeness, "card", "image_guidance")
        self._mask_box = stack(*controls(form, Section.MASK), gap=HALF + HALF)
        self._with_image = stack(self._card(), *started, self._closeness, self._mask_row(), self.edges, self._mask_box)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for widget in (self._hint, self._choose, self._with_image, self.fault):
            column.addWidget(widget)

    def _card(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GAP)
        self._thumbnail.setFixedSize(THUMBNAIL, THUMBNAIL)
        self._thumbnail.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._thumbnail.setAccessibleName(self.tr("Picture to start from"))
        self._name.setWordWrap(True)
        set_kind(self._name, "caption")
        remove = QToolButton()
        remove.setIcon(self._studio.theme.icon("close", "muted"))
        set_kind(remove, "quiet")
        name_button(remove, self.tr("Take the picture out"))
        remove.clicked.connect(lambda: self._studio.start_from(None))
        row.addWidget(self._thumbnail)
        row.addWidget(self._name, 1)
        row.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        return box

    def _mask_row(self) -> QWidget:
        self._paint = QPushButton()
        self._paint.setIcon(self._studio.theme.icon("brush"))
        self._paint.clicked.connect(self.paint_wanted)
        self._remove_mask = plain_button(self.tr("Remove the mask"), self._take_mask_out)
        return stack(self._paint, self._remove_mask)

    # Following the form

    def _follow(self) -> None:
        path = self._studio.form.image
        self._hint.setVisible(path is None)
        self._choose.setVisible(path is None)
        self._with_image.setVisible(path is not None)
        if path == self._path:
            return
        self._path, self.source = path, None
        self.edges.show_source(None)
        self.fault.say("")
        self._thumbnail.setPixmap(QPixmap())
        if path is None:
            self.looked.emit(None)
            return
        read_before, self._read_before = self._read_before, None
        if read_before is not None and read_before.path == path:
            self._take(path, read_before)
            return
        self._name.setText(self.tr("Reading {0}").format(short(Path(path).name, 24)))
        work = self._studio.bridge.background
        work.run(
            lambda: look_at_picture(path),
            lambda source: self._take(path, source),
            lambda error: self._fail(path, error),
            self,
        )

    def _take(self, path: str, source: Looked) -> None:
        if path != self._path:
            return
        self.source = source
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap.fromImage(shrink(source.image, round(THUMBNAIL * ratio)))
        pixmap.setDevicePixelRatio(ratio)
        self._thumbnail.setPixmap(pixmap)
        self._name.setText(f"{short(Path(path).name, 24)}\n{source.size[0]} × {source.size[1]}")
        set_tooltip(self._name, path)
        self.edges.show_source(source.size)
        if source.notes:
            self.fault.say(" ".join(source.notes), "caution")
        self.looked.emit(source)

    def _fail(self, path: str, error: Exception) -> None:
        if path == self._path:
            self._name.setText(short(Path(path).name, 24))
            self.fault.say(in_words(error))
            self.looked.emit(None)

    def _show_closeness(self) -> None:
        """It is InstructPix2Pix's alone, whose UNet takes the picture's channels too."""
        form = self._studio.form
        reads = form.card is not None and form.card.in_channels == INSTRUCT_CHANNELS
        self._closeness.setVisible(reads or form.value("image_guidance") is not None)

    def _show_mask(self) -> None:
        masked = self._studio.form.mask is not None
        self._paint.setText(self.tr("Change the mask") if masked else label_of("mask"))
        self._remove_mask.setVisible(masked)
        self._mask_box.setVisible(masked or self._studio.form.outpaint is not None)
