"""How far a job is said to be, whatever its batch and passes."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.events import Continued, ImageDone, Step
from sdedge.server import routes_page
from sdedge.server.progress import JobProgress


def fractions(progress, events):
    heard = []
    for event in events:
        progress.hear(event)
        heard.append(progress.fraction)
    return heard


def done(index):
    return ImageDone("/x.png", index, index)


def test_a_batch_is_done_by_its_steps_and_not_by_a_part_of_them():
    batches = [[Step(i, 2, first, 4) for i in (1, 2)] + [done(first + i) for i in range(4)] for first in (0, 4)]
    heard = fractions(JobProgress("me", 8), [event for batch in batches for event in batch])
    assert heard == [0.25, 0.5, 0.5, 0.5, 0.5, 0.5, 0.75, 1, 1, 1, 1, 1]


def test_further_passes_go_on_where_the_first_one_ended():
    first = [Step(i, 2, 0, 2, passes=2) for i in (1, 2)]
    second = [[*(Step(i, 2, n, 1, pass_number=2, passes=2) for i in (1, 2)), done(n)] for n in range(2)]
    heard = fractions(JobProgress("me", 2), [*first, *second[0], *second[1]])
    assert heard == [0.25, 0.5, 0.625, 0.75, 0.75, 0.875, 1, 1]


def test_a_pass_that_begins_anew_takes_nothing_back():
    events = [Step(2, 2, passes=2), *(Step(i, 2, pass_number=2, passes=2) for i in (1, 2, 1, 2))]  # two boxes
    heard = fractions(JobProgress("me", 1), events)
    assert heard == sorted(heard) and heard[0] == 0.5 and heard[-1] == 1


def test_what_was_drawn_before_is_no_pace(monkeypatch):
    progress = JobProgress("me", 4, saved=2)  # by the server that was here before
    assert progress.fraction == 0.5
    progress.hear(Continued(6, 10, 2))
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    progress.hear(Step(6, 10, 2))
    assert routes_page.eta_of(progress) is None
    monkeypatch.setattr("time.monotonic", lambda: 104.0)
    progress.hear(Step(10, 10, 2))
    assert routes_page.eta_of(progress) == pytest.approx(10)  # four steps took four seconds, and ten are left
