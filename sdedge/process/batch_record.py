"""What a batch has drawn, beside its pictures: `batch.jsonl`, by which it goes on, and which tells other programs. No torch.

A line is `{"hash", "number", "file", "content", "seed", "prompt", "model", "seconds", "device"}`: hash of the task, SHA-256 of
the file. It is written before the file is, so that no crash lets a picture be saved twice, and holds once the file is there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, OutputError, SdedgeError
from sdedge.files import atomic_write, inside, open_regular
from sdedge.json_values import read_json
from sdedge.locks import ProcessLock
from sdedge.process.batch_tasks import PictureTask
from sdedge.process.batch_worker import Drawn
from sdedge.request import Request

NAME = "batch.jsonl"
_LOCK = ".batch.lock"
_PIECE = 1 << 20
_MAX_LINE = 1 << 20


class BatchRecord:
    """The record of the batches in one folder. One process at a time writes it: `open_record`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME
        self._lines: dict[str, dict[str, Any]] = {}
        for line in self._read():
            self._lines[line["hash"]] = line

    def file_of(self, task: PictureTask) -> Path | None:
        """Returns the file of a task's picture; None where there is none, or another one under its name."""
        line = self._lines.get(task.hash)
        if line is None:
            return None
        with suppress(OSError, SdedgeError):
            path = inside(self.folder, line["file"])
            if _content_of(path) == line["content"]:
                return path
        return None

    def announce(self, task: PictureTask, drawn: Drawn, path: Path, device: str) -> None:
        """Says that a picture is about to be written there. Raises OutputError."""
        request = Request.from_json(drawn.request)
        plain = {} if task.output.private else {"seed": request.seed, "prompt": request.prompt, "model": request.model}
        line = {
            "hash": task.hash, "number": task.number, "file": path.name, "content": drawn.content, **plain,
            "seconds": round(drawn.seconds, 3), "device": device, **({"canary": drawn.canary} if drawn.canary else {}),
        }  # fmt: skip
        self._lines[task.hash] = line
        try:
            begins_anew = not self._ends_whole()
            with open(self.path, "ab") as file:
                file.write(b"\n" * begins_anew + json.dumps(line).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"Cannot write {self.path}: {error.strerror}; free some space.") from error

    def merge(self, tasks: Iterable[PictureTask]) -> None:
        """Writes the lines of a batch anew, in the order of its requests, behind those of others before it; a line each."""
        of_batch = {task.hash: task for task in tasks}
        numbered = [
            self._lines[name] | {"number": task.number} for name, task in of_batch.items() if name in self._lines
        ]
        others = [line for name, line in self._lines.items() if name not in of_batch]
        with atomic_write(self.path) as file:
            for line in [*others, *numbered]:
                file.write(json.dumps(line).encode() + b"\n")

    def _ends_whole(self) -> bool:
        """Returns whether the file ends with a line, as it does unless it was cut off in the middle of one."""
        with suppress(OSError), open_regular(self.path) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                return file.read(1) == b"\n"
        return True

    def _read(self) -> Iterator[dict[str, Any]]:
        """Yields the lines that can be read; a torn one is as if it were not there: its picture is drawn again.

        Raises OutputError for a file of something else, such as requests under this name, which `merge` would replace.
        """
        with suppress(FileNotFoundError):
            try:
                file = open_regular(self.path)
            except FileNotFoundError:
                return
            except OSError as error:
                raise OutputError(f"Cannot read {self.path}: {error.strerror}; move it away.") from error
            with file:
                while text := file.readline(_MAX_LINE):
                    with suppress(InvalidRequest):
                        line = read_json(text, "A line", _MAX_LINE, InvalidRequest)
                        names = ("hash", "file", "content")
                        if isinstance(line, dict) and all(isinstance(line.get(name), str) for name in names):
                            yield line
                        elif line and isinstance(line, dict | str) and "hash" not in line:
                            raise OutputError(
                                f"{self.path} is no record of a batch, for which its name is kept; rename it, or choose another "
                                "folder."
                            )


@contextlib.contextmanager
def open_record(folder: Path) -> Iterator[BatchRecord]:
    """Yields the record of a folder, which no other process writes meanwhile. Raises SdedgeError where one does."""
    lock = ProcessLock(folder / _LOCK, "choose another folder")
    if not lock.acquire():
        raise SdedgeError(
            f"Another batch (process {lock.holder()}) draws into {folder}; wait for it, or choose another folder."
        )
    try:
        yield BatchRecord(folder)
    finally:
        lock.release()  # its file stays: who waits for it has it open, and would hold one that is gone


def _content_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
