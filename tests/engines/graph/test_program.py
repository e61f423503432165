"""Programs go to JSON and back, and to another number format, without a change of what they compute."""

from __future__ import annotations

import math

import pytest
import torch
from torch import fx

from sdedge.engines.graph.program import Program, from_json, to_json
from sdedge.errors import ModelError

aten = torch.ops.aten


def _program() -> Program:
    graph = fx.Graph()
    x = graph.placeholder("x")
    weight = graph.create_node("get_attr", "layers.0.weight")
    height = graph.call_function(aten.sym_size.int, (x, 0))
    twice = graph.call_function(torch.ops.aten.mul.Tensor, (x, 2.5))
    parts = graph.call_function(aten.split.Tensor, (twice, 1, 1))
    first = graph.call_function(__import__("operator").getitem, (parts, 0))
    narrow = graph.call_function(aten.to.dtype, (first, torch.float16))
    filled = graph.call_function(aten.clamp.default, (narrow, -math.inf, None))
    wide = graph.call_function(aten.linear.default, (filled, weight))
    copy = graph.call_function(aten.clone.default, (wide,), {"memory_format": torch.contiguous_format})
    graph.output((graph.call_function(aten.view.default, (copy, [height, 2])), first))
    return Program(graph, {"layers.0.weight": torch.ones(2, 1, dtype=torch.float16)})


def test_to_json_and_back():
    program, x = _program(), torch.randn(3, 4)
    text = to_json(program.graph)
    again = Program(from_json(text), program.weights)
    assert to_json(again.graph) == text
    for ours, theirs in zip(program.module()(x), again.module()(x), strict=True):
        assert torch.equal(ours, theirs) and ours.dtype == theirs.dtype


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recast_changes_the_narrow_and_leaves_the_wide(dtype):
    program, x = _program(), torch.randn(3, 4)
    narrow, stored = program.recast(dtype).module()(x)
    assert narrow.dtype == dtype and stored.dtype == torch.float32
    assert (narrow.float() - program.module()(x)[0].float()).abs().max() < 0.05
    assert program.module()(x)[0].dtype == torch.float16  # the program itself is as it was


UNKNOWN = '{"format":1,"nodes":[["a","aten.nonsense.default",[],{}]]}'


@pytest.mark.parametrize("text", ["", "{}", '{"format":2,"nodes":[]}', UNKNOWN])
def test_a_program_that_cannot_be_read_is_named(text):
    with pytest.raises(ModelError):
        from_json(text)


def test_what_does_not_belong_into_a_program_is_refused():
    graph = fx.Graph()
    graph.output((graph.call_function(aten.zeros.default, ([2],), {"device": torch.device("cpu")}),))
    with pytest.raises(ValueError, match="cpu"):
        to_json(graph)
