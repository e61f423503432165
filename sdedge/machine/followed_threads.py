"""How many threads the next step computes on, by what the steps before took: pure bookkeeping, no clock and no torch.

Work is split evenly, so that the slowest core decides: with a neighbour on one of two cores one thread is faster than two. A
number of threads is tried for one step, and kept where the step gained by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

SLOWER = 1.25
"""How many times longer than its fastest a step takes before fewer threads are tried; two in a row must."""
GAINED = 1.05
"""How many times faster the step of a trial must be for its number of threads to stay."""
PATIENCE = 2
"""Slow steps before a trial."""
PAUSE, LONGEST = 4, 32
"""Steps between trials; twice as many after each one that gained nothing."""


def thread_counts(usual: int) -> tuple[int, ...]:
    """Returns the numbers of threads that steps may compute on, the usual one first: one core fewer, three quarters, half."""
    fewer = {usual - 1, 3 * usual // 4, usual // 2}
    return usual, *sorted((count for count in fewer if 0 < count < usual), reverse=True)


class ThreadFollower:
    """Is told what each step of one kind took, and says how many threads the next one computes on."""

    def __init__(self, counts: Sequence[int]) -> None:
        """`counts` are numbers of threads, the usual one first and then ever fewer."""
        self._counts = list(counts)
        self._place, self._trial = 0, 0  # in counts; a trial is +1 for fewer threads, -1 for more, 0 for none
        self._fastest, self._latest = (
            inf,
            inf,
        )  # seconds: of all steps on the usual count, and of the last on the present one
        self._slow, self._wait, self._pause = 0, 0, PAUSE

    @property
    def threads(self) -> int:
        """How many threads the next step computes on."""
        return self._counts[self._place + self._trial]

    def took(self, seconds: float, is_crowded: bool | None = None) -> None:
        """Counts a step on `threads`. `is_crowded` says whether other programs wanted some of the cores that the usual number of
        threads has, where the system tells."""
        self._wait -= self._wait > 0
        if self._trial:
            self._judge(seconds)
        elif self._place:
            self._consider_more(seconds, is_crowded)
        else:
            self._consider_fewer(seconds, is_crowded)
        if not self._place:
            self._fastest = min(self._fastest, self._latest)

    def refuse(self, count: int) -> None:
        """Leaves out a number of threads for good, such as one whose results are others. The usual one is never left out."""
        place = self._counts.index(count)
        if place:
            del self._counts[place]
            self._place, self._trial = (self._place - (place <= self._place)), 0

    def _judge(self, seconds: float) -> None:
        """Ends a trial: the number of threads stays if the step gained by it."""
        has_gained = seconds * GAINED < self._latest
        if has_gained:
            self._place, self._latest = self._place + self._trial, seconds
        self._pause = PAUSE if has_gained else min(2 * self._pause, LONGEST)
        self._trial, self._slow, self._wait = 0, 0, self._pause

    def _consider_fewer(self, seconds: float, is_crowded: bool | None) -> None:
        """Fewer threads are tried after slow steps."""
        self._slow = self._slow + 1 if is_crowded or seconds > SLOWER * self._fastest else 0
        self._latest = seconds
        if self._slow >= PATIENCE and not self._wait and len(self._counts) > 1:
            self._trial = 1

    def _consider_more(self, seconds: float, is_crowded: bool | None) -> None:
        """More threads are tried now and then, and soon where nobody wants their cores any more; fewer still after slow steps."""
        self._slow = self._slow + 1 if seconds > SLOWER * self._latest else 0
        self._latest = seconds if not self._slow else self._latest
        if is_crowded is False:
            self._wait = min(self._wait, PAUSE - 1)
        if not self._wait:
            self._trial = -1
        elif self._slow >= PATIENCE and self._place + 1 < len(self._counts):
            self._trial, self._latest = 1, seconds
