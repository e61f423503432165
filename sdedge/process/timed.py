"""What a run takes, in the process of a trial: seconds, joules where the system tells them, memory. No torch."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sdedge.machine.energy import EnergyMeter, memory_peaks

RUNS = 5
LONGEST = 60.0
"""Seconds for all runs but the first."""
T = TypeVar("T")


def once(what: str, call: Callable[[], T], results: list[T]) -> Iterator[dict[str, object]]:
    """Calls something once, adds what it returns to `results`, and yields the phase before and the seconds afterwards."""
    yield {"phase": what}
    start = time.perf_counter()
    results.append(call())
    yield {f"{what}_seconds": time.perf_counter() - start}


def repeated(call: Callable[[], object]) -> Iterator[dict[str, object]]:
    """Calls something several times and yields the median of its seconds, and joules a call."""
    yield {"phase": "run"}
    meter, seconds = EnergyMeter(), list[float]()
    while len(seconds) < RUNS and sum(seconds) < LONGEST:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    yield {"run_seconds": statistics.median(seconds), "runs": len(seconds)}
    if energy := meter.joules():
        yield {"run_joules": energy[0] / len(seconds), "joules_of": energy[1]}


def memory() -> dict[str, object]:
    """Returns the most bytes that this process held so far."""
    return {f"{name}_bytes": size for name, size in memory_peaks().items()}
