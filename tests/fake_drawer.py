"""Draws coloured noise without torch, and fails on request: for tests of the queue and its processes.

The prompt says how: words such as `steps=3`, `step=0.05` (seconds), `load=0.1`, `write=0.1` (before a picture is
written), `fail=segv@2` (at step 2; also segv, kill, hang, memory, bug, silent, noise, exit, at "load", a step, "done").
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from sdedge import events
from sdedge.errors import ModelError, SdedgeError
from sdedge.generation import journal_file, journals
from sdedge.generation.save import Picture
from sdedge.request import Request, Resolved


class FakeDrawer:
    """Answers `sdedge.process.worker.Drawer`. A test that needs another one overrides what it needs otherwise."""

    def release(self) -> None:
        pass

    def load(self, request: Request, options: dict[str, str]) -> Iterator[events.Event]:
        """Does what comes before the first step."""
        if request.model != "fake" and not Path(request.model).exists():
            raise ModelError(f"There is no model at {request.model}; put it back.")
        time.sleep(float(options.get("load", 0)))
        return iter(())

    def steps(self, request: Request, options: dict[str, str]) -> int:
        return int(options.get("steps", 3))

    def preview(self, step: int) -> str | None:
        return None

    def finished(self, request: Request, index: int) -> Picture:
        """Returns picture `index` of a request."""
        resolved = Resolved(**{**vars(request), "width": 64, "height": 64, "guidance": 1.0, "noise": "torch"})
        resolved = resolved.replace(seed=(request.seed or 0) + index)
        return Picture(picture(resolved.seed), resolved, index, {"engine": "fake", "model_name": "fake"})

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]:
        options = dict(word.split("=", 1) for word in request.prompt.split() if "=" in word)
        fault, _, where = options.get("fail", "").partition("@")
        yield events.Loading("model")
        yield from self.load(request, options)
        if where == "load":
            happen(fault)
        steps = self.steps(request, options)
        for index in range(count):
            for step in range(1, steps + 1):
                time.sleep(float(options.get("step", 0)))
                if where == str(step):
                    happen(fault)
                yield events.Step(step, steps, index, 1, self.preview(step) if previews else None)
            yield events.Loading("decoding")
            time.sleep(float(options.get("write", 0)))
            yield self.finished(request, index)
            if where == "done":
                happen(fault)


class JournalingDrawer(FakeDrawer):
    """Records each step in a journal, at once, and goes on from one; pixels that came of wrong answers are black."""

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]:
        journal_file.WRITE_EVERY = 0.0
        journals.RATE = None
        folder = journals.Journals(journals.journal_folder(), run=journals.run_of(request))
        steps = int(dict(word.split("=", 1) for word in request.prompt.split() if "=" in word).get("steps", 3))
        numbers: dict[int, np.ndarray] = {}
        with ExitStack() as held:  # a journal's lock is let go of whatever happens
            for event in super().images(request, count, batch, previews):
                if isinstance(event, events.Step):
                    yield from self._step(folder, request, event, numbers, held)
                    continue
                if isinstance(event, Picture):
                    right = np.array_equal(numbers[event.index], latents(event.seed, steps))
                    event = event if right else replace(event, pixels=np.zeros_like(event.pixels))
                yield event
                if isinstance(event, Picture):
                    held.close()

    def _step(
        self,
        folder: journals.Journals,
        request: Request,
        step: events.Step,
        numbers: dict[int, np.ndarray],
        held: ExitStack,
    ) -> Iterator[events.Event]:
        """A step of `FakeDrawer` is one answer; those that are recorded cost nothing further."""
        if step.index == 1:
            resolved = Resolved(**{**vars(request), "width": 64, "height": 64, "guidance": 1.0, "noise": "torch"})
            picture_of = resolved.replace(seed=(request.seed or 0) + step.first)
            batch = held.enter_context(folder.batch([picture_of], step.first))
            self.journal = batch.next_run("1", {"fake": "1"})
            numbers[step.first] = latents(picture_of.seed, 0)
        x, sigma, journal = numbers[step.first], float(step.total - step.index), self.journal
        if journal is None:  # another process has it, or the disk is full
            numbers[step.first] = answer(x, sigma)
            yield step
            return
        was_replaying = journal.is_replaying
        recorded = journal.replay(sigma, x)
        if recorded is None:
            journal.begin(x.shape)
            recorded = answer(x, sigma)
            journal.add(sigma, x, recorded)
            if was_replaying or (journal.replayed and journal.drawn == 1):
                yield events.Continued(step.index, step.total, step.first)
            yield step
        numbers[step.first] = recorded


def latents(seed: int, steps: int) -> np.ndarray:
    """What stands for the latents of a seed after so many steps."""
    x = np.random.default_rng(seed).standard_normal((1, 4, 8, 8)).astype(np.float32)
    for step in range(steps):
        x = answer(x, float(steps - step - 1))
    return x


def answer(x: np.ndarray, sigma: float) -> np.ndarray:
    """What stands for the network."""
    return np.sin(3 * x + np.float32(sigma)).astype(np.float32)


def slow_drawer() -> FakeDrawer:
    """Returns one that is ready after a second, as one that imports torch."""
    time.sleep(1)
    return FakeDrawer()


def picture(seed: int, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The pixels that belong to a seed."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def happen(fault: str) -> None:
    """Go wrong."""
    match fault:
        case "segv":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "stall":
            time.sleep(3600)
        case "memory":
            raise MemoryError
        case "bug":
            raise ZeroDivisionError("a bug")
        case "words":
            raise SdedgeError("It cannot be done; do something else.")
        case "exit":
            os._exit(3)
        case "noise":
            print("progress 100%", flush=True)
            os.write(1, b"\x00\x00\xff\xff" * 100)
            sys.stderr.write("a warning\n")
