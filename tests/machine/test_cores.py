"""What the system says of its cores: hyperthreads, efficiency cores, and the time that a container is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdedge.machine.cores import Cores, container_quota, cores, cores_of


def _processor(folder: Path, number: int, core: int, **files: int) -> None:
    topology = folder / f"cpu{number}" / "topology"
    topology.mkdir(parents=True)
    (topology / "core_id").write_text(f"{core}\n")
    (topology / "physical_package_id").write_text("0\n")
    for name, value in files.items():
        (folder / f"cpu{number}" / name).write_text(f"{value}\n")


def test_hyperthreads_count_once_and_slow_cores_apart(tmp_path):
    """A laptop: two fast cores of two hyperthreads, four slow ones."""
    for number in range(4):
        _processor(tmp_path, number, number // 2, cpu_capacity=1024)
    for number in range(4, 8):
        _processor(tmp_path, number, number, cpu_capacity=448)
    available = cores_of(tmp_path, range(8))
    assert available == Cores(allowed=8, physical=6, fast=2)
    assert available.expected == 6 and available.thread_counts() == (6, 8, 4, 2)
    assert cores_of(tmp_path, [0, 1, 4]) == Cores(3, 2, 1)  # of which a process may use these
    assert str(available) == "6 cores (2 fast) with 8 hyperthreads"


def test_of_a_folder_that_says_nothing_each_processor_is_a_core(tmp_path):
    assert cores_of(tmp_path, range(3)) == Cores(3, 3, 3)


def test_frequencies_tell_slow_cores_where_the_scheduler_does_not(tmp_path):
    for number, speed in enumerate((5_000_000, 5_000_000, 3_800_000)):
        _processor(tmp_path, number, number)
        (tmp_path / f"cpu{number}" / "cpufreq").mkdir()
        (tmp_path / f"cpu{number}" / "cpufreq" / "cpuinfo_max_freq").write_text(str(speed))
    assert cores_of(tmp_path, range(3)).fast == 2


@pytest.mark.parametrize(
    ("files", "own", "quota"),
    [
        ({"cpu.max": "150000 100000"}, "0::/", 1.5),
        ({"cpu.max": "max 100000"}, "0::/", None),
        ({"docker/ab/cpu.max": "300000 100000", "docker/cpu.max": "200000 100000"}, "0::/docker/ab\n", 2.0),
        ({"cpu.max": "200000 100000"}, "0::/outside/of/this/container", 2.0),
        ({"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, "4:cpu,cpuacct:/", 0.5),
        ({"cpu/x/cpu.cfs_quota_us": "400000", "cpu/x/cpu.cfs_period_us": "100000"}, "2:cpu:/x", 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "2:cpu:/", None),
        ({"cpuset/cpu.cfs_quota_us": "1", "cpuset/cpu.cfs_period_us": "1"}, "2:cpuset:/", None),
        ({"cpu.max": "some words"}, "0::/../../etc", None),
        ({"cpu.max": "100000 0"}, "0::/", None),
        ({}, "", None),
    ],
)
def test_the_tightest_control_group_above_a_process_counts(tmp_path, files, own, quota):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert container_quota(tmp_path, own) == quota


def test_a_container_computes_on_no_more_threads_than_it_is_given():
    small = Cores(64, 32, 32, quota=1.5)
    assert (small.most, small.expected, small.thread_counts()) == (2, 2, (2, 1))
    assert Cores(4, 4, 4, quota=0.25).most == 1 and "given 1.5" in str(small)


def test_this_machine_has_some():
    here = cores()
    assert 1 <= here.expected <= here.most <= here.allowed and here.fast <= here.physical
