"""A run on disk: the pictures of one setting with what the judges read in them, appended one by one.

    FOLDER/pocket-1a2b3c4d/settings.json     what was drawn, and with what
                           results.jsonl     a line for every picture, written when it is there
                           pictures/00012-3.png    prompt 12, seed 3

The folder is named by its settings, so that a run that was cut off goes on, more prompts are added to those that are there, and
another setting begins anew beside it. Nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sdedge.errors import OutputError, SdedgeError
from sdedge.evaluation.world import Answers, Case, Value
from sdedge.files import atomic_write, open_regular
from sdedge.json_values import read_json, read_json_file
from sdedge.locks import ProcessLock

SETTINGS, RESULTS, PICTURES = "settings.json", "results.jsonl", "pictures"
LONGEST_LINE = 64 << 10  # bytes of a result


@dataclass(frozen=True)
class Result:
    """One picture of a run: which case and seed, how long it took, and what each judge read, by the judge's name and version."""

    index: int
    seed: int
    prompt: str
    seconds: float
    answers: Mapping[str, Answers] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        return self.index, self.seed

    def to_json(self) -> str:
        return json.dumps({**vars(self), "answers": {name: dict(read) for name, read in self.answers.items()}})

    @classmethod
    def from_json(cls, line: bytes) -> Result | None:
        """Returns the result in a line; None for one that was cut off or is no result."""
        try:
            record = read_json(line, "The result", LONGEST_LINE)
            result = cls(**record)
            numbers = isinstance(result.index, int) and isinstance(result.seed, int)
            answers = {str(name): _answers(read) for name, read in result.answers.items()}
            if not (numbers and isinstance(result.seconds, int | float) and isinstance(result.prompt, str)):
                return None
        except (SdedgeError, TypeError, AttributeError):
            return None
        return cls(result.index, result.seed, result.prompt, float(result.seconds), answers)


def _answers(read: Any) -> Answers:
    answers: dict[str, Value | None] = {}
    for name, value in read.items():
        if not (value is None or isinstance(value, str | int | bool)):
            raise TypeError(name)
        answers[str(name)] = value
    return answers


class Run:
    """The pictures of one setting in a folder of its own."""

    def __init__(self, folder: Path, label: str, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        text = json.dumps(self.settings, sort_keys=True)
        plain = re.sub(r"[^\w.-]+", "-", label).strip("-.")[:40] or "model"
        self.folder = folder / f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def is_there(self) -> bool:
        """Whether a run of these settings was begun."""
        return (self.folder / SETTINGS).is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within, no other process draws this run. Raises SdedgeError where one does."""
        lock = ProcessLock(self.folder / "lock", "choose another folder")
        if not lock.acquire():
            raise SdedgeError(
                f"Another process evaluates in {self.folder} now; wait until it is done, or choose another folder."
            )
        try:
            with atomic_write(self.folder / SETTINGS) as file:
                file.write(json.dumps(self.settings, indent=2, sort_keys=True).encode())
            (self.folder / PICTURES).mkdir(exist_ok=True)
            yield
        finally:
            lock.release()

    def picture_path(self, index: int, seed: int) -> Path:
        """Returns where the picture of a case and a seed is kept."""
        return self.folder / PICTURES / f"{index:05}-{seed}.png"

    def pixels(self, result: Result) -> np.ndarray:
        """Returns a picture of the run, uint8 (H, W, 3). Raises OutputError where its file is no picture any more."""
        path = self.picture_path(*result.key)
        try:
            with open_regular(path) as file, Image.open(file, formats=("PNG",)) as image:
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise OutputError(f"Cannot read {path}: {error}; remove it, and it is drawn again.") from error

    def results(self, cases: Mapping[int, Case]) -> dict[tuple[int, int], Result]:
        """Returns what is there, by case and seed: lines whose prompt is still the case's and whose picture is on disk.

        A line that was being written when the process ended is cut off the file, so that the next one begins on its own.
        """
        path = self.folder / RESULTS
        if not path.is_file():
            return {}
        with open(path, "rb+") as file:
            data = file.read()
            end = data.rfind(b"\n") + 1
            file.truncate(end)
        results: dict[tuple[int, int], Result] = {}
        for line in data[:end].splitlines():
            result = Result.from_json(line)
            if result is None or result.index not in cases or result.prompt != cases[result.index].prompt:
                continue
            if self.picture_path(*result.key).is_file():
                results[result.key] = result
        return results

    def append(self, result: Result) -> None:
        """Adds a result to the file; it is on disk when this returns. Raises OutputError."""
        path = self.folder / RESULTS
        try:
            with open(path, "ab") as file:
                file.write(result.to_json().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror or error}; free some space and go on.") from error


def nearest_run(folder: Path, run: Run) -> tuple[str, list[str]] | None:
    """Returns the run in a folder that differs least from this one, by name, and its differences in words; None for no other."""
    candidates = []
    for path in sorted(folder.glob(f"*/{SETTINGS}")):
        if path.parent == run.folder:
            continue
        try:
            record = read_json_file(path)
        except SdedgeError:
            continue
        if isinstance(record, dict):
            candidates.append((differences(record, run.settings), path.parent.name))
    if not candidates:
        return None
    lines, name = min(candidates, key=lambda candidate: len(candidate[0]))
    return name, lines


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns in words what of two settings differs, such as "steps is 10, not 20"."""
    lines = []
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new)
        elif old != new:
            lines.append(f"{name} is {new}, not {old}")
    return lines
