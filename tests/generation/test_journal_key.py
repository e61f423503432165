"""A journal holds for a machine that was measured again and found the same, and not for changes choices or threads."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from sdedge.generation import journal_key
from sdedge.generation.journal_key import key_of
from sdedge.machine import findings
from sdedge.machine.findings import DeviceFinding, Timing
from sdedge.request import Resolved

FINDING = DeviceFinding("cpu", "a CPU", "float32", "contiguous", 0, "", (Timing("linear", "float32", "", 1.0),))


@pytest.fixture
def machine_part(tiny_model, monkeypatch):
    """What a key says of the machine, where something was found of it."""
    monkeypatch.setattr(journal_key, "embedding_vectors", lambda *_: SimpleNamespace(by_name={}))
    engine = SimpleNamespace(description="cpu float32", numerics="", added=())

    def part(finding: DeviceFinding) -> str:
        findings.keep(finding)
        return key_of(engine, [Resolved("a house", model=str(tiny_model))])["machine"]

    return part


def test_choices_count_and_how_long_anything_took_does_not(machine_part):
    before = machine_part(FINDING)
    assert machine_part(replace(FINDING, reason="again", repeats=1, gain=1.9, timings=())) == before
    for changes in ({"dtype": "bfloat16"}, {"layout": "channels_last"}, {"attention": "own"}):
        assert machine_part(replace(FINDING, **changes)) != before


def test_the_usual_number_of_threads_counts(machine_part, monkeypatch):
    before = machine_part(FINDING)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert machine_part(FINDING) != before
