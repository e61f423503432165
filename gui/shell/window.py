"""The window: menu, header with the view switch, one remark, and the views in a stack."""

from __future__ import annotations

from functools import partial
from typing import cast

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import (
    QActionGroup,
    QCloseEvent,
    QCursor,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.commands.command import Command, end_left
from gui.create.presenter import show_log
from gui.look import motion
from gui.look.plain import PlainLabel, message_box
from gui.look.readable import percent
from gui.look.theme import GAP, HALF, PAD, Theme, set_kind, spaced_font
from gui.shell.actions import Actions, carry_out, name_button, plain
from gui.shell.advice import for_the_window
from gui.shell.backups import Backups
from gui.shell.banner import Banner
from gui.shell.bridge import Bridge
from gui.shell.dock import DockProgress
from gui.shell.mac import add_window_menu
from gui.shell.notifier import Notifier
from gui.shell.settings import Settings
from gui.shell.status import Status
from gui.shell.studio import Studio
from gui.shell.views import VIEWS, load
from sdedge.library.job_states import JobState, PausedBy

SIZE, SMALLEST = (1280, 800), (960, 640)
HEADER = 40  # pixels


class MainWindow(QMainWindow):
    """Built without any view but the one that is shown; see gui.shell.views."""

    def __init__(self, settings: Settings, theme: Theme, bridge: Bridge) -> None:
        super().__init__()
        self.setWindowTitle("sdedge")
        self.fit_screen(self.screen().availableGeometry().size())
        self.setAcceptDrops(True)
        self._app = cast(QGuiApplication, QGuiApplication.instance())
        self.actions_list = Actions(self, theme)
        self.studio = Studio(settings, theme, bridge, self.actions_list)
        self._body = QWidget()
        self.banner = Banner(theme, self._body)
        self.status = PlainLabel()
        self._stack = QStackedWidget()
        self.views: dict[str, QWidget] = {}
        self._noticed: set[str] = set()
        self._dock = DockProgress()
        self._backups = Backups(self, self.studio)
        self.leaving = False
        """It closes without asking, as when the system ends the session."""
        self.question: QMessageBox | None = None
        self._unframed = True
        self._pause: tuple[str | None, str | None, bool] = (None, None, True)
        self.dialogs: dict[str, QDialog] = {}
        self._lay_out()
        self._connect()
        self._status = Status(self.studio, self.status)
        if (geometry := settings.state("geometry")) is not None:
            self.restoreGeometry(geometry)
            self._keep_on_screen()
        known = [view.name for view in VIEWS]
        wanted = settings.view
        self.show_view(known[0])  # it draws, whatever is looked at
        self.show_view(wanted if wanted in known else known[0])

    # The screen

    def fit_screen(self, room: QSize) -> None:
        """Makes it no larger than the screen, which at 150 % has two thirds of its pixels to give: what is at the bottom is
        in reach.
        """
        self.setMinimumSize(QSize(*SMALLEST).boundedTo(room))
        self.resize(QSize(*SIZE).boundedTo(room))

    def _keep_on_screen(self) -> None:
        """The size of before may be another screen's."""
        room = self.screen().availableGeometry()
        self.resize(self.size().boundedTo(room.size()))
        if not room.intersects(self.frameGeometry()):
            self.move(room.topLeft())

    def _fill_screen(self, on: bool) -> None:
        """Fills the screen, or goes back to what it was: a window that was maximised is so again."""
        if on != self.isFullScreen():
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def changeEvent(self, event: QEvent) -> None:
        """At first in front, it is known how much room its frame takes. Full screen is entered and left by the system too."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.actions_list["full-screen"].setChecked(self.isFullScreen())
        if event.type() == QEvent.Type.ActivationChange and self._unframed and self.isActiveWindow():
            self._unframed = False
            self._fit_frame(self.screen().availableGeometry())

    def _fit_frame(self, room: QRect) -> None:
        """Makes it, with its title bar, no larger than the screen."""
        over = (self.frameGeometry().size() - room.size()).expandedTo(QSize(0, 0))
        if not over.isNull():
            self.setMinimumSize(self.minimumSize().boundedTo(self.size() - over))
            self.resize(self.size() - over)
            self.move(room.topLeft())

    # Views

    def show_view(self, name: str) -> QWidget:
        """Switches to a view, building it at first; returns it."""
        view = self.views.get(name)
        if view is None:
            view = next(entry for entry in VIEWS if entry.name == name).build(self.studio, self._stack)
            self.views[name] = view
            self._stack.addWidget(view)
        self._stack.setCurrentWidget(view)
        self.actions_list[f"view-{name}"].setChecked(True)
        self.actions_list.enter(name)
        self.studio.settings.view = name
        self._show_pause()
        canvas = getattr(getattr(view, "panel", None), "canvas", None)
        place: QWidget = getattr(view, "notices_over", view) if canvas is None else canvas
        self.banner.lie_over(place, at_top=canvas is not None)
        self.studio.pictures.look_at(name)
        return view

    @property
    def current_view(self) -> str:
        return self.studio.settings.view

    def closeEvent(self, event: QCloseEvent) -> None:
        ends = (*self.views.values(), self._backups)
        if not self.leaving and (lost := " ".join(filter(None, (getattr(each, "unfinished", "") for each in ends)))):
            event.ignore()
            self._ask_to_leave(lost)
            return
        self.studio.settings.set_state("geometry", self.saveGeometry())
        for view in (*self.dialogs.values(), *self.views.values()):
            view.close()  # so that each keeps its splitters
        for command in self.findChildren(Command):
            command.close()
        end_left()
        self._status.stop()
        self.studio.trash.empty()
        self.studio.settings.save()
        super().closeEvent(event)

    def _ask_to_leave(self, lost: str) -> None:
        """What is not finished would be lost."""
        question = self.question = message_box(self, self.tr("Close sdedge?"), lost)
        button = question.addButton(self.tr("Close and End It"), QMessageBox.ButtonRole.DestructiveRole)
        keep = question.addButton(self.tr("Keep It Open"), QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)
        button.clicked.connect(self._leave)
        question.open()

    def _leave(self) -> None:
        self.leaving = True
        self.close()

    def show_dialog(self, place: str) -> QDialog:
        """Opens a dialog, "module:Class", beside the window, or brings it to the front."""
        if place not in self.dialogs:
            self.dialogs[place] = load(place)(self.studio, self)
        dialog = self.dialogs[place]
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def _show_picture(self, id: int) -> None:
        """Shows it large, in the gallery."""
        self.show_view("gallery").show_large(id)  # type: ignore[attr-defined]

    def _show_shortcuts(self) -> None:
        load("gui.dialogs.help:Shortcuts")(self.actions_list, self).open()

    def _show_about(self) -> None:
        load("gui.dialogs.help:about")(self)

    # Files from outside

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if self.studio.drops.accepts(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.setAccepted(not self._comes_back(event))

    def dropEvent(self, event: QDropEvent) -> None:
        if self._comes_back(event):
            return
        event.acceptProposedAction()
        self.studio.drops.take(event.mimeData())

    @staticmethod
    def _comes_back(event: QDropEvent) -> bool:
        """A picture that is let go where it was taken up is not dropped."""
        source = event.source()
        if not isinstance(source, QWidget):
            return False
        return source.rect().contains(source.mapFromGlobal(QCursor.pos()))

    # Building

    def _lay_out(self) -> None:
        self.actions_list.fill(self.menuBar())
        add_window_menu(self.menuBar(), self)
        body = self._body
        set_kind(body, "window")
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._header())
        column.addWidget(self._stack, 1)
        self.setCentralWidget(body)

    def _header(self) -> QWidget:
        header = QFrame()
        set_kind(header, "header")
        header.setFixedHeight(HEADER)
        row = QHBoxLayout(header)
        row.setContentsMargins(GAP, 0, PAD, 0)
        row.setSpacing(HALF)
        self._switch = QButtonGroup(self)
        for view in VIEWS:
            row.addWidget(self._segment(view.name))
        row.addStretch(1)
        set_kind(self.status, "muted")
        self.status.setFont(spaced_font(self.status.font()))
        self.status.setAccessibleName(self.tr("Model, device and memory"))
        row.addWidget(self.status)
        row.addWidget(self.actions_list.button("device"))
        return header

    def _segment(self, name: str) -> QToolButton:
        action, button = self.actions_list[f"view-{name}"], QToolButton()
        button.setText(plain(action.text()))
        button.setCheckable(True)
        button.setAutoExclusive(True)  # one of several, to screen readers too
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_kind(button, "segment")
        name_button(button, plain(action.text()), action.shortcut())
        self._switch.addButton(button)
        carry_out(action, button)
        action.toggled.connect(button.setChecked)
        return button

    def _connect(self) -> None:
        actions, studio = self.actions_list, self.studio
        switch = QActionGroup(self)
        for view in VIEWS:
            switch.addAction(actions[f"view-{view.name}"])
            actions.bind(f"view-{view.name}", partial(self.show_view, view.name))
        for spec in ("view-gallery", "view-models", "view-convert", "view-get"):
            actions[spec].setVisible(any(f"view-{view.name}" == spec for view in VIEWS))
        actions.bind("export-everything", self._backups.write)
        actions.bind("read-backup", self._backups.read)
        actions.bind("quit", self.close)
        actions.bind("settings", partial(self.show_dialog, "gui.dialogs.settings:SettingsDialog"))
        actions.bind("device", partial(self.show_dialog, "gui.dialogs.device:DeviceDialog"))
        actions.bind("shortcuts", self._show_shortcuts)
        actions.bind("about", self._show_about)
        actions.bind("show-log", show_log)
        actions.follow("full-screen", self._fill_screen)
        studio.notified.connect(self.banner.show_notice)
        studio.withdrawn.connect(self.banner.withdraw)
        studio.view_wanted.connect(self.show_view)
        studio.picture_wanted.connect(self._show_picture)
        studio.trash.failed.connect(lambda text: studio.say(text, "bad"))
        studio.board.progressed.connect(self._show_share)
        studio.board.changed.connect(self._show_waiting)
        studio.board.noticed.connect(self._notice)
        studio.bridge.unavailable.connect(self._say_unavailable)
        studio.settings.changed.connect(lambda name: studio.bridge.keep_awake(studio.settings.keep_awake))
        studio.bridge.keep_awake(studio.settings.keep_awake)
        studio.settings.changed.connect(lambda name: motion.choose(studio.settings.motion))
        motion.choose(studio.settings.motion)
        studio.settings.changed.connect(
            lambda name: studio.bridge.rest_for(studio.settings.battery, studio.settings.heat)
        )
        studio.bridge.rest_for(studio.settings.battery, studio.settings.heat)
        Notifier(studio, self)

    def _show_share(self, id: int) -> None:
        """Shows how far the job is, in the title, where a taskbar shows it."""
        progress = self.studio.board.progress(id)
        fraction = progress.fraction if progress else None
        self.setWindowTitle("sdedge" if fraction is None else f"{percent(fraction)} – sdedge")
        self._dock.show(fraction)

    def _show_waiting(self) -> None:
        board = self.studio.board
        if board.running is None:
            self.setWindowTitle("sdedge")
            self._dock.show(None)
        self._app.setBadgeNumber(sum(job.state in (JobState.RUNNING, JobState.WAITING) for job in board.jobs))
        self._show_pause()

    def _show_pause(self) -> None:
        """While nothing is drawn for a reason that no person gave, every view but the one that draws says so."""
        board, studio = self.studio.board, self.studio
        pause = (board.paused_by, board.paused, self.current_view == "create")
        if pause == self._pause:
            return
        self._pause = pause
        if board.paused_by in (None, PausedBy.PERSON) or self.current_view == "create":
            studio.withdraw("queue")
        else:
            text = self.tr("The queue is paused. {0}").format(for_the_window(board.paused or ""))
            studio.say(text, "warning", self.tr("Go on with the queue"), partial(board.pause, False), topic="queue")

    def _notice(self, job: int | None, text: str) -> None:
        if job is not None and text in self._noticed:  # such as a notice of the model, at each of its pictures
            return
        self._noticed.add(text)
        self.studio.say(text, "info" if job is not None else "warning")

    def _say_unavailable(self, reason: str) -> None:
        self.studio.say(reason, "bad", self.tr("Try again"), self.studio.bridge.start)
