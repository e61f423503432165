"""One worker of a batch: it keeps the model, draws one picture after another, and answers with files, not with paths.

It runs in a process of its own, on whatever machine, and knows of no other; what orders it is `sdedge.process.dispatch`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sdedge
from sdedge.errors import SdedgeError
from sdedge.files import atomic_write
from sdedge.library.hints import SCHEME, hint_folder, is_reference
from sdedge.process.batch_tasks import PictureTask
from sdedge.process.weight_hashes import WILDCARDS, weight_hashes
from sdedge.request import Request, Resolved

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_ENGINE_VARIABLES = ("SDEDGE_DEVICE", "SDEDGE_DTYPE", "SDEDGE_MEMORY", "SDEDGE_COMPILE")
CANARY = "canary"
"""The fact of a picture that is about the machine that drew it."""
PIPELINE = "sdedge.process.worker:PipelineDrawer"


@dataclass(frozen=True)
class WorkerSettings:
    """How every worker of a batch draws, so that all of them draw the same.

    drawer     what draws, as "module:attribute"
    variables  of the environment: threads, device, number format and memory mode; those of `NAMES` that are not here are unset
    ema        which weights to take from a file that has both
    """

    drawer: str = PIPELINE
    variables: Mapping[str, str] = field(default_factory=dict)
    ema: bool | None = None

    NAMES = (*THREAD_VARIABLES, *_ENGINE_VARIABLES)

    @classmethod
    def here(cls, drawer: str = PIPELINE, ema: bool | None = None, **chosen: str | None) -> WorkerSettings:
        """Returns the settings of this process, with SDEDGE_DEVICE, SDEDGE_DTYPE and SDEDGE_MEMORY as they are chosen."""
        own = {name: os.environ[name] for name in cls.NAMES if os.environ.get(name)}
        return cls(drawer, own | {f"SDEDGE_{name.upper()}": value for name, value in chosen.items() if value}, ema)


@dataclass(frozen=True)
class AboutWorker:
    """What a worker says of itself when it is there."""

    version: str
    host: str
    process: int


@dataclass(frozen=True)
class Drawn:
    """A finished picture: the bytes of its file, request and facts in it (JSON), and what is to be said of it."""

    data: bytes
    request: str
    facts: str
    filtered: bool
    notices: tuple[str, ...]
    seconds: float
    canary: str = ""
    """What was not proved of the worker's engine; beside the file, which is the same on every machine."""

    @property
    def content(self) -> str:
        """The SHA-256 of the file."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Undrawn:
    """Why a picture was not drawn: a kind as in `sdedge.events.Failed`, or "machine" for one that another may well draw."""

    kind: str
    message: str


class BatchWorker:
    """Draws the pictures of tasks. Its model is loaded for the first one and kept."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._drawer: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._places: dict[str, str] = {}

    def about(self) -> AboutWorker:
        """Says who it is, after the settings are those of the batch: before torch is imported, which reads them."""
        for name in self._settings.NAMES:
            os.environ.pop(name, None)  # Ray gives every worker one thread, which nobody asked for
        os.environ.update({**self._settings.variables, "HF_HUB_OFFLINE": "1"})
        return AboutWorker(sdedge.__version__, platform.node(), os.getpid())

    def draw(
        self, task: PictureTask, contents: Mapping[str, bytes], is_cancelled: Callable[[], bool] = lambda: False
    ) -> Drawn | Undrawn:
        """Draws one picture. `contents` are those of the task's files that this worker has not had yet, by their hashes."""
        from sdedge.process.worker import describe_failure

        try:
            for digest, data in contents.items():
                self._keep(digest, data)
            if fault := _differing(task):
                return Undrawn("machine", fault)
            return self._drawn(task, is_cancelled)
        except Exception as error:
            failed = describe_failure(error)
            if failed.kind == "memory" and self._drawer is not None:
                self._drawer.release()
            return Undrawn(failed.kind, f"{failed.message} {failed.hint}".strip())

    def _drawn(self, task: PictureTask, is_cancelled: Callable[[], bool]) -> Drawn | Undrawn:
        from sdedge.events import Notice
        from sdedge.generation.save import Picture

        began, drawn = time.monotonic(), None
        notices: list[str] = []
        stream = self._own_drawer().images(self._local(task))
        for event in stream:
            if isinstance(event, Notice):
                notices.append(event.message)
            elif isinstance(event, Picture):
                request = _as_asked(event.request, task.request)
                facts = {name: value for name, value in event.facts.items() if name != CANARY}
                drawn = event, request, facts, task.output.encode(event.pixels, request, facts)
            elif drawn is None and is_cancelled():
                stream.close()
                return Undrawn("cancelled", "It was cancelled.")
        if drawn is None:
            raise SdedgeError("Nothing was drawn; draw the picture by itself to see why.")
        picture, request, facts, data = drawn
        text, seconds = json.dumps(facts, default=str), time.monotonic() - began
        canary = str(picture.facts.get(CANARY, ""))
        return Drawn(data, request.to_json(), text, picture.filtered, tuple(notices), seconds, canary)

    def _own_drawer(self) -> Any:
        from sdedge.process.worker import PipelineDrawer, load_drawer

        if self._drawer is None:
            is_pipeline = self._settings.drawer == PIPELINE
            self._drawer = PipelineDrawer(self._settings.ema) if is_pipeline else load_drawer(self._settings.drawer)
        return self._drawer

    def _keep(self, digest: str, data: bytes) -> None:
        """Keeps a picture that came with a task where a reference of its content leads, and where a path can."""
        if hashlib.sha256(data).hexdigest() != digest:
            raise SdedgeError("A picture was changed on its way to the worker; start the batch again.")
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="sdedge-batch-")
        self._places[digest] = str(Path(self._folder.name, digest))
        Path(self._places[digest]).write_bytes(data)

    def _local(self, task: PictureTask) -> Request:
        """Returns the request with the paths of this machine. Pictures by their content are put where they are looked for."""
        for name, digest in task.files.items():
            if is_reference(name) and not (target := hint_folder() / name.removeprefix(SCHEME)).is_file():
                with atomic_write(target) as file:
                    file.write(Path(self._places[digest]).read_bytes())
        paths = {
            name: self._places[task.files[path]]
            for name, path in (("image", task.request.image), ("mask", task.request.mask))
            if path is not None
        }
        return task.request.replace(**paths)


def _as_asked(drawn: Resolved, asked: Request) -> Resolved:
    """Returns the request as it is recorded: with the paths of who asked, not with those of this machine."""
    return dataclasses.replace(drawn, image=asked.image, mask=asked.mask)


def _differing(task: PictureTask) -> str:
    """Returns what this machine would draw with in place of the task's files, in words; "" where it has them all."""
    own = weight_hashes(task.request)
    for name, digest in task.weights.items():
        if own.get(name) != digest:
            what = (
                "other files of wildcards" if name == WILDCARDS else f"another {name}" if name in own else f"no {name}"
            )
            return f"{platform.node()} has {what}; copy the file of the machine that started the batch."
    return ""
