"""Whose job is next: callers take turns, whatever number of jobs each has in the queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def place(order: Sequence[tuple[int, str | None]], caller: str) -> int | None:
    """Returns the job that a new one of `caller` goes before, or None for the end.

    `order` is each job that runs or waits, with whose it is; None is somebody's at the app or the command line, whose jobs are
    never overtaken by those that came later. A caller's n-th job goes before every other caller's (n + 1)-th.
    """
    own = sum(owner == caller for _, owner in order)
    turns: Counter[str] = Counter()
    target: int | None = None
    for job, owner in order:
        if owner is None:
            target = None
            continue
        if turns[owner] > own and target is None:
            target = job
        turns[owner] += 1
    return target
