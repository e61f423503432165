"""The view in which pictures are made: form, canvas, queue and recent pictures, and what connects them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QGuiApplication, QImage, QShowEvent
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from gui.create.canvas_boxes import EDGES, REGIONS, CanvasBoxes
from gui.create.canvas_panel import CanvasPanel
from gui.create.grid_sheets import GridSheets
from gui.create.mask_brush import MaskBrush
from gui.create.presenter import CanvasPresenter
from gui.create.progress_strip import ProgressStrip
from gui.create.side_column import WIDTH, Drawer, SideColumn
from gui.create.welcome import Welcome
from gui.form.draft import FormDraft
from gui.form.model import MAX_COUNT
from gui.form.view import FormView
from gui.shell.background import LatestRun, in_words
from gui.shell.first_paint import FirstPaint
from gui.shell.pictures import Looked, finished
from gui.shell.reveal import reveal
from gui.shell.studio import Studio
from sdedge.errors import InvalidRequest
from sdedge.library.gallery import GalleryEntry
from sdedge.library.job_states import Wish
from sdedge.library.jobs import Job

if TYPE_CHECKING:
    from gui.create.detections import CanvasDetections
    from gui.models.card import ModelCard


class CreateView(QWidget):
    """What is drawn is shown by the CanvasPresenter; this lays things out and carries out the actions."""

    def __init__(self, studio: Studio, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._studio = studio
        self._waiting_to_paint = self._waiting_to_drag = False
        self._model = ""
        self._reading = LatestRun(studio.bridge.background, self)
        self._looking = self._greeted = False
        self._empty_is_meant = False
        self._chosen: GalleryEntry | None = None
        """The one of the pictures beside the canvas that was chosen last."""
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.form = FormView(studio, self.splitter)
        self.panel = CanvasPanel(studio)
        self.strip = ProgressStrip(studio, self.panel.canvas)
        self.side = SideColumn(studio, studio.board)
        self.boxes = CanvasBoxes(studio, self.panel)
        self.masks = MaskBrush(studio, self.panel, lambda text: self.form.image.fault.say(text))
        self.detections: CanvasDetections | None = None
        self.presenter = CanvasPresenter(studio, self.panel, self.strip)
        self.sheets = GridSheets(studio, self.presenter)
        self._lay_out()
        self._connect()
        self._bind()
        self._draft = FormDraft(studio.form, studio.bridge.background, self)
        self._restore_form()

    # Drawing

    def generate(self) -> None:
        """Lines up what the form says. What is wrong is said at its field, and nothing is lost."""
        if self.masks.ends_before(self.generate):
            return
        self.boxes.end()
        form, studio = self._studio.form, self._studio
        try:
            wanted = form.wanted()
            output = studio.settings.output()
        except InvalidRequest as error:
            self.form.focus_problem()
            self.form.problem.say(in_words(error))
            return
        if not wanted.request.prompt.strip() and not self._empty_is_meant:
            self._ask_for_prompt()
            return
        self.form.problem.say("")
        self.form.prompt.remember()
        self._draft.save()
        self.presenter.follow()
        request = wanted.request if studio.settings.safety else wanted.request.replace(safety=False)
        studio.bridge.add(request, output, wanted.count, wanted.batch, failed=self._say_problem)

    def _draw_grid(self) -> None:
        if not self.masks.ends_before(self._draw_grid):
            self.sheets.draw_form(self.form)

    def new_picture(self) -> None:
        """Empties the form, once a mask that is painted is among what Undo brings back."""
        if not self.masks.ends_before(self.new_picture):
            self.boxes.end()
            self._studio.show_view("create")
            self.form.empty()

    def _ask_for_prompt(self) -> None:
        """An empty prompt is rarely meant: the second press draws it."""
        self._empty_is_meant = True
        self.form.focus_prompt()
        text = self.tr("The prompt is empty. Write what you want to see, or press Generate again to draw without one.")
        self.form.problem.say(text, "caution")

    def _prompt_changed(self) -> None:
        self._empty_is_meant = False

    def cancel(self, level: Wish = Wish.NOW) -> None:
        """Closes the drawer if the focus is in it, else ends painting, else ends the job that is drawn."""
        if self._drawer.holds_focus:
            self._drawer.close()
        elif self.panel.paints_mask:
            self.panel.end_mask()
        elif not self.boxes.end():
            self._cancel_drawing(level)

    def _cancel_drawing(self, level: Wish = Wish.NOW) -> None:
        if (id := self._studio.board.drawing) is not None:
            self._studio.board.cancel(id, level)

    def _say_problem(self, error: Exception) -> None:
        self.form.problem.say(in_words(error))

    # The model

    def _read_model(self) -> None:
        name = self._studio.form.model
        if name == self._model or not self._looking:
            return
        self._model = name
        self._studio.form.card = None
        self._read_card()

    def _read_card(self) -> None:
        """Reads what is known of the form's model; what is shown of it stays until then, as it may be the same."""
        name = self._studio.form.model
        if name != self._model:  # it is read when the view is first seen
            return

        def fail(error: Exception) -> None:
            self.form.show_card(None, in_words(error))

        def read() -> ModelCard:
            from gui.models.card import read_card  # brings what reads weights, which the first paint need not wait for

            return read_card(name)

        self._reading.run(read, self.form.show_card, fail)

    # Masks

    def paint_mask(self) -> None:
        """Paints over the picture that the form starts from, once it was read."""
        source: Looked | None = self.form.image.source
        self._waiting_to_paint = source is None and self._studio.form.image is not None
        if source is not None:
            self.boxes.end()
            self.presenter.show_source(source)  # so that it is what is done something with afterwards
            self.masks.begin(source)

    def _show_source(self, source: Looked | None) -> None:
        """The picture to start from was read, or taken out."""
        self.form.chip.show_source(source)
        self.masks.follow(source)
        if self.boxes.editing == EDGES:
            self.boxes.end()
        if source is None:
            self._waiting_to_paint = self._waiting_to_drag = False
            self._studio.withdraw("start")
        else:
            self.presenter.show_source(source)
            if self._waiting_to_paint:
                self.paint_mask()
            elif self._waiting_to_drag:
                self._drag_edges(True)

    # Edges and regions

    def _drag_edges(self, on: bool) -> None:
        """Lets edges be dragged out of the picture that the form starts from, once it was read."""
        source: Looked | None = self.form.image.source
        self.boxes.end()
        self._waiting_to_drag = on and source is None
        if on and source is not None:
            self.presenter.show_source(source)
            self.boxes.edit_edges(source.image, source.size)
        self._show_editing(self.boxes.editing)

    def _draw_regions(self, on: bool) -> None:
        self.boxes.end()
        if on:
            self.presenter.show_ground()
            self.boxes.edit_regions()

    def _show_editing(self, what: str) -> None:
        self.form.image.edges.show_dragging(what == EDGES)
        self.form.regions.draw.setChecked(what == REGIONS)
        self.presenter.show_caption()

    # Building

    def _lay_out(self) -> None:
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.panel, 1)
        column.addWidget(self.strip)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.form)
        self.splitter.addWidget(centre)
        self._drawer = Drawer(self, self.splitter, self.side, self._studio)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([320, 720, WIDTH])
        row = QVBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.splitter)
        for name, splitter in (("create", self.splitter), ("side", self.side.splitter)):
            if (state := self._studio.settings.state(name)) is not None:
                splitter.restoreState(state)

    def _connect(self) -> None:
        studio = self._studio
        self.form.generate.connect(self.generate)
        self.form.buttons.cancelled.connect(self._cancel_drawing)
        self.form.section_made.connect(self._join)
        self.boxes.shown.connect(self._show_editing)
        self.side.recent.chosen.connect(self._show_entry)
        self.presenter.retry_wanted.connect(self._retry)
        self.presenter.smaller_wanted.connect(self._draw_smaller)
        studio.mask_wanted.connect(self.paint_mask)
        self.panel.canvas.filled.connect(self._greet)
        self.panel.mask_done.connect(self.presenter.show_caption)
        studio.drops.looked.connect(lambda source: self.form.image.give(source))
        studio.library_changed.connect(self.form.look_around)
        studio.library_changed.connect(self._read_card)
        studio.form.watch(self._read_model, "model")
        studio.form.watch(self._prompt_changed, "prompt")
        app = cast(QGuiApplication, QGuiApplication.instance())
        app.applicationStateChanged.connect(self._come_back)

    def _join(self, name: str) -> None:
        """Listens to a section of the form, which is made when it is first opened or asked for."""
        form = self.form
        if name == "image":
            form.image.looked.connect(self._show_source)
            form.image.paint_wanted.connect(self.paint_mask)
            form.image.edges.dragging_wanted.connect(self._drag_edges)
        elif name == "regions":
            form.regions.drawing_wanted.connect(self._draw_regions)
            form.regions.chosen.connect(self.boxes.select)
            self.boxes.chosen.connect(form.regions.show_row)
        elif name == "enlarge":
            from gui.create.detections import CanvasDetections

            self.detections = CanvasDetections(self._studio, self.panel, form.enlarge)
        elif name == "grid":
            form.grid.wanted.connect(self._draw_grid)
        elif name == "controls":
            form.control.hint_wanted.connect(self.presenter.show_hint)

    def _begin(self, latest: list[GalleryEntry]) -> None:
        """Shows on the canvas the latest picture, or before there is one what this is."""
        if not self.panel.canvas.is_empty:
            return
        if latest:
            show = partial(self.presenter.show_latest, latest[0])
            self._studio.bridge.background.run(
                lambda: finished(latest[0].path), show, lambda error: self._greet(), self
            )
        else:
            self._greet()

    def _greet(self) -> None:
        """Says what this is, wherever there is no picture."""
        if self.panel.canvas.is_empty and not self._greeted:
            self._greeted = True
            self.panel.greet(Welcome(self._studio))

    def _bind(self) -> None:
        actions, board, prompt = self._studio.actions, self._studio.board, self.form.prompt
        actions.bind("generate", self.generate)
        actions.bind("new-picture", self.new_picture)
        actions.bind("cancel", self.cancel)
        actions.bind("cancel-after", partial(self.cancel, Wish.PICTURE))
        actions.bind("pause-queue", lambda: board.pause(actions["pause-queue"].isChecked()))
        actions.bind("clear-queue", board.clear)
        actions.bind("open", lambda: self.form.image.choose())
        actions.bind("open-folder", lambda: reveal(self._studio.settings.output().folder))
        actions.bind("weigh-more", partial(self.form.weigh, 1))
        actions.bind("weigh-less", partial(self.form.weigh, -1))
        actions.bind("history", prompt.show_history)
        actions.bind("clear-prompt", prompt.clear)

    # What other parts want

    def _show_entry(self, entry: GalleryEntry) -> None:
        def fail(error: Exception) -> None:
            self._studio.say(in_words(error), "warning")

        def show(image: QImage) -> None:
            if entry is self._chosen:  # nothing was chosen since
                self.presenter.show_entry(entry, image)

        self._chosen = entry
        self._studio.bridge.background.run(lambda: finished(entry.path), show, fail, self)

    def _retry(self, job: int) -> None:
        self.presenter.follow()
        self._studio.board.resume(job)

    def _draw_smaller(self, job: Job, size: tuple[int, int]) -> None:
        """Puts a size into the form that is likelier to fit, and draws the same with it."""
        self._studio.use_request(job.request)
        self._studio.form.put(width=size[0], height=size[1], batch=1, count=min(job.count, MAX_COUNT))
        self._studio.board.pause(False)
        self.generate()

    # Remembering

    def _restore_form(self) -> None:
        """Restores the form as it was left; a picture to start from is said aloud, since it changes all that is drawn."""
        if self._draft.restore(self._studio.settings.form):
            path = Path(self._studio.form.image or "").name
            text = self.tr("The form starts from {0}, as you left it.").format(path)
            out = partial(self._studio.start_from, None)
            QTimer.singleShot(
                0, self, lambda: self._studio.say(text, "info", self.tr("Start from noise"), out, topic="start")
            )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.window().focusWidget() is None:
            self.form.prompt.editor.setFocus()
        if self._looking:
            QTimer.singleShot(0, self, self._look_around)
        else:
            FirstPaint(self).came.connect(self._look_around)

    def _look_around(self) -> None:
        """Asks what there is to choose from, and at first the model and the latest picture."""
        self.form.look_around()
        if not self._looking:
            self._looking = True
            self._read_model()
            bridge = self._studio.bridge
            bridge.ask(lambda queue, gallery: gallery.search(limit=1), self._begin, lambda error: None, self)

    def _come_back(self, state: Qt.ApplicationState) -> None:
        """Another program may have changed what there is meanwhile."""
        if state == Qt.ApplicationState.ApplicationActive and self._looking:
            self.form.look_around()

    def closeEvent(self, event: QCloseEvent) -> None:
        settings = self._studio.settings
        settings.set_state("create", self.splitter.saveState())
        settings.set_state("side", self.side.splitter.saveState())
        self.masks.close()
        self._draft.close()
        self.form.close_processes()
        if self.detections is not None:
            self.detections.end()
        self.strip.rest("")
        self.side.recent.close_threads()
        super().closeEvent(event)
