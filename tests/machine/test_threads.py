"""How many threads compute: what the probe found, in every process where an engine opens, unless the user chose."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest.mock import MagicMock

import pytest
import torch

from sdedge.engines.coreml import packages
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.graph import engine
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.open import load_engine
from sdedge.machine import findings, probe
from sdedge.machine.findings import DeviceFinding
from sdedge.training.recipe import QUICK, train

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


@pytest.mark.parametrize(("half", "all_", "chosen"), [(1.0, 2.0, 4), (1.0, 1.1, 8), (2.0, 1.0, 8)])
def test_the_probe_leaves_torch_with_what_it_chose(counts, monkeypatch, half, all_, chosen):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(probe, "time_run", lambda *_: {4: half, 8: all_}[counts[-1]])
    assert probe.measure_threads() == chosen and counts == [4, 8, chosen]


def test_a_choice_of_the_user_s_is_not_kept_as_the_machine_s(monkeypatch):
    """Which later processes, where he says nothing, would go by."""
    monkeypatch.setattr(probe, "INT8", {})
    monkeypatch.setattr(probe, "time_kernel", lambda *_: 1.0)
    monkeypatch.setattr(probe, "measure_threads", lambda: 7)
    monkeypatch.setattr(findings, "openvino_version", lambda: "")
    assert probe.probe(torch.device("cpu")).threads == 0
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert probe.probe(torch.device("cpu")).threads == 7
