"""Steps of the UNet on as many threads as the machine gives while it draws, with results that are equal to the last bit.

The first step that wants another number of threads is computed on both: where the results are not the same bits, that number is
never used. So a picture does not depend on what else the machine was doing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from sdedge.machine.followed_threads import ThreadFollower, thread_counts
from sdedge.machine.quiet import ProcessorTimes, processor_times
from sdedge.machine.threads import user_chose_threads

SETTING = "SDEDGE_FOLLOW_THREADS"
"""An environment variable: "0" leaves every step on the usual number of threads."""
FROM = 0.2
"""Seconds of a step from which it is worth it."""
CROWDED = 0.3
"""Of a processor that other programs take beyond those that are left over, which is felt."""


class FollowedSteps:
    """Runs steps, each kind with a follower of its own; kinds differ in their shapes."""

    def __init__(self) -> None:
        self._followers: dict[Hashable, ThreadFollower] = {}
        self._equal: set[tuple[Hashable, int]] = set()
        self.seconds = 0.0
        """How long the latest step took."""

    def run(self, kind: Hashable, step: Callable[[], Tensor]) -> Tensor:
        """Returns what a step makes. Torch's number of threads is the usual one before and after it."""
        usual = torch.get_num_threads()
        if usual < 2 or user_chose_threads() or os.environ.get(SETTING) == "0":
            return self._timed(usual, step)
        kind = (kind, usual)
        follower = self._followers.setdefault(kind, ThreadFollower(thread_counts(usual)))
        count = follower.threads
        if count != usual and (kind, count) not in self._equal:
            return self._proven(kind, follower, step)
        before = processor_times()
        result = self._timed(count, step)
        if self.seconds >= FROM or count != usual:
            follower.took(self.seconds, _is_crowded(usual, before, processor_times()))
        return result

    def _timed(self, count: int, step: Callable[[], Tensor]) -> Tensor:
        start = time.perf_counter()
        with _threads(count):
            result = step()
        self.seconds = time.perf_counter() - start
        return result

    def _proven(self, kind: Hashable, follower: ThreadFollower, step: Callable[[], Tensor]) -> Tensor:
        """Runs a step on the usual threads and on those to be tried, which makes their kernels ready too."""
        count = follower.threads
        with _threads(count):
            first = step()
        result = self._timed(torch.get_num_threads(), step)
        if torch.equal(result, first):
            self._equal.add((kind, count))
        else:
            follower.refuse(count)
        return result


def _is_crowded(usual: int, before: ProcessorTimes | None, after: ProcessorTimes | None) -> bool | None:
    """Returns whether other programs took more than what the usual number of threads leaves over; None where that is not told."""
    if before is None or after is None:
        return None
    return usual + after.others_since(before) > after.count + CROWDED


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Within: torch computes on as many threads."""
    usual = torch.get_num_threads()
    if count == usual:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(usual)
