"""The file of a journal: a header, then each answer of the denoiser as it came. No torch.

A record is its length, a checksum, the call's number, sigma, a checksum of the latents that were asked about, x0 in float32
(64 kB for 512x512), and what a guide with momentum remembers after it. A journal ends where the first record is torn or
damaged: what is before it is whole.
"""

from __future__ import annotations

import json
import logging
import math
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.files import open_regular, read_at_most, sync
from sdedge.json_values import read_json

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)

_NAME = b"sdedge answers "
MAGIC = _NAME + b"1\n"
MAX_BYTES = 64 << 20
"""Of one journal; no more is recorded after it."""
RATE = 150_000
"""Bytes a second that are written at most, on average since the journal began: 9 MB in 60 s."""
WRITE_EVERY = 2.0
"""Seconds between writes; a picture that is drawn in less time is never written."""
SYNC_EVERY = 5.0
"""Seconds between calls of fsync(2)."""

_LENGTH = struct.Struct("<II")  # of the header, and its checksum
_RECORD = struct.Struct("<IIIIIId")  # length, checksum, call, block's end, checksum of x, bytes of memory, sigma
_HEADER_LIMIT = 1 << 16


@dataclass(frozen=True, eq=False)
class Answer:
    """One recorded answer: x0 as it stands in the file, which goes on at `end`; for latents with a checksum, at a sigma.

    `memory` is what the guide remembered after it, in float32; empty where it remembers nothing.
    """

    sigma: float
    asked: int
    x0: memoryview
    end: int
    memory: memoryview


@dataclass(frozen=True, eq=False)
class Recorded:
    """What is whole of a journal: its header and its answers in order."""

    header: Mapping[str, Any]
    answers: deque[Answer]


def checksum(array: np.ndarray) -> int:
    """Returns the CRC-32 of an array's values."""
    import numpy as np  # which would keep the window, which reads no answers, for a quarter of a second

    return zlib.crc32(np.ascontiguousarray(array).data.cast("B"))


def read_header(path: Path) -> Mapping[str, Any] | None:
    """Returns the header of a journal; None of a file that is none, or of another version."""
    try:
        with open_regular(path) as file:
            return _header(file.read(len(MAGIC) + _LENGTH.size + _HEADER_LIMIT))
    except OSError:
        return None


def is_another_version(path: Path) -> bool:
    """Returns whether a file is a journal in the form of another version of sdedge, of which nothing is read."""
    try:
        with open_regular(path) as file:
            beginning = file.read(len(MAGIC))
    except OSError:
        return False
    return beginning.startswith(_NAME) and beginning != MAGIC


def read_journal(path: Path) -> Recorded | None:
    """Returns the whole part of a journal, to the end of a block; None of a file that is none. It costs no more than the file."""
    try:
        data = read_at_most(path, MAX_BYTES + (1 << 20))
    except OSError:
        return None
    header = _header(data)
    size = _answer_size(header)
    if header is None or not size:
        return None
    start = len(MAGIC) + _LENGTH.size + _LENGTH.unpack_from(data, len(MAGIC))[0]
    good: list[Answer] = []
    answers: deque[Answer] = deque()
    while (record := _record(data, start, len(answers) + len(good), size)) is not None:
        answer, ends_block = record
        good.append(answer)
        start = answer.end
        if ends_block:
            answers.extend(good)
            good = []
    return Recorded(header, answers)


def _header(data: bytes) -> Mapping[str, Any] | None:
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _LENGTH.size:
        return None
    length, crc = _LENGTH.unpack_from(data, len(MAGIC))
    text = data[len(MAGIC) + _LENGTH.size :][:length]
    if length > _HEADER_LIMIT or len(text) != length or zlib.crc32(text) != crc:
        return None
    try:
        header = read_json(text, "The header of a journal")
    except ModelError:
        return None
    return header if isinstance(header, dict) else None


def _answer_size(header: Mapping[str, Any] | None) -> int:
    """Returns the bytes of each answer; 0 where the header does not say, or says what cannot be."""
    shape = header.get("shape") if header is not None else None
    if not isinstance(shape, list) or not 1 <= len(shape) <= 8:
        return 0
    if not all(type(side) is int and 0 < side <= MAX_BYTES for side in shape):
        return 0
    size = 4 * math.prod(shape)
    return size if size <= MAX_BYTES else 0


def _record(data: bytes, start: int, call: int, size: int) -> tuple[Answer, bool] | None:
    """Returns the answer of a call that begins at `start`, and whether a block ends with it; None where it is not whole."""
    body = start + _RECORD.size
    if body + size > len(data):
        return None
    length, crc, number, ends_block, asked, remembered, sigma = _RECORD.unpack_from(data, start)
    values = memoryview(data)[body : body + length]
    head = _RECORD.pack(length, 0, number, ends_block, asked, remembered, sigma)
    if length != size + remembered or len(values) != length or number != call or remembered % 4:
        return None
    if zlib.crc32(values, zlib.crc32(head)) != crc:
        return None
    return Answer(sigma, asked, values[:size], body + length, values[size:]), bool(ends_block)


@dataclass
class _Pending:
    """An answer that is not in the file yet. Its arrays may still be on another device."""

    sigma: float
    x: Any
    x0: Any
    ends_block: bool
    memory: Any


class JournalWriter:
    """Appends answers to a journal. What comes is kept in memory and written by a thread, so that no step waits for the disk.

    `start` bytes of the file with `calls` answers stay, as `read_journal` found them whole; 0 begins a file. What cannot be
    written ends the journal, and never the drawing. `rate` in bytes a second; None writes everything.
    """

    def __init__(
        self, path: Path, header: Mapping[str, Any], start: int = 0, calls: int = 0, rate: float | None = RATE
    ) -> None:
        self.path, self._calls, self._rate = path, calls, rate
        self.is_open = True
        self.written = 0
        """Bytes, by this writer."""
        self._size = start
        self._pending: deque[_Pending] = deque()
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._began = self._wrote = self._synced = time.monotonic()
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            os.ftruncate(self._descriptor, start)
            os.lseek(self._descriptor, start, os.SEEK_SET)
            if start == 0:
                text = json.dumps(header).encode()
                self._append(MAGIC + _LENGTH.pack(len(text), zlib.crc32(text)) + text)
        except OSError as error:
            self._give_up(error)

    def add(self, sigma: float, x: Any, x0: Any, ends_block: bool = True, memory: Any = None) -> None:
        """Takes the next answer: arrays of NumPy, or tensors, that nobody changes any more."""
        with self._changing:
            if not self.is_open:
                return
            self._pending.append(_Pending(sigma, x, x0, ends_block, memory))
        if time.monotonic() - self._wrote >= WRITE_EVERY and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
            self._thread.start()

    def end_block(self) -> None:
        """Says that the answer taken last is the last one of a block: a run may go on after it."""
        with self._changing:
            if self._pending:
                self._pending[-1].ends_block = True

    def close(self) -> None:
        """Writes what may still be written, waits until it is on the disk, and closes the file, which stays."""
        self._wait()
        self._write(last=True)
        self._end()

    def finish(self) -> None:
        """Does so on the thread: no further answer comes, and nobody waits."""
        self._wait()
        self._thread = threading.Thread(target=self._finish, name="journal", daemon=True)
        self._thread.start()

    def _finish(self) -> None:
        self._write(last=True)
        self._end()

    def discard(self) -> None:
        """Writes nothing further: the file is about to go."""
        with self._changing:
            self._pending.clear()
        self._wait()
        self._end()

    def _wait(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _write(self, last: bool = False) -> None:
        """Writes whole blocks, the oldest first, as far as the rate allows."""
        try:
            while (block := self._next_block()) and self.is_open:
                data = b"".join(map(self._encoded, block))
                if self._size + len(data) > MAX_BYTES:
                    self._end()
                    return
                self._append(data)
                with self._changing:
                    for _ in block:
                        self._pending.popleft()
            self._wrote = time.monotonic()
            if self.is_open and (last or self._wrote - self._synced >= SYNC_EVERY) and self.written:
                sync(self._descriptor)
                self._synced = time.monotonic()
        except Exception as error:  # a full disk, a device that has gone: the picture is what matters
            self._give_up(error)

    def _next_block(self) -> list[_Pending]:
        """Returns the answers up to the next end of a block; none where there is no such end, or the rate is used up."""
        if self._rate is not None and self.written > self._rate * (time.monotonic() - self._began):
            return []
        with self._changing:
            ends = (i for i, pending in enumerate(self._pending) if pending.ends_block)
            count = next(ends, -1) + 1
            return [self._pending[i] for i in range(count)]

    def _encoded(self, pending: _Pending) -> bytes:
        x, x0 = _values(pending.x), _values(pending.x0)
        memory = b"" if pending.memory is None else _values(pending.memory).tobytes()
        data, asked = x0.tobytes() + memory, checksum(x)
        fields = [len(data), 0, self._calls, int(pending.ends_block), asked, len(memory), float(pending.sigma)]
        fields[1] = zlib.crc32(data, zlib.crc32(_RECORD.pack(*fields)))
        self._calls += 1
        return _RECORD.pack(*fields) + data

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self._descriptor, view)
            view = view[count:]
        self._size += len(data)
        self.written += len(data)

    def _give_up(self, error: Exception) -> None:
        """Removes the file, whose space something else may need."""
        log.info("The journal %s cannot be written: %s.", self.path, error)
        self._end()
        with suppress(OSError):
            self.path.unlink()

    def _end(self) -> None:
        with self._changing:
            if self.is_open and hasattr(self, "_descriptor"):
                with suppress(OSError):
                    os.close(self._descriptor)
            self.is_open = False
            self._pending.clear()


def _values(array: Any) -> np.ndarray:
    """Returns an array of NumPy, of one or of a tensor on any device."""
    import numpy as np

    return array if isinstance(array, np.ndarray) else array.cpu().numpy()
