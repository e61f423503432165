"""The file of `sdedge doctor --report`: a JSON object per line, each on the disk before the next trial begins. No torch.

Whatever ends the doctor, what it had found stays, and the same command goes on there. A trial is announced before it begins:
one that takes the machine with it twice is a result as well, and not tried a third time.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any, Self

from sdedge.errors import ModelError, OutputError
from sdedge.files import open_regular, sync
from sdedge.json_values import read_json
from sdedge.locks import ProcessLock
from sdedge.process.impersonal import Impersonal
from sdedge.process.trials import Finding, Outcome, Trial, finite

FORMAT = 1
LARGEST = 64 << 20
ATTEMPTS = 2
_BEGINNING = b'{"sdedge_report": '


class TrialReport:
    """An open report; close it. `resumed` is how many results it held already."""

    def __init__(self, path: Path, machine: Mapping[str, object], impersonal: Impersonal, anew: bool = False) -> None:
        """Opens a new file, or one that was begun on this machine by these versions; with `anew` what a report holds goes.

        Raises OutputError for any other file.
        """
        self.path, self._impersonal = path, impersonal
        self._begun: Counter[tuple[str, str]] = Counter()
        self._results: dict[tuple[str, str], dict[str, Any]] = {}
        header = {"sdedge_report": FORMAT, "machine": impersonal.values(finite(machine))}
        self._lock = ProcessLock(path.with_name(f".{path.name}.lock"), "choose another folder")
        _read(path)  # what is no report is refused with nothing beside it
        if not self._lock.acquire():
            raise OutputError(f"Another doctor (process {self._lock.holder()}) is writing to {path}; wait for it.")
        try:
            self._begin(header, anew)
        except BaseException:
            self._lock.remove()
            raise

    def _begin(self, header: Mapping[str, object], anew: bool) -> None:
        """Reads what the file holds, now that no other doctor writes it, and opens it behind that. Raises OutputError."""
        lines, size = _read(self.path)
        if anew and lines and "sdedge_report" in lines[0]:
            lines, size = [], 0
        if lines and lines[0] != header:
            raise OutputError(f"{self.path} is {_what_else(lines[0])}; name another file.")
        for line in lines[1:]:
            self._remember(line)
        self.resumed = len(self._results)
        self._file = _open(self.path)
        self._file.truncate(size)  # what the line holds that was being written when the doctor ended
        self._file.seek(size)
        if not lines:
            self._append(header)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._lock.remove()

    def needs(self, trial: Trial | Finding) -> bool:
        """Returns whether the report has no result of it yet; of one that was begun too often it makes one."""
        key = self._key(trial)
        if key not in self._results and self._begun[key] >= ATTEMPTS:
            self.add(trial, {"outcome": Outcome.INTERRUPTED})
        return key not in self._results

    def result(self, section: str, name: str) -> dict[str, Any] | None:
        """Returns the result of a trial by its section and name."""
        return self._results.get((self._impersonal.text(section), self._impersonal.text(name)))

    def results(self) -> list[dict[str, Any]]:
        """Returns all results in their order."""
        return list(self._results.values())

    def begin(self, trial: Trial) -> None:
        """Announces a trial. Raises OutputError."""
        section, name = self._key(trial)
        self._append({"section": section, "trial": name, "begun": True})

    def add(self, trial: Trial | Finding, values: Mapping[str, object]) -> dict[str, Any]:
        """Writes a result and returns it as it was written. Raises OutputError."""
        section, name = self._key(trial)
        line = {"section": section, "trial": name, **self._impersonal.values(finite(values))}
        self._append(line)
        self._remember(line)
        return line

    def _key(self, trial: Trial | Finding) -> tuple[str, str]:
        return self._impersonal.text(trial.section), self._impersonal.text(trial.name)

    def _remember(self, line: Mapping[str, Any]) -> None:
        key = str(line.get("section", "")), str(line.get("trial", ""))
        if line.get("begun"):
            self._begun[key] += 1
        else:
            self._results[key] = dict(line)

    def _append(self, line: Mapping[str, object]) -> None:
        """Writes a line whole, or leaves the file as it was."""
        start, data = self._file.tell(), (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        try:
            while data:
                data = data[self._file.write(data) :]
            sync(self._file.fileno())
        except OSError as error:
            raise self._unwritten(error, start) from error

    def _unwritten(self, error: OSError, start: int) -> OutputError:
        with suppress(OSError):  # otherwise the torn line is dropped when the report goes on
            self._file.truncate(start)
            self._file.seek(start)
        return OutputError(
            f"Cannot write {self.path}: {error.strerror or error}; it keeps what it has, and the same command goes on there."
        )


def _read(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Returns the lines that are whole, and the bytes they take. Raises OutputError for what is no report."""
    try:
        with open_regular(path) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise OutputError(f"Cannot read {path}: {error.strerror or error}; name another file.") from error
    if len(data) > LARGEST:
        raise OutputError(f"{path} is no report (over {LARGEST} bytes); name another file.")
    lines: list[dict[str, Any]] = []
    size = 0
    for raw in data.splitlines(keepends=True):
        line = _parsed(raw, path) if raw.endswith(b"\n") else None
        if line is None:
            break
        lines.append(line)
        size += len(raw)
    if data[: len(_BEGINNING)] != _BEGINNING[: len(data)]:
        raise OutputError(f"{path} is no report; name another file.")
    return lines, size


def _parsed(raw: bytes, path: Path) -> dict[str, Any] | None:
    """Returns a line's object; None for one that power loss left damaged."""
    try:
        line = read_json(raw, str(path))
    except ModelError:
        return None
    return line if isinstance(line, dict) else None


def _what_else(header: Mapping[str, Any]) -> str:
    if "sdedge_report" not in header:
        return "no report"
    if header["sdedge_report"] != FORMAT:
        return f"a report of format {header['sdedge_report']!r:.20}"
    return "the report of another machine, or of other versions"


def _open(path: Path) -> FileIO:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        return os.fdopen(descriptor, "r+b", buffering=0)
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}; name another file.") from error
