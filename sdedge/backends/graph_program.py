"""Networks as lists of aten operators: what `sdedge convert mps` writes and the graph engine runs.

A program is torch.export's graph without the model's code: inputs, weights by name, operators of `torch.ops.aten` and
integer arithmetic on sizes. It is kept as JSON, because reading torch's own archive of a graph this long takes twenty
seconds; the weights stand in a safetensors file beside it and are mapped.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

from sdedge.errors import ModelError

FORMAT = 1
ARITHMETIC = {name: getattr(operator, name) for name in ("add", "sub", "mul", "floordiv", "getitem")}


@dataclass(frozen=True)
class Program:
    """A graph whose placeholders are inputs and whose get_attr nodes name the weights; its output is a tuple."""

    graph: fx.Graph
    weights: Mapping[str, Tensor]

    def module(self) -> fx.GraphModule:
        """Something to call: `module(*inputs) -> tuple of outputs`. Values are let go after their last use."""
        root = nn.Module()
        for name in (node.target for node in self.graph.nodes if node.op == "get_attr"):
            *path, leaf = str(name).split(".")
            owner = root
            for part in path:
                if part not in owner._modules:
                    owner.add_module(part, nn.Module())
                owner = owner._modules[part]  # type: ignore[assignment]
            owner.register_buffer(leaf, self.weights[str(name)])
        module = fx.GraphModule(root, self.graph)
        self.graph.owning_module = None  # type: ignore[assignment]  # a pass may name weights this module lacks
        return module

    def on(self, device: str | torch.device) -> Program:
        """The same program with its weights on a device; "meta" runs shapes alone."""
        return Program(self.graph, {name: weight.to(device) for name, weight in self.weights.items()})

    def recast(self, wanted: torch.dtype) -> Program:
        """The same program in another number format; what is float32 on purpose stays so."""
        graph = fx.Graph()
        graph.output(graph.graph_copy(self.graph, {}))
        for node in graph.nodes:
            node.args, node.kwargs = fx.node.map_aggregate((node.args, node.kwargs), lambda a: _recast(a, wanted))
        weights = {name: w.to(wanted) if _is_narrow(w.dtype) else w for name, w in self.weights.items()}
        return Program(graph, weights)


def _is_narrow(dtype: Any) -> bool:
    return dtype in (torch.float16, torch.bfloat16)


def _recast(argument: Any, wanted: torch.dtype) -> Any:
    return wanted if isinstance(argument, torch.dtype) and _is_narrow(argument) else argument


# ---- JSON ---------------------------------------------------------------------------------------------------------


def to_json(graph: fx.Graph) -> str:
    """One line per node: [name, operator, arguments, keyword arguments]. Raises ValueError for other kinds of node."""
    lines = [json.dumps([node.name, *_written(node)], separators=(",", ":")) for node in graph.nodes]
    return f'{{"format":{FORMAT},"nodes":[\n' + ",\n".join(lines) + "\n]}\n"


def from_json(text: str) -> fx.Graph:
    """The inverse. Raises ModelError for a program of another format or with operators that this torch lacks."""
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise ModelError(f"The program has format {record['format']}, and this sdedge reads {FORMAT}.")
        graph, known = fx.Graph(), dict[str, fx.Node]()
        for name, kind, args, kwargs in record["nodes"]:
            known[name] = _read(graph, known, name, kind, args, kwargs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"The program cannot be read ({type(error).__name__}: {error}).") from error
    return graph


def read_graph(path: Path) -> fx.Graph:
    """The graph in a file. Raises ModelError."""
    try:
        return from_json(path.read_text("utf-8"))
    except (OSError, ModelError) as error:
        raise ModelError(f"{path} is missing or damaged ({error}); convert the model again.") from error


def _written(node: fx.Node) -> list[Any]:
    if node.op in ("placeholder", "get_attr"):
        return [node.op, node.target, {}]
    if node.op == "output":
        return [node.op, _encode(node.args[0]), {}]
    if node.op != "call_function":
        raise ValueError(f"{node.op} {node.name} is no operator.")
    if isinstance(node.target, torch._ops.OpOverload):
        kind = str(node.target)
    else:
        kind = next(f"int.{name}" for name, function in ARITHMETIC.items() if function is node.target)
    return [kind, [_encode(a) for a in node.args], {name: _encode(a) for name, a in node.kwargs.items()}]


def _read(graph: fx.Graph, known: Mapping[str, fx.Node], name: str, kind: str, args: Any, kwargs: Any) -> fx.Node:
    if kind == "placeholder":
        return graph.placeholder(args)
    if kind == "get_attr":
        return graph.create_node("get_attr", args, name=name)
    if kind == "output":
        return graph.output(_decode(args, known))
    target: Any = ARITHMETIC.get(kind.removeprefix("int."))
    if target is None:
        namespace, operator_name, overload = kind.split(".")
        target = getattr(getattr(getattr(torch.ops, namespace), operator_name), overload)
    arguments = tuple(_decode(a, known) for a in args)
    return graph.create_node(
        "call_function", target, arguments, {key: _decode(a, known) for key, a in kwargs.items()}, name
    )


def _encode(value: Any) -> Any:
    """Nodes, dtypes and memory formats as one-entry objects, tuples as lists."""
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    if isinstance(value, torch.dtype | torch.memory_format):
        kind = "dtype" if isinstance(value, torch.dtype) else "memory_format"
        return {kind: str(value).removeprefix("torch.")}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{value!r} does not belong into a program.")


def _decode(value: Any, known: Mapping[str, fx.Node]) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, known) for item in value)
    if isinstance(value, dict):
        ((kind, name),) = value.items()
        return known[name] if kind == "node" else getattr(torch, name)
    return value
