"""How busy other programs keep this process's processors: as Linux counts it in /proc/stat, elsewhere by the load average."""

from __future__ import annotations

import os
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

COUNTS = Path("/proc/stat")
BUSY = 0.1
"""The fraction of the processors from which other programs make this no quiet machine."""
_WATCHED = 0.3  # seconds
_IDLE = (3, 4)  # idle and waiting for disks, of: user nice system idle iowait irq softirq steal


@dataclass(frozen=True)
class ProcessorTimes:
    """Seconds of the processors that this process may use, since the machine started: `busy` in some program, or taken by other
    guests of its host; `total`, idle ones included; `own`, this process's. `count` is how many processors there are."""

    busy: float
    total: float
    own: float
    count: int

    def others_since(self, before: ProcessorTimes) -> float:
        """Returns how many of the processors other programs took since, 0 … `count`."""
        total = self.total - before.total
        if total <= 0:
            return 0.0
        others = (self.busy - before.busy - (self.own - before.own)) / total
        return self.count * min(1.0, max(0.0, others))


def processor_times() -> ProcessorTimes | None:
    """Returns the counts of now; None where the system keeps none in a file."""
    try:
        allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(1 << 16)
        return parsed_times(COUNTS.read_text("ascii"), time.process_time(), allowed)
    except (OSError, ValueError):
        return None


def parsed_times(text: str, own: float, allowed: Container[int]) -> ProcessorTimes:
    """Reads /proc/stat: a line for each processor, "cpu0 user nice system idle iowait irq softirq steal …" in ticks; guests are
    in user already. Raises ValueError where no allowed processor stands in it."""
    tick = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
    busy, total, count = 0, 0, 0
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        number = name.removeprefix("cpu")
        if name == number or not number.isdigit() or int(number) not in allowed:
            continue
        times = [int(each) for each in rest.split()[:8]]
        count, total = count + 1, total + sum(times)
        busy += sum(spent for place, spent in enumerate(times) if place not in _IDLE)
    if not count:
        raise ValueError("no processor's time is counted")
    return ProcessorTimes(busy / tick, total / tick, own, count)


def others_fraction(seconds: float = _WATCHED) -> float | None:
    """Returns the fraction of the processors that other programs take, watched for some seconds; by the load average of the last
    minute where the system counts no more, and None where it tells nothing."""
    before = processor_times()
    if before is None:
        try:
            return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        except (AttributeError, OSError):
            return None
    time.sleep(seconds)
    after = processor_times()
    return None if after is None else after.others_since(before) / after.count


def is_quiet() -> bool:
    """Returns whether nothing else of note runs here, as far as the system tells."""
    fraction = others_fraction()
    return fraction is None or fraction < BUSY
