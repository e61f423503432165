"""How many threads compute: what the probe found, in every process where an engine opens, unless the user chose."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock

import pytest
import torch

from sdedge.engines.coreml import packages
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.graph import engine
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.open import load_engine
from sdedge.engines.torch.engine import TorchEngine
from sdedge.machine import findings, probe, thread_probe, threads
from sdedge.machine.cores import Cores
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.thread_probe import Spent, ThreadChoice, choose_threads
from sdedge.training.illustrations.recipe import QUICK, train

FRESH = """
import os, sys, torch
from sdedge.engines.open import load_engine
load_engine("cpu", "float32")(sys.argv[1], None)
here = torch.get_num_threads()
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)
load_engine("cpu", "float32")(sys.argv[1], None)
print(here, torch.get_num_threads())
"""


@pytest.fixture
def counts(monkeypatch) -> list[int]:
    """What torch is told, by a stand-in; the user says nothing."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    counts: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    return counts


@pytest.mark.slow
def test_a_fresh_process_computes_on_the_threads_that_were_found(tiny_model):
    findings.keep(DeviceFinding("cpu", "A processor", "float32", "contiguous", 3, ""))
    environment = {
        name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    }
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tiny_model)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=environment,
    )
    assert done.stdout.split() == ["3", "1"]  # then, as the user says


@pytest.mark.parametrize("threads", [0, 5])
def test_every_engine_asks_for_them_as_it_opens(tiny_model, tmp_path, counts, monkeypatch, threads):
    findings.keep(DeviceFinding("cpu", "A processor", "float32", "contiguous", threads, ""))
    for module, names in ((engine, ("read_bundle", "Tokenizer", "_suited", "_choose_dtype", "check_files")),
                          (packages, ("Manifest", "Tokenizer", "_read_facts"))):  # fmt: skip
        for name in names:
            manifest = MagicMock(kind="graph")
            pair = MagicMock(__iter__=lambda _, manifest=manifest: iter((manifest, MagicMock())))
            monkeypatch.setattr(module, name, MagicMock(return_value=pair, **{"read.return_value.kind": "coreml"}))
    openings = (
        lambda: load_engine("cpu")(str(tiny_model), None),
        lambda: GraphEngine(tmp_path),
        lambda: MILEngine(tmp_path),
    )
    for opening in openings:
        counts.clear()
        opening()
        assert counts == [threads] * (threads > 0)


def test_a_thread_that_computes_alone_leaves_others_as_many_as_before():
    """torch's own call would leave one thread to every thread that begins after a model was loaded."""
    usual = torch.get_num_threads()

    def numbers() -> list[int]:
        with ThreadPoolExecutor(1, initializer=threads.compute_alone) as alone, ThreadPoolExecutor(1) as later:
            return [alone.submit(torch.get_num_threads).result(), later.submit(torch.get_num_threads).result()]

    try:
        torch.set_num_threads(3)
        assert [*numbers(), torch.get_num_threads()] == [1, 3, 3]
    finally:
        torch.set_num_threads(usual)


def test_threads_that_begin_after_a_model_was_loaded_compute_on_as_many(tiny_model):
    usual = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for memory in ("fast", "stream"):
            TorchEngine.load(tiny_model, "cpu", memory=memory).network("unet")
            with ThreadPoolExecutor(1) as later:
                assert [later.submit(torch.get_num_threads).result(), torch.get_num_threads()] == [2, 2]
    finally:
        torch.set_num_threads(usual)


def test_training_computes_on_them_too(tmp_path, counts):
    findings.keep(DeviceFinding("cpu", "A processor", "float32", "contiguous", 3, ""))
    next(train(QUICK, tmp_path))
    assert counts == [3]


def test_nothing_is_asked_for_where_nothing_was_found_or_the_user_chose(tiny_model, counts, monkeypatch):
    load_engine("cpu")(str(tiny_model), None)
    findings.keep(DeviceFinding("cpu", "A processor", "float32", "contiguous", 5, ""))
    monkeypatch.setenv("MKL_NUM_THREADS", "2")
    load_engine("cpu")(str(tiny_model), None)
    assert counts == []


FREE = Spent(1.0, 4.0)
"""A second on four threads that all had their cores."""


def _runs(**walls: tuple[float, float]) -> dict[int, list[Spent]]:
    """Runs by threads: seconds of the wall, and the part of their threads' time that they were given."""
    return {
        int(name[1:]): [Spent(wall, wall * fraction * int(name[1:])), Spent(2 * wall, 2 * wall * int(name[1:]))]
        for name, (wall, fraction) in walls.items()
    }


@pytest.mark.parametrize(
    ("available", "walls", "chosen"),
    [
        (Cores(8, 4, 4), {"t4": (1.0, 1), "t8": (1.0, 1)}, 4),  # hyperthreads that give nothing
        (Cores(8, 4, 4), {"t4": (1.0, 1), "t8": (0.7, 1)}, 8),  # and such that do
        (Cores(8, 8, 4), {"t4": (0.8, 1), "t8": (1.0, 1)}, 4),  # the slowest of the even shares decides
        (Cores(8, 8, 4), {"t4": (0.95, 1), "t8": (1.0, 1)}, 8),
        (Cores(2, 2, 2), {"t1": (1.9, 1), "t2": (1.0, 1)}, 2),
        (Cores(2, 2, 2), {"t1": (1.9, 1), "t2": (0.9, 0.6)}, 2),  # of two threads a run of 1.8 s counts alone
    ],
)
def test_threads_are_chosen_by_what_undisturbed_runs_give(available, walls, chosen):
    choice = choose_threads(available, _runs(**walls))
    assert (choice.count, choice.is_settled) == (chosen, True)


def test_threads_that_were_never_undisturbed_are_a_guess_that_does_not_settle():
    """One of two cores has a neighbour all the time: one thread looks faster, and is not what the machine is best at."""
    samples = {1: [Spent(1.1, 1.1)], 2: [Spent(1.8, 2.4), Spent(1.8, 2.4)]}
    assert choose_threads(Cores(2, 2, 2), samples) == ThreadChoice(2, 2.0, False)


def test_the_gain_is_over_one_thread():
    assert choose_threads(Cores(4, 4, 4), {1: [Spent(3.6, 3.6)], 4: [FREE]}).gain == 3.6


def test_every_number_of_threads_is_timed_in_turn(counts, monkeypatch):
    monkeypatch.setattr(thread_probe, "APART", 0.0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    thread_probe.measure_threads(Cores(8, 4, 4), lambda: torch.zeros(1))
    assert counts[:6] == [1, 4, 8] * 2 and len(counts) <= 3 * thread_probe.ROUNDS + 1
    assert counts[-1] == 3, "as many as before"
    counts.clear()
    with pytest.raises(KeyboardInterrupt):
        thread_probe.measure_threads(Cores(8, 4, 4), lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert counts[-1] == 3
    counts.clear()
    assert thread_probe.measure_threads(Cores(1, 1, 1), pytest.fail).count == 1 and counts == []


def test_a_container_is_not_asked_for_more_threads_than_it_has_time_for(tiny_model, counts, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(threads, "cores", lambda: Cores(64, 32, 32, quota=1.5))
    threads.use_threads()
    assert counts == [2]


def test_a_choice_of_the_user_s_is_not_kept_as_the_machine_s(monkeypatch):
    """Which later processes, where he says nothing, would go by."""
    monkeypatch.setattr(probe, "INT8", {})
    monkeypatch.setattr(probe, "time_kernel", lambda *_: 1.0)
    monkeypatch.setattr(probe, "APART", 0.0)
    monkeypatch.setattr(probe, "measure_threads", lambda *_: ThreadChoice(7, 3.5, True))
    monkeypatch.setattr(findings, "openvino_version", lambda: "")
    assert probe.probe(torch.device("cpu")).threads == 0
    monkeypatch.delenv("OMP_NUM_THREADS")
    finding = probe.probe(torch.device("cpu"))
    assert (finding.threads, finding.gain, finding.is_doubted) == (7, 3.5, False) and finding.cores
