"""Each pass changes what it is for and leaves the values as they are."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from converters import graph_passes as passes
from converters.graph_lint import lint
from converters.graph_planner import shapes
from converters.mps_rules import Limits
from sdedge.engines.graph.program import Program
from sdedge.errors import InvalidRequest
from sdedge.models.attention import sdpa
from sdedge.models.layers import Attention, timestep_embedding
from tests.converters.programs import Function, operators, program_of, run, setting_of

RANDOM = torch.Generator().manual_seed(5)


def _random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=RANDOM)


def _same(before, after, limit: float = 1e-6) -> None:
    for wanted, result in zip(before, after, strict=True):
        assert wanted.dtype == result.dtype and (wanted - result).abs().max() <= limit


def test_drop_checks():
    x = _random(3)
    program = program_of(Function(lambda m, x: x.to(torch.float32) + 1), x)
    assert operators(program)["_assert_tensor_metadata"] == 1
    before = run(program, x)
    dropped = passes.drop_checks(program, setting_of([x]))
    assert operators(dropped)["_assert_tensor_metadata"] == 0
    _same(before, run(dropped, x))


def test_fold_constants():
    t = torch.tensor([3.0, 999.0])
    program = program_of(Function(lambda m, t: timestep_embedding(t, 8)), t)
    assert {"arange", "exp"} <= operators(program).keys()
    before = run(program, t)
    folded = passes.fold_constants(program, setting_of([t]))
    assert not {"arange", "exp"} & operators(folded).keys()
    assert [weight.numel() for weight in folded.weights.values()] == [4]
    _same(before, run(folded, t))


def test_folding_leaves_what_depends_on_weights_alone():
    x, w = _random(3), _random(3)
    program = passes.fold_constants(program_of(Function(lambda m, x: x * m.w.exp(), w=w), x), setting_of([x]))
    assert operators(program) == {"exp": 1, "mul": 1} and set(program.weights) == {"w"}


@pytest.mark.parametrize("context", [False, True])
def test_fuse_projections(context):
    layer = Attention(8, 2, 6 if context else None)
    inputs = (_random(2, 5, 8), _random(2, 7, 6)) if context else (_random(2, 5, 8),)
    program = program_of(layer, *inputs)
    before = run(program, *inputs)
    fused = passes.fuse_projections(program, setting_of(inputs))
    assert operators(fused)["linear"] == (3 if context else 2)  # q, kv, out; or qkv, out
    assert sum(weight.numel() for weight in fused.weights.values()) == sum(p.numel() for p in layer.parameters())
    _same(before, run(fused, *inputs))


@pytest.mark.parametrize("budget", [2**28, 2048])
def test_float32_norms(budget):
    layer = nn.Sequential(nn.GroupNorm(4, 8), nn.SiLU(), nn.Flatten(2), nn.LayerNorm(36), nn.GroupNorm(2, 8)).half()
    nn.init.normal_(layer[0].weight)
    x = (_random(2, 8, 6, 6) * 30 + 200).half()
    program = program_of(layer, x)
    exact = layer.float()(x.float())
    program = passes.float32_norms(program, setting_of([x], budget, torch.float16))
    values = shapes(program, [x.to("meta")])
    norms = [n for n in program.graph.nodes if "norm" in str(n.target)]
    assert len(norms) == (3 if budget > 2**20 else 5)  # 2*8*36 float32 numbers are cut into two shares
    assert all(values[norm.name].dtype == torch.float32 for norm in norms)
    assert all(values[norm.name].numel() * 4 <= budget for norm in norms if "group" in str(norm.target))
    assert all(weight.dtype == torch.float32 for weight in program.weights.values())
    assert next(n for n in program.graph.nodes if "silu" in str(n.target)).args[0] in norms  # no rounding between
    (got,) = run(program, x)
    assert got.dtype == torch.float16 and (got.float() - exact).abs().max() < 0.01


def test_statistics_that_overflow_in_half_precision_do_not_in_the_program():
    layer = nn.GroupNorm(1, 4).half()
    x = (_random(1, 4, 8, 8) * 100 + 60000).half()  # the squares are beyond float16 by far
    program = passes.float32_norms(program_of(layer, x), setting_of([x], dtype=torch.float16))
    (got,) = run(program, x)
    assert (got.float() - layer.float()(x.float())).abs().max() < 0.01


@pytest.mark.parametrize(("heads", "cuts"), [(1, 1), (4, 1), (8, 1), (8, 4)])
def test_split_attention(heads, cuts):
    B, H, T, S, D = 2, 4, 16, 7, 8
    q, k, v = _random(B, H, T, D), _random(B, H, S, D), _random(B, H, S, D)
    program = program_of(Function(lambda m, q, k, v: F.scaled_dot_product_attention(q, k, v)), q, k, v)
    budget = B * H * T * S * 4 // (heads * cuts)
    setting = setting_of([q, k, v], budget)
    before = run(program, q, k, v)
    split = passes.split_attention(program, setting)
    assert operators(split)["softmax"] == heads * cuts and operators(split)["scaled_dot_product_attention"] == 0
    values = shapes(split, setting.largest)
    scores = [values[n.name] for n in split.graph.nodes if "softmax" in str(n.target)]
    assert all(score.numel() * 4 <= budget and score.dtype == torch.float32 for score in scores)
    _same(before, run(split, q, k, v))


@pytest.mark.parametrize(("budget", "dtype"), [(2**28, torch.float32), (512, torch.float32), (2**28, torch.float16)])
def test_attention_over_many_keys_is_summed_in_parts(budget, dtype):
    B, H, T, D = 1, 2, 64, 8
    q, k, v = (_random(B, H, T, D).to(dtype) for _ in range(3))
    program = program_of(Function(lambda m, q, k, v: F.scaled_dot_product_attention(q, k, v)), q, k, v)
    exact = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
    errors = []
    for terms, rules in ((64, {"no_long_sums"}), (20, set())):
        setting = replace(setting_of([q, k, v], budget, dtype), terms=terms)
        split = passes.split_attention(Program(copy.deepcopy(program.graph), program.weights), setting)
        assert {finding.rule for finding in lint(split, setting.largest, Limits(terms=20))} == rules
        errors.append((run(split, q, k, v)[0].double() - exact).abs().max())
    assert errors[1] <= 2 * errors[0] + torch.finfo(dtype).eps  # rounded a few times more, and no worse


def test_more_keys_than_parts_can_hold_are_refused():
    with pytest.raises(InvalidRequest, match="choose a smaller --size"):
        passes.sums_needed(65 * 2**16, 64, 32_766)
    assert [passes.sums_needed(tokens, 64, 32_766) for tokens in (32_704, 33_124, 65_536, 262_144)] == [1, 2, 4, 16]


sizes = st.integers(1, 4).map(lambda n: 2**n)


@given(
    B=st.integers(1, 2),
    H=sizes,
    unit=sizes,
    cells=st.integers(1, 64),
    keys=st.integers(1, 4096),
    divisor=st.integers(1, 999),
)
def test_pieces_fit_the_budget_and_divide_every_size(B, H, unit, cells, keys, divisor):
    queries, scores = (B, H, unit * cells, 8), B * H * unit * cells * keys * 4
    budget = max(1, scores // divisor)
    try:
        heads, cuts = passes.attention_parts(queries, (B, H, keys, 8), unit, budget)
    except InvalidRequest as error:
        assert scores > budget * B * H * unit and "MB or more" in str(error)
        return
    assert (B * H) % heads == 0 and unit % cuts == 0 and scores <= budget * heads * cuts
    assert cuts == 1 or heads == B * H  # queries are cut only when every head is by itself


def test_copy_for_convolutions():
    x, w = _random(2, 5, 6, 3), _random(4, 3, 1, 1)
    program = program_of(Function(lambda m, x: F.conv2d(x.permute(0, 3, 1, 2), m.w), w=w), x)
    before = run(program, x)
    copied = passes.copy_for_convolutions(program, setting_of([x]))
    assert operators(copied) == {"permute": 1, "clone": 1, "conv2d": 1}
    _same(before, run(copied, x), 1e-5)
    again = passes.copy_for_convolutions(copied, setting_of([x]))
    assert operators(again)["clone"] == 1  # what is contiguous is not copied


def test_drop_copies():
    x = _random(2, 3, 4)
    module = Function(lambda m, x: (x.clone().view(6, 4).view(24).view(4, 6), x.transpose(1, 2).transpose(2, 1) + 0))
    program = program_of(module, x)
    before = run(program, x)
    dropped = passes.drop_copies(program, setting_of([x]))
    assert operators(dropped) == {"view": 1, "add": 1}
    _same(before, run(dropped, x))


def test_a_copy_that_changes_the_layout_stays():
    x = _random(3, 4)
    program = program_of(Function(lambda m, x: x.t().clone(memory_format=torch.contiguous_format).view(12)), x)
    assert operators(passes.drop_copies(program, setting_of([x])))["clone"] == 1


def test_place_casts():
    x = _random(4, 6).half()
    module = Function(lambda m, x: (x.float().half().half() * 2, x.float()[:2].exp(), x.float().select(0, 1)))
    program = passes.drop_checks(program_of(module, x), setting_of([x]))
    assert operators(program)["to"] == 5
    before = run(program, x)
    placed = passes.place_casts(program, setting_of([x], dtype=torch.float16))
    values = shapes(placed, [x.to("meta")])
    casts = [values[node.name].numel() for node in placed.graph.nodes if "to.dtype" in str(node.target)]
    assert sorted(casts) == [6, 12]  # the slice and the row; the way there and back is gone
    _same(before, run(placed, x))


def test_narrowing_and_widening_again_stays():
    x = _random(4)
    program = passes.drop_checks(program_of(Function(lambda m, x: x.half().float()), x), setting_of([x]))
    before = run(program, x)
    placed = passes.place_casts(program, setting_of([x], dtype=torch.float16))
    assert operators(placed)["to"] == 2
    _same(before, run(placed, x))


def test_widen_computes_the_named_nodes_in_float32():
    x, w = (_random(1, 4, 4, 4) * 100).half(), (_random(4, 4, 1, 1) * 1000).half()
    program = program_of(Function(lambda m, x: F.conv2d(F.conv2d(x, m.w), m.w) * 1e-6, w=w), x)
    assert not torch.isfinite(run(program, x)[0]).all()
    names = frozenset(node.name for node in program.graph.nodes if node.op == "call_function")
    wide = passes.widen(program, names, setting_of([x], dtype=torch.float16))
    exact = F.conv2d(F.conv2d(x.float(), w.float()), w.float()) * 1e-6
    (got,) = run(wide, x)
    assert (got.float() - exact).abs().max() < 1e-2 * exact.abs().max()


def test_all_passes_together_leave_an_attention_layer_as_it_is():
    layer = Attention(16, 4)
    layer.attend = sdpa
    x = _random(2, 64, 16)
    before = layer(x)
    program = passes.rewrite(program_of(layer, x), setting_of([x], 2048))
    _same((before,), run(program, x))
