"""Edges to add to a picture and regions of one, dragged on the canvas: what the form says of both, and what it is told."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QImage

from gui.create.box_overlay import BoxOverlay
from gui.create.boxes import Box, box_at, box_of, edges_of, fractions_of
from gui.create.canvas_panel import CanvasPanel
from gui.form.fields import watch
from gui.form.regioning import changed, label_of_region, with_region
from gui.shell.studio import Studio
from sdedge.request_fields import MAX_SIDE

EDGES, REGIONS = "edges", "regions"
SIDE = 512  # pixels, of an empty canvas for regions where the model's size is not known


class CanvasBoxes(QObject):
    """`shown` tells what is edited on the canvas: EDGES, REGIONS or "" for neither."""

    shown = Signal(str)
    chosen = Signal(int)
    """A region, by its number."""

    def __init__(self, studio: Studio, panel: CanvasPanel) -> None:
        super().__init__(panel)
        self._form, self._panel, self._canvas = studio.form, panel, panel.canvas
        self._theme = studio.theme
        self.editing = ""
        self._size = (SIDE, SIDE)
        self.overlay = BoxOverlay(studio.theme, panel.canvas)
        self.overlay.measure = self._in_pixels
        self.overlay.changed.connect(self._change)
        self.overlay.dragged.connect(self._fit)
        self.overlay.drawn.connect(self._add)
        self.overlay.removed.connect(studio.take_region_out)
        self.overlay.chosen.connect(self.chosen)
        panel.canvas.filled.connect(self._look)
        watch(self, studio.form, self._follow, "outpaint", "regions")

    def edit_edges(self, image: QImage, size: tuple[int, int]) -> None:
        """Lets edges be dragged out of the picture to start from, whose real size is `size`."""
        self._panel.end_mask()
        self._size = size
        self._canvas.show_picture(image)
        self._begin(EDGES, self.tr("Edges to add to the picture"))
        self._panel.caption.say(self.tr("Drag an edge outwards"))

    def edit_regions(self) -> None:
        """Lets regions be drawn over the picture that is shown, or the empty ground that stands in for one."""
        self._panel.end_mask()
        self._size = self._shown_size()
        self._begin(REGIONS, self.tr("Regions of the picture"))
        self._panel.caption.say(self.tr("Drag on the picture to draw a region"))

    def end(self) -> bool:
        """Stops editing; returns whether something was edited."""
        if not self.editing:
            return False
        self.editing, self._panel.is_boxed = "", False
        self.overlay.hide()
        self._panel.toolbar.look()
        self._canvas.fit()
        self._panel.caption.say("")
        self.shown.emit("")
        return True

    def select(self, number: int) -> None:
        """Chooses a region."""
        if self.editing == REGIONS:
            self.overlay.select(number)

    def _shown_size(self) -> tuple[int, int]:
        """Returns the width and height of what the canvas shows, in pixels."""
        size = self._canvas.viewport.size
        return size.width(), size.height()

    # What is shown

    def _begin(self, what: str, name: str) -> None:
        self.editing, self._panel.is_boxed = what, True
        self._image = self._canvas.image.cacheKey()
        self.overlay.setAccessibleName(name)
        self.overlay.open(*self._boxes(), grows_only=what == EDGES)
        self._fit()
        self._panel.toolbar.look()
        self.shown.emit(what)

    def _boxes(self) -> tuple[list[Box], list[str]]:
        size = self._shown_size()
        if self.editing == EDGES:
            box = box_of(self._form.outpaint, self._size)
            scale = size[0] / self._size[0]  # a large picture is shown smaller
            return [Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)], [""]
        regions = self._form.regions
        return [box_at(each.area, size) for each in regions], [
            label_of_region(n, each) for n, each in enumerate(regions)
        ]

    def _in_pixels(self, box: Box) -> str:
        """Returns where a box begins and how large it is, in pixels of the picture that will be drawn: "0, 0 · 256 × 512"."""
        shown, real = self._shown_size(), self._size if self.editing == EDGES else self._form.size or self._shown_size()
        x, y = real[0] / shown[0], real[1] / shown[1]
        return f"{box.left * x:.0f}, {box.top * y:.0f} · {box.width * x:.0f} × {box.height * y:.0f}"

    def _follow(self) -> None:
        if self.editing:
            self.overlay.set_boxes(*self._boxes())

    def _fit(self) -> None:
        """Edges need room around the picture."""
        if self.editing == EDGES:
            (box,), (w, h) = self._boxes()[0], self._shown_size()
            self._canvas.look_at(QRectF(box.left - w / 4, box.top - h / 4, box.width + w / 2, box.height + h / 2))

    def _look(self) -> None:
        """Another picture is shown, of which nothing here is true."""
        if self.editing and self._canvas.image.cacheKey() != self._image:
            self.end()

    # What is told

    def _change(self, number: int, box: Box) -> None:
        size = self._shown_size()
        if self.editing == EDGES:
            scale = self._size[0] / size[0]
            real = Box(box.left * scale, box.top * scale, box.right * scale, box.bottom * scale)
            self._form.put(outpaint=edges_of(real, self._size, MAX_SIDE))
        elif number < len(self._form.regions):
            inside = box.moved_within(Box(0, 0, *size)) if self._is_moved(number, box) else box
            self._form.put(regions=changed(self._form.regions, number, area=fractions_of(inside, size), mask=None))

    def _is_moved(self, number: int, box: Box) -> bool:
        before = self.overlay.boxes[number]
        return abs(before.width - box.width) < 1e-6 and abs(before.height - box.height) < 1e-6

    def _add(self, box: Box) -> None:
        if self.editing == REGIONS:
            self._form.put(regions=with_region(self._form.regions, fractions_of(box, self._shown_size())))
            self.overlay.select(len(self._form.regions) - 1)
            self.chosen.emit(len(self._form.regions) - 1)
