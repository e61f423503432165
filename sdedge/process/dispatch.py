"""Who draws what: pictures are given to workers one by one, and given again where a worker is lost. No torch, no Ray.

`Cluster` is whatever has workers: this process (`local_cluster`), or the machines that Ray knows (`ray_cluster`).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import sdedge
from sdedge.errors import SdedgeError
from sdedge.process.batch_tasks import PictureTask, content_of
from sdedge.process.batch_worker import AboutWorker, Drawn, Undrawn

TICK = 0.5  # seconds to wait for an answer before looking around
LOOK = 10.0  # seconds after which machines that have joined are looked for
ELSEWHERE = {"machine", "memory", "bug", "database"}
"""Kinds of failure that another worker may not have."""


@dataclass(frozen=True)
class Lost:
    """A worker ended: killed, crashed, or its machine is gone."""

    reason: str


Answer = AboutWorker | Drawn | Undrawn | Lost


class Cluster(Protocol):
    """Where workers are, each on a device of its own that a text names."""

    def devices(self) -> Sequence[str]:
        """Returns the devices that there are now."""
        ...

    def start(self, device: str) -> None:
        """Starts a worker there, in place of one that may be left; it answers with AboutWorker."""
        ...

    def draw(self, device: str, task: PictureTask, contents: Mapping[str, bytes]) -> None:
        """Orders a picture of a worker that has answered; it answers with Drawn or Undrawn."""
        ...

    def end(self, device: str) -> None:
        """Ends the worker of a device, whatever it does."""
        ...

    def answers(self, seconds: float) -> Iterable[tuple[str, Answer]]:
        """Returns what workers have answered, waiting so long for the first answer."""
        ...


@dataclass(frozen=True)
class DispatchLimits:
    """How long and how often is tried.

    patience   seconds after which a worker that has not answered is replaced
    attempts   at one picture, whose workers were lost or could not draw it
    losses     of the workers of one device in a row, before it is given up
    """

    patience: float = 1800.0
    attempts: int = 3
    losses: int = 5


@dataclass(frozen=True)
class Outcome:
    """What became of a picture, and on which device."""

    task: PictureTask
    answer: Drawn | Undrawn
    device: str


@dataclass
class _Slot:
    """The worker of one device: what it draws, since when, and which files it has had."""

    since: float
    is_ready: bool = False
    task: PictureTask | None = None
    losses: int = 0
    sent: set[str] = field(default_factory=set)


class Dispatcher:
    """Gives every task to a worker until each has an outcome."""

    def __init__(
        self,
        cluster: Cluster,
        tasks: Iterable[PictureTask],
        note: Callable[[str], None],
        limits: DispatchLimits = DispatchLimits(),
        clock: Callable[[], float] = time.monotonic,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._cluster, self._note, self._limits, self._clock = cluster, note, limits, clock
        self._is_cancelled = is_cancelled
        self._waiting = deque(tasks)
        self._slots: dict[str, _Slot] = {}
        self._abandoned: dict[str, str] = {}
        self._attempts: Counter[str] = Counter()
        self._tried_on: dict[str, set[str]] = {}
        self._looked = float("-inf")

    def outcomes(self) -> Iterator[Outcome]:
        """Yields the outcome of each task as it comes, until it is cancelled. Raises SdedgeError when no worker is left."""
        while self._waiting or any(slot.task is not None for slot in self._slots.values()):
            if self._is_cancelled():
                return
            self._look_for_devices()
            if not self._slots:
                reasons = " ".join(dict.fromkeys(self._abandoned.values()))
                raise SdedgeError(f"No worker is left for {len(self._waiting)} pictures. {reasons}".strip())
            yield from self._give()
            for device, answer in self._cluster.answers(TICK):
                yield from self._heard(device, answer)
            for device, slot in [*self._slots.items()]:
                if (not slot.is_ready or slot.task is not None) and self._clock() - slot.since > self._limits.patience:
                    seconds = f"{self._limits.patience:g} seconds"
                    yield from self._lost(device, f"it has not answered for {seconds}")

    def _look_for_devices(self) -> None:
        if self._slots and self._clock() - self._looked < LOOK:
            return
        self._looked = self._clock()
        for device in self._cluster.devices():
            if device not in self._slots and device not in self._abandoned:
                self._start(device, 0)

    def _start(self, device: str, losses: int) -> None:
        self._slots[device] = _Slot(self._clock(), losses=losses)
        self._cluster.start(device)

    def _give(self) -> Iterator[Outcome]:
        """Orders a picture of every worker that has none."""
        for device, slot in self._slots.items():
            if not slot.is_ready or slot.task is not None or (task := self._next_for(device)) is None:
                continue
            try:
                fresh = {digest: name for name, digest in task.files.items() if digest not in slot.sent}
                contents = {digest: content_of(name) for digest, name in fresh.items()}
            except SdedgeError as error:  # it was there when the batch began
                yield Outcome(task, Undrawn("request", str(error)), device)
                continue
            slot.task, slot.since = task, self._clock()
            slot.sent |= fresh.keys()
            self._cluster.draw(device, task, contents)

    def _next_for(self, device: str) -> PictureTask | None:
        """Takes the next task, but one that this device could not draw while another may."""
        others = self._slots.keys() - {device}
        for task in self._waiting:
            tried = self._tried_on.get(task.hash, set())
            if device not in tried or others <= tried:
                self._waiting.remove(task)
                return task
        return None

    def _heard(self, device: str, answer: Answer) -> Iterator[Outcome]:
        slot = self._slots.get(device)
        if slot is None:
            return
        if isinstance(answer, Lost):
            yield from self._lost(device, answer.reason)
        elif isinstance(answer, AboutWorker):
            slot.is_ready = True
            if answer.version != sdedge.__version__:
                self._give_up(
                    device, f"{answer.host} has sdedge {answer.version}, and not {sdedge.__version__}; install it."
                )
        elif slot.task is not None:
            task, slot.task = slot.task, None
            if isinstance(answer, Drawn):
                slot.losses = 0
                yield Outcome(task, answer, device)
            elif answer.kind == "machine":
                self._waiting.appendleft(task)
                self._give_up(device, answer.message)
            elif answer.kind in ELSEWHERE:
                self._tried_on.setdefault(task.hash, set()).add(device)
                yield from self._again(task, answer, device)
            else:
                yield Outcome(task, answer, device)

    def _again(self, task: PictureTask, answer: Undrawn, device: str) -> Iterator[Outcome]:
        """Lets a task wait again, first of all, or gives it up with the last answer."""
        self._attempts[task.hash] += 1
        if self._attempts[task.hash] >= self._limits.attempts:
            yield Outcome(task, answer, device)
        else:
            self._waiting.appendleft(task)

    def _lost(self, device: str, reason: str) -> Iterator[Outcome]:
        """Replaces a worker, or gives its device up where that has not helped; its picture is drawn by another one."""
        slot = self._slots.pop(device)
        self._cluster.end(device)
        is_there = device in self._cluster.devices()
        losses = slot.losses + 1
        said = f"The worker on {device} was lost: {reason}."
        if not is_there:
            self._note(f"{said} Its machine is gone.")
        elif losses >= self._limits.losses:
            self._abandoned[device] = f"{said} That was {losses} times in a row; its pictures go to others."
            self._note(self._abandoned[device])
        else:
            self._note(f"{said} Another takes its place.")
            self._start(device, losses)
        if slot.task is not None:
            yield from self._again(
                slot.task, Undrawn("crash", f"Its workers were lost, at last because {reason}."), device
            )

    def _give_up(self, device: str, reason: str) -> None:
        self._abandoned[device] = reason
        self._note(f"The worker on {device} is not used: {reason}")
        del self._slots[device]
        self._cluster.end(device)
