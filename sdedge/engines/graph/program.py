"""Networks as lists of aten operators: what `sdedge convert mps` writes and the graph engine runs.

A program is torch.export's graph without the model's code: inputs, weights by name, operators of `torch.ops.aten` and
integer arithmetic on sizes. It is kept as JSON, because reading torch's own archive of a graph this long takes twenty
seconds; the weights stand in a safetensors file beside it and are mapped.

Programs come from files that may be hostile: no code is generated from them (`graph_interpreter` runs them node by node),
and nothing is read that the converter does not write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

from sdedge.engines.graph.interpreter import Interpreter
from sdedge.engines.graph.operators import DTYPES, FORMATS, Known, decode_call, decode_output, name_of, target_of
from sdedge.errors import ModelError
from sdedge.files import read_at_most
from sdedge.json_values import read_json

FORMAT = 1
LARGEST_FILE = 2**23
"""Bytes of a program.json: ten times that of the largest v1 network in its usual pieces."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}", re.ASCII)


@dataclass(frozen=True)
class Program:
    """A graph whose placeholders are inputs and whose get_attr nodes name the weights; its output is a tuple."""

    graph: fx.Graph
    weights: Mapping[str, Tensor]

    def module(self) -> Interpreter:
        """Returns something to call: `module(*inputs) -> tuple of outputs`. Values are let go after their last use."""
        return Interpreter(self.graph, self.weights)

    def on(self, device: str | torch.device) -> Program:
        """Returns the same program with its weights on a device; "meta" runs shapes alone."""
        return Program(self.graph, {name: weight.to(device) for name, weight in self.weights.items()})

    def recast(self, wanted: torch.dtype) -> Program:
        """Returns the same program in another number format; what is float32 on purpose stays so."""
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
    """Returns one line per node: [name, operator, arguments, keyword arguments]. Raises ValueError for other kinds of node."""
    lines = [json.dumps([node.name, *_written(node)], separators=(",", ":")) for node in graph.nodes]
    return f'{{"format":{FORMAT},"nodes":[\n' + ",\n".join(lines) + "\n]}\n"


def from_json(text: str) -> fx.Graph:
    """Returns the graph of such lines. Raises ModelError for a program of another format, with other operators than the
    converter's, with arguments that do not fit them, or whose nodes read what is not made yet.
    """
    try:
        record = read_json(text, "The program", LARGEST_FILE, remedy="convert the model again")
        if not isinstance(record, dict) or record.get("format") != FORMAT or not isinstance(record.get("nodes"), list):
            raise ValueError(f"it is no list of nodes in format {FORMAT}")
        return _graph_of(record["nodes"])
    except ValueError as error:
        raise ModelError(f"The program cannot be read ({error}).") from error


def read_graph(path: Path) -> fx.Graph:
    """Returns the graph in a file. Raises ModelError."""
    try:
        data = read_at_most(path, LARGEST_FILE)
        if len(data) > LARGEST_FILE:
            raise ModelError(f"It has more than {LARGEST_FILE} bytes.")
        return from_json(data.decode("utf-8"))
    except (OSError, UnicodeDecodeError, ModelError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ModelError(f"{path} is missing or damaged ({reason}); convert the model again.") from error


def _graph_of(nodes: list[Any]) -> fx.Graph:
    graph, known, ended = fx.Graph(), dict[str, Known](), False
    for record in nodes:
        if ended:
            raise ValueError("nodes follow the output")
        if not isinstance(record, list) or len(record) != 4:
            raise ValueError(f"{record!r:.80} is no node")
        name, kind, args, kwargs = record
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in known or not isinstance(kind, str):
            raise ValueError(f"{name!r:.80} is no name of a new node")
        if kind == "output":
            graph.output(decode_output(args, known))
            ended = True
        else:
            known[name] = _read(graph, known, name, kind, args, kwargs)
    if not ended:
        raise ValueError("it has no output")
    return graph


def _written(node: fx.Node) -> list[Any]:
    if node.op in ("placeholder", "get_attr"):
        return [node.op, node.target, {}]
    if node.op == "output":
        return [node.op, _encode(node.args[0]), {}]
    if node.op != "call_function":
        raise ValueError(f"{node.op} {node.name} is no operator.")
    keywords = {name: _encode(a) for name, a in node.kwargs.items()}
    return [name_of(node.target), [_encode(a) for a in node.args], keywords]


def _read(graph: fx.Graph, known: Mapping[str, Known], name: str, kind: str, args: Any, kwargs: Any) -> Known:
    if kind in ("placeholder", "get_attr"):
        if not isinstance(args, str) or kwargs != {}:
            raise ValueError(f"the {kind} {name} has {args!r:.80} where a name belongs")
        if kind == "placeholder" and not _NAME.fullmatch(args):
            raise ValueError(f"{args!r:.80} is no name of an input")
        return Known(graph.create_node(kind, args, name=name), "Tensor")
    target = target_of(kind)
    arguments, keywords, made = decode_call(kind, args, kwargs, known)
    return Known(graph.create_node("call_function", target, arguments, keywords, name), made)


def _encode(value: Any) -> Any:
    """Nodes, dtypes and memory formats as one-entry objects, tuples as lists."""
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    for kind, table in (("dtype", DTYPES), ("memory_format", FORMATS)):
        for name, member in table.items():
            if value is member:
                return {kind: name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{value!r} does not belong into a program.")
