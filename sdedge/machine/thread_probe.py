"""How many threads compute fastest on a CPU, measured where the system lets it be measured.

A neighbour that takes a core makes every number of threads look bad that wants that core. Whether a run had all of its threads'
cores shows in its processor time: threads of OpenMP that wait for one another spin, so that undisturbed they take, all together,
the wall time for each thread. Other runs are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sdedge.machine.cores import Cores
from sdedge.machine.findings import GAIN

ROUNDS = 5
"""How often each number of threads is timed, at most; half of that where nothing disturbed it."""
APART = 0.3
"""Seconds from the start of one round to that of the next, at least."""
UNDISTURBED = 0.9
"""Of its threads' time, which a run must have been given to count."""
_RUNS = 2


@dataclass(frozen=True)
class Spent:
    """Seconds of one run on some threads: by the clock, and of processors in all threads."""

    wall: float
    processor: float

    def is_undisturbed(self, threads: int) -> bool:
        """Returns whether every thread had a processor all the time."""
        return self.processor >= UNDISTURBED * self.wall * threads


@dataclass(frozen=True)
class ThreadChoice:
    """How many threads, and how many times faster they are than one; not settled where the best guess could not be timed."""

    count: int
    gain: float
    is_settled: bool


def choose_threads(available: Cores, samples: Mapping[int, Sequence[Spent]]) -> ThreadChoice:
    """Returns the number of threads that undisturbed runs speak for: one for each core, unless another is clearly faster.

    With no undisturbed run on as many, it is taken as it is and not settled.
    """
    walls = {
        count: min(run.wall for run in runs if run.is_undisturbed(count))
        for count, runs in samples.items()
        if any(run.is_undisturbed(count) for run in runs)
    }
    best = available.expected
    if best not in walls:
        return ThreadChoice(best, float(best), False)
    for count in sorted(walls):  # the fewest of those that are alike
        if walls[count] * GAIN < walls[best]:
            best = count
    return ThreadChoice(best, walls[1] / walls[best] if 1 in walls else float(best), True)


def measure_threads(available: Cores, run: Callable[[], Tensor]) -> ThreadChoice:
    """Times a run on the numbers of threads worth a try, in turn, and on one; torch has as many as before then."""
    counts, before = sorted({1, *available.thread_counts()}), torch.get_num_threads()
    if counts == [1]:
        return ThreadChoice(1, 1.0, True)
    try:
        return choose_threads(available, _samples(counts, run))
    finally:
        torch.set_num_threads(before)


def _samples(counts: Sequence[int], run: Callable[[], Tensor]) -> dict[int, list[Spent]]:
    """Returns what a run takes on each number of threads, in rounds; torch is left with another number of threads."""
    samples: dict[int, list[Spent]] = {count: [] for count in counts}
    for number in range(ROUNDS):
        began = time.perf_counter()
        for count in counts:
            torch.set_num_threads(count)
            run()  # which readies the kernel and the threads
            samples[count] += [_spent(run) for _ in range(_RUNS)]
        clean = all(any(each.is_undisturbed(count) for each in runs) for count, runs in samples.items())
        if clean and 2 * number >= ROUNDS:
            break
        time.sleep(max(0.0, APART - (time.perf_counter() - began)))
    return samples


def thread_clock() -> Callable[[], float]:
    """Returns the clock of this thread's processor time; the wall's where the system's is too coarse for a kernel."""
    try:
        fine = time.get_clock_info("thread_time").resolution < 1e-5
    except ValueError:
        fine = False
    return time.thread_time if fine else time.perf_counter


def _spent(run: Callable[[], Tensor]) -> Spent:
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return Spent(time.perf_counter() - wall, time.process_time() - processor)
