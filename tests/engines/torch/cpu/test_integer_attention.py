"""Attention in whole numbers of 12 bits is attention to a thousandth, of any shape and any scale, and nothing hides in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdedge.engines.torch import networks
from sdedge.engines.torch.cpu import int8_unet, integer_attention, kernels
from sdedge.machine.findings import DeviceFinding
from sdedge.models.attention import sdpa

pytestmark = pytest.mark.skipif(
    not integer_attention.available(), reason="not built, or no AVX512-VNNI in this processor"
)


def _inputs(B: int, T: int, S: int, width: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, n, width, generator=generator) for n in (T, S, S)]


def _error(q: Tensor, k: Tensor, v: Tensor, heads: int) -> float:
    exact = sdpa(q.double(), k.double(), v.double(), heads)
    return float((integer_attention.run(q, k, v, heads).double() - exact).norm() / exact.norm())


@settings(max_examples=25, deadline=None)
@given(
    B=st.integers(1, 3), T=st.integers(1, 110), S=st.integers(1, 300), heads=st.integers(1, 4),
    size=st.sampled_from([2, 8, 30, 32, 40, 64, 80, 158, 160]), seed=st.integers(0, 9),
)  # fmt: skip
def test_any_shape_is_exact_to_its_digits(B, T, S, heads, size, seed):
    assert _error(*_inputs(B, T, S, heads * size, seed), heads) < 1.5e-3


@pytest.mark.parametrize(("queries", "values"), [(0.0, 1.0), (1e-6, 1e3), (3.0, 1e-12), (8.0, 1.0)])
@pytest.mark.parametrize("S", [2048, 520, 1])
def test_scales_are_found_for_each_head(S, queries, values):
    """Of scores to 60, an error of 2^-12 is one of the weights in a hundred. What pads 520 keys to whole tiles has no weight."""
    q, k, v = _inputs(1, 64, S, 80)
    assert _error(q * queries, k, v * values, 2) < 3e-3


@pytest.mark.parametrize("factor", [10, 300])
def test_one_channel_of_values_or_one_key_that_is_much_larger_costs_the_others_nothing(factor):
    q, k, v = _inputs(1, 64, 2048, 40)
    v[..., 0] *= factor
    exact = sdpa(q.double(), k.double(), v.double(), 1)
    error = (integer_attention.run(q, k, v, 1).double() - exact).norm(dim=1) / exact.norm(dim=1)
    assert error.max() < 3e-3
    q, k, v = _inputs(1, 64, 2048, 40)
    k[:, 17] = -factor * k[:, 17].abs()
    assert _error(q.abs(), k, v, 1) < 1.5e-3  # whose scores are far below all others'


def test_equal_scores_of_any_size_weigh_the_same():
    for value in (20.0, 47.3, 88.8):
        x = torch.full((1, 512, 8), value)
        assert (integer_attention.run(x[:, :48], x, torch.ones(1, 512, 8), 1) - 1).abs().max() < 1e-6


def test_many_small_weights_beside_a_large_one_are_not_lost():
    q, k, v = _inputs(1, 48, 4096, 40)
    k[:, 0] = q[:, 0] * 5  # the first query sees one key far better than 4095 others
    assert _error(q, k, v, 1) < 1e-3


@pytest.mark.parametrize("place", [0, 2048, 4095])
@pytest.mark.parametrize("lead", [8.0, 10.3, 10.45, 12.0])
def test_a_key_that_leads_by_far_does_not_silence_thousands_wherever_it_lies(lead, place):
    """Scores of many networks have such a key; the others, each a 30,000th of it, are together a tenth or more."""
    q, k, v = torch.zeros(1, 48, 40), torch.zeros(1, 4096, 40), torch.ones(1, 4096, 40)
    q[..., 0], k[:, place, 0], v[:, place] = 40**0.5, lead, -1.0
    exact = sdpa(q.double(), k.double(), v.double(), 1)
    assert (integer_attention.run(q, k, v, 1) - exact).abs().max() < 4e-3


def test_a_part_of_a_wider_tensor_and_any_threads_give_the_same():
    wide = torch.cat(_inputs(2, 600, 600, 80), -1)
    operands, before, outs = wide.chunk(3, -1), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            outs.append(integer_attention.run(*operands, 2))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(outs[0], integer_attention.run(*(x.contiguous() for x in operands), 2))
    assert all(torch.equal(out, outs[0]) for out in outs)


@pytest.mark.parametrize("which", range(3))
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_hidden(which, bad):
    operands = _inputs(1, 50, 70, 40)
    operands[which][0, 7, 3] = bad
    out = integer_attention.run(*operands, 1)
    assert not out[0, 7].isfinite().all()
    assert which > 0 or out[0, 6].isfinite().all()


@pytest.mark.parametrize("here", [True, False])
def test_int8_models_in_float32_attend_by_it_and_others_do_not(here, monkeypatch):
    monkeypatch.setattr(integer_attention, "available", lambda: here)
    monkeypatch.setattr(
        networks, "measured", lambda device: DeviceFinding("cpu", "some", "float32", "channels_last", 1, "because")
    )
    form = networks.NetworkForm("unet", torch.device("cpu"), torch.float32, "fast", (64, 64), networks.NARROW)
    recipe = int8_unet.Int8Recipe({"layer": (-1.0, 1.0)}, {})
    assert networks.own_attention(replace(form, recipe=recipe)) is (integer_attention.attention if here else None)
    narrow, half = replace(form, width=1), replace(form, dtype=torch.bfloat16)
    assert not any(
        networks.own_attention(each) for each in (form, *(replace(each, recipe=recipe) for each in (narrow, half)))
    )


def test_few_queries_or_keys_and_heads_that_it_is_not_made_for_are_of_the_usual_kernel(monkeypatch):
    monkeypatch.setattr(integer_attention, "run", lambda *_: pytest.fail("asked the kernel"))
    for T, S, width in ((511, 512, 40), (512, 77, 40), (512, 512, 162), (512, 512, 9)):
        operands = _inputs(1, T, S, width)
        assert torch.equal(integer_attention.attention(*operands, 1), kernels.attention(*operands, 1))
    half = [x.bfloat16() for x in _inputs(1, 512, 512, 40)]
    assert torch.equal(integer_attention.attention(*half, 1), kernels.attention(*half, 1))
