"""The engine process: `python -m sdedge.process.worker`, started and watched by sdedge.process.supervisor.

Three threads. The main one reads orders; one draws and owns the engine; one sends a heartbeat. Orders and answers are
framed JSON on two private pipes; stdout and stderr are logs. It leaves when its pipe closes.

Orders: {"do": "draw", "run", "job", "request", "count", "batch", "first", "output", "previews", "pace"},
{"do": "cancel", "run", "level"}, {"do": "pace", "pace"}, {"do": "release"}.
Answers: {"say": "ready", "pid"}, {"say": "event", "run", "event"}, {"say": "beat", "run", "memory"},
{"say": "released"}, {"say": "unknown", "order"}.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import importlib
import json
import logging
import os
import queue
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sdedge import events
from sdedge.errors import InvalidRequest, ModelError, OutOfMemory, OutputError, SdedgeError, is_out_of_memory
from sdedge.files import write_new
from sdedge.generation.journals import Journals, journal_folder, run_of
from sdedge.generation.save import Picture, save_job
from sdedge.images.output import Output
from sdedge.library.connection import DatabaseError
from sdedge.library.gallery import Gallery
from sdedge.library.job_outputs import output_of
from sdedge.library.store import open_store
from sdedge.locks import ProcessLock
from sdedge.process.framing import BadFrame, Channel
from sdedge.process.power import Pace
from sdedge.process.spawn import LOCK
from sdedge.request import Request

log = logging.getLogger("sdedge.process.worker")

SLOWEST = 60.0
"""Seconds of rest after a step, at most."""
LEAVE = 2.0  # seconds given to the drawing thread when the pipe closes


class Drawer(Protocol):
    """What draws: the pipeline, or a stand-in for tests."""

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]: ...

    def release(self) -> None: ...


class PipelineDrawer:
    """The pipeline over the engines of this machine, with models kept on a shelf between jobs."""

    def __init__(self, ema: bool | None = None) -> None:
        """`ema` says which weights to take from a file that has both."""
        from sdedge.engines.open import load_engine, locate
        from sdedge.process.model_cache import ModelCache
        from sdedge.process.prover import CanaryProver

        device, dtype = os.environ.get("SDEDGE_DEVICE", "auto"), os.environ.get("SDEDGE_DTYPE")
        memory = os.environ.get("SDEDGE_MEMORY", "auto")
        self._prover = CanaryProver()
        allows = self._prover.allows
        self._models = ModelCache(load_engine(device, dtype, ema, memory, allows), locate, allows=allows)

    def images(
        self, request: Request, count: int = 1, batch: int = 1, previews: bool = False
    ) -> Iterator[events.Event | Picture]:
        from sdedge.generation.pipeline import Pipeline

        journals = Journals(journal_folder(), run=run_of(request))
        return Pipeline(self._models, journals, self._prover).images(request, count, batch, previews)

    def release(self) -> None:
        self._models.clear()


@dataclass(frozen=True)
class RecordedOutput(Output):
    """Writes pictures so that the gallery knows of each: intention, file, row, in this order."""

    gallery: Gallery | None = None
    job: int | None = None

    def write(self, pixels: Any, request: Request, facts: Mapping[str, object], number: int) -> Path:
        return self.keep(self.encode(pixels, request, facts), request, facts, number)

    def keep(
        self, data: bytes, request: Request, facts: Mapping[str, object], number: int,
        tell: Callable[[Path], None] = lambda path: None,
    ) -> Path:  # fmt: skip
        """Writes the bytes of a picture's file as `write` does; `tell` hears its path before anything of it is there."""
        assert self.gallery is not None
        gallery, row = self.gallery, None
        content = hashlib.sha256(data).hexdigest()

        def announce(path: Path) -> None:
            nonlocal row
            tell(path)
            try:
                if row is not None:  # another process has taken the name announced before
                    gallery.abandon(row)
                    row = None
                row = gallery.begin(path, request, facts, self.job, number - 1, content)
            except sqlite3.Error as error:  # the picture matters more than its row, which the supervisor adds
                log.warning("The gallery cannot announce %s: %s.", path, error)

        try:
            path = write_new(self.names(request, number), data, announce)
        except BaseException:
            if row is not None:
                with suppress(sqlite3.Error):
                    gallery.abandon(row)
            raise
        if row is not None:
            try:
                if not gallery.complete(row):  # another process took it for a killed one's
                    gallery.complete(gallery.begin(path, request, facts, self.job, number - 1, content))
            except sqlite3.Error as error:  # settled by the supervisor at the end of the job
                log.warning("The gallery cannot record %s: %s.", path, error)
        return path


class Worker:
    """Serves one channel until it closes."""

    def __init__(self, channel: Channel, folder: Path, drawer: str, beat: float) -> None:
        self._channel, self._folder, self._drawer_path, self._beat = channel, folder, drawer, beat
        self._orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancels: dict[str, str] = {}
        self._run: str | None = None
        self._pace = Pace.FULL
        self._leaving = False

    def serve(self) -> None:
        """Obeys orders until the other end closes the pipe or sends what is no message."""
        drawing = threading.Thread(target=self._draw_orders, name="drawing", daemon=True)
        drawing.start()
        threading.Thread(target=self._send_beats, name="heartbeat", daemon=True).start()
        try:
            while (message := self._channel.receive()) is not None:
                self._obey(message)
        except (BadFrame, OSError) as error:
            log.error("The pipe is unusable: %s", error)
        log.info("The pipe is closed; leaving.")
        self._leaving = True
        self._orders.put({"do": "leave"})
        drawing.join(LEAVE)

    def _obey(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "draw":
                # Orders arrive in turn, so a cancel that is kept from before belongs to a run that has ended.
                self._cancels.clear()
                self._pace = Pace(message.get("pace", Pace.FULL))
                self._orders.put(message)
            case "cancel":
                self._cancels[str(message.get("run"))] = str(message.get("level"))
            case "release":
                self._orders.put(message)
            case "pace" if message.get("pace") in list(Pace):
                self._pace = Pace(message["pace"])
            case order:
                log.warning("Unknown order %r.", order)
                self._say("unknown", order=str(order)[:80])

    def _draw_orders(self) -> None:
        try:
            drawer = load_drawer(self._drawer_path)
            gallery = Gallery(open_store(self._folder, timeout=5))
            self._say("ready", pid=os.getpid())
            while (order := self._orders.get())["do"] != "leave":
                if order["do"] == "draw":
                    self._run = str(order["run"])
                    self._draw(drawer, gallery, order)
                    self._run = None
                else:
                    drawer.release()
                    self._say("released")
        except BaseException as error:  # without this thread the process is of no use
            if not isinstance(error, BrokenPipeError):
                log.exception("The drawing thread ended.")
            logging.shutdown()
            os._exit(1)

    def _draw(self, drawer: Drawer, gallery: Gallery, order: dict[str, Any]) -> None:
        """Runs one attempt; its last event is Finished, Failed or Cancelled."""
        run = str(order["run"])
        try:
            for event in self._events(drawer, gallery, order):
                self._say("event", run=run, event=events.to_record(event))
        except BrokenPipeError:
            raise
        except Exception as error:
            failed = describe_failure(error)
            if failed.kind == "memory":
                drawer.release()
            self._say("event", run=run, event=events.to_record(failed))

    def _events(self, drawer: Drawer, gallery: Gallery, order: dict[str, Any]) -> Iterator[events.Event]:
        request = Request.from_dict(order["request"])
        first, count = order["first"], order["count"] - order["first"]
        destination = vars(output_of(json.dumps(order["output"])))
        output = RecordedOutput(**destination, gallery=gallery, job=order["job"])
        done, began = 0, time.monotonic()
        stream = save_job(
            drawer.images(request.numbered(first), count, order["batch"], order["previews"]), output, first
        )
        for event in stream:
            done += isinstance(event, events.ImageDone)
            yield event
            self._rest(event, order["run"], time.monotonic() - began)
            began = time.monotonic()
            level = self._cancels.get(order["run"])
            if self._leaving:  # nobody asked for it, so it is no cancel
                return
            if done < count and (level == "now" or (level == "picture" and isinstance(event, events.ImageDone))):
                stream.close()  # type: ignore[attr-defined]
                yield events.Cancelled(first + done)
                return

    def _rest(self, event: events.Event, run: str, seconds: float) -> None:
        """Draws nothing while the pace says so: until it changes, or after a step for as long as that took (`seconds`)."""
        if not isinstance(event, events.Step | events.Loading):
            return
        until = time.monotonic() + (min(seconds, SLOWEST) if isinstance(event, events.Step) else 0)
        while (self._pace is Pace.PAUSE or (self._pace is Pace.SLOW and time.monotonic() < until)) and not (
            self._leaving or run in self._cancels
        ):
            time.sleep(0.05)

    def _send_beats(self) -> None:
        with suppress(OSError):
            while True:
                self._say("beat", run=self._run, memory=resident_memory())
                time.sleep(self._beat)

    def _say(self, what: str, **values: Any) -> None:
        self._channel.send({"say": what, **values})


def describe_failure(error: Exception) -> events.Failed:
    """Returns what went wrong, as an event: its kind, a sentence, and what to do where the sentence does not say it."""
    kinds = (
        (InvalidRequest, "request"), (ModelError, "model"), (OutputError, "output"), (OutOfMemory, "memory"),
        (DatabaseError, "database"), (SdedgeError, "other"),
    )  # fmt: skip
    for kind, word in kinds:
        if isinstance(error, kind):
            remedy = error.remedy.name if isinstance(error, SdedgeError) and error.remedy else ""
            return events.Failed(word, str(error), remedy=remedy)
    text = str(error)
    if is_out_of_memory(error):
        log.exception("Out of memory.")
        hint = "Draw smaller or fewer at a time, or close other programs."
        return events.Failed("memory", "The memory ran out while drawing.", hint)
    if isinstance(error, sqlite3.Error):
        return events.Failed("database", f"The gallery's database cannot be used ({text}).", "Check the free space.")
    log.exception("Drawing failed.")
    summary = f"{type(error).__name__}: {text}"[:300]
    return events.Failed("bug", f"Drawing failed unexpectedly ({summary}).", "The log of the engine says where.")


def load_drawer(path: str) -> Drawer:
    """Calls the function or class named by "module:attribute"."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)()


def resident_memory() -> int:
    """Returns the bytes of this process in memory; the peak where only that is known, 0 where nothing is.

    On a Mac as the system counts them (`ri_phys_footprint`): with Metal's heaps and what is compressed.
    """
    if sys.platform == "darwin" and (footprint := footprint_bytes()):
        return footprint
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    try:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    except ImportError:
        return 0


def footprint_bytes(library: Any = None) -> int:
    """Returns macOS's count of this process's memory in bytes, 0 where it does not say. `library` stands in for libproc."""
    import ctypes

    record = (ctypes.c_uint64 * 32)()  # struct rusage_info_v0, sys/resource.h: 16 bytes of an id, then numbers
    try:
        library = library or ctypes.CDLL("/usr/lib/libproc.dylib")
        failed = library.proc_pid_rusage(os.getpid(), 0, ctypes.byref(record))
    except (OSError, AttributeError):
        return 0
    return 0 if failed else record[9]


def die_with_parent() -> None:
    """On Linux the kernel ends us with the thread that started us, even while we are stopped."""
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main(arguments: list[str] | None = None) -> None:
    """Runs the process."""
    parser = argparse.ArgumentParser(prog="sdedge.process.worker")
    parser.add_argument("--read", type=int, required=True, help="handle or descriptor to read orders from")
    parser.add_argument("--write", type=int, required=True, help="handle or descriptor to write answers to")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--drawer", default="sdedge.process.worker:PipelineDrawer")
    parser.add_argument("--beat", type=float, default=1.0)
    parser.add_argument("--parent", type=int, required=True)
    options = parser.parse_args(arguments)
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    os.environ["HF_HUB_OFFLINE"] = "1"  # before anything that reads it
    die_with_parent()
    if os.name == "posix" and os.getppid() != options.parent:
        return  # the parent ended before the kernel was told
    lock = ProcessLock(options.folder / LOCK)
    if not lock.acquire():
        log.error("Another worker holds %s.", lock.path)
        sys.exit(1)
    read, write = _descriptor(options.read, os.O_RDONLY), _descriptor(options.write, os.O_WRONLY)
    log.info("Worker %d started.", os.getpid())
    Worker(Channel(read, write), options.folder, options.drawer, options.beat).serve()
    logging.shutdown()
    os._exit(0)  # not waiting for a network that runs in native code


def _descriptor(number: int, flags: int) -> int:
    if os.name == "nt":
        import msvcrt

        return msvcrt.open_osfhandle(number, flags)  # type: ignore[attr-defined]
    os.set_inheritable(number, False)
    return number


if __name__ == "__main__":
    main()
