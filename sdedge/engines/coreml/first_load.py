"""The first load of a package on its compute units, in a process of its own that is waited for. No torch.

coremltools holds the interpreter's lock while it compiles, loads and predicts, and the first load on the Neural Engine takes
one to three minutes: in the engine's own process no thread would run for so long, and its heartbeat would stop. The system
keeps what it made, so the load that follows takes seconds. A process that Core ML aborts is a sentence, not a crash.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from sdedge.engines.coreml.compiled import UNITS, CompiledCopy, core_ml
from sdedge.engines.coreml.portable.package import Package
from sdedge.errors import ModelError, Remedy
from sdedge.interpreter import python_command, python_environment

LOOK = 0.2  # seconds between looks at the process


@dataclass(frozen=True)
class FirstLoad:
    """How long it took, in seconds; `compiled` is None where a compiled copy was there already."""

    compiled: float | None
    loaded: float


def first_load(package: Package, function: str, units: str) -> Generator[float, None, FirstLoad]:
    """Compiles, loads and runs a function once in another process; yields the seconds it has taken so far, and returns.

    When the generator is closed the process is ended. Raises ModelError with what Core ML said.
    """
    start = time.monotonic()
    command = python_command("sdedge.engines.coreml.first_load", str(package.path), function, units)
    with tempfile.TemporaryFile() as answer:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=answer, env=python_environment())
        try:
            while process.poll() is None:
                yield time.monotonic() - start
                try:
                    process.wait(LOOK)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        answered = _answer(answer)
    if process.returncode == 0 and "loaded" in answered:
        return FirstLoad(answered["compiled"], answered["loaded"])
    raise cannot_load(package.path, units, answered.get("error") or _ending(process.returncode))


def cannot_load(package: Path, units: str, said: object) -> ModelError:
    """Returns the error of a package that Core ML does not load."""
    reason = str(said).strip().rstrip(".")
    return ModelError(
        f"Core ML cannot load {package} on {units}: {reason}; {Remedy.CONVERT_REPORT}.", remedy=Remedy.CONVERT_REPORT
    )


def _answer(file: IO[bytes]) -> dict[str, Any]:
    """Returns the last line that the process has written; Core ML may have written others."""
    file.seek(0)
    lines = file.read().decode("utf-8", "replace").strip().splitlines()
    try:
        answered = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {}
    return answered if isinstance(answered, dict) else {}


def _ending(code: int) -> str:
    if code >= 0:
        return f"its process ended with status {code}"
    try:
        return f"its process was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"its process was ended by signal {-code}"


def load(ct: Any, copy: CompiledCopy, package: Package, function: str, units: str) -> Any:
    """Loads the compiled copy in this process and returns coremltools' model, noting that this system has loaded it."""
    named = {"function_name": function} if len(package.functions) > 1 else {}
    copy.note_loaded(function, units, False)  # a process that is ended while it loads tries again in another one
    model = ct.models.CompiledMLModel(str(copy.path), getattr(ct.ComputeUnit, UNITS[units]), **named)
    copy.note_loaded(function, units)
    return model


def load_once(path: Path, function: str, units: str) -> FirstLoad:
    """Compiles, loads and runs in this process: what the other process does. Raises what Core ML does."""
    ct, package, copy = core_ml(), Package.open(path), CompiledCopy(path)
    compiled = copy.make(ct)
    start = time.monotonic()
    model = load(ct, copy, package, function, units)
    loaded = time.monotonic() - start
    ports = package.function(function).inputs
    model.predict({name: np.zeros([n or 1 for n in port.shape], np.float32) for name, port in ports.items()})
    return FirstLoad(compiled, loaded)


def compile_into(path: Path, folder: Path) -> None:
    """Compiles a package to a `.mlmodelc` of its name in a folder, for other apps. Raises what Core ML does."""
    core_ml().models.utils.compile_model(str(path), str(folder / f"{path.stem}.mlmodelc"))


def main(arguments: list[str] | None = None) -> None:
    """Runs the process: package, function, compute units, answered as JSON; or `--compile`, package, folder."""
    first, *rest = sys.argv[1:] if arguments is None else arguments
    try:
        if first == "--compile":
            compile_into(Path(rest[0]), Path(rest[1]))
            answer = {}
        else:
            function, units = rest
            answer = asdict(load_once(Path(first), function, units))
        code = 0
    except Exception as error:  # Core ML's errors come as plain RuntimeErrors and Exceptions
        answer, code = {"error": str(error)}, 1
        print(error, file=sys.stderr)
    print("\n" + json.dumps(answer), flush=True)
    os._exit(code)  # without dropping arrays that Core ML still holds


if __name__ == "__main__":
    main()
