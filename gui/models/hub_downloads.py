"""What the window asks of the hub and downloads from it: each in a process of its own, and each can be paused."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from PySide6.QtCore import QObject, Signal

from gui.commands.tasks import DONE, FAILED, Task, Tasks
from gui.models.get_rows import GetRow
from gui.shell.background import Background, in_words
from gui.shell.offline import OFFLINE_WISH
from sdedge.errors import Remedy
from sdedge.library import hub_download, hub_tokens

WANTS_TOKEN = (Remedy.TOKEN.name, Remedy.GIVE_TOKEN.name)
_MEASURED = 8  # notes of progress over which the speed is measured


class DownloadState(StrEnum):
    IDLE = "idle"
    ASKING = "asking"
    OFFERED = "offered"
    WAITING = "waiting"
    RUNNING = "running"
    ADDING = "adding"
    PAUSED = "paused"
    FAILED = "failed"
    INSTALLED = "installed"


@dataclass
class Download:
    """How far one thing is. `done` and `size` are bytes; `remedy` is the name of what would help, where it failed."""

    wanted: str
    state: DownloadState = DownloadState.IDLE
    offer: dict[str, Any] = field(default_factory=dict)
    edition: str = ""
    done: int = 0
    size: int = 0
    message: str = ""
    remedy: str = ""
    installed: str = ""
    role: str = ""
    notes: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_MEASURED))

    @property
    def begun(self) -> bool:
        """Whether it goes on from where it stopped: it was paused, or failed after a part of it had come."""
        return self.state is DownloadState.PAUSED or (self.done > 0 and self.state is DownloadState.FAILED)

    @property
    def wants_token(self) -> bool:
        """Whether it failed for want of a token, or of the right one."""
        return self.state is DownloadState.FAILED and self.remedy in WANTS_TOKEN

    @property
    def speed(self) -> float | None:
        """Bytes per second of late; None while nobody knows."""
        if len(self.notes) < 2:
            return None
        (began, first), (now, last) = self.notes[0], self.notes[-1]
        return (last - first) / (now - began) if now > began and last > first else None


class HubDownloads(QObject):
    """By what is wanted: ask, start, pause, discard. A token stays in memory, or goes into the system's keyring."""

    changed = Signal(str)
    """Another state of what is named."""
    installed = Signal(str, str, str)
    """(wanted, name in the library, role): it can be used now."""
    token_stored = Signal(bool)
    """The token was right, and the keyring has it; or there is no keyring, and it lasts until the window is closed."""

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._questions, self._tasks = Tasks(self), Tasks(self)
        self._downloads: dict[str, Download] = {}
        self._after: dict[str, Callable[[], None]] = {}
        self._token, self._unproven = "", False
        for tasks in (self._questions, self._tasks):
            tasks.changed.connect(self._follow)
            tasks.finished.connect(self._task_ended)

    def of(self, wanted: str) -> Download:
        return self._downloads.setdefault(wanted, Download(wanted))

    def take(self, row: GetRow) -> None:
        """Takes over what the disk says of a row, unless something is going on with it."""
        download, states = self.of(row.wanted), DownloadState
        if row.installed:
            if download.state is not states.INSTALLED:
                download.state, download.installed, download.role = states.INSTALLED, row.installed, row.role
        elif download.state is states.INSTALLED and row.role:  # removed meanwhile
            self._downloads[row.wanted] = Download(row.wanted)
        elif row.left is not None and download.state is states.IDLE:
            download.state, download.edition = states.PAUSED, row.left.edition
            download.done, download.size = row.left.done, row.left.size

    @property
    def busy(self) -> bool:
        return self._tasks.busy or self._questions.busy

    # What can be done

    def ask(self, wanted: str) -> None:
        """Asks the hub what there is: the first thing that goes to the network."""
        self._begin(self._questions, wanted, DownloadState.ASKING, ["--dry-run"])

    def start(self, wanted: str, edition: str) -> None:
        """Downloads and installs it; its licence was accepted by whoever pressed the button that says so."""
        self.of(wanted).edition = edition
        chosen = ["--edition", edition] if edition else []
        self._begin(self._tasks, wanted, DownloadState.WAITING, ["--accept-license", *chosen])

    def pause(self, wanted: str) -> None:
        """Ends its process; what came stays, and `start` goes on with it."""
        self._end(wanted, lambda: self._set(wanted, DownloadState.PAUSED))

    def discard(self, wanted: str) -> None:
        """Ends it, or forgets what was asked, and deletes what came of it."""

        def forget() -> None:
            self._downloads[wanted] = Download(wanted)

            def failed(error: Exception) -> None:
                self._fail(wanted, in_words(error))

            self._background.run(lambda: hub_download.discard(wanted), None, failed, self, lasting=True)
            self.changed.emit(wanted)

        self._end(wanted, forget)

    def give_token(self, token: str, wanted: str) -> None:
        """Tries a token on what wants one. Raises InvalidRequest for what cannot be one."""
        from sdedge.weights.hub import checked_token

        self._token, self._unproven = checked_token(token), True
        self.ask(wanted)

    def forget_token(self, wanted: str) -> None:
        """Takes the token out of the memory and the keyring, and asks without one."""
        self._token, self._unproven = "", False
        self._background.run(hub_tokens.forget_token, lambda _: self.ask(wanted), None, self, lasting=True)

    def close(self) -> None:
        """Ends what runs, and waits for it; what came stays."""
        self._questions.close()
        self._tasks.close()

    # How it goes

    def _begin(self, tasks: Tasks, wanted: str, state: DownloadState, options: list[str]) -> None:
        download = self.of(wanted)
        download.message = download.remedy = ""
        download.notes.clear()
        self._set(wanted, state)
        # The task may be over before `add` returns only where its process cannot be started; its end is looked up by its title.
        tasks.add(wanted, ["models", "get", "--json", *options, "--", wanted], variables=self._variables())

    def _variables(self) -> Mapping[str, str]:
        token = {"HF_TOKEN": self._token} if self._token else {}
        return {"HF_HUB_OFFLINE": os.environ.get(OFFLINE_WISH, ""), **token}

    def _end(self, wanted: str, then: Callable[[], None]) -> None:
        for tasks in (self._questions, self._tasks):
            task = next((task for task in tasks.all if task.title == wanted and not task.over), None)
            if task is not None:
                if task.began:
                    self._after[wanted] = then
                    tasks.cancel(task)
                    return
                tasks.cancel(task)
        then()

    def _follow(self) -> None:
        for task in self._tasks.all:
            if task.over or not task.began:
                continue
            download = self.of(task.title)
            adding = task.phase == "Adding" or any(event.get("phase") == "Adding" for event in task.events)
            state = DownloadState.ADDING if adding else DownloadState.RUNNING
            if task.fraction and not adding:
                download.done, download.size = task.done, round(task.done / task.fraction)
                if not download.notes or download.notes[-1][1] != task.done:
                    download.notes.append((time.monotonic(), task.done))
            if download.state in (DownloadState.WAITING, DownloadState.RUNNING, DownloadState.ADDING):
                download.state = state
                self.changed.emit(task.title)

    def _task_ended(self, task: Task) -> None:
        wanted, events = task.title, task.events
        if (then := self._after.pop(wanted, None)) is not None:
            then()
        elif task.state == FAILED:
            failure: dict[str, Any] = next((event for event in reversed(events) if event.get("event") == "Failed"), {})
            self._fail(wanted, task.message, str(failure.get("remedy", "")))
        elif task.state == DONE:
            self._succeeded(wanted, events)
        for tasks in (self._questions, self._tasks):
            tasks.dismiss(task)

    def _succeeded(self, wanted: str, events: list[dict[str, Any]]) -> None:
        download = self.of(wanted)
        added = next((event for event in events if event.get("event") == "Added"), None)
        offer = next((event for event in events if event.get("event") == "Offer"), None)
        if added is not None:
            download.installed, download.role = str(added["name"]), str(added["role"])
            self._set(wanted, DownloadState.INSTALLED)
            self.installed.emit(wanted, download.installed, download.role)
        elif offer is not None:
            download.offer, download.size = offer, 0
            self._set(wanted, DownloadState.OFFERED)
            self._keep_token()
        else:
            self._fail(wanted, self.tr("It ended without a word."))

    def _keep_token(self) -> None:
        """Puts a token that the hub took into the keyring; where there is none, it stays in memory alone."""
        if self._unproven and self._token:
            self._unproven, token = False, self._token
            self._background.run(
                lambda: hub_tokens.keep_token(token),
                self.token_stored.emit,
                lambda _: self.token_stored.emit(False),
                self,
                lasting=True,
            )

    def _fail(self, wanted: str, message: str, remedy: str = "") -> None:
        download = self.of(wanted)
        download.message, download.remedy = message, remedy
        left = next((left for left in hub_download.unfinished() if left.wanted == wanted), None)
        download.done, download.size = (left.done, left.size) if left else (0, 0)
        self._set(wanted, DownloadState.FAILED)

    def _set(self, wanted: str, state: DownloadState) -> None:
        self.of(wanted).state = state
        self.changed.emit(wanted)
