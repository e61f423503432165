"""The benchmark of lesser machines quotes nothing under a cap that its product does not show."""

from __future__ import annotations

import os

import pytest

from sdedge.machine.instruction_sets import Instructions
from tests.benchmarks import isa
from tests.benchmarks.isa import CAPS, under, why_not

SERVER = {Instructions.AVX2, Instructions.AVX512, Instructions.VNNI, Instructions.BF16, Instructions.AMX}
FREE = {"float32": 1.0, "int8": 0.2}


@pytest.mark.parametrize(
    ("cap", "has", "capped", "lesser", "reason"),
    [
        ("AVX2", SERVER, {"float32": 2.0, "int8": 1.0}, None, ""),
        ("AVX2", SERVER, {"float32": 1.1, "int8": 0.22}, None, "does not bite"),
        ("AVX2", {Instructions.AVX2}, {"float32": 1.0, "int8": 0.2}, None, ""),  # there is nothing to take away
        ("AVX512_CORE", {Instructions.AVX2}, {"float32": 1.0, "int8": 0.2}, None, "this processor has no avx512"),
        ("AVX512_CORE_VNNI", SERVER, {"float32": 1.0, "int8": 0.4}, {"float32": 1.0, "int8": 1.0}, ""),
        ("AVX512_CORE_VNNI", SERVER, {"float32": 1.0, "int8": 0.9}, {"float32": 1.0, "int8": 1.0}, "no faster than"),
    ],
)
def test_a_cap_is_believed_by_the_time_of_a_product(monkeypatch, cap, has, capped, lesser, reason):
    monkeypatch.setattr(isa, "processor_has", lambda each: each in has)
    said = why_not(CAPS[cap], capped, FREE, lesser)
    assert reason in said and bool(reason) == bool(said)


def test_caps_end_with_their_block(monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx512")
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    with under(CAPS["AVX2"].environment()):
        assert os.environ["ATEN_CPU_CAPABILITY"] == "avx2" and os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
        with under({}):
            assert "ATEN_CPU_CAPABILITY" not in os.environ
    assert os.environ["ATEN_CPU_CAPABILITY"] == "avx512" and "ONEDNN_MAX_CPU_ISA" not in os.environ
