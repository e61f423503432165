"""Beneath the canvas: what is being done and how long it will take, or what went wrong and what helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from gui.look import motion
from gui.look.accessible import announce
from gui.look.plain import PlainLabel, set_tooltip
from gui.look.theme import GAP, HALF, PAD, plain_button, set_kind, spaced_font
from gui.queue.progress import PROVING, SLOW, PictureProgress, spoken
from gui.shell.advice import for_the_window
from gui.shell.studio import Studio
from gui.widgets.tab_order import put_after, reached_before
from sdedge.library.job_states import Wish

HEIGHT = 64  # pixels, always, so that nothing jumps
QUARTERS = 4  # of a job, each of which screen readers are told


@dataclass(frozen=True)
class JobSummary:
    """What came of a job that was drawn to its end."""

    job_id: int
    count: int
    """Of its pictures."""
    seeds: tuple[int, ...]
    seconds: float
    size: tuple[int, int] | None
    """In pixels, of its pictures; None until the first of them is read from its file."""


class ProgressStrip(QFrame):
    """One of three: resting with words about the picture, working, or a failure with buttons."""

    def __init__(self, studio: Studio, canvas: QWidget) -> None:
        """`canvas` has the focus after a button that goes."""
        super().__init__()
        self._studio, self._canvas = studio, canvas
        self._progress: PictureProgress | None = None
        self._summary: JobSummary | None = None
        set_kind(self, "strip")
        self.setMinimumHeight(HEIGHT)
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._text.setFont(spaced_font(self._text.font()))
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Progress"))
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(GAP)
        self._shown: list[QPushButton] = []
        self._quarter, self._waits = 0, False
        self._lay_out()
        self._clock = QTimer(self)  # the seconds of a phase without steps
        self._clock.setInterval(500)
        self._clock.timeout.connect(self._show_progress)
        self.rest("")

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(GAP)
        row.addWidget(self._text, 1)
        row.addLayout(self._buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(PAD, GAP, PAD, GAP)
        column.setSpacing(HALF)
        column.addStretch(1)
        column.addLayout(row)
        column.addWidget(self._bar)
        column.addStretch(1)

    @property
    def text(self) -> str:
        return self._text.text()

    @property
    def summary(self) -> JobSummary | None:
        """What came of a job, while that is what the strip shows."""
        return self._summary

    # The three states

    def rest(self, text: str, kind: str = "muted") -> None:
        """Nothing is drawn."""
        self._end()
        set_kind(self._text, kind)
        self._say(text)
        announce(self, text)

    def finish(self, summary: JobSummary) -> None:
        """Nothing is drawn any more; the strip shows what came of the job."""
        self.rest(self.describe_summary(summary))
        self._summary = summary

    def work(self, progress: PictureProgress, end_after: Callable[[], object]) -> None:
        """Follows a job, with a button that ends one of many after its picture; Generate's own place has the one that cancels."""
        if progress is not self._progress:
            self._end()
            self._progress = progress
            set_kind(self._text, "")
            keys = self._studio.actions["cancel-after"].shortcut().toString()
            self._after = plain_button(self.tr("End After This Picture"), end_after)
            set_tooltip(self._after, self.tr("Keep what is drawn, and leave out the rest ({0})").format(keys))
            self._check = plain_button(self.tr("What Is Checked?"), self._studio.actions["device"].trigger)
            for button in (self._after, self._check):
                self._add(button)
                button.hide()
            self._clock.start()
            self._quarter, self._waits = 0, False
            announce(self, self.describe(progress))
        self._show_progress()
        self._announce_quarter(progress)

    def fail(self, text: str, helps: list[tuple[str, Callable[[], object]]]) -> None:
        """Says what happened, with a button per thing that helps."""
        self._end()
        set_kind(self._text, "failure")
        self._say(text)
        announce(self, text, urgent=True)
        for label, work in helps:
            self._add(plain_button(label, work))

    def pause(self, text: str, label: str, work: Callable[[], object]) -> None:
        """Says why nothing is drawn, with a button that goes on."""
        if text != self.text or not self._shown:
            self._end()
            set_kind(self._text, "muted")
            self._say(text)
            announce(self, text)
            self._add(plain_button(label, work))

    def buttons(self) -> list[QPushButton]:
        """Returns those shown now."""
        return [button for button in self._shown if not button.isHidden()]

    # Words

    def describe(self, progress: PictureProgress) -> str:
        """Returns phase, step, and the time left or spent; of one that is cancelled, that it ends."""
        if progress.ending and progress.ending != Wish.PICTURE:
            return self.tr("Cancelling")
        if (reason := self._studio.board.resting) is not None:
            return for_the_window(reason)
        if progress.phase == "denoising":
            step = self.tr("step {0} of {1}").format(progress.index, progress.total)
            parts = [self.tr("Denoising"), step if progress.index else self.tr("first step")]
            if progress.passes > 1:
                parts.insert(1, self.tr("pass {0} of {1}").format(progress.pass_number, progress.passes))
            if progress.count > 1:
                current = min(progress.count, progress.saved + 1)
                parts.insert(0, self.tr("Picture {0} of {1}").format(current, progress.count))
            if progress.continued:
                parts.append(self.tr("continued at step {0}").format(progress.continued))
            if progress.ending:
                parts.append(self.tr("ends after this picture"))
            elif progress.remaining is not None:
                parts.append(self.tr("about {0} left").format(spoken(progress.remaining)))
            return "   ".join([*parts, *self._say_check(progress)])
        phases = {
            "waiting": self.tr("Starting the engine"),
            "model": self.tr("Loading the model"),
            "first load": self.tr("Loading the model for the first time, which takes minutes once"),
            "text": self.tr("Reading the prompt"),
            "enlarging": self.tr("Enlarging"),
            "safety checker": self.tr("Loading the safety checker"),
            "decoding": self.tr("Decoding"),
            "saving": self.tr("Saving"),
            "finding": self.tr("Finding what to draw again"),
            "memory": self.tr("Planning the memory"),
            "proving": self.tr("The picture is drawn. The engine is checked before it is shown, once on this machine"),
        }
        parts = [phases.get(progress.phase.partition(":")[0], progress.phase.capitalize()), *self._say_check(progress)]
        if (elapsed := progress.elapsed()) >= 1:
            parts.append(spoken(elapsed))
        if elapsed >= SLOW and progress.phase in ("model", "waiting"):
            parts.append(self.tr("large models take up to a minute; a first compilation takes minutes"))
        return "   ".join(parts)

    def _say_check(self, progress: PictureProgress) -> list[str]:
        """Returns how far the check of the engine is, where one runs beside the drawing or the picture waits for it."""
        check = progress.check
        if check is None:
            return []
        if not check.total:
            return [self.tr("the engine is checked beside")] if progress.phase != PROVING else []
        text = self.tr("{0} of {1} checked") if progress.phase == PROVING else self.tr("engine check {0} of {1}")
        return [text.format(check.done, check.total)]

    def describe_summary(self, summary: JobSummary) -> str:
        """Returns the words for seeds, size and time."""
        parts, seeds = [self.tr("Done.")], summary.seeds
        if summary.count > 1:
            parts.append(self.tr("%n pictures", "", summary.count))
        if len(seeds) == 1:
            parts.append(self.tr("Seed {0}").format(seeds[0]))
        elif seeds and min(seeds) < max(seeds):
            parts.append(self.tr("Seeds {0} to {1}").format(min(seeds), max(seeds)))
        if summary.size is not None:
            parts.append(f"{summary.size[0]} × {summary.size[1]}")
        parts.append(spoken(summary.seconds))
        return "   ".join(parts)

    def _show_progress(self) -> None:
        progress = self._progress
        if progress is not None:
            motion.show_share(self._bar, progress.share_of_check if progress.phase == PROVING else progress.fraction)
            self._bar.show()
            self._say(self.describe(progress))
            self._show_or_hide(self._after, progress.ending is None and progress.count - progress.saved > 1)
            self._show_or_hide(self._check, progress.phase == PROVING)

    def _announce_quarter(self, progress: PictureProgress) -> None:
        """Says a quarter, and that a picture waits for the check of its engine; every step would be too much to listen to."""
        quarter = int(QUARTERS * (progress.fraction or 0))
        waits = progress.phase == PROVING
        if quarter > self._quarter or waits > self._waits:
            announce(self, self.describe(progress))
        self._quarter, self._waits = quarter, waits

    def _say(self, text: str) -> None:
        if text != self._text.text():
            self._text.setText(text)
            self._text.setAccessibleName(text)

    def _end(self) -> None:
        self._progress = self._summary = None
        self._clock.stop()
        self._bar.hide()
        for button in self._shown:
            self._show_or_hide(button, False)
            button.deleteLater()
        self._shown = []

    def _add(self, button: QPushButton) -> None:
        """Adds a button at the end, which the tab key comes to after the canvas and those before it."""
        self._buttons.addWidget(button)
        put_after(self._shown[-1] if self._shown else reached_before(self), [button])
        self._shown.append(button)
        button.show()

    def _show_or_hide(self, button: QPushButton, shown: bool) -> None:
        """The focus of one that goes is the canvas's: what Qt would give it to pauses the queue when it is pressed once more."""
        if not shown and button.hasFocus():
            self._canvas.setFocus()
        button.setVisible(shown)
