"""A trial: something that may crash, abort or hang, tried in a process of its own whose end is a result. No torch.

The process tells what it knows line by line (`sdedge.process.trial_process`), so that one that dies has told how far it came.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Any

from sdedge.interpreter import python_command, python_environment
from sdedge.machine.canary import SETTING

MARK = "trial tells: "
"""Begins a line that tells values; libraries write others to the same pipe."""
PATIENCE = 1200.0
"""Seconds: the first load of a v1 UNet on a Neural Engine takes one to five minutes."""
LAST_WORDS = 1500
"""Characters of what a process wrote to its standard error that are kept where it did not end well."""
_TAIL = 64 << 10
_LARGEST = 4 << 20


class Outcome(StrEnum):
    """How a trial ended."""

    DONE = "done"
    ABSENT = "absent"
    """What it needs is not on this machine."""
    FAILED = "failed"
    """It ended with an error, which `said` holds."""
    SIGNAL = "signal"
    """It was ended by the signal that `signal` names."""
    HANG = "hang"
    """It had not ended after its patience, and was ended."""
    INTERRUPTED = "interrupted"
    """It was begun twice, and both times the report itself, or the machine, ended in the middle of it."""


class Absent(Exception):
    """What a trial needs is not on this machine; raised in its process with a sentence that says what."""


@dataclass(frozen=True)
class Trial:
    """One thing that is tried.

    section    of the report
    name       of the trial, once in its section
    module     run as `python -m` does
    patience   seconds until a process that has not ended hangs
    makes      a file that later trials read
    """

    section: str
    name: str
    module: str
    arguments: tuple[str, ...] = ()
    patience: float = PATIENCE
    makes: str = ""

    @classmethod
    def of(cls, section: str, name: str, function: str, /, **arguments: object) -> Trial:
        """Returns the trial of a "module:function" that yields what it finds, called with values of JSON."""
        return cls(section, name, "sdedge.process.trial_process", (function, json.dumps(arguments)))


@dataclass(frozen=True)
class Finding:
    """What is known without a process: values of JSON."""

    section: str
    name: str
    values: Mapping[str, object] = field(default_factory=dict)


def finite(value: Any) -> Any:
    """Returns values as JSON has them: "inf", "-inf" and "nan" for numbers that it has not, six digits for the others."""
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else str(value)
    return value


def run(trial: Trial) -> dict[str, Any]:
    """Carries a trial out and returns what it came to: its outcome, seconds, seconds of processor time, and what it told.

    A process that is left behind when this one is interrupted is ended with all that it started.
    """
    start, spent = time.monotonic(), _children_seconds()
    with tempfile.TemporaryFile() as answers, tempfile.TemporaryFile() as errors:
        code = _ended(trial, answers, errors)
        values = _values(answers)
        said = _last_words(errors)
    values |= {"outcome": _outcome(code, values)} | _reason(code, values, said)
    if values["outcome"] == Outcome.DONE:
        values.pop("phase", None)
    values["seconds"] = round(time.monotonic() - start, 3)
    if spent is not None and (now := _children_seconds()) is not None:
        values["processor_seconds"] = round(now - spent, 3)
    return values


def _ended(trial: Trial, answers: IO[bytes], errors: IO[bytes]) -> int | None:
    """Returns the exit status; None for a process that hung."""
    environment = python_environment() | {"SDEDGE_TRIAL_PARENT": str(os.getpid()), SETTING: "off"}  # no check beside it
    process = subprocess.Popen(
        python_command(trial.module, *trial.arguments), stdin=subprocess.DEVNULL, stdout=answers, stderr=errors,
        env=environment, start_new_session=os.name == "posix",
    )  # fmt: skip
    try:
        return process.wait(trial.patience)
    except subprocess.TimeoutExpired:
        if hasattr(signal, "SIGABRT") and os.name == "posix":  # it says where it hangs, if it still can
            with suppress(OSError, subprocess.TimeoutExpired):
                process.send_signal(signal.SIGABRT)
                process.wait(2)
        return None
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with all that it started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _outcome(code: int | None, values: Mapping[str, Any]) -> Outcome:
    if code is None:
        return Outcome.HANG
    if code < 0 or code >= 0xC0000000:  # Windows tells what POSIX calls a signal as a status like 0xC0000005
        return Outcome.SIGNAL
    if code == 0:
        return Outcome.DONE
    return Outcome.ABSENT if values.get("absent") else Outcome.FAILED


def _reason(code: int | None, values: Mapping[str, Any], said: str) -> dict[str, Any]:
    if code == 0:
        return {}
    reason: dict[str, Any] = {}
    if code is not None and code < 0:
        reason["signal"] = _signal_name(-code)
    elif code and not values.get("said"):
        reason["status"] = code
    return reason | ({"stderr": said} if said and not values.get("absent") else {})


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _values(answers: IO[bytes]) -> dict[str, Any]:
    """Returns all that the process told, later values in the place of earlier ones."""
    answers.seek(0)
    values: dict[str, Any] = {}
    for line in answers.read(_LARGEST).decode("utf-8", "replace").split("\n"):
        _, marked, text = line.partition(MARK)
        with suppress(ValueError):
            line_values = json.loads(text) if marked else None
            values |= line_values if isinstance(line_values, dict) else {}
    return values


def _last_words(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - _TAIL))
    return errors.read().decode("utf-8", "replace").strip()[-LAST_WORDS:]


def _children_seconds() -> float | None:
    """Returns the processor time of the processes that have ended; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
