"""The rules of MPS on a program: nothing is published that breaks one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from converters.mps_rules import Limits, MPSRules, RuleViolation
from sdedge.engines.graph.interpreter import Watching
from sdedge.engines.graph.program import Program


class _Watched(Watching):
    """Runs a program under the rules and says at which node each is broken."""

    def __init__(self, program: Program, rules: MPSRules) -> None:
        super().__init__(program.graph, program.on("meta").weights)
        self.rules = rules
        self.findings: list[RuleViolation] = []

    def seen(self, node: Any, value: Any) -> Any:
        self.findings += [replace(finding, where=node.name) for finding in self.rules.findings]
        self.rules.findings.clear()
        return value


def lint(program: Program, inputs: Sequence[Tensor], limits: Limits) -> list[RuleViolation]:
    """Returns every breach of a rule at the size of the (meta) inputs, by node; shapes alone are run.

    The rules are those of `converters.mps_rules`. A device named in the graph is a breach too, and the only one
    told where there is one, since such a graph cannot be run elsewhere.
    """
    named = [
        RuleViolation("no_device", str(node.target), f"names the device {value}", node.name)
        for node in program.graph.nodes
        for value in (*node.args, *node.kwargs.values())
        if isinstance(value, torch.device)
    ]
    if named:
        return named
    with torch.inference_mode(), MPSRules(limits) as rules:
        watched = _Watched(program, rules)
        watched(*inputs)
    return watched.findings
