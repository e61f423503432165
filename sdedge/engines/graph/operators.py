"""The operators that a program may call, and what their arguments may be: those that `sdedge convert mps` writes, no others.

None of them opens a file, draws random numbers, writes into what it is given or makes a tensor out of nothing. A name
that is not in the table is never looked up in torch.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch

NAMES = (
    "add.Tensor", "bmm.default", "cat.default", "chunk.default", "clamp.default", "clone.default", "conv2d.default",
    "cos.default", "embedding.default", "flatten.using_ints", "gelu.default", "group_norm.default", "layer_norm.default",
    "linear.default", "masked_fill.Scalar", "matmul.default", "mul.Tensor", "pad.default", "permute.default", "reshape.default",
    "sigmoid.default", "silu.default", "sin.default", "softmax.int", "split.Tensor", "split_with_sizes.default",
    "sym_size.int", "to.dtype", "transpose.int", "unflatten.int", "unsqueeze.default", "upsample_nearest2d.vec",
    "view.default", "where.self",
)  # fmt: skip


def _of_torch(name: str) -> torch._ops.OpOverload:
    packet, overload = name.split(".")
    operator_overload: torch._ops.OpOverload = getattr(getattr(torch.ops.aten, packet), overload)
    return operator_overload


OPERATORS: Mapping[str, torch._ops.OpOverload] = {f"aten.{name}": _of_torch(name) for name in NAMES}
ARITHMETIC: Mapping[str, Callable[..., Any]] = {"int.getitem": operator.getitem, "int.mul": operator.mul}
DTYPES: Mapping[str, torch.dtype] = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32")}
FORMATS: Mapping[str, torch.memory_format] = {"contiguous_format": torch.contiguous_format}
MOST = 2**31
"""Whole numbers in a program are smaller than this in magnitude."""
LONGEST = 1024
"""Entries of a list of numbers."""


class Known(NamedTuple):
    """What an earlier node is, and what its value will be: "Tensor", "List[Tensor]" or "int"."""

    node: Any
    kind: str


def target_of(kind: str) -> Callable[..., Any]:
    """Returns what a call of this name runs. Raises ValueError for every name that is not in the table."""
    target = OPERATORS.get(kind) or ARITHMETIC.get(kind)
    if target is None:
        raise ValueError(f"{kind!r:.80} is not an operator of programs")
    return target


def name_of(target: Any) -> str:
    """Returns the name of an operator, the inverse of `target_of`. Raises ValueError."""
    for table in (OPERATORS, ARITHMETIC):
        for name, function in table.items():
            if function is target:
                return name
    raise ValueError(f"{target} is not an operator of programs")


def decode_call(
    kind: str, args: Any, kwargs: Any, known: Mapping[str, Known]
) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    """Returns the arguments of a call from their JSON, and the kind of its result.

    Raises ValueError where they are not what the operator's schema wants or name no earlier node.
    """
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise ValueError(f"the arguments of {kind} are no list and object")
    if kind in ARITHMETIC:
        return _decode_arithmetic(kind, args, kwargs, known)
    schema = OPERATORS[kind]._schema
    positional = [argument for argument in schema.arguments if not argument.kwarg_only]
    if len(args) > len(positional):
        raise ValueError(f"{kind} takes {len(positional)} arguments, not {len(args)}")
    rest = {
        argument.name: argument for argument in schema.arguments[len(args) :] if argument not in positional[: len(args)]
    }
    if strange := kwargs.keys() - rest.keys():
        raise ValueError(f"{kind} has no argument {min(strange)!r:.80}")
    if lacking := [name for name, argument in rest.items() if name not in kwargs and not argument.has_default_value()]:
        raise ValueError(f"{kind} lacks its argument {lacking[0]}")
    arguments = tuple(_decode(value, _type(argument), known, kind) for value, argument in zip(args, positional))
    named = {name: _decode(value, _type(rest[name]), known, kind) for name, value in kwargs.items()}
    return arguments, named, str(schema.returns[0].type)


def decode_output(value: Any, known: Mapping[str, Known]) -> tuple[Any, ...]:
    """Returns the nodes that a program's output names. Raises ValueError."""
    nodes: tuple[Any, ...] = _decode(value, "List[Tensor]", known, "the output")
    return nodes


def _decode_arithmetic(
    kind: str, args: list[Any], kwargs: dict[str, Any], known: Mapping[str, Known]
) -> tuple[tuple[Any, ...], dict[str, Any], str]:
    if len(args) != 2 or kwargs:
        raise ValueError(f"{kind} takes 2 arguments")
    if kind != "int.getitem":
        return tuple(_decode(arg, "int", known, kind) for arg in args), {}, "int"
    if not _is_number(args[1], int) or args[1] < 0:
        raise ValueError(f"{kind} is asked for the entry {args[1]!r:.80}")
    parts, kind_of = _node(args[0], known)
    if kind_of != "List[Tensor]":
        raise ValueError(f"{kind} reads from what is no list")
    return (parts, args[1]), {}, "Tensor"


def _type(argument: Any) -> str:
    """Returns a type as the schema has it; a number is as good as a tensor for the second operand of arithmetic."""
    type_name = str(argument.real_type)
    return "operand" if argument.name == "other" and type_name == "Tensor" else type_name


def _decode(value: Any, wanted: str, known: Mapping[str, Known], kind: str) -> Any:
    if wanted.startswith("Optional["):
        return None if value is None else _decode(value, wanted[9:-1], known, kind)
    if wanted.startswith("List["):
        if not isinstance(value, list) or (len(value) > LONGEST and wanted != "List[Tensor]"):
            raise ValueError(f"{kind} has {value!r:.80} where a list belongs")
        return tuple(_decode(item, wanted[5:-1], known, kind) for item in value)
    if isinstance(value, dict) and "node" in value:
        node, made = _node(value, known)
        if made == wanted or (wanted == "operand" and made == "Tensor"):
            return node
    elif (plain := _PLAIN.get(wanted)) is not None:
        return plain(value, kind)
    raise ValueError(f"{kind} has {value!r:.80} where {'a tensor' if wanted == 'operand' else wanted} belongs")


def _node(value: Any, known: Mapping[str, Known]) -> Known:
    if not isinstance(value, dict) or value.keys() != {"node"} or not isinstance(name := value["node"], str):
        raise ValueError(f"{value!r:.80} names no node")
    if name not in known:
        raise ValueError(f"{name!r:.80} is read before it is made")
    return known[name]


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and (isinstance(value, float) or abs(value) < MOST)


def _integer(value: Any, kind: str) -> int:
    if not _is_number(value, int):
        raise ValueError(f"{kind} has {value!r:.80} where a whole number below {MOST} belongs")
    return int(value)


def _number(value: Any, kind: str) -> Any:
    if not _is_number(value, int | float) or math.isnan(value):
        raise ValueError(f"{kind} has {value!r:.80} where a number belongs")
    return value


def _flag(value: Any, kind: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{kind} has {value!r:.80} where true or false belongs")
    return value


def _one_of(name: str, table: Mapping[str, Any]) -> Callable[[Any, str], Any]:
    def decode(value: Any, kind: str) -> Any:
        chosen = value.get(name) if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(chosen, str) or chosen not in table:
            raise ValueError(f"{kind} has {value!r:.80} where one of {', '.join(table)} belongs")
        return table[chosen]

    return decode


_PLAIN: Mapping[str, Callable[[Any, str], Any]] = {
    "int": _integer, "number": _number, "float": _number, "operand": _number, "bool": _flag,
    "ScalarType": _one_of("dtype", DTYPES), "MemoryFormat": _one_of("memory_format", FORMATS),
}  # fmt: skip
"""Texts, devices, layouts and generators are in no program."""
