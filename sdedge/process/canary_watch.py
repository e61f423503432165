"""The canary's process, watched until it ends, dies or gets no further: it says lines of JSON as it gets on. No torch."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from sdedge.errors import SdedgeError
from sdedge.machine.canary_checks import Sketch

LOOK = 0.2 if sys.platform == "linux" else 1.0  # seconds between looks at the process
IDLE = 60.0
"""Seconds without a thread that computes, or waits for a processor or a disk, and without progress: a driver that is silent."""
_BUSY = ("R", "D", "U")
"""States of a thread that computes or wants to, and of one that waits where no signal reaches it (Linux, macOS): an import
does for minutes where the disk is slow."""
LONGEST = 3600.0  # seconds, where the system does not say what a process does


@dataclass(frozen=True)
class Hang:
    """When a process hangs: ten times the processor time predicted for a stage, in seconds, without another stage.

    A busy machine lengthens no processor time. `idle` is for one that computes nothing at all.
    """

    imports: float
    stage: float
    idle: float = IDLE
    factor: float = 10.0

    def limit(self, stage: str) -> float:
        """Returns the seconds of processor time that a stage may take."""
        return self.factor * (self.imports if stage in ("", "imports") else self.stage)


@dataclass
class CanaryRun:
    """What one process left: its results by name, and why it failed, or could not run; both "" where it ended well.

    While it runs, `done` of `total` results are there and `stage` is computed.
    """

    results: dict[str, Sketch] = field(default_factory=dict)
    failure: str = ""
    unable: str = ""
    seconds: float = 0.0
    model: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    is_ended: bool = False

    def note(self, line: Mapping[str, Any]) -> None:
        """Takes in a line that the process said. Raises ValueError, KeyError or TypeError for one that it does not say."""
        if "at" in line:
            self.stage, self.done, self.total = str(line["at"]), int(line.get("done", 0)), int(line.get("total", 0))
        elif "result" in line:
            self.results[str(line["result"])] = Sketch.from_json(line["sketch"])
        elif "unable" in line:
            self.unable = str(line["unable"])
        elif "error" in line:
            self.failure = f"an exception in {self.stage} ({line['error']:.200})"
        elif "end" in line:
            self.is_ended, self.seconds, self.model = True, float(line["seconds"]), str(line["model"])


def watch_run(
    command: Sequence[str],
    environment: Mapping[str, str],
    hang: Hang,
    tell: Callable[[CanaryRun], None] = lambda trial: None,
) -> CanaryRun:
    """Runs a process to its end, or ends it when it hangs; `tell` is called at each stage. Raises SdedgeError where it cannot be
    started."""
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    try:
        process = subprocess.Popen(command, env=dict(environment), **streams)
    except OSError as error:
        raise SdedgeError(f"Cannot start the canary: {error.strerror or error}; close other programs.") from error
    trial, said = CanaryRun(), queue.SimpleQueue[bytes | None]()
    assert process.stdout is not None
    reader = threading.Thread(target=_read, args=(process.stdout, said), name="canary-lines", daemon=True)
    reader.start()
    try:
        hung = _watch(process.pid, trial, said, hang, tell)
    finally:
        process.kill() if process.poll() is None and (not trial.is_ended or _outlives(process)) else None
        code = process.wait()
    if hung:
        trial.failure = hung
    elif not (trial.is_ended or trial.unable or trial.failure):
        _say_end(trial, code)
    return trial


def _outlives(process: subprocess.Popen[bytes]) -> bool:
    """Returns whether a process that has closed its pipe does not leave by itself."""
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return True
    return False


def _read(stream: IO[bytes], said: queue.SimpleQueue[bytes | None]) -> None:
    with suppress(OSError, ValueError):
        for line in stream:
            said.put(line)
    said.put(None)


def _watch(
    pid: int, trial: CanaryRun, said: queue.SimpleQueue[bytes | None], hang: Hang, tell: Callable[[CanaryRun], None]
) -> str:
    """Takes in lines until the process closes its pipe; returns why it hangs, "" where it does not."""
    last, used, idle = time.monotonic(), processor_seconds(pid) or 0.0, 0.0
    while True:
        try:
            line = said.get(timeout=LOOK)
        except queue.Empty:
            now, spent = time.monotonic(), processor_seconds(pid)
            if spent is None:
                spent = used
                idle = 0.0 if now - last < LONGEST else hang.idle + 1
            elif not is_computing(pid):
                idle += LOOK  # not the time on the clock: while we were stopped or the computer slept, nothing hung
            if spent - used > hang.limit(trial.stage):
                return f"no progress in {spent - used:.0f} s of processor time ({trial.stage})"
            if idle > hang.idle:
                return f"no progress and nothing computed for {idle:.0f} s ({trial.stage})"
            continue
        if line is None:
            return ""
        with suppress(ValueError, KeyError, TypeError):
            trial.note(json.loads(line))
            tell(trial)
        last, used, idle = time.monotonic(), processor_seconds(pid) or used, 0.0


def _say_end(trial: CanaryRun, code: int) -> None:
    """Says why a process ended that did not say so itself: one that was killed from outside is not the engine's fault."""
    outside = {-getattr(signal, name) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)}
    if trial.stage in ("", "imports") and code >= 0:
        trial.unable = f"its process ended with status {code} before it began"
    elif code in outside:
        trial.unable = "its process was ended from outside, or for want of memory"
    elif code < 0:
        with suppress(ValueError):
            trial.failure = f"an end by {signal.Signals(-code).name} in {trial.stage}"
        trial.failure = trial.failure or f"an end by signal {-code} in {trial.stage}"
    else:
        trial.failure = f"an end without an answer (status {code}) in {trial.stage}"


def processor_seconds(pid: int) -> float | None:
    """Returns the processor time of a process: on Linux that of its busiest thread, as spinning ones are no more work;
    elsewhere of all, by core. None where the system does not say."""
    try:
        if sys.platform == "linux":
            ticks = os.sysconf("SC_CLK_TCK")
            return max(sum(map(int, fields[11:13])) for fields in _threads(pid)) / ticks
        done = subprocess.run(
            ["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=True
        )
        parts = [float(part) for part in done.stdout.strip().replace("-", ":").split(":")]
        return sum(part * 60**i for i, part in enumerate(reversed(parts))) / (os.cpu_count() or 1)
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None


def is_computing(pid: int) -> bool:
    """Returns whether a thread of a process computes, waits for a processor, or for a disk or swapped memory, which is no fault
    of an engine either; True where the system does not say."""
    try:
        if sys.platform == "linux":
            return any(fields[0] in _BUSY for fields in _threads(pid))
        done = subprocess.run(
            ["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=True
        )
        return done.stdout.strip()[:1] in ("", *_BUSY)
    except (OSError, IndexError, subprocess.SubprocessError):
        return True


def _threads(pid: int) -> list[list[str]]:
    """Returns the fields of each thread's line in /proc from its state on (proc(5), field 3). Raises OSError."""
    folder = f"/proc/{pid}/task"
    lines = []
    for thread in os.listdir(folder):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"{folder}/{thread}/stat", encoding="utf-8") as file:
            lines.append(file.read().rpartition(")")[2].split())
    if not lines:
        raise ProcessLookupError(pid)
    return lines
