"""What is on the canvas and in the strip beneath it: the job that is drawn, the picture that came last, or a chosen one."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QSize, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMenu

from gui.create import failures
from gui.create.canvas_boxes import SIDE
from gui.create.canvas_panel import CanvasPanel
from gui.create.progress_strip import JobSummary, ProgressStrip
from gui.queue.progress import PictureProgress
from gui.shell.advice import failure, for_the_window
from gui.shell.background import in_words
from gui.shell.picture_actions import NOTHING, Subject
from gui.shell.pictures import Looked, finished, short
from gui.shell.reveal import show_file
from gui.shell.studio import Studio
from sdedge.events import Cancelled, Event, Failed, Finished, ImageDone
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.job_states import JobState, PausedBy, Wish
from sdedge.library.jobs import Job, Queue
from sdedge.places import data_folder
from sdedge.process.spawn import LOG

log = logging.getLogger(__name__)

FailureButton = tuple[str, Callable[[], object]]
"""A label, and what a press does."""


class CanvasPresenter(QObject):
    """Follows what is drawn until a person looks at something else, and again from the next press of Generate on."""

    retry_wanted = Signal(int)
    smaller_wanted = Signal(object, object)
    """(Job, (width, height))."""

    def __init__(self, studio: Studio, panel: CanvasPanel, strip: ProgressStrip) -> None:
        super().__init__(panel)
        self._studio, self._panel, self._strip = studio, panel, strip
        self._following = True
        self._source: Looked | None = None
        self._failed: int | None = None
        self._paused: str | None = None
        self._tells_why = False
        """Whether the strip says why nothing is drawn though jobs wait."""
        self._picture_caption = ""
        """The caption of the finished picture, which a preview's takes the place of."""
        self._loading = 0
        """Pictures that are read from their files and not shown yet."""
        self._asked, self._shown = 0, 0
        """The numbers of the picture that was asked for last, and of the one on the canvas: one that was asked for before it
        and is read after it is not shown any more."""
        self._gone: GalleryEntry | None = None
        """What was on the canvas when it went to the trash."""
        self._seeds: dict[int, list[int]] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        """In pixels, of the pictures of jobs that were read from their files."""
        board = studio.board
        board.progressed.connect(self._show_progress)
        board.drawn.connect(self.show_drawn)
        board.ended.connect(self._show_end)
        board.changed.connect(self._show_state)
        studio.pictures.drawing.connect(self.follow)
        studio.trash.changed.connect(self._follow_trash)
        studio.trash.emptied.connect(self._forget_gone)
        panel.canvas.menu_wanted.connect(self._menu)

    def follow(self) -> None:
        """Shows what is drawn from now on."""
        self._following = True

    def show_source(self, source: Looked) -> None:
        """Shows the picture that the form starts from."""
        self._source = source
        if not self._panel.is_edited:
            self._is_newer(self._next())
            self._panel.canvas.show_picture(source.image)
            self._caption(Path(source.path).name, source.size)
            self._find(source.path)

    def show_hint(self, hint: QImage, model: str) -> None:
        """Shows a control's hint; Space shows the picture of before."""
        if not self._panel.is_edited and not hint.isNull():
            self._show_other(hint, self.tr("Hint of {0}").format(model))

    def show_ground(self) -> None:
        """Shows an empty ground of the size to be drawn where no picture is seen."""
        if not self._panel.canvas.shows_picture:
            ground = QImage(QSize(*(self._studio.form.size or (SIDE, SIDE))), QImage.Format.Format_RGB32)
            ground.fill(self._studio.theme.color("panel"))
            self._show_other(ground, "")

    def _show_other(self, image: QImage, caption: str) -> None:
        """Shows what is no picture that anything could be done with."""
        self._is_newer(self._next())
        self._panel.canvas.show_picture(image)
        self._picture_caption = caption
        self.show_caption()
        self._studio.pictures.show("create", NOTHING)

    def show_entry(self, entry: GalleryEntry, image: QImage) -> None:
        """Shows a picture that was chosen; what is being drawn goes on without being shown."""
        self._following = False
        if not self._panel.is_edited:
            self._is_newer(self._next())
            self._panel.canvas.show_picture(image)
            self._caption(self._seed(entry.seed), (entry.width, entry.height))
            self._studio.pictures.show("create", Subject.of(entry))

    def show_latest(self, entry: GalleryEntry, image: QImage) -> None:
        """Shows the picture of before, at the start, and goes on following what is drawn."""
        if self._panel.canvas.is_empty:
            self.show_entry(entry, image)
            self._following = True

    def show_sheet(self, path: str, then: Callable[[bool], object], is_asked: bool = False) -> None:
        """Shows a grid's sheet once it is read, where a person asks for it or what is drawn is followed; tells whether it did."""
        number = self._next()
        self._following = self._following and not is_asked

        def show(image: QImage) -> None:
            is_shown = (self._following or is_asked) and not self._panel.is_edited and self._is_newer(number)
            if is_shown:
                self._panel.canvas.show_picture(image)
                self._caption(Path(path).name, image.size().toTuple())
                self._find(path)
            then(is_shown)

        def fail(error: Exception) -> None:
            self._studio.say(in_words(error), "warning")

        self._studio.bridge.background.run(lambda: finished(path), show, fail, self)

    # What happens

    def _show_progress(self, job_id: int) -> None:
        progress = self._studio.board.progress(job_id)
        if progress is None:
            return
        self._strip.work(progress, partial(self._studio.board.cancel, job_id, Wish.PICTURE))
        if progress.preview and self._shows(progress):
            preview = QImage.fromData(base64.b64decode(progress.preview.partition(",")[2]))
            progress.preview = None  # shown once
            size = self._size_of(job_id, preview)
            self._panel.canvas.show_preview(preview, size, progress.index / max(progress.total, 1))
            self._panel.caption.say(self._captioned(self.tr("Preview"), (size.width(), size.height())))

    def _shows(self, progress: PictureProgress) -> bool:
        rate = self._studio.settings.preview_rate
        return self._following and not self._panel.is_edited and rate > 0 and progress.index % rate == 0

    def _size_of(self, job_id: int, preview: QImage) -> QSize:
        """Returns the size of the finished picture: as asked for, or as the preview's proportions tell."""
        job = self._studio.board.find(job_id)
        if job is not None and job.request.width and job.request.height and not job.request.mask_only:
            return QSize(job.request.width, job.request.height)
        return preview.size() * 8

    def show_drawn(self, job_id: int, event: ImageDone) -> None:
        """Shows a picture that was just saved, once it is read, where what is drawn is followed."""
        job = self._studio.board.find(job_id)
        request = job.request if job else None
        before = self._source.image if self._source and request and request.image == self._source.path else None

        self._seeds.setdefault(job_id, []).append(event.seed)
        self._loading += 1
        number = self._next()

        def show(image: QImage) -> None:
            self._loading -= 1
            self._note_size(job_id, (image.width(), image.height()))
            if self._following and not self._panel.is_edited and self._is_newer(number):
                self._panel.canvas.show_picture(image, before)
                self._caption(self._seed(event.seed), image.size().toTuple())
                self._find(event.path)

        def fail(error: Exception) -> None:
            self._loading -= 1
            self.end_preview()
            self._studio.say(in_words(error), "warning")

        self._studio.bridge.background.run(lambda: finished(event.path), show, fail, self)
        if event.filtered:
            text = self.tr("The safety checker filtered the picture of seed {0}; a card stands in its place.")
            self._studio.say(text.format(event.seed), "warning")

    def _show_end(self, job_id: int, event: Event) -> None:
        if not self._loading:  # otherwise the picture takes the preview's place in a moment
            self.end_preview()
        job = self._studio.board.find(job_id)
        self._failed = job_id if isinstance(event, Failed) else None
        seeds = self._seeds.pop(job_id, [])
        # A job so quick that no state named it as running: the strip tells what came of it, no longer why nothing is drawn.
        self._tells_why = False
        if isinstance(event, Finished):
            size = self._sizes.pop(job_id, None) or self._named_size(job)
            self._strip.finish(JobSummary(job_id, event.count, tuple(seeds), event.seconds, size))
        elif isinstance(event, Cancelled):
            text = self.tr("Cancelled. %n finished pictures are kept.", "", event.count)
            self._strip.rest(text if event.count else self.tr("Cancelled."))
        elif isinstance(event, Failed):
            text = " ".join(part for part in (event.message, event.hint) if part)
            buttons = self._failure_buttons(job_id, job, event.kind, event.remedy)
            self._strip.fail(failure(event.kind, text), buttons)

    def end_preview(self) -> None:
        """Goes back to the picture of before, and to its caption."""
        self._panel.canvas.end_preview()
        self._panel.caption.say(self._picture_caption if not self._panel.canvas.is_empty else "")

    def _note_size(self, job_id: int, size: tuple[int, int]) -> None:
        """A picture of the job was read: its size is what was drawn. A summary without a size is shown again with it."""
        summary = self._strip.summary
        if summary is not None and summary.job_id == job_id and summary.size is None:
            self._strip.finish(replace(summary, size=size))
        else:
            self._sizes = {job_id: size}

    def _named_size(self, job: Job | None) -> tuple[int, int] | None:
        """Returns the size of a job's pictures, in pixels, where its request and the model say so."""
        if job is None or job.request.image is not None:
            return None
        card = self._studio.form.card
        side = card.side if card is not None and card.name == job.request.model else None
        width, height = job.request.width or side, job.request.height or side
        return (width, height) if width and height else None

    # The picture on the canvas

    def _next(self) -> int:
        self._asked += 1
        return self._asked

    def _is_newer(self, number: int) -> bool:
        """Returns whether no picture that was asked for later is shown; it is the one that is shown from now on."""
        if number < self._shown:
            return False
        self._shown = number
        return True

    def _find(self, path: str) -> None:
        """Asks the gallery what it knows of the picture that is shown; until it answers there is the file alone."""
        number = self._shown
        self._studio.pictures.show("create", Subject(path=Path(path)))

        def take(entry: GalleryEntry | None) -> None:
            if number == self._shown:  # otherwise what is done with the picture would be done with another than is seen
                self._studio.pictures.show("create", Subject.of(entry) if entry else Subject(path=Path(path)))

        self._studio.bridge.ask(lambda queue, gallery: gallery.find(path), take, _log_unread, self)

    def _follow_trash(self) -> None:
        """A picture that goes to the trash leaves the canvas to the one before it, and comes back with Undo."""
        entry, leaving = self._studio.pictures.seen_in("create").entry, self._studio.trash.leaving
        if self._gone is not None and self._gone.id not in leaving:
            self._show_file(self._gone)
            self._gone = None
        elif entry is not None and entry.id in leaving:
            self._gone = entry
            self._show_before(leaving)

    def _forget_gone(self) -> None:
        self._gone = None

    def _show_before(self, leaving: frozenset[int]) -> None:
        def look(queue: Queue, gallery: Gallery) -> GalleryEntry | None:
            return next((entry for entry in gallery.search(limit=len(leaving) + 1) if entry.id not in leaving), None)

        def show(entry: GalleryEntry | None) -> None:
            if entry is not None:
                self._show_file(entry)
            else:
                self._panel.canvas.show_nothing()
                self._studio.pictures.show("create", NOTHING)

        self._studio.bridge.ask(look, show, _log_unread, self)

    def _show_file(self, entry: GalleryEntry) -> None:
        following = self._following

        def show(image: QImage) -> None:
            self.show_entry(entry, image)
            self._following = following

        self._studio.bridge.background.run(lambda: finished(entry.path), show, _log_unread, self)

    def _menu(self, at: QPoint) -> None:
        """Opens the menu of the picture and of how it is seen; while a preview is shown, of that alone."""
        canvas, actions = self._panel.canvas, self._studio.actions
        menu = self._studio.pictures.menu(canvas) if canvas.shows_picture else QMenu(canvas)
        if not canvas.shows_picture:
            menu.addAction(actions["cancel"])
            menu.aboutToHide.connect(menu.deleteLater)
        menu.addSeparator()
        for name in ("zoom-fit", "zoom-actual", "before-after"):
            menu.addAction(actions[name])
        menu.popup(at)

    def _turn_checker_off(self) -> None:
        """Turns the checker off for the pictures from now on; the settings dialog turns it on again."""
        self._studio.settings.safety = False
        self._studio.say(self.tr("The safety checker is off; Settings turn it on again."))

    def _show_state(self) -> None:
        """The queue has changed: a job that has begun says so before its first event."""
        board, job = self._studio.board, self._studio.board.running
        went_on, self._paused = self._paused is not None and board.paused is None, board.paused
        if job is not None:
            self._failed, self._tells_why = None, False
            if board.progress(job.id) is None:
                self._strip.work(board.begin(job), partial(board.cancel, job.id, Wish.PICTURE))
        elif self._failed is not None and not went_on and self._is_still_failed(self._failed):
            return
        else:
            self._rest_or_pause()

    def _is_still_failed(self, job_id: int) -> bool:
        """Returns whether a job that failed was neither forgotten nor lined up again."""
        job = self._studio.board.find(job_id)
        return job is not None and job.state in (JobState.FAILED, JobState.RUNNING)  # it was read before its end

    def _rest_or_pause(self) -> None:
        """Nothing is drawn: the strip says why, if others wait or nobody asked for it, with a button that goes on."""
        board = self._studio.board
        waits = any(job.state == JobState.WAITING for job in board.jobs)
        if board.paused is not None and (waits or board.paused_by != PausedBy.PERSON):
            text = self.tr("The queue is paused. {0}").format(for_the_window(board.paused))
            self._strip.pause(text, self.tr("Go on with the queue"), partial(board.pause, False))
            self._tells_why = True
        elif board.paused is None and waits and (board.resting is not None or self._strip.summary is None):
            resting = None if board.resting is None else for_the_window(board.resting)
            self._strip.rest(resting or self.tr("Starting the engine"))
            self._tells_why = True
        elif self._tells_why or self._failed is not None:
            self._strip.rest("")
            self._tells_why = False
        self._failed = None

    def _failure_buttons(self, job_id: int, job: Job | None, kind: str, remedy: str = "") -> list[FailureButton]:
        """Returns a button for each thing that helps against the failure and that this window can do."""
        card = self._studio.form.card
        less = failures.smaller(job.request, card.side if card else 512, job.batch) if job else None
        known: dict[str, FailureButton] = {
            failures.RETRY: (self.tr("Try again"), partial(self.retry_wanted.emit, job_id)),
            failures.SHOW_LOG: (self.tr("Show the log"), show_log),
            failures.CHOOSE_FOLDER: (self.tr("Choose a folder…"), self._studio.actions["settings"].trigger),
            failures.SHOW_MODELS: (self.tr("Show the models"), partial(self._studio.show_view, "models")),
            failures.CHECKER_OFF: (self.tr("Turn the checker off"), self._turn_checker_off),
        }
        if less is not None:
            is_batch = job is not None and job.batch > 1
            label = self.tr("Draw one at a time") if is_batch else self.tr("Draw at {0} × {1}").format(*less)
            known[failures.SMALLER] = (label, partial(self.smaller_wanted.emit, job, less))
        return [known[name] for name in failures.remedies(kind, remedy) if name in known]

    # Words

    def _caption(self, name: str, size: tuple[int, int]) -> None:
        self._picture_caption = self._captioned(name, size)
        self.show_caption()

    def show_caption(self) -> None:
        """Says what is seen, unless it is a preview or edited, of which more is said."""
        if self._panel.canvas.shows_picture and not self._panel.is_edited:
            self._panel.caption.say(self._picture_caption)

    @staticmethod
    def _captioned(name: str, size: tuple[int, int]) -> str:
        return f"{short(name, 32)}   {size[0]} × {size[1]}"

    def _seed(self, seed: int | None) -> str:
        return self.tr("Seed {0}").format(seed) if seed is not None else ""


def _log_unread(error: Exception) -> None:
    """The canvas stays as it is: nobody asked for this reading, and what is shown is no less true without it."""
    log.info("The canvas stays as it is: %s", error)


def show_log() -> None:
    """Opens the engine's log."""
    show_file(data_folder() / LOG)
