"""A data folder with its queue and gallery, and a supervisor that draws with the stand-in for the engine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.jobs import Queue
from sdedge.library.store import open_store
from sdedge.locks import ProcessLock
from sdedge.process.power import PowerState
from sdedge.process.spawn import LOCK
from sdedge.process.supervisor import Limits, Supervisor
from sdedge.request import Request
from tests.fake_drawer import picture

ROOT = Path(__file__).parents[2]
FAKE = "tests.fake_drawer:FakeDrawer"
JOURNALING = "tests.fake_drawer:JournalingDrawer"
PATIENCE = 60  # seconds; nothing waits this long unless it hangs
posix = pytest.mark.skipif(os.name != "posix", reason="signals")


class Desk:
    """A data folder, its queue and gallery, and a supervisor whose events are kept."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder / "data", folder / "out"
        store = open_store(self.folder)
        self.queue, self.gallery = Queue(store), Gallery(store)
        self.events: list = []
        self.supervisor: Supervisor | None = None

    def add(self, prompt="steps=2", count=1, model="fake", **fields):
        return self.queue.add(Request(prompt=prompt, model=model, **fields), Output(self.out), count).id

    def start(self, read_power=PowerState, drawer=FAKE, **limits):
        def listen(job, event):
            self.events.append((job, event))

        settings = {"tick": 0.02, "beat": 0.1, **limits}
        self.supervisor = Supervisor(self.folder, listen, drawer=drawer, limits=Limits(**settings), power=read_power)
        self.supervisor.start()
        self.supervisor.wake()
        return self.supervisor

    def wait(self):
        assert self.supervisor.wait_idle(PATIENCE)

    def resume(self, job=None):
        if job is not None:
            self.queue.resume(job)
        self.queue.resume()
        self.supervisor.wake()
        self.wait()

    def until(self, condition):
        """Wait for an event that fulfils it."""
        deadline = time.monotonic() + PATIENCE
        while not any(condition(event) for _, event in list(self.events)):
            assert time.monotonic() < deadline, self.events
            time.sleep(0.005)

    def events_of(self, kind, job=None):
        return [event for number, event in self.events if isinstance(event, kind) and (job is None or number == job)]

    def check(self):
        """Every picture on disk is whole and has one row, and every row has its picture."""
        paths = sorted(path for path in self.out.glob("**/*") if path.suffix == ".png" and path.is_file())
        rows = sorted(entry.path for entry in self.gallery.search(limit=1000))
        assert paths == rows
        for entry in self.gallery.search(limit=1000):
            with Image.open(entry.path) as image:
                assert (np.asarray(image) == picture(entry.seed)).all()
        assert not list(self.out.glob("**/.*.part"))
        keys = [(entry.job, entry.number) for entry in self.gallery.search(limit=1000)]
        assert len(set(keys)) == len(keys)
        return len(rows)

    def close(self):
        if self.supervisor is not None:
            self.supervisor.close()
        assert ProcessLock(self.folder / LOCK).holder() is None
        self.queue.store.close()
