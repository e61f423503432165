"""An ML Program as plain values: functions of operations in order, read from Core ML's protobuf. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdedge.engines.coreml.portable.tensors import TensorType, unpack
from sdedge.errors import ModelError

CONSTANT = "const"
MOST_ELEMENTS = 1 << 33
"""Of one value: more than the scores of whole attention at 1024x1024."""


@dataclass(frozen=True, eq=False)
class Literal:
    """A value that stands in the program itself: an array, or a string."""

    type: TensorType
    value: np.ndarray | str


@dataclass(frozen=True)
class Stored:
    """A value that is kept in a blob file beside the program."""

    type: TensorType
    file: str
    offset: int


Argument = str | Literal | Stored
"""What an input is bound to: the name of an earlier value, or a constant."""


@dataclass(frozen=True, eq=False)
class Operation:
    """`type` names what is done; attributes, such as the value of a const, are among the inputs.

    An input that takes several values (concat, einsum) has them in one tuple.
    """

    type: str
    inputs: Mapping[str, tuple[Argument, ...]]
    outputs: tuple[tuple[str, TensorType], ...]

    @property
    def name(self) -> str:
        """The name of its first output, unique in the function."""
        return self.outputs[0][0]

    @property
    def constant(self) -> bool:
        """Whether its result never depends on the function's inputs."""
        return self.type == CONSTANT or self.type.startswith("constexpr_")

    def names(self) -> Iterator[str]:
        """Yields names of the values it reads."""
        return (bound for bounds in self.inputs.values() for bound in bounds if isinstance(bound, str))


@dataclass(frozen=True, eq=False)
class Function:
    """A program or one of its variants. `opset` is the oldest system's, such as "CoreML6"."""

    name: str
    opset: str
    inputs: Mapping[str, TensorType]
    outputs: tuple[str, ...]
    operations: tuple[Operation, ...]

    def histogram(self) -> Counter[str]:
        """Returns how often each kind of operation occurs; constants and their decoding are left out."""
        return Counter(op.type for op in self.operations if not op.constant)

    def types(self) -> dict[str, TensorType]:
        """Returns the type of every value by name."""
        return dict(self.inputs) | {name: kind for op in self.operations for name, kind in op.outputs}


def read_function(name: str, message: Any, enum: Any) -> Function:
    """Returns a function from its protobuf message; `enum` is the protobuf's DataType. Raises ModelError for control flow."""
    opset = message.opset
    block = message.block_specializations[opset]

    seen: dict[bytes, TensorType] = {}  # few types, many thousand values

    def kind(value_type: Any) -> TensorType:
        key = value_type.SerializeToString()
        if key not in seen:
            seen[key] = read_type(value_type)
        return seen[key]

    def read_type(value_type: Any) -> TensorType:
        which = value_type.WhichOneof("type")
        if which != "tensorType":
            raise ModelError(
                f"A program with values of {which} is not one sdedge can read; convert the model with sdedge."
            )
        tensor = value_type.tensorType
        shape = tuple(d.constant.size if d.HasField("constant") else None for d in tensor.dimensions)
        return TensorType(enum.Name(tensor.dataType).lower(), shape)

    def constant(value: Any) -> Literal | Stored:
        what = kind(value.type)
        if value.HasField("blobFileValue"):
            return Stored(what, value.blobFileValue.fileName, value.blobFileValue.offset)
        return Literal(what, _immediate(value.immediateValue.tensor, what))

    def operation(op: Any) -> Operation:
        if op.blocks:
            raise ModelError(
                f"The operation {op.type} runs other operations, which sdedge cannot; convert with sdedge."
            )
        attributes = {k: (constant(v),) for k, v in op.attributes.items() if k != "name"}
        inputs = {
            k: tuple(b.name if b.HasField("name") else constant(b.value) for b in v.arguments)
            for k, v in op.inputs.items()
        }
        return Operation(op.type, attributes | inputs, tuple((o.name, kind(o.type)) for o in op.outputs))

    operations = tuple(operation(op) for op in block.operations)
    function = Function(name, opset, {i.name: kind(i.type) for i in message.inputs}, tuple(block.outputs), operations)
    _check_order(function)
    _check_values(function)
    return function


def _check_values(function: Function) -> None:
    """Raises ModelError for a constant without its value or made of what is none, and for results that no model has."""
    constants: set[str] = set()
    for op in function.operations:
        if op.constant:
            constants.update(name for name, _ in op.outputs)
            if made := [name for name in op.names() if name not in constants]:
                raise ModelError(
                    f"The constant {op.name} is made of {made[0][:80]!r}, which is none; convert the model again."
                )
        if op.type == CONSTANT:
            value = op.inputs.get("val", ("",))[0]
            if isinstance(value, str) or value.type != op.outputs[0][1]:
                raise ModelError(f"The constant {op.name} has no value of its type; convert or copy the package again.")
        for name, kind in op.outputs:
            if kind.elements > MOST_ELEMENTS:
                raise ModelError(
                    f"The value {name} has {kind.elements} elements, at most {MOST_ELEMENTS} are computed; take the package "
                    "from a source you trust."
                )


def _check_order(function: Function) -> None:
    """Raises ModelError for an operation without a result, a value that is read before it is there, or given twice."""
    known = set(function.inputs)
    for op in function.operations:
        if not op.outputs:
            raise ModelError(
                f"An operation {op.type} of the program gives no result; convert or copy the package again."
            )
        if missing := [name for name in op.names() if name not in known]:
            raise ModelError(
                f"The operation {op.type} {op.name} reads {missing[0][:80]!r}, which nothing before it gives; convert or copy "
                "the package again."
            )
        names = [name for name, _ in op.outputs]
        if twice := [name for name in names if name in known]:
            raise ModelError(f"The program gives {twice[0][:80]!r} twice; convert or copy the package again.")
        known.update(names)
    if missing := [name for name in function.outputs if name not in known]:
        raise ModelError(f"The program never gives its output {missing[0][:80]!r}; convert or copy the package again.")


def _immediate(tensor: Any, kind: TensorType) -> np.ndarray | str:
    which = tensor.WhichOneof("value")
    values: Any = getattr(tensor, which).values if which else ()
    if kind.dtype == "string":
        return values[0] if kind.shape == () else np.array(values)
    if which == "bytes":
        return unpack(np.frombuffer(bytearray(values), np.uint8), kind)
    return np.array(list(values), kind.numpy).reshape(kind.static)
