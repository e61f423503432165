"""A bad graph for each rule is caught, and the finding names the node."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from converters.graph_lint import lint
from converters.graph_passes import drop_checks, rewrite
from converters.mps_rules import RULES, Limits
from sdedge.models.layers import Transformer2DModel
from tests.converters.programs import Function, program_of, setting_of

X, W = torch.ones(2, 8, 6, 6), torch.ones(4, 8, 3, 3)
HALF = torch.ones(2, 3, dtype=torch.float16)
BAD = {
    "operator_on_mps": (lambda m, x: torch.linalg.eigvals(x).real, torch.eye(3)),
    "no_device": (lambda m, x: x + torch.arange(3, device="cpu"), torch.ones(3)),
    "no_wide_numbers": (lambda m, x: x.double().sum(), torch.ones(3)),
    "no_giant_tensors": (lambda m, x: x.expand(40000, 40000, 1).exp(), torch.ones(1)),
    "scores_in_budget": (lambda m, x: (x.expand(40000, 4000) * 1.5).softmax(-1), torch.ones(1)),
    "softmax_in_float32": (lambda m, x: x.softmax(-1), HALF),
    "no_fused_attention": (lambda m, x: F.scaled_dot_product_attention(x, x, x), torch.ones(1, 1, 9, 4)),
    "no_long_sums": (lambda m, x: x @ x.transpose(1, 2), torch.ones(1, 2, 32_767)),
    "contiguous_weights": (lambda m, x: F.conv2d(x, m.w), X),
    "contiguous_pictures": (lambda m, x: F.conv2d(x.transpose(2, 3), m.v), X),
    "noise_from_the_cpu": (lambda m, x: torch.rand_like(x), X),
    "no_strided_writes": (lambda m, x: x.clone().t().mul_(2), torch.ones(3, 4)),
    "no_forgotten_addend": (lambda m, x: torch.baddbmm(x, x, x, beta=0), torch.ones(2, 3, 3)),
    "no_wide_counting": (lambda m, x: x + 1, torch.zeros(5000, dtype=torch.int64)),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_graph_for_each_rule_is_caught(rule):
    function, x = BAD[rule]
    program = drop_checks(program_of(Function(function, w=W.transpose(2, 3), v=W), x), setting_of([x]))
    findings = lint(program, [x.to("meta")], Limits(scores=2**28))
    caught = [finding for finding in findings if finding.rule == rule]
    assert caught and caught[0].where in {node.name for node in program.graph.nodes}


def test_every_rule_has_a_bad_graph():
    assert {"operator_on_mps", "no_device", *(rule.__name__ for rule in RULES)} == set(BAD)


def test_the_passes_mend_what_they_can():
    block, inputs = (
        Transformer2DModel(16, 4, 8, 4).half().eval(),
        (torch.ones(2, 16, 8, 8).half(), torch.ones(2, 7, 8).half()),
    )
    setting = setting_of(inputs, 2**12, torch.float16)
    program = program_of(nn.Sequential(block)[0], *inputs)
    before = {finding.rule for finding in lint(program, setting.largest, Limits(scores=2**12))}
    assert "no_fused_attention" in before
    assert lint(rewrite(program, setting), setting.largest, Limits(scores=2**12)) == []
