"""Caps on instructions: our kernels keep to them, what is measured counts for one of them, and bytes never saturate."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

from sdedge.engines.torch.cpu import fused_unet, int8_unet
from sdedge.machine import findings, instruction_sets
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.instruction_sets import Instructions, are_allowed, cap_in_words, onednn_may_use, processor_has

NAMES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS")
ALL = set(Instructions)


@pytest.fixture(autouse=True)
def _without_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("caps", "allowed"),
    [
        ({}, ALL),
        ({"ONEDNN_MAX_CPU_ISA": "ALL"}, ALL),
        ({"ONEDNN_MAX_CPU_ISA": "a typing error"}, ALL),  # as oneDNN takes it
        ({"ATEN_CPU_CAPABILITY": "AVX2"}, ALL),  # which ATen does not know in capitals
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"avx2"}),
        ({"DNNL_MAX_CPU_ISA": "avx2"}, {"avx2"}),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"}, {"avx2", "avx_vnni"}),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, {"avx2", "avx512"}),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}, {"avx2", "avx512", "avx512_vnni"}),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, {"avx2", "avx512", "avx512_vnni", "avx512_bf16"}),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, ALL),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX", "ATEN_CPU_CAPABILITY": "avx2"}, {"avx2", "avx_vnni"}),
        ({"ATEN_CPU_CAPABILITY": "default"}, set()),
        ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, set()),
    ],
)
def test_a_cap_takes_away_what_torch_does_not_use_under_it(caps, allowed, monkeypatch):
    for name, value in caps.items():
        monkeypatch.setenv(name, value)
    assert {each for each in Instructions if are_allowed(each)} == allowed


def test_what_was_measured_counts_under_one_cap(monkeypatch):
    finding = DeviceFinding("cpu", "some", "bfloat16", "channels_last", 1, "because")
    findings.keep(finding)
    for name, value in (("ONEDNN_MAX_CPU_ISA", "AVX2"), ("MKL_ENABLE_INSTRUCTIONS", "AVX2"), (NAMES[2], "avx2")):
        monkeypatch.setenv(name, value)
        assert findings.findings() == {}
        monkeypatch.delenv(name)
        assert findings.findings() == {"cpu": finding}
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "nonsense")
    assert cap_in_words() == "" and findings.findings() == {"cpu": finding}


def test_kernels_keep_to_the_caps():
    """Each in a process of its own, as oneDNN and ATen read them once."""
    code = (
        "import json; from sdedge.engines.torch.cpu import compiled; "
        "print(json.dumps([compiled.level(), compiled.float_level()]))"
    )
    by_cap = {}
    for cap in ("", "AVX512_CORE_BF16", "AVX512_CORE_VNNI", "AVX2", "SSE41"):
        environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": cap}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True, timeout=60
        )
        by_cap[cap] = json.loads(done.stdout)
    most = by_cap[""]
    assert by_cap["AVX512_CORE_BF16"] == [min(1, most[0]), most[1]]
    assert by_cap["AVX512_CORE_VNNI"] == [0, most[1]]
    assert by_cap["AVX2"] == [0, min(1, most[1])] and by_cap["SSE41"] == [0, 0]


def test_a_processor_is_asked_by_its_flags(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(instruction_sets, "PROCESSORS", file)
    assert processor_has(Instructions.AVX2) is None
    file.write_text("processor : 0\nflags\t\t: fpu avx2 fma avx_vnni avx512f\n\nprocessor : 1\n")
    having = {each for each in Instructions if processor_has(each)}
    assert having == {"avx2", "avx_vnni"}  # AVX-512 is more than its foundation
    file.write_text("Features : asimd\n")
    assert processor_has(Instructions.AVX2) is None


needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)


@needs_onednn
def test_sums_of_the_largest_bytes_are_exact():
    """Without VNNI oneDNN adds two products in 16 bits, and cuts them: whole weights would make 129000 of 255 * 127 * 64."""
    assert int8_unet.sums_exactly(int8_unet.SEVEN_BITS)
    steps = int8_unet.weight_steps()
    assert int8_unet.sums_exactly(steps) and steps in (int8_unet.SEVEN_BITS, int8_unet.EIGHT_BITS)
    has_vnni = any(processor_has(each) and onednn_may_use(each) for each in (Instructions.VNNI, Instructions.AVX_VNNI))
    assert has_vnni or steps == int8_unet.SEVEN_BITS


@needs_onednn
@pytest.mark.parametrize(("vnni", "exact", "steps"), [(True, True, 127), (True, False, 63), (False, True, 63)])
def test_whole_weights_are_for_processors_that_have_vnni_and_show_it(vnni, exact, steps, monkeypatch):
    monkeypatch.setattr(int8_unet, "processor_has", lambda each: vnni and each == Instructions.AVX_VNNI)
    monkeypatch.setattr(int8_unet, "sums_exactly", lambda weight: exact)
    int8_unet.weight_steps.cache_clear()
    try:
        assert int8_unet.weight_steps() == steps
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        int8_unet.weight_steps.cache_clear()
        assert int8_unet.weight_steps() == 63  # the processor has it, but oneDNN may not use it
    finally:
        int8_unet.weight_steps.cache_clear()


@pytest.mark.slow
@needs_onednn
@pytest.mark.parametrize("cap", ["", "AVX2"])
def test_the_extremes_of_a_layer_are_right_under_a_cap(cap):
    """Weights and inputs at the ends of their ranges, as the engine quantises them."""
    code = (
        "import torch; from torch import nn; from sdedge.engines.torch.cpu import fused_unet, int8_unet\n"
        "with torch.inference_mode():\n"
        "    layer = nn.Linear(640, 96); layer.weight.copy_(torch.ones(96, 640)); layer.weight[::2] *= -1\n"
        "    exact = layer(torch.full((40, 640), 3.0)); fused = fused_unet.fuse(layer, packing=False)\n"
        "    int8_unet.to_int8(fused, (0.0, 3.0)); out = fused(torch.full((40, 640), 3.0))\n"
        "    assert torch.allclose(out, exact, rtol=1e-3, atol=0.1), (out[0, :4], exact[0, :4])"
    )
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": cap}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
