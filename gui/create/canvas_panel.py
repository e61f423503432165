"""The canvas with its tools: zoom and comparison, and while a mask is painted, brush, eraser, size and undo."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QMimeData, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QAction, QDrag, QImage, QKeySequence, QPixmap, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from gui.create.canvas import BRUSHES, Canvas
from gui.create.mask_layer import MaskLayer
from gui.create.picture_toolbar import PictureToolbar
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.readable import percent
from gui.look.theme import GAP, HALF, PAD, plain_button, set_kind, spaced_font
from gui.shell.actions import name_button
from gui.shell.pictures import shrink
from gui.shell.studio import Studio
from gui.widgets.calm import CalmSlider
from gui.widgets.elided import ElidedLabel

TOOLS = 40  # pixels
# The others, and the width of the panel in pixels from which on there is room for them beside the tools of a mask.
OTHERS = {
    "before-after": 720, "zoom-out": 640, "": 640, "zoom-in": 640, "zoom-fit": 720, "zoom-actual": 720, "side-column": 0,
}  # fmt: skip


class CanvasPanel(QWidget):
    """`mask_done` carries the mask when painting ends with one, None when it ends without."""

    mask_done = Signal(object)

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self.canvas = Canvas(studio.theme)
        self.toolbar = PictureToolbar(studio, self.canvas, lambda: self.is_edited)
        self.caption = ElidedLabel()
        self._zoom = PlainLabel()
        self._welcome: QWidget | None = None
        self._others: list[tuple[QWidget, int]] = []
        self._brush_for = QSize()
        """The size of the pictures that the brush was chosen for."""
        self._masking = self._mask_tools()
        self._lay_out()
        self._bind()
        self._show_tools()

    is_boxed = False
    """Whether edges or regions are dragged over the picture."""

    @property
    def is_edited(self) -> bool:
        """Whether something is painted or dragged over the picture, which stays until that is done."""
        return self.paints_mask or self.is_boxed

    @property
    def paints_mask(self) -> bool:
        """Whether a mask is being painted."""
        return self.canvas.layer is not None

    def greet(self, welcome: QWidget) -> None:
        """Shows this whenever there is no picture."""
        self._welcome = welcome
        self._stack.addWidget(welcome)
        self._show_canvas()

    def _show_canvas(self) -> None:
        """Shows the canvas, or what stands in for it while it is empty."""
        empty = self.canvas.is_empty and self._welcome is not None
        self._stack.setCurrentWidget(self._welcome if empty else self.canvas)  # type: ignore[arg-type]
        if self.canvas.is_empty:
            self.caption.say("")

    def _drag_out(self) -> None:
        """Begins to drag the picture out of the window, as the file that it is."""
        path, canvas = self._studio.pictures.seen_in("create").path, self.canvas
        if path is None or not path.is_file() or not canvas.shows_picture:
            return
        drag, data = QDrag(canvas), QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        drag.setMimeData(data)
        drag.setPixmap(QPixmap.fromImage(shrink(canvas.image, 96)))
        drag.exec(Qt.DropAction.CopyAction)

    # Masks

    def begin_mask(self, image: QImage, mask: QImage | MaskLayer | None) -> None:
        """Shows the picture and lets a mask be painted over it, from an earlier one if there is one, or on an unfinished one."""
        layer = mask if isinstance(mask, MaskLayer) else MaskLayer(image.size())
        if isinstance(mask, QImage) and not mask.isNull():
            layer.load(mask)
        self.canvas.compare(False)
        self.canvas.show_picture(image)
        if image.size() != self._brush_for:  # for the others it stays as it was chosen
            self._brush_for = image.size()
            self.canvas.set_brush(max(image.width(), image.height()) / 10)
        self.canvas.paint_mask(layer)
        self.canvas.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_tools()

    def end_mask(self) -> None:
        """Stops painting; what was painted is told."""
        if self.paints_mask:
            self.mask_done.emit(self.take_mask())

    def take_mask(self) -> MaskLayer | None:
        """Stops painting, and returns what was painted; None for nothing."""
        layer = self.canvas.layer
        if layer is None:
            return None
        self.canvas.paint_mask(None)
        self._show_tools()
        return None if layer.is_empty else layer

    # Building

    def _lay_out(self) -> None:
        bar = QFrame()
        set_kind(bar, "toolbar")
        bar.setFixedHeight(TOOLS)
        row = QHBoxLayout(bar)
        row.setContentsMargins(PAD, 0, GAP, 0)
        row.setSpacing(HALF)
        set_kind(self.caption, "muted")
        self.caption.setFont(spaced_font(self.caption.font()))
        row.addWidget(self.caption, 100)  # all the room that is left; without it, as with masks, the stretch has that
        row.addWidget(self._masking)
        row.addStretch(1)
        self._zoom.setFont(spaced_font(self._zoom.font()))
        self._zoom.setMinimumWidth(48)
        self._zoom.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_kind(self._zoom, "caption")
        for id, width in OTHERS.items():
            button = self._studio.actions.button(id) if id else self._zoom
            row.addWidget(button)
            self._others.append((button, width))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        self._stack = QStackedLayout()
        self._stack.addWidget(self.canvas)
        column.addLayout(self._stack, 1)

    def _mask_tools(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(HALF)
        self.brush = self._tool("brush", self.tr("Brush: draw anew"), "B")
        self.eraser = self._tool("eraser", self.tr("Eraser: keep"), "E")
        self.brush.setCheckable(True)
        self.eraser.setCheckable(True)
        self.brush.clicked.connect(lambda: self._erase(False))
        self.eraser.clicked.connect(lambda: self._erase(True))
        self.brush_size = CalmSlider()
        self.brush_size.setRange(*BRUSHES)
        self.brush_size.setMinimumWidth(48)
        self.brush_size.setMaximumWidth(96)
        self.brush_size.setAccessibleName(self.tr("Size of the brush in pixels"))
        set_tooltip(self.brush_size, self.tr("Size of the brush ([ and ], or Shift and the wheel)"))
        self.brush_size.valueChanged.connect(self.canvas.set_brush)
        self.undo = self._tool("undo", self.tr("Undo the stroke"), QKeySequence.StandardKey.Undo, local=False)
        self.redo = self._tool("redo", self.tr("Redo the stroke"), QKeySequence.StandardKey.Redo, local=False)
        self.undo.clicked.connect(lambda: self._on_mask(MaskLayer.undo))
        self.redo.clicked.connect(lambda: self._on_mask(MaskLayer.redo))
        clear = plain_button(self.tr("Clear"), lambda: self._on_mask(MaskLayer.clear))
        invert = plain_button(self.tr("Invert"), lambda: self._on_mask(MaskLayer.invert))
        self.done = plain_button(self.tr("Done"), self.end_mask)
        for widget in (self.brush, self.eraser, self.brush_size, self.undo, self.redo, clear, invert, self.done):
            row.addWidget(widget)
        return box

    def _tool(self, icon: str, text: str, keys: str | QKeySequence.StandardKey, local: bool = True) -> QToolButton:
        """Returns a button whose key works while the canvas has the focus, unless that is an action's of the whole window."""
        button = QToolButton()
        button.setIcon(self._studio.theme.icon(icon))
        button.setIconSize(QSize(18, 18))
        set_kind(button, "quiet")
        sequence = QKeySequence(keys)
        name_button(button, text, sequence)
        if local:
            shortcut = QShortcut(sequence, self.canvas, context=Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(lambda: button.click() if self.paints_mask else None)
        return button

    def _bind(self) -> None:
        canvas, actions = self.canvas, self._studio.actions
        actions.bind("zoom-in", canvas.zoom_in)
        actions.bind("zoom-out", canvas.zoom_out)
        actions.bind("zoom-fit", canvas.fit)
        actions.bind("zoom-actual", lambda: canvas.zoom_to(1.0))
        compare: QAction = actions["before-after"]
        actions.follow("before-after", lambda on: canvas.compare(on, 0.5))
        canvas.compared.connect(compare.setChecked)
        canvas.zoomed.connect(self._show_zoom)
        canvas.painted.connect(self._show_tools)
        canvas.filled.connect(self._show_canvas)
        canvas.moved_out.connect(self._drag_out)
        self._studio.editing.before("undo", lambda: self._step_mask(MaskLayer.undo))
        self._studio.editing.before("redo", lambda: self._step_mask(MaskLayer.redo))
        canvas.addAction(actions["trash"])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_tools()

    # Showing

    def _erase(self, on: bool) -> None:
        self.canvas.erasing = on
        self._show_tools()

    def _on_mask(self, change: Callable[[MaskLayer], object]) -> None:
        if self.canvas.layer is not None:
            change(self.canvas.layer)
            self._show_tools()

    def _step_mask(self, step: Callable[[MaskLayer], object]) -> bool:
        """Does Ctrl+Z and its opposite, while a mask is painted."""
        is_meant = self.paints_mask and self.isVisible()
        if is_meant:
            self._on_mask(step)
        return is_meant

    def _show_zoom(self) -> None:
        self._zoom.setText(percent(self.canvas.zoom))
        self._zoom.setAccessibleName(self.tr("Zoom {0}").format(self._zoom.text()))
        if self.brush_size.value() != self.canvas.brush:
            self.brush_size.setValue(self.canvas.brush)

    def _show_tools(self) -> None:
        mask = self.canvas.layer
        self._masking.setVisible(mask is not None)
        for button, width in self._others:
            button.setVisible(mask is None or self.width() >= width)
        self.caption.setVisible(mask is None)
        self.brush.setChecked(not self.canvas.erasing)
        self.eraser.setChecked(self.canvas.erasing)
        self.undo.setEnabled(bool(mask and mask.can_undo))
        self.redo.setEnabled(bool(mask and mask.can_redo))
        self._show_zoom()
