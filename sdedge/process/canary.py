"""The canary: asks an engine, in processes of their own, whether it computes as it should, and keeps what was found. No torch.

`start` begins it beside a drawing process and outlives that; `python -m sdedge.process.canary ENGINE` is what it begins. Two
fresh processes must fail before an engine is switched off. What judges runs no network itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sdedge.errors import ModelError, SdedgeError
from sdedge.events import Checking
from sdedge.interpreter import python_command, python_environment
from sdedge.locks import ProcessLock
from sdedge.machine import canary
from sdedge.machine.canary import SETTING, State, Verdict
from sdedge.machine.canary_checks import ALL, PICTURE, Fault, Measurement, Sketch, compare, limits_of
from sdedge.machine.findings import findings
from sdedge.process.canary_reference import Reference, read_reference
from sdedge.process.canary_watch import CanaryRun, Hang, watch_run
from sdedge.process.trials import Absent

IMPORTS = 10.0
"""Seconds of processor time that imports are predicted to take."""
BUDGET = {"cpu": 3.0, "other": 15.0}
"""Seconds that all results together may take beside the imports, by the kind of device."""
SLOW = 300.0
"""How many times longer a format without hardware behind it takes, where nobody has measured that."""
ANOTHER = 600.0  # seconds to wait for another process that asks the same engine

Run = Callable[[str], CanaryRun]
"""From an engine's name to what its process left."""


@dataclass(frozen=True)
class Judged:
    """What one process is worth: a failure's figure, or why it could not run; both "" where all is well."""

    failure: str = ""
    unable: str = ""
    measurements: tuple[Measurement, ...] = ()


def judge(engine: str, trial: CanaryRun, reference: Mapping[str, Sketch], drawn_by: str) -> Judged:
    """Returns what a process's results are worth beside the reference, whose picture a model of this hash drew."""
    if trial.unable:
        return Judged(unable=trial.unable)
    limits = limits_of(engine)
    measurements = tuple(
        compare(name, reference[name.partition(",")[0]], result, limits)
        for name, result in trial.results.items()
        if name.partition(",")[0] in reference and (name != PICTURE or trial.model in (drawn_by, ""))
    )
    faults = [fault for each in measurements for fault in each.faults]
    if faults:
        return Judged(failure=str(_worst(faults)), measurements=measurements)
    if trial.failure:
        return Judged(failure=trial.failure, measurements=measurements)
    if not measurements:
        return Judged(unable="there is nothing to compare it with")
    return Judged(measurements=measurements)


def _worst(faults: list[Fault]) -> Fault:
    """Returns what says most: of a whole result before a part of it."""
    return next((fault for fault in faults if fault.part == ALL), faults[0])


def ask(engine: str, run: Run, read: Callable[[], Reference] = read_reference) -> Verdict:
    """Runs the canary on an engine, a second time where the first fails, and returns the verdict; nothing is kept."""
    try:
        reference, drawn_by = read()
    except ModelError as error:
        return Verdict(engine, State.UNKNOWN, str(error), time=time.time())
    judged, trials, failures = [], [], []
    for _ in range(2):
        trials.append(run(engine))
        judged.append(judge(engine, trials[-1], reference, drawn_by))
        if not judged[-1].failure:
            break
        failures.append(judged[-1].failure)
    last = judged[-1]
    state = State.FAILED if len(failures) == 2 else State.UNKNOWN if last.unable else State.PROVED
    reason = failures[-1] if state is State.FAILED else last.unable
    if state is State.PROVED and failures:
        reason = f"only at the second try; the first had {failures[0]}"
    errors = {each.result: round(each.error, 1) for each in last.measurements}
    return Verdict(engine, state, reason, errors, round(sum(each.seconds for each in trials), 2), time.time())


def command_of(engine: str, results: str = "") -> list[str]:
    """Returns the command of the process that computes; `results` stands in for its own ("module:function"), in tests."""
    return python_command("sdedge.process.canary_trial", engine, *([results] if results else []))


def run_engine(engine: str, results: str = "", tell: Callable[[CanaryRun], None] = lambda trial: None) -> CanaryRun:
    """Runs one process on an engine, to its end or until it hangs. Raises SdedgeError where none can be started."""
    environment = {**python_environment(), SETTING: "off"}  # a canary starts none
    return watch_run(command_of(engine, results), environment, Hang(IMPORTS, predicted_seconds(engine)), tell)


def run_in_the_open(engine: str, results: str = "") -> CanaryRun:
    """Runs one process as `run_engine` does, and keeps for others to read how far it is."""

    def tell(trial: CanaryRun) -> None:
        canary.keep_progress(Checking(engine, trial.done, trial.total, trial.stage if trial.total else ""))

    return run_engine(engine, results, tell)


def predicted_seconds(engine: str) -> float:
    """Returns the processor time that one stage is predicted to take: the whole budget, longer in a format that was measured
    to be slow here."""
    device, dtype = engine.split()[0], engine.split()[-1]
    budget = BUDGET.get(device, BUDGET["other"])
    if device != "cpu" or dtype == "float32":
        return budget
    known = findings().get("cpu")
    times = {(t.kernel, t.dtype): t.seconds for t in known.timings if t.layout != "contiguous"} if known else {}
    ratios = [
        seconds / exact for (kernel, name), seconds in times.items()
        if name == dtype and seconds and (exact := times.get((kernel, "float32")))
    ]  # fmt: skip
    return budget * max([1.0, *ratios] if ratios else [SLOW])


def settle(engine: str, run: Run = run_in_the_open) -> Verdict:
    """Asks an engine that has no verdict yet, while no other process does, and keeps what comes of it. Raises SdedgeError."""
    lock = ProcessLock(canary.verdict_file(engine).with_suffix(".lock"))
    deadline = time.monotonic() + ANOTHER
    while not lock.acquire():
        if time.monotonic() > deadline:
            return canary.verdict(engine)
        time.sleep(0.2)
    try:
        if (known := canary.verdict(engine)).state is not State.UNKNOWN:
            return known
        answer = ask(engine, run)
        trusted = canary.verdict(engine).trusted  # which a person may have said meanwhile
        canary.keep(Verdict(**{**vars(answer), "trusted": trusted}))
        return answer
    finally:
        canary.end_progress(engine)
        lock.release()


def report_on(engine: str, run: Run = run_engine) -> Iterator[dict[str, object]]:
    """Yields what an engine's check finds, for a report; nothing is kept. Raises Absent where it cannot run."""
    yield {"phase": "check"}
    answer = ask(engine, run)
    if answer.state is State.UNKNOWN:
        raise Absent(answer.reason)
    yield {"state": str(answer.state), "reason": answer.reason, "errors": dict(answer.errors or {})}
    yield {"check_seconds": answer.seconds}


def start(engine: str, results: str = "") -> subprocess.Popen[bytes] | None:
    """Begins to ask an engine, beside whatever this process does and beyond its end; None where no process can be started."""
    quiet: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    platform = {"creationflags": 0x08000000} if os.name == "nt" else {"start_new_session": True}
    command = python_command("sdedge.process.canary", engine, *([results] if results else []))
    try:
        return subprocess.Popen(command, env=python_environment(), **quiet, **platform)
    except OSError:
        return None


def main(arguments: list[str] | None = None) -> None:
    """Runs the process: the engine's name, and what stands in for its results in tests."""
    engine, *results = sys.argv[1:] if arguments is None else arguments
    try:
        settle(engine, lambda name: run_in_the_open(name, *results))
    except SdedgeError as error:  # a full disk: it is asked again another time
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
