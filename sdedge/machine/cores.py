"""Which cores a process may compute on, and of which kinds they are: the system's word, without torch.

Hyperthreads share a core's arithmetic, efficiency cores have less of it, and a container may be given less time than it sees
cores. Numbers of threads worth a try follow from that; which is best is measured (`sdedge.machine.probe`).
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sdedge.machine.control_groups import GROUPS, group_folders, own_groups, text_of

PROCESSORS = Path("/sys/devices/system/cpu")
FAST = 0.8
"""Of the fastest core's capacity, from which a core is a fast one."""


@dataclass(frozen=True)
class Cores:
    """What this process may compute on.

    allowed   logical processors
    physical  cores among them; hyperthreads of one count once
    fast      physical cores among them that are no efficiency cores
    quota     processors' worth of time that its container is given; None where nothing limits it
    """

    allowed: int
    physical: int
    fast: int
    quota: float | None = None

    @property
    def most(self) -> int:
        """How many threads can compute at a time."""
        return self.allowed if self.quota is None else max(1, min(self.allowed, math.ceil(self.quota)))

    @property
    def expected(self) -> int:
        """How many threads are best as a rule, where none could be measured: one for each core, slow ones included."""
        return min(self.physical, self.most)

    def thread_counts(self) -> tuple[int, ...]:
        """Returns the numbers of threads worth a try, the expected one first, then the largest first."""
        others = {self.most, min(self.fast, self.most), math.ceil(self.most / 2)}
        return self.expected, *sorted(others - {self.expected}, reverse=True)

    def __str__(self) -> str:
        said = f"{self.physical} {'core' if self.physical == 1 else 'cores'}"
        said += f" ({self.fast} fast)" if self.fast < self.physical else ""
        said += f" with {self.allowed} hyperthreads" if self.allowed > self.physical else ""
        return said if self.quota is None else f"{said}, of which the container is given {self.quota:g}"


def cores() -> Cores:
    """Returns what this process may compute on, by the system's files or, on a Mac, by sysctl."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    if sys.platform == "darwin":
        physical = _sysctl("hw.physicalcpu") or len(allowed)
        return Cores(len(allowed), physical, _sysctl("hw.perflevel0.physicalcpu") or physical)
    return cores_of(PROCESSORS, allowed, container_quota(GROUPS, own_groups()))


def cores_of(processors: Path, allowed: Iterable[int], quota: float | None = None) -> Cores:
    """Returns the cores that Linux describes in a folder, for the logical processors allowed; each a core of its own where
    nothing is said."""
    numbers = list(allowed)
    by_core = {_core(processors / f"cpu{number}", number): number for number in numbers}
    capacities = [_capacity(processors / f"cpu{number}") for number in by_core.values()]
    fast = sum(capacity >= FAST * max(capacities) for capacity in capacities)
    return Cores(len(numbers), len(by_core), fast, quota)


def container_quota(groups: Path, own: str) -> float | None:
    """Returns the processors' worth of time of the tightest control group above a process; None where none is limited.

    `own` is what `own_groups` returns.
    """
    limits: list[float] = []
    for version, folder in group_folders(groups, own, "cpu"):
        if version == 2:
            limits += _limit(text_of(folder / "cpu.max").split())
        else:
            texts = [text_of(folder / f"cpu.cfs_{part}_us") for part in ("quota", "period")]
            limits += _limit(" ".join(texts).split())
    return min(limits, default=None)


def _limit(numbers: list[str]) -> Iterator[float]:
    """Yields quota / period of two numbers in microseconds; nothing for "max", "-1" and what are no two numbers."""
    try:
        quota, period = (int(number) for number in numbers)
    except ValueError:
        return
    if quota > 0 and period > 0:
        yield quota / period


def _core(folder: Path, number: int) -> tuple[str, ...]:
    """Returns what tells one physical core from another."""
    core = text_of(folder / "topology" / "core_id"), text_of(folder / "topology" / "physical_package_id")
    die = text_of(folder / "topology" / "die_id")
    return (*core, die) if core[0] else (f"processor {number}",)


def _capacity(folder: Path) -> float:
    """Returns what a core gives beside others of its machine: by the scheduler's word, or by its highest frequency."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        with_digits = text_of(folder / name).strip()
        if with_digits.isdigit() and int(with_digits):
            return int(with_digits)
    return 1


def _sysctl(key: str) -> int:
    """Returns a number of macOS; 0 where it does not say."""
    try:
        done = subprocess.run(["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=5, check=True)
        return int(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
