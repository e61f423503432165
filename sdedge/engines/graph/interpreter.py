"""Runs a graph node by node. No code is generated from it, so that nothing written in a file is ever executed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx

Values = list[Any]
Step = Callable[[Values], Any]


class Interpreter:
    """`interpreter(*inputs) -> tuple of outputs`. Each node is one function of the values so far, made once.

    A value is let go after its last use, as in a function's local variables that are deleted.
    """

    def __init__(self, graph: fx.Graph, weights: Mapping[str, Tensor]) -> None:
        """Raises KeyError for a weight that is not there."""
        self.nodes: list[Any] = list(graph.nodes)
        self._index = {node: i for i, node in enumerate(self.nodes)}
        self._start: Values = [weights[node.target] if node.op == "get_attr" else None for node in self.nodes]
        self._inputs = [self._index[node] for node in self.nodes if node.op == "placeholder"]
        self._outputs = [self._index[node] for node in self.nodes[-1].args[0]]
        finished = self._last_uses()
        self._steps = [
            (slot, self.step(node), tuple(finished[slot])) for slot, node in enumerate(self.nodes) if self.runs(node)
        ]

    def __call__(self, *inputs: Any) -> tuple[Any, ...]:
        if len(inputs) != len(self._inputs):
            raise TypeError(f"The program takes {len(self._inputs)} inputs, not {len(inputs)}.")
        values = self._start.copy()
        for slot, value in zip(self._inputs, inputs, strict=True):
            values[slot] = value
        for slot, step, finished in self._steps:
            values[slot] = step(values)
            for unused in finished:
                values[unused] = None
        return tuple(values[slot] for slot in self._outputs)

    def runs(self, node: Any) -> bool:
        """Returns whether a node needs a step of its own; inputs and weights are values from the start."""
        return bool(node.op == "call_function")

    def step(self, node: Any) -> Step:
        """Returns what makes a node's value from those before it."""
        args, kwargs = fx.node.map_aggregate((node.args, node.kwargs), self.constant)
        return bind(node.target, args, kwargs, self._index)

    def constant(self, value: Any) -> Any:
        """Returns what an argument that stands in the program becomes; nodes are left alone."""
        return value

    def _last_uses(self) -> list[list[int]]:
        """Returns for each node the values that nothing reads after it; those of the output stay."""
        last = {node: slot for slot, node in enumerate(self.nodes)}
        for slot, node in enumerate(self.nodes):
            last.update(dict.fromkeys(node.all_input_nodes, slot))
        finished: list[list[int]] = [[] for _ in self.nodes]
        for node, slot in last.items():
            finished[slot].append(self._index[node])
        return finished


class Watching(Interpreter):
    """Also shows every value, those of inputs and weights as well, to `seen`, whose result goes on in its place."""

    def seen(self, node: Any, value: Any) -> Any:
        raise NotImplementedError

    def runs(self, node: Any) -> bool:
        return bool(node.op != "output")

    def step(self, node: Any) -> Step:
        slot = self._index[node]
        make = super().step(node) if node.op == "call_function" else lambda values: values[slot]
        return lambda values: self.seen(node, make(values))


def bind(target: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], index: Mapping[Any, int]) -> Step:
    """Returns a function of the values that calls `target`, whose arguments that are nodes are looked up in them."""
    # What OpOverload.__call__ does is to call this.
    function = target._op if isinstance(target, torch._ops.OpOverload) else target
    places = [(i, index[argument]) for i, argument in enumerate(args) if isinstance(argument, fx.Node)]
    makers = [(i, _nested(argument, index)) for i, argument in enumerate(args) if _holds_nodes(argument)]
    named = [(key, _nested(argument, index)) for key, argument in kwargs.items()]
    template = [None if isinstance(argument, fx.Node) else argument for argument in args]

    def call(values: Values) -> Any:
        filled = template.copy()
        for i, slot in places:
            filled[i] = values[slot]
        return function(*filled)

    def call_with_more(values: Values) -> Any:
        filled = template.copy()
        for i, slot in places:
            filled[i] = values[slot]
        for i, make in makers:
            filled[i] = make(values)
        return function(*filled, **{key: make(values) for key, make in named})

    return call_with_more if makers or named else call


def _holds_nodes(argument: Any) -> bool:
    return isinstance(argument, list | tuple) and any(
        isinstance(item, fx.Node) or _holds_nodes(item) for item in argument
    )


def _nested(argument: Any, index: Mapping[Any, int]) -> Step:
    if isinstance(argument, fx.Node):
        slot = index[argument]
        return lambda values: values[slot]
    if _holds_nodes(argument):
        parts = [_nested(item, index) for item in argument]
        return lambda values: [part(values) for part in parts]
    return lambda values: argument
