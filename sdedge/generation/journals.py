"""Journals of pictures that are being drawn: kept until they are saved, and gone on with after a crash or a kill. No torch.

A journal belongs to one run of a sampler (a pass of a batch). Its file's name says for which requests, pass and key it holds,
so that a look into the folder finds what an earlier attempt left.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sdedge.errors import SdedgeError
from sdedge.files import make_private_folder
from sdedge.generation.journal_file import (
    MAX_BYTES,
    RATE,
    Answer,
    JournalWriter,
    Recorded,
    checksum,
    is_another_version,
    read_header,
    read_journal,
)
from sdedge.generation.unfinished import SUFFIX, journals_in, saved_mark
from sdedge.locks import ProcessLock
from sdedge.places import data_folder
from sdedge.request import Request, Resolved

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

PARTS = {
    "sdedge": "it was drawn by another version of sdedge",
    "libraries": "it was drawn with another version of torch or torchsde",
    "machine": "it was drawn on another machine or with other threads",
    "engine": "it was drawn by another engine, in another number format or memory mode",
    "model": "its model has changed since",
    "adapters": "a LoRA or an embedding of it has changed since",
    "files": "a picture, a mask or a control of it has changed since",
    "settings": "a variable that begins with SDEDGE_ has changed since",
}
"""The parts of a key (`journal_key.key_of`), and what is said where one differs."""

FOLDER = "journals"
RETAINED = "kept"
MAX_TOTAL = 4 * MAX_BYTES
"""Bytes of all journals together; the oldest go first. What is kept by choice does not count."""
MAX_AGE = 14 * 86400.0
"""Seconds after which a journal that nobody went on with goes."""


def journal_folder() -> Path:
    """Returns where the journals of this user's pictures are."""
    return data_folder() / FOLDER


def run_of(request: Request) -> str:
    """Returns a name of what a request asks for, the same for each picture of a series."""
    return name_of([request.replace(seed=None, variation_seed=None)])


def name_of(requests: Sequence[Request], *more: object) -> str:
    """Returns a short hash of requests and what else belongs to them."""
    text = json.dumps([*(request.to_json() for request in requests), *map(str, more)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass
class Journals:
    """The journals of one folder, as one process uses them.

    resume  whether pictures go on where an earlier attempt ended
    keep    whether journals stay after their pictures are saved
    run     name of the run that the pictures belong to
    number  how many pictures of the run came before
    strict  whether a picture that another process is drawing is refused, rather than drawn without a journal
    """

    folder: Path
    resume: bool = True
    keep: bool = False
    run: str = ""
    number: int = 0
    strict: bool = False
    notices: list[str] = field(default_factory=list)
    """What is to be said of journals whose pictures are saved, until `say` takes it."""
    _batch: BatchJournals | None = None

    def say(self) -> Iterator[str]:
        """Yields each notice once."""
        while self.notices:
            yield self.notices.pop(0)

    def batch(self, requests: Sequence[Resolved], index: int) -> BatchJournals:
        """Returns the journals of one batch of pictures, the first of which is picture `index` of its request; a context."""
        self._batch = BatchJournals(self, requests, self.number + index)
        return self._batch

    def note_saved(self, number: int) -> None:
        """Picture `number` of the run is saved, and those of its batch before it."""
        if self._batch is not None:
            self._batch.note_saved(number - self._batch.number + 1)

    def sweep(self) -> None:
        """Removes the oldest journals beyond `MAX_TOTAL`, and those older than `MAX_AGE`, whose pictures nobody draws now."""
        paths = sorted(self._stamped(), reverse=True)
        room, now = MAX_TOTAL - MAX_BYTES, time.time()
        for changed, size, path in paths:
            room -= size
            if room < 0 or now - changed > MAX_AGE:
                lock = self.lock(path.name)
                if lock.acquire():
                    with suppress(OSError):
                        path.unlink()
                    lock.release()

    def lock(self, name: str) -> ProcessLock:
        """Returns the lock of a batch. There are 4,096 of them and they stay, so that none vanishes while it is waited for."""
        return ProcessLock(self.folder / "locks" / f"{name[:3]}.lock")

    def _stamped(self) -> Iterator[tuple[float, int, Path]]:
        for path in journals_in(self.folder):
            with suppress(OSError):
                status = path.stat()
                yield status.st_mtime, status.st_size, path


def difference(recorded: object, key: Mapping[str, str]) -> str:
    """Returns why a journal with the key `recorded` does not hold for another, in words; "" where it does."""
    if not isinstance(recorded, dict) or recorded.keys() != key.keys():
        return PARTS["sdedge"]
    return next((PARTS[name] for name in key if recorded[name] != key[name]), "")


def _why_not(path: Path, key: Mapping[str, str]) -> str:
    """Returns why a file in a journal's place is not used, in words."""
    if is_another_version(path):
        return PARTS["sdedge"]
    header = read_header(path)
    return ("" if header is None else difference(header.get("key"), key)) or "it is damaged"


@dataclass
class BatchJournals:
    """The journals of one batch, one for each run of a sampler: of its first pass, and of each further one.

    They go when the block ends or all of its pictures are saved, and stay when it is left before that by an error, by cancelling,
    or by the end of the process.
    """

    journals: Journals
    requests: Sequence[Resolved]
    number: int
    notices: list[str] = field(default_factory=list)
    """What is to be said of them, until `say` takes it."""

    def __post_init__(self) -> None:
        self.name = name_of(self.requests)
        self._lock: ProcessLock | None = None
        self._opened: dict[Path, Journal] = {}
        self._runs: Counter[str] = Counter()
        self._saved = 0

    def __enter__(self) -> Self:
        lock, holder = self.journals.lock(self.name), None
        try:
            make_private_folder(self.journals.folder)
            if lock.acquire():
                self._lock = lock
                if not self.journals.resume:  # of pictures that are drawn again
                    saved_mark(self.journals.folder, self.name).unlink(missing_ok=True)
                self.journals.sweep()
                return self
            holder = lock.holder()
        except (OSError, SdedgeError) as error:
            log.info("Pictures are drawn without journals: %s.", error)
            return self
        if self.journals.strict:
            raise SdedgeError(f"Another sdedge (process {holder}) is drawing this picture; wait for it.")
        self.notices.append(
            f"Another sdedge (process {holder}) is drawing this picture; it is drawn here without a journal."
        )
        return self

    def say(self) -> Iterator[str]:
        """Yields each notice once."""
        while self.notices:
            yield self.notices.pop(0)

    def note_saved(self, count: int) -> None:
        """The first `count` pictures are saved."""
        self._saved = count
        if self._lock is not None and count < len(self.requests):
            with suppress(OSError):
                saved_mark(self.journals.folder, self.name).write_bytes(str(count).encode())

    def next_run(self, name: str, key: Mapping[str, str]) -> Journal | None:
        """Returns the journal of the next run of a sampler in a pass, for a key of `journal_key.key_of`; None where none can be.

        Another attempt after a fallback has another key, and with it another journal.
        """
        if self._lock is None:
            return None
        for journal in self._opened.values():
            journal.finish()
        slot = f"{self.name}-{name}"
        held = name_of([], slot, *key.values())
        path = self.journals.folder / f"{slot}.{self._runs[held]}-{held[:8]}{SUFFIX}"
        self._runs[held] += 1
        recorded = self._recorded(path, key) if self.journals.resume else None
        journal = self._opened[path] = Journal(path, self._header(name, key), recorded, self.journals.keep)
        return journal

    def _header(self, name: str, key: Mapping[str, str]) -> dict[str, Any]:
        first = self.requests[0]
        header: dict[str, Any] = {
            "run": self.journals.run, "number": self.number, "seed": first.seed, "variation_seed": first.variation_seed,
            "pass": name, "key": dict(key),
        }  # fmt: skip
        if self.journals.keep:
            header["requests"] = [json.loads(request.to_json()) for request in self.requests]
        return header

    def _recorded(self, path: Path, key: Mapping[str, str]) -> Recorded | None:
        """Returns what an earlier attempt left. Where that does not hold for this one, a sentence says why."""
        recorded = read_journal(path)
        if recorded is not None and not difference(recorded.header.get("key"), key):
            return recorded
        stem = path.name.rpartition("-")[0]
        for left_over in journals_in(self.journals.folder, f"{stem}-"):
            if left_over not in self._opened:
                why = _why_not(left_over, key)
                self.notices.append(f"A journal of this picture is not used ({why}); it is drawn from the start.")
                break
        return None

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        is_over = kind is None or self._saved >= len(self.requests)
        for journal in self._opened.values():
            journal.discard() if is_over and not self.journals.keep else journal.close()
        if self._lock is None:
            return
        if is_over:
            for path in journals_in(self.journals.folder, f"{self.name}-"):
                with suppress(OSError):
                    self._end(path)
        self._lock.release()
        self._lock = None

    def _end(self, path: Path) -> None:
        """The picture is saved: its journal goes, or stays by choice."""
        if self.journals.keep and path in self._opened:
            make_private_folder(self.journals.folder / RETAINED)
            self.journals.notices.append(
                f"The journal is kept as {path.replace(self.journals.folder / RETAINED / path.name)}."
            )
        else:
            path.unlink()


class Journal:
    """What one run of a sampler asks of the denoiser: answered from an earlier attempt as far as that goes, then recorded."""

    def __init__(self, path: Path, header: dict[str, Any], recorded: Recorded | None, keep: bool = False) -> None:
        self.path = path
        self._header, self._keep = header, keep
        self._shape = recorded.header.get("shape") if recorded is not None else None
        self._answers: deque[Answer] = recorded.answers if recorded is not None else deque()
        self._end = 0
        """Where in the file the last answer that was replayed ends."""
        self._writer: JournalWriter | None = None
        self._is_closed = False
        self.memory: np.ndarray | None = None
        """What the guide remembered after the call that was replayed last."""
        self.replayed = 0
        """How many calls were answered from an earlier attempt."""
        self.drawn = 0
        """How many calls the network answered."""

    @property
    def is_replaying(self) -> bool:
        """Whether the next call is answered from an earlier attempt."""
        return bool(self._answers)

    def replay(self, sigma: float, x: np.ndarray) -> np.ndarray | None:
        """Returns the recorded x0 of the next call; None when there is none, or it was for another sigma or other latents: then
        nothing further is replayed."""
        import numpy as np  # later, as in `journal_file`

        if not self._answers:
            return None
        answer = self._answers.popleft()
        if answer.sigma != float(sigma) or self._shape != [*x.shape] or answer.asked != checksum(x):
            self._answers.clear()
            return None
        self.replayed, self._end = self.replayed + 1, answer.end
        self.memory = np.frombuffer(answer.memory, np.float32).copy() if answer.memory else None
        return np.frombuffer(answer.x0, np.float32).reshape(x.shape).copy()

    def begin(self, shape: Sequence[int]) -> None:
        """Begins the file, or goes on behind what was replayed of it: the network is called next, for latents of a shape."""
        if self._writer is None and not self._is_closed:
            header = {**self._header, "shape": [*shape]}
            rate = None if self._keep else RATE
            self._writer = JournalWriter(self.path, header, self._end, self.replayed, rate)

    def end_block(self) -> None:
        """Says that what follows depends on no call before it, so that what is recorded may be replayed without it."""
        if self._writer is not None:
            self._writer.end_block()

    def add(self, sigma: float, x: Any, x0: Any, ends_block: bool = True, memory: Any = None) -> None:
        """Records what the network answered, and the guide remembers: arrays, or tensors, that nobody changes any more."""
        self.drawn += 1
        if self._writer is not None and not self._is_closed:
            self._writer.add(sigma, x, x0, ends_block, memory)

    def finish(self) -> None:
        """Records nothing further; what is recorded stays, and is written while nobody waits."""
        if self._writer is not None and not self._is_closed:
            self._writer.finish()
        self._is_closed = True

    def close(self) -> None:
        """Records nothing further; what is recorded stays, and is on the disk when this returns."""
        self._is_closed = True
        if self._writer is not None:
            self._writer.close()

    def discard(self) -> None:
        """Records nothing further; the file is about to go."""
        self._is_closed = True
        if self._writer is not None:
            self._writer.discard()
