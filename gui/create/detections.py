"""What a detector finds in the picture on the canvas, in boxes over it, before a detail pass draws them again."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QImageReader

from gui.create.box_overlay import BoxOverlay
from gui.create.boxes import Box
from gui.create.canvas import Canvas
from gui.create.canvas_panel import CanvasPanel
from gui.form.detecting import Detecting, Detections
from gui.form.enlarge_section import EnlargeSection
from gui.form.enlarging import detail_pass
from gui.form.fields import watch
from gui.look.readable import decimal
from gui.look.theme import Theme
from gui.shell.studio import Studio
from sdedge.boxes import Boxes


class DetectionOverlay(BoxOverlay):
    """Boxes that are looked at and not dragged: mouse and keys go to the canvas."""

    def __init__(self, theme: Theme, canvas: Canvas) -> None:
        super().__init__(theme, canvas)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.selected = -1
        self.setAccessibleName(self.tr("What the detector finds"))

    def _in_words(self) -> str:
        return ", ".join(self.labels) or self.tr("Nothing")


class CanvasDetections(QObject):
    """Shows them as long as the picture, the detector and how sure it must be are the same; other settings move the boxes."""

    def __init__(self, studio: Studio, panel: CanvasPanel, section: EnlargeSection) -> None:
        super().__init__(panel)
        self._studio, self._canvas, self._section = studio, panel.canvas, section
        self._detecting = Detecting(self)
        self._asked: tuple[str, float] | None = None
        self._image = 0
        self._size = (0, 0)
        self._detections: Detections | None = None
        self.overlay = DetectionOverlay(studio.theme, panel.canvas)
        section.detection_wanted.connect(self.look)
        self._detecting.detected.connect(self._take)
        self._detecting.failed.connect(self._fail)
        panel.canvas.filled.connect(self._follow)
        watch(self, studio.form, self._follow, "passes")

    def look(self, on: bool) -> None:
        """Looks for what the form's detector knows in the picture on the canvas, or shows it no more."""
        self.end()
        boxes, path = self._boxes(), self._studio.pictures.seen_in("create").path
        if not on or boxes is None:
            return
        if path is None or not self._canvas.shows_picture:
            self._section.say_detections(
                self.tr("There is no picture on the canvas; draw one, or choose one."), "fault"
            )
            return
        self._asked, self._image = (boxes.model, boxes.confidence), self._canvas.image.cacheKey()
        size = QImageReader(str(path)).size()
        shown = self._canvas.viewport.size
        turned = (size.width() < size.height()) != (shown.width() < shown.height())  # by what a camera noted
        self._size = (size.height(), size.width()) if turned else (size.width(), size.height())
        self._section.show_looking()
        self._detecting.look(boxes, path)

    def end(self) -> None:
        """Shows nothing, and looks for nothing."""
        self._detecting.close()
        self._asked = self._detections = None
        self.overlay.hide()
        self._section.say_detections("")

    def _boxes(self) -> Boxes | None:
        each = detail_pass(self._studio.form.passes)
        return each.boxes if each is not None else None

    def _follow(self) -> None:
        """Ends what is no longer true, and moves the boxes where they are others."""
        if self._asked is None:
            return
        boxes = self._boxes()
        is_same = self._canvas.image.cacheKey() == self._image and self._canvas.shows_picture
        if boxes is None or (boxes.model, boxes.confidence) != self._asked or not is_same:
            self.end()
        elif self._detections is not None:
            self._show(boxes, self._detections)

    def _take(self, detections: Detections) -> None:
        self._detections = detections
        self._follow()

    def _show(self, boxes: Boxes, detections: Detections) -> None:
        rows = detections.wanted(boxes, self._size)
        scale = self._canvas.viewport.size.width() / max(self._size[0], 1)  # a large picture is shown smaller
        placed = [Box(*(side * scale for side in box)) for box, _ in rows]
        labels = [label for _, label in rows]
        if self.overlay.isHidden():
            self.overlay.open(placed, labels, grows_only=False)
        else:
            self.overlay.set_boxes(placed, labels)
        text = self.tr("Boxes to draw again: {0}, found in {1} s")
        self._section.say_detections(text.format(len(rows), decimal(detections.seconds)), "caption", True)

    def _fail(self, reason: str) -> None:
        self.end()
        self._section.say_detections(reason, "fault")
