"""How busy others keep a machine, by the system's counts."""

from __future__ import annotations

import pytest

from sdedge.machine import quiet
from sdedge.machine.quiet import parsed_times

# Ticks of a hundredth of a second: user nice system idle iowait irq softirq steal guest guest_nice.
BEFORE = """cpu  1 2 3 4 5 6 7 8 9 10
cpu0 100 0 0 900 0 0 0 0 0 0
cpu1 0 0 0 1000 0 0 0 0 0 0
cpu2 0 0 0 1000 0 0 0 0 0 0
intr 1 2 3
"""
AFTER = """cpu  1 2 3 4 5 6 7 8 9 10
cpu0 180 10 10 900 0 0 0 0 80 0
cpu1 20 0 0 1030 0 0 0 50 0 0
cpu2 100 0 0 1000 0 0 0 0 0 0
intr 1 2 3
"""


@pytest.mark.parametrize(("own", "others"), [(0.0, 1.7), (0.7, 1.0), (1.7, 0.0), (3.0, 0.0)])
def test_others_are_what_was_busy_and_not_ours(own, others):
    """Of the processors allowed: one busy all the second, one for 0.7 of it, of which the host took 0.5 away."""
    before, after = parsed_times(BEFORE, 5.0, {0, 1}), parsed_times(AFTER, 5.0 + own, {0, 1})
    assert after.count == 2 and after.others_since(before) == pytest.approx(others)


def test_no_time_in_between_is_nobody_s():
    times = parsed_times(BEFORE, 1.0, {0, 1})
    assert times.others_since(times) == 0


@pytest.mark.parametrize("text", ["", "MemTotal: 3", "cpu 1 2 3", "cpu7 1 2 3 4", "cpu0 a b c d"])
def test_another_file_counts_nothing(text, tmp_path, monkeypatch):
    with pytest.raises(ValueError):
        parsed_times(text, 0.0, {0, 1})
    monkeypatch.setattr(quiet, "COUNTS", tmp_path / "stat")
    (tmp_path / "stat").write_text(text.replace("cpu7", "cpu70000"))
    assert quiet.processor_times() is None and quiet.others_fraction() is not None  # by the load average
    monkeypatch.delattr(quiet.os, "getloadavg")
    assert quiet.others_fraction() is None and quiet.is_quiet()  # for all that is known
