"""The planner's bytes are those that a run holds; the largest size follows from them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from converters.graph_passes import rewrite, split_attention
from converters.graph_planner import activation_plan, largest_side
from sdedge.engines.graph.program import Program
from sdedge.models.layers import ResnetBlock2D, Transformer2DModel
from tests.converters.programs import Function, program_of, run, setting_of
from tests.live_bytes import LiveBytes


def _measured(program: Program, *inputs: torch.Tensor) -> int:
    module = program.module()
    with torch.inference_mode(), LiveBytes() as live:
        module(*inputs)
    return live.peak + sum(tensor.nbytes for tensor in inputs)


def test_a_chain_holds_two_at_a_time():
    x = torch.zeros(1000)
    program = program_of(Function(lambda m, x: (x + 1).exp().cos()), x)
    assert activation_plan(program, [x.to("meta")]).live == (4000, 8000, 12000, 12000, 8000)
    assert _measured(program, x) == 12000


def test_views_keep_their_storage_and_weights_do_not_count():
    x = torch.zeros(100, 10)
    module = Function(lambda m, x: ((y := x @ m.w)[:1].t(), y.sum() + 1)[0].exp(), w=torch.zeros(10, 50))
    program = program_of(module, x)
    planned = activation_plan(program, [x.to("meta")])
    assert planned.peak == x.nbytes + 100 * 50 * 4 + 50 * 4 and planned.where.startswith("exp")


@pytest.mark.parametrize("budget", [2**28, 2**14])
def test_the_plan_of_a_block_is_what_a_run_holds(budget):
    block, x, context = Transformer2DModel(16, 4, 8, 4).eval(), torch.randn(2, 16, 16, 16), torch.randn(2, 7, 8)
    for network, inputs in ((block, (x, context)), (ResnetBlock2D(16, 32, 4, 1e-5, None), (x,))):
        program = rewrite(program_of(network, *inputs), setting_of(inputs, budget))
        predicted = activation_plan(program, [tensor.to("meta") for tensor in inputs]).peak
        assert predicted == pytest.approx(_measured(program, *inputs), rel=0.02)


def test_splitting_attention_saves_what_the_plan_says():
    q = torch.randn(1, 4, 256, 16)
    peaks, values = [], []
    for budget in (2**28, 4 * 256 * 256 * 4 // 16):
        program = program_of(Function(lambda m, q: F.scaled_dot_product_attention(q, q, q)), q)
        program = split_attention(program, setting_of([q], budget))
        peaks.append(activation_plan(program, [q.to("meta")]).peak)
        values += run(program, q)
        assert peaks[-1] == pytest.approx(_measured(program, q), rel=0.02)
    assert peaks[1] < 0.25 * peaks[0]
    assert (values[0] - values[1]).abs().max() < 1e-6


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=20), st.integers(0, 1100))
def test_the_largest_side_is_the_largest_that_fits(peaks, memory):
    peaks = sorted(peaks)
    fitting = [i for i, peak in enumerate(peaks) if peak <= memory]
    assert largest_side(peaks.__getitem__, memory, range(len(peaks))) == (fitting[-1] if fitting else None)


def test_what_is_gone_is_not_counted_as_alive():
    with LiveBytes() as live:
        alive = torch.zeros(10) + 1
        for _ in range(3):
            nn.functional.relu(alive)
    assert live.peak <= 3 * 40 and live.now == 40
