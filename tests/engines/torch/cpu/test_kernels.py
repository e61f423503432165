"""Our compiled attention is attention, our norms and rounding are torch's, and without them everything goes on as before."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from sdedge.engines.torch.cpu import kernels
from sdedge.engines.torch.engine import TorchEngine
from sdedge.machine import findings
from sdedge.machine.findings import DeviceFinding, Timing
from sdedge.machine.probe import OWN, attention_of
from sdedge.models.attention import sdpa
from tests.conftest import cases

here = pytest.mark.skipif(not kernels.available(), reason="not built, or no AVX512-BF16 in this processor")
attends = pytest.mark.skipif(not kernels.attends(), reason="not built, or no AMX in this processor")


def _inputs(B: int, T: int, S: int, C: int, seed: int = 0, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as thirds of wider rows, which is how a fused layer hands them over."""
    generator = torch.Generator().manual_seed(seed)
    rows = (size * torch.randn(B, max(T, S), 3 * C, generator=generator)).bfloat16()
    q, k, v = rows.chunk(3, dim=-1)
    return q[:, :T], k[:, :S], v[:, :S]


def _error(ours: Tensor, q: Tensor, k: Tensor, v: Tensor, heads: int) -> tuple[float, float]:
    """Relative to exact attention: ours, and what torch's own kernel makes in the same format."""
    exact = sdpa(q.double(), k.double(), v.double(), heads)
    norms = [float((out.double() - exact).norm() / exact.norm()) for out in (ours, sdpa(q, k, v, heads))]
    return norms[0], norms[1]


@attends
@settings(max_examples=40, deadline=None)
@given(
    B=st.integers(1, 3), T=st.integers(1, 90), S=st.integers(1, 300), heads=st.integers(1, 4),
    size=st.sampled_from([2, 8, 30, 32, 40, 64, 80, 158, 160]), seed=st.integers(0, 9),
)  # fmt: skip
def test_attention_of_any_shape_is_as_near_to_exact_as_torchs(B, T, S, heads, size, seed):
    q, k, v = _inputs(B, T, S, heads * size, seed)
    ours, torchs = _error(kernels.run_attention(q, k, v, heads), q, k, v, heads)
    assert ours < max(1.3 * torchs, 4e-3)


@attends
def test_large_scores_and_one_that_outweighs_all_stay_finite():
    q, k, v = _inputs(1, 40, 200, 40, size=30.0)
    ours, _ = _error(kernels.run_attention(q, k, v, 1), q, k, v, 1)
    assert ours < 1e-2
    k[:, 150] = 100 * q[:, 3]
    out = kernels.run_attention(q, k, v, 1)
    assert torch.allclose(out[0, 3], v[0, 150], rtol=1e-2)


@attends
def test_threads_share_the_work_and_change_nothing():
    q, k, v = _inputs(1, 700, 130, 3 * 40)
    before = torch.get_num_threads()
    try:
        outs = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            outs.append(kernels.run_attention(q, k, v, 3))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(out, outs[0]) for out in outs)


@attends
def test_products_of_torch_are_right_after_it():
    """Matrix units keep a configuration per thread, which is left as it was found."""
    x, weight = torch.randn(600, 320).bfloat16(), torch.randn(320, 320).bfloat16()
    before = x @ weight
    kernels.attention(*_inputs(2, 600, 600, 320), 8)
    assert torch.equal(x @ weight, before)


@attends
def test_what_the_kernel_is_not_made_for_goes_to_torch(monkeypatch):
    monkeypatch.setattr(kernels, "run_attention", lambda *_: pytest.fail("asked the kernel"))
    few, wide = _inputs(1, kernels.FEWEST - 1, 60, 80), _inputs(1, kernels.FEWEST, 60, 2 * kernels.WIDEST + 4)
    single = tuple(x.float() for x in _inputs(1, kernels.FEWEST, 60, 80))
    monkeypatch.setattr(kernels, "attends", lambda dtype: dtype == torch.bfloat16)
    for operands in (few, wide, single):
        assert torch.equal(kernels.attention(*operands, 2), sdpa(*operands, 2))


@here
@settings(max_examples=60, deadline=None)
@given(
    shape=st.sampled_from([(1,), (15,), (2, 3, 5, 7), (1, 17000), (2, 320, 16, 16)]),
    scale=st.floats(1e-3, 0.2), zero=st.integers(0, 255), by_product=st.booleans(),
)  # fmt: skip
def test_rounding_is_torchs(shape, scale, zero, by_product):
    generator = torch.Generator().manual_seed(int(zero))
    x, factor = (3 * torch.randn(shape, generator=generator).bfloat16() for _ in range(2))
    if len(shape) == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    wide = x.float() * factor.float() if by_product else x.float()
    expected = ((wide / scale).round() + zero).clamp(0, 255)
    ours = kernels.round_uint8(x, scale, zero, factor if by_product else None)
    assert ours.stride() == x.stride()
    assert ((ours.float() - expected).abs() <= ((wide / scale) % 1 - 0.5).abs().lt(1e-3)).all()  # ties may differ


@here
@settings(max_examples=40, deadline=None)
@given(
    B=st.integers(1, 3), side=st.integers(1, 13), groups=st.sampled_from([1, 4, 8]), wide=st.sampled_from([4, 12, 20]),
    silu=st.booleans(), level=st.sampled_from([0.0, 5.0, 300.0]), seed=st.integers(0, 9),
)  # fmt: skip
def test_group_norm_is_as_near_to_exact_as_torchs(B, side, groups, wide, silu, level, seed):
    generator = torch.Generator().manual_seed(seed)
    C = groups * wide * 4
    x = (
        (level + torch.randn(B, C, side, side + 1, generator=generator))
        .bfloat16()
        .contiguous(memory_format=torch.channels_last)
    )
    norm = nn.GroupNorm(groups, C)
    nn.init.normal_(norm.weight, generator=generator)
    nn.init.normal_(norm.bias, generator=generator)

    def made(dtype: torch.dtype) -> Tensor:
        out = copy.deepcopy(norm).to(dtype)(x.to(dtype))
        return (F.silu(out) if silu else out).double()

    half = copy.deepcopy(norm).bfloat16()
    assert kernels.takes_norm(x)
    exact, ours = made(torch.float64), kernels.group_norm(x, half, silu)
    rounded_weights = copy.deepcopy(half).double()(x.double())  # which is all that a kernel can be asked for
    asked = F.silu(rounded_weights) if silu else rounded_weights
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert float((ours.double() - asked).norm() / asked.norm()) < 3e-3
    assert float((ours.double() - exact).norm()) < 1.1 * float((made(torch.bfloat16) - exact).norm()) + 1e-6
    scale, zero = 0.05, 20
    stored = kernels.group_norm(x, half, silu, (scale, zero))
    apart = (stored.double() - ((asked / scale).round() + zero).clamp(0, 255)).abs()
    assert stored.dtype == torch.uint8 and apart.max() <= 1 and apart.mean() < 0.05


@here
def test_maps_that_the_norm_is_not_made_for_are_told_apart():
    x = torch.randn(2, 32, 6, 5).bfloat16()
    assert not kernels.takes_norm(x) and kernels.takes_norm(x.contiguous(memory_format=torch.channels_last))
    assert not kernels.takes_norm(x.float().contiguous(memory_format=torch.channels_last))
    assert not kernels.takes_norm(x[:, :24].contiguous(memory_format=torch.channels_last))


@here
def test_rounding_cuts_what_is_out_of_range():
    x = torch.tensor([-1e30, -1.0, 0.0, 1.0, 1e30, float("inf"), float("-inf")]).bfloat16()
    assert kernels.round_uint8(x, 0.01, 7).tolist() == [0, 0, 7, 107, 255, 255, 0]


@pytest.mark.parametrize(
    ("own", "torchs", "chosen"), [(1.0, 2.0, OWN), (1.0, 1.1, "torch"), (3.0, 1.0, "torch"), (None, 1.0, "torch")]
)
def test_chosen_where_it_was_measured_faster(own, torchs, chosen):
    timings = [Timing("attention", "float32", "", 9.0), Timing("attention", "bfloat16", "", torchs)]
    timings += [Timing("attention", "bfloat16", OWN, own)] if own else []
    assert attention_of(timings) == chosen


CHOSEN = [(built, dtype) for built in (True, False) for dtype in ("bfloat16", "float32")]


@pytest.mark.parametrize(("built", "dtype"), cases(CHOSEN, quick=[(True, "float32"), (False, "bfloat16")]))
def test_an_engine_asks_for_it_where_it_was_chosen(built, dtype, tiny_model, monkeypatch):
    """In the format for which it was: the other's choice says nothing."""
    monkeypatch.setattr(kernels, "attends", lambda dtype: built)
    monkeypatch.setattr("sdedge.engines.torch.networks.NARROW", 1)
    monkeypatch.setattr("sdedge.machine.formats.NARROW", 1)
    chosen = {"attention" if dtype == "bfloat16" else "attention_float32": OWN}
    findings.keep(DeviceFinding("cpu", "some", dtype, "channels_last", 1, "because", **chosen))
    for each in ("bfloat16", "float32"):
        engine = TorchEngine.load(tiny_model, "cpu", each)
        attending = {module.attend for module in engine.network("unet").modules() if hasattr(module, "attend")}
        assert attending == {kernels.attention if built and each == dtype else sdpa}


@pytest.mark.slow
def test_without_a_compiled_file_nothing_is_missed():
    code = (
        "import importlib.machinery as m; m.EXTENSION_SUFFIXES.clear()\n"
        "from sdedge.engines.torch.cpu import compiled; assert compiled.level() == compiled.NOTHING\n"
        "import sys; assert 'torch' not in sys.modules\n"
        "from sdedge.engines.torch.cpu import kernels; assert not kernels.available()\n"
        "import torch; from sdedge.engines.torch.cpu.int8_unet import quantise\n"
        "assert quantise(torch.ones(3).bfloat16(), 0.1, 5).tolist() == [15] * 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
