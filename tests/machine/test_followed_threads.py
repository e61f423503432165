"""How many threads steps compute on, on scripted machines: what each number of threads takes at each step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from sdedge.machine.followed_threads import LONGEST, PAUSE, ThreadFollower, thread_counts

Machine = Callable[[int, int], tuple[float, bool | None]]
"""(threads, step) -> seconds, and whether others want the cores, where that is counted."""


def _drawn(machine: Machine, steps: int, counts: tuple[int, ...] = (2, 1)) -> list[int]:
    """The threads of each step."""
    follower, used = ThreadFollower(counts), []
    for step in range(steps):
        used.append(follower.threads)
        follower.took(*machine(follower.threads, step))
    return used


def _with_neighbour(first: int, last: int, counted: bool = True) -> Machine:
    """Two cores, one of which another program wants from one step to another: 2.9 s instead of 1.3 on both, 2.2 on one."""

    def machine(threads: int, step: int) -> tuple[float, bool | None]:
        is_there = first <= step < last
        seconds = (2.9 if is_there else 1.3) if threads == 2 else 2.2
        return seconds, is_there if counted else None

    return machine


def test_on_a_quiet_machine_nothing_is_tried():
    for counted in (True, False):
        assert set(_drawn(_with_neighbour(0, 0, counted), 100)) == {2}


def test_noise_of_a_fifth_is_no_reason():
    assert set(_drawn(lambda threads, step: (1.3 * (1 + 0.2 * (step % 2)), None), 100)) == {2}


def test_one_slow_step_is_no_reason():
    assert set(_drawn(lambda threads, step: (9.0 if step % 7 == 3 else 1.3, None), 100)) == {2}


@pytest.mark.parametrize("counted", [True, False])
def test_a_neighbour_is_followed_and_its_end_too(counted):
    used = _drawn(_with_neighbour(5, 40, counted), 80)
    assert used[:7] == [2] * 7 and used[7] == 1
    assert used[7:40].count(2) <= 4  # trials, ever rarer
    back = 40 + used[40:].index(2)
    assert back <= 40 + (PAUSE if counted else LONGEST) and set(used[back:]) == {2}


def test_a_neighbour_from_the_first_step_on_is_followed_where_the_system_tells():
    used = _drawn(_with_neighbour(0, 100), 20)
    assert used[:3] == [2, 2, 1] and used.count(2) <= 5
    taken = sum(2.9 if threads == 2 else 2.2 for threads in used)
    assert taken < 0.85 * 20 * 2.9


def test_fewer_that_gain_nothing_are_tried_ever_more_rarely():
    """A machine that is slower all over, as when it is hot."""
    used = _drawn(lambda threads, step: ((1.3 if step < 4 else 2.6) * (2 / threads), True), 100)
    trials = [step for step, threads in enumerate(used) if threads == 1]
    apart = [later - earlier for earlier, later in pairwise(trials)]
    assert apart == sorted(apart) and len(trials) <= 6 and apart[-1] >= LONGEST


def test_it_goes_down_and_up_by_one_number_at_a_time():
    """Eight cores; four of them are wanted by others from step 5 to step 40."""

    def machine(threads: int, step: int) -> tuple[float, bool | None]:
        free = 4 if 5 <= step < 40 else 8
        return (8 / threads) * (1.8 if threads > free else 1), threads > free

    counts = thread_counts(8)
    used = _drawn(machine, 120, counts)
    assert counts == (8, 7, 6, 4) and set(used[:5]) == {8} and used[-1] == 8
    places = [counts.index(threads) for threads in used]
    assert max(abs(later - earlier) for earlier, later in pairwise(places)) <= 1


def test_a_refused_number_is_never_used():
    follower = ThreadFollower((4, 3, 2))
    for _ in range(2):
        follower.took(1.0, True)
    assert follower.threads == 3
    follower.refuse(3)
    used = set()
    for _ in range(60):
        used.add(follower.threads)
        follower.took(0.5 if follower.threads == 2 else 1.0, True)
    assert used == {4, 2}
    follower.refuse(2)
    follower.refuse(4)  # the usual one stays
    for _ in range(20):
        follower.took(1.0, True)
        assert follower.threads == 4


@pytest.mark.parametrize(
    ("usual", "counts"), [(1, (1,)), (2, (2, 1)), (3, (3, 2, 1)), (4, (4, 3, 2)), (16, (16, 15, 12, 8))]
)
def test_what_is_tried_is_fewer_and_at_least_one(usual, counts):
    assert thread_counts(usual) == counts
