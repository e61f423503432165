"""The check of engines: 200 broken and 300 healthy ones, each in real processes, some beside busy ones; and what it takes.

`python -m tests.benchmarks canary` with all; CANARY_COUNT in the environment is how many of each kind.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial

from sdedge.interpreter import python_environment
from sdedge.machine.canary import State
from sdedge.process.canary import ask, command_of, run_engine
from sdedge.process.canary_watch import CanaryRun, Hang, watch_run
from tests.process.canary_results import reference

FAULTS = ("zeros", "transposed", "stale", "nan", "scaled", "abort", "spins", "raises")
HEALTHY = ("cpu float32", "mps float16", "coreml all")
ROOM = Hang(imports=20, stage=0.2, idle=10)


def run(name: str, engine: str) -> CanaryRun:
    """Runs a stand-in's process."""
    environment = {**python_environment(), "PYTHONPATH": os.getcwd()}
    return watch_run(command_of(engine, f"tests.process.canary_results:{name}"), environment, ROOM)


def main() -> None:
    """Prints how many of each kind were seen as what they are."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    faults, healthy = (int(os.environ.get("CANARY_COUNT", count)) for count in (25, 50))
    for name in FAULTS:
        start = time.monotonic()
        seen = sum(ask("mps float16", partial(run, name), reference).state is State.FAILED for _ in range(faults))
        print(
            f"{name:12} {seen} of {faults} switched off, {(time.monotonic() - start) / faults:.1f} s each", flush=True
        )
    for is_busy in (False, True):
        loop = [sys.executable, "-c", "while True: pass"]
        busy = [subprocess.Popen(loop) for _ in range(3 * (os.cpu_count() or 1) if is_busy else 0)]
        for engine in HEALTHY:
            passed = sum(ask(engine, partial(run, "healthy"), reference).state is State.PROVED for _ in range(healthy))
            print(f"{engine:12} {passed} of {healthy} proved{', on a busy machine' if is_busy else ''}", flush=True)
        for process in busy:
            process.kill()
            process.wait()
    answer = run_engine("cpu float32")
    print(
        f"cpu float32  {answer.seconds:.1f} s beside the imports (3 s on a quiet machine), {len(answer.results)} results"
    )


if __name__ == "__main__":
    main()
