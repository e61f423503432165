"""Beside the list of what can be got: what it is, its size and licence once the hub was asked, and how its download goes."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QProgressBar, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gui.look.plain import PlainLabel
from gui.look.readable import breakable, size_in_words
from gui.look.theme import GAP, PAD, set_kind, spaced_font
from gui.models.get_rows import GetRow
from gui.models.get_table import translated
from gui.models.hub_downloads import Download, DownloadState
from gui.models.token_card import TokenCard
from gui.queue.progress import spoken
from gui.widgets.calm import CalmCombo
from gui.widgets.cards import framed
from gui.widgets.fault_label import FaultLabel
from sdedge.errors import Remedy
from sdedge.library.licences import OPENRAIL
from sdedge.weights.hub_files import FULL, HALF

_ASKABLE = (DownloadState.IDLE, DownloadState.FAILED)
_GOING_ON = (DownloadState.WAITING, DownloadState.RUNNING, DownloadState.ADDING)


class GetDetails(QScrollArea):
    """Shows one row; the buttons ask for what they say."""

    asked = Signal(str)
    """ "ask", "start", "pause", "discard", "use", "models" or "file"."""
    token_typed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setAccessibleName(self.tr("What is known of it"))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._page, self._licence_page = "", ""
        self.title, self._text, self._from, self._hint = (PlainLabel() for _ in range(4))
        set_kind(self.title, "title")
        for label in (self.title, self._text, self._from, self._hint):
            label.setWordWrap(True)
        for label in (self._from, self._hint):
            set_kind(label, "caption")
        self.fault = FaultLabel()
        self.page_button = QPushButton(self.tr("Open Its Page"))
        self.page_button.clicked.connect(lambda: self._open(self._page))
        self.licence, self._terms, self._room = PlainLabel(), PlainLabel(), PlainLabel()
        self.licence_button = QPushButton(self.tr("Read the Licence"))
        self.licence_button.clicked.connect(lambda: self._open(self._licence_page))
        self.edition = CalmCombo()
        self.edition.setAccessibleName(self.tr("Edition"))
        self.edition.currentIndexChanged.connect(lambda _: self._show_room())
        self.bar, self.progress, self._pace = QProgressBar(), PlainLabel(), PlainLabel()
        set_kind(self._pace, "caption")
        self.bar.setTextVisible(False)
        self.progress.setFont(spaced_font(self.progress.font()))
        self.token = TokenCard()
        self.token.typed.connect(self.token_typed)
        self.buttons = {
            "ask": QPushButton(self.tr("Get")), "start": QPushButton(self.tr("Accept and Download")),
            "use": QPushButton(self.tr("Use It")),
            "pause": QPushButton(self.tr("Pause")), "discard": QPushButton(self.tr("Cancel")),
            "models": QPushButton(self.tr("Show Under Models")), "file": QPushButton(self.tr("Choose Its File…")),
        }  # fmt: skip
        for name, button in self.buttons.items():
            button.clicked.connect(lambda checked=False, name=name: self.asked.emit(name))
        for name in ("ask", "start", "use"):
            set_kind(self.buttons[name], "accent")
        self._free, self._sizes = 0, dict[str, int]()
        self._shown: tuple[str, DownloadState] = ("", DownloadState.IDLE)
        self._rests_at: QWidget | None = None
        """Where the focus was given to, to wait for what comes."""
        self._lay_out()
        self.hide()  # until there is something to show

    def show_row(self, row: GetRow, download: Download, kind: str, host: str, free: int) -> None:
        """`host` is the hub's, `free` the bytes that the library's disk has room for."""
        state, self._free, self._page = download.state, free, row.page
        pressed = QApplication.focusWidget()
        fresh, self._shown = self._shown != (row.wanted, state), (row.wanted, state)
        self.title.setText(row.name)
        self._text.setText(translated(row))
        self._text.setVisible(bool(row.text))
        self._from.setText(" · ".join((kind, breakable(row.repository))))
        offered = state is DownloadState.OFFERED
        if offered and fresh:
            self._show_offer(download)
        self._offer_card.setVisible(offered)
        self._show_progress(download)
        self._show_fault(download)
        self._hint.setText(self._say_hint(row, download, host))
        self._hint.setVisible(bool(self._hint.text()))
        self._show_buttons(row, download)
        if pressed is not None and self.isAncestorOf(pressed):
            is_over = fresh and pressed is self._rests_at
            if is_over or not pressed.isVisibleTo(self):
                self._focus_next(state)

    def chosen_edition(self) -> str:
        """Returns the key of the edition to download."""
        return str(self.edition.currentData() or "")

    def focus_first(self) -> None:
        """Gives the focus to what is pressed first, as when a row is opened by the keyboard or asked for by its address."""
        self._focus_next(self._shown[1])

    def _focus_next(self, state: DownloadState) -> None:
        """What was pressed is gone, or what it began is over: the focus goes to what helps next, in sight."""
        target = self._rests_at = self._next_in(state)
        target.setFocus()
        QTimer.singleShot(0, target, lambda: self.ensureWidgetVisible(target, 0, GAP))  # once it is laid out

    def _next_in(self, state: DownloadState) -> QWidget:
        """Returns what helps next; never what deletes what has come, or accepts a licence."""
        if state is DownloadState.OFFERED:
            return self.edition
        if state is DownloadState.FAILED and self.token.isVisibleTo(self):
            return self.token.first
        is_asked = state is DownloadState.ASKING
        names = ("start", "ask", "use", "pause", "models", *(("discard",) if is_asked else ()))
        visible = [self.buttons[name] for name in names if self.buttons[name].isVisibleTo(self)]
        return (visible or [self.page_button])[0]

    def _show_offer(self, download: Download) -> None:
        offer = download.offer
        self._licence_page = str(offer.get("licence_page", ""))
        self._sizes = {edition["key"]: edition["size"] for edition in offer.get("editions", ())}
        self.edition.clear()
        for edition in offer.get("editions", ()):
            self.edition.addItem(f"{self._name_edition(edition)} · {size_in_words(edition['size'])}", edition["key"])
        if download.edition and (place := self.edition.findData(download.edition)) >= 0:
            self.edition.setCurrentIndex(place)
        licence = str(offer.get("licence", ""))
        self.licence.setText(self.tr("Licence: {0}").format(licence or self.tr("not named")))
        accepted = bool(offer.get("accepted"))
        self._terms.setText(self._say_terms(licence))
        self.buttons["start"].setText(self.tr("Download") if accepted else self.tr("Accept and Download"))
        self._show_room()

    def _name_edition(self, edition: dict[str, object]) -> str:
        full = self.tr("Full precision") if HALF in self._sizes else self.tr("All its files")
        names = {HALF: self.tr("Half precision"), FULL: full}
        name = names.get(str(edition["key"]), str(edition["key"]))
        return self.tr("{0} (pickle)").format(name) if edition.get("pickled") and edition.get("file") else name

    def _say_terms(self, licence: str) -> str:
        if licence == OPENRAIL:
            return self.tr(
                "It allows use and sharing, also commercial, and forbids the uses listed in its Attachment A; these "
                "restrictions apply to you and go along with every copy."
            )
        if not licence:
            return self.tr("Its page may say what you may do with it; the model's details record what you find.")
        return self.tr("What it allows is said on its page.")

    def _show_room(self) -> None:
        size = int(self._sizes.get(self.chosen_edition(), 0))
        short = size > self._free
        self._room.setText(
            self.tr("Too little room: {0} of it are needed, {1} are free.").format(
                size_in_words(size), size_in_words(self._free)
            )
            if short
            else self.tr("{0} are free on the disk.").format(size_in_words(self._free))
        )
        set_kind(self._room, "fault" if short else "caption")
        self.buttons["start"].setEnabled(not short)

    def _show_progress(self, download: Download) -> None:
        going = download.state in _GOING_ON or (download.begun and bool(download.size))
        self._progress_card.setVisible(going)
        if not going:
            return
        known = download.size > 0 and download.state is not DownloadState.ADDING
        self.bar.setRange(0, 1000 if known or download.state is DownloadState.WAITING else 0)
        self.bar.setValue(round(1000 * download.done / download.size) if known else 0)
        self.progress.setText(self._say_progress(download))
        self._pace.setText(self._say_pace(download))
        self._pace.setVisible(bool(self._pace.text()))

    def _say_pace(self, download: Download) -> str:
        speed = download.speed
        if download.state is not DownloadState.RUNNING or not speed:
            return ""
        left = spoken((download.size - download.done) / speed)
        return self.tr("{0} a second · {1} left").format(size_in_words(speed), left)

    def _say_progress(self, download: Download) -> str:
        if download.state is DownloadState.WAITING:
            return self.tr("Waiting for what is downloaded before it")
        if download.state is DownloadState.ADDING:
            return self.tr("Checking and adding it")
        if not download.size:
            return self.tr("Beginning")
        texts = {
            DownloadState.PAUSED: self.tr("{0} of {1}, paused"),
            DownloadState.FAILED: self.tr("{0} of {1}, stopped"),
        }
        text = texts.get(download.state, self.tr("{0} of {1}"))
        return text.format(size_in_words(download.done), size_in_words(download.size))

    def _show_fault(self, download: Download) -> None:
        self.fault.say(download.message if download.state is DownloadState.FAILED else "")
        self.token.setVisible(download.wants_token)
        self.token.explain(self._page, gated=download.remedy == Remedy.TOKEN.name)

    def _say_hint(self, row: GetRow, download: Download, host: str) -> str:
        if download.state is DownloadState.IDLE:
            return self.tr("Get asks {0} for its size and licence. Nothing is downloaded before you agree.").format(
                host
            )
        if download.state is DownloadState.ASKING:
            return self.tr("Asking {0}…").format(host)
        if download.state is DownloadState.INSTALLED:
            return self.tr("It is installed.")
        if download.begun:
            return self.tr("What has come is kept, and goes on from there.")
        return ""

    def _show_buttons(self, row: GetRow, download: Download) -> None:
        state, begun = download.state, download.begun
        visible = {
            "ask": state in _ASKABLE and not begun and not download.wants_token,
            "start": state is DownloadState.OFFERED or begun,
            "use": state is DownloadState.INSTALLED and download.role in ("model", "vae", "lora", "embedding"),
            "pause": state in (DownloadState.WAITING, DownloadState.RUNNING),
            "discard": state in (DownloadState.ASKING, DownloadState.OFFERED, *_GOING_ON) or begun,
            "models": state is DownloadState.INSTALLED and download.role != "vocabulary",
            "file": row.role == "vocabulary" and state in _ASKABLE,
        }  # fmt: skip
        for name, button in self.buttons.items():
            button.setVisible(visible[name])
        self.page_button.setVisible(not download.wants_token)  # whose card has one
        if begun:
            self.buttons["start"].setText(self.tr("Go On"))
            self.buttons["start"].setEnabled(True)
        failed = state is DownloadState.FAILED
        self.buttons["ask"].setText(self.tr("Try Again") if failed else self.tr("Get"))
        self.buttons["discard"].setText(self.tr("Delete What Has Come") if begun else self.tr("Cancel"))

    def _open(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    def _lay_out(self) -> None:
        body = QWidget()
        set_kind(body, "panel")
        column = QVBoxLayout(body)
        column.setContentsMargins(PAD, PAD, PAD, PAD)
        column.setSpacing(GAP)
        for widget in (self.title, self._text, self._from):
            column.addWidget(widget)
        for label in (self._terms, self.licence):
            label.setWordWrap(True)
        set_kind(self.licence, "strong")
        self._offer_card = framed(self.licence, self._terms, self.licence_button, self.edition, self._room)
        self._progress_card = framed(self.progress, self.bar, self._pace)
        self.progress.setWordWrap(True)
        for card in (self._offer_card, self._progress_card, self.fault, self.token, self._hint):
            column.addWidget(card)
        for name in ("ask", "start", "use", "pause", "models", "file", "discard"):
            column.addWidget(self.buttons[name])
        column.addSpacing(GAP)
        column.addWidget(self.page_button)
        column.addStretch(1)
        self.setWidget(body)
