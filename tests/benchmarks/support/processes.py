"""What the benchmarks share about processes: the peak of this one alone, and whether the machine is quiet enough to time it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.engines.torch.cpu.packed_cache import SETTING as KEEP_PACKED
from sdedge.machine.quiet import BUSY, others_fraction

SETTING = "SDEDGE_BENCHMARKS_ANYWAY"
"""An environment variable: whatever it says, nothing is checked; set for the processes that a checked benchmark starts."""
_PATIENCE = 20.0  # seconds
_BY_PROCESSOR = "SDEDGE_BENCHMARKS_BY_PROCESSOR"
"""An environment variable, set for the processes of a benchmark that was asked for processor time."""


def peak_bytes() -> int:
    """Returns the largest resident set of this process since its program began, mapped pages included.

    On Linux that is VmHWM, which begins anew with each program. ru_maxrss keeps what the parent had when it forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_of_part() -> int:
    """Returns `peak_bytes` since the last call of this; where the system cannot begin anew (not Linux), since the beginning."""
    peak = peak_bytes()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak


def child(module: str, *arguments: object, **environment: str) -> Any:
    """Returns what a process of its own, a benchmark's module with `--child` and these arguments, printed last as JSON.

    `environment` is laid over this process's. Where neither says so no packed weights are kept or taken from the cache,
    whatever the user chose: a second start is another figure, and his own entries would make room. Raises SystemExit with all
    that it said where it fails.
    """
    command = [sys.executable, "-m", module, "--child", *map(str, arguments)]
    settings = {KEEP_PACKED: "0", **os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Adds `--by-processor`, and obeys it before anything else is parsed."""
    parser.add_argument(
        "--by-processor",
        action="store_true",
        help="Time one thread by the processor time it is given, on a busy machine.",
    )
    if "--by-processor" in sys.argv:
        os.environ |= {_BY_PROCESSOR: "1", "OMP_NUM_THREADS": "1", SETTING: "1"}


def seconds() -> float:
    """Returns what a benchmark's clock shows: the wall's, or the processor time of this process where that was asked for."""
    return time.process_time() if os.environ.get(_BY_PROCESSOR) else time.perf_counter()


def check_quiet(parser: argparse.ArgumentParser | None = None) -> None:
    """Waits a little for other programs to end. Raises SystemExit where they do not, unless SETTING is set.

    With a parser, its `--anyway` is added and obeyed before anything else is parsed.
    """
    if parser is not None:
        parser.add_argument(
            "--anyway", action="store_true", help="Time on a busy machine too; figures mean little then."
        )
    if os.environ.get(SETTING) or {"--child", "--help", "-h"} & set(sys.argv):
        return
    fraction = _others_after_waiting()
    if fraction is not None and fraction >= BUSY:
        said = f"Other programs take {fraction:.0%} of this machine's processors"
        if parser is None or "--anyway" not in sys.argv:
            raise SystemExit(f"{said}; end them, or say --anyway.")
        print(f"{said}: these figures mean little.", file=sys.stderr)
    os.environ[SETTING] = "1"


def _others_after_waiting() -> float | None:
    """Returns what others take once it is little, or after a while."""
    until = time.monotonic() + _PATIENCE
    while (fraction := others_fraction(1.0)) is not None and fraction >= BUSY and time.monotonic() < until:
        time.sleep(1.0)
    return fraction
