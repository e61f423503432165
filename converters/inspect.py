"""What is in a Core ML package: interface, operations, weights, work, memory, and what the Neural Engine will not like.

Nothing is run; only the program and the types in it are read. No torch.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.program import CONSTANT, Argument, Function, Literal, Operation
from sdedge.engines.coreml.portable.tensors import TensorType
from sdedge.errors import ModelError

RATES = {
    "M1 Neural Engine": 3.5e12,
    "M2 Neural Engine": 4.9e12,
    "M1 GPU": 1.1e12,
    "M1 Max GPU": 4.5e12,
    "M1 Ultra GPU": 8.9e12,
}
"""Operations per second (two per multiply-accumulate) that Stable Diffusion v1 sustained: the times in the README of
apple/ml-stable-diffusion (50 steps of 1.607 TFLOP with guidance) turned round; the M1's GPU is taken at the share of its peak
that the M1 Max reached. An estimate leaves out whatever moves data only."""

SIDE_LIMIT = 16384
"""Largest size of a dimension on the Neural Engine."""
RANK_LIMIT = 4
"""Dimensions of a tensor: five are allowed there, and compilers of Core ML have failed on fewer and on more than four."""
TOO_LONG = f"makes a dimension over {SIDE_LIMIT}"
NUMBERS_OF_PLACES = ("int32", "uint32", "bool", "string")
"""Types of shapes, axes and flags rather than weights."""
INDEXING = ("gather", "gather_along_axis", "gather_nd", "scatter", "scatter_nd", "non_zero", "topk")


@dataclass(frozen=True)
class Inspection:
    """A function of a package.

    weights      bytes of the constants by their kind, such as "float16", "6-bit palette", "8-bit linear"
    macs         multiply-accumulates of one run
    activations  the largest sum of values alive at one time, in bytes; no operation is taken to work in place
    seconds      estimated for one run, by compute unit; none for the Neural Engine where a dimension passes its limit
    unfriendly   what leaves or slows the Neural Engine, by reason: how many operations, and the first one's name
    """

    name: str
    opset: str
    inputs: Mapping[str, TensorType]
    outputs: Mapping[str, TensorType]
    operations: Mapping[str, int]
    weights: Mapping[str, int]
    macs: int
    activations: int
    seconds: Mapping[str, float]
    unfriendly: Mapping[str, tuple[int, str]]

    @property
    def bits(self) -> int:
        """Of the narrowest weights; 16 where none are compressed."""
        return min((int(kind.partition("-bit")[0]) for kind in self.weights if "-bit" in kind), default=16)


def inspect(package: Package, function: str | None = None) -> Inspection:
    """Raises ModelError for a function that is not there, or whose operations lack what they need."""
    try:
        return _inspect(ProgramReading(package.function(function)))
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ModelError(
            f"The program of {package.path} is damaged ({error!r:.200}); convert the model again."
        ) from error


def _inspect(program: ProgramReading) -> Inspection:
    total = sum(program.macs(op) for op in program.operations)
    unfriendly = program.unfriendly()
    return Inspection(
        program.function.name,
        program.function.opset,
        program.function.inputs,
        {name: program.types[name] for name in program.function.outputs},
        dict(program.function.histogram().most_common()),
        program.weights(),
        total,
        program.activations(),
        {unit: 2 * total / rate for unit, rate in RATES.items() if not (TOO_LONG in unfriendly and "Neural" in unit)},
        unfriendly,
    )


class ProgramReading:
    """A function with the types and values of what its operations read."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.types = function.types()
        self.operations = [op for op in function.operations if not op.constant]
        constants = {op.name: op.inputs["val"][0] for op in function.operations if op.type == CONSTANT}
        self.values = {name: bound.value for name, bound in constants.items() if isinstance(bound, Literal)}

    def type(self, bound: Argument) -> TensorType:
        return self.types[bound] if isinstance(bound, str) else bound.type

    def shape(self, op: Operation, name: str, place: int = 0) -> tuple[int, ...]:
        return self.type(op.inputs[name][place]).static

    def value(self, op: Operation, name: str, default: Any) -> Any:
        if name not in op.inputs:
            return default
        bound = op.inputs[name][0]
        return self.values.get(bound, default) if isinstance(bound, str) else getattr(bound, "value", default)

    def weights(self) -> dict[str, int]:
        """Returns bytes by kind. What a decoding operation reads counts under the kind that it decodes."""
        decoding = [op for op in self.function.operations if op.type.startswith("constexpr_")]
        kinds = {name: self._kind(op) for op in reversed(decoding) for name in op.names()}
        sizes: Counter[str] = Counter()
        for op in self.function.operations:
            stored = [bound.type for bounds in op.inputs.values() for bound in bounds if not isinstance(bound, str)]
            for kind in (kind for kind in stored if kind.shape and kind.dtype not in NUMBERS_OF_PLACES):
                label = self._kind(op) if op in decoding else kinds.get(op.name, kind.dtype)
                sizes[label] += kind.bytes
        return dict(sizes.most_common())

    def _kind(self, op: Operation) -> str:
        """Returns how a decoding operation stores weights."""
        if "lut" in op.inputs:
            palettes = self.shape(op, "lut")  # (2^bits,), or (groups …, 2^bits, width of an entry)
            return f"{int(math.log2(palettes[-1] if len(palettes) == 1 else palettes[-2]))}-bit palette"
        if "scale" in op.inputs:
            data = next(name for name in ("quantized_data", "data", "nonzero_data") if name in op.inputs)
            return f"{self.type(op.inputs[data][0]).bits}-bit linear"
        return "sparse"

    def macs(self, op: Operation) -> int:
        """Returns the multiply-accumulates of one operation; only products of matrices and convolutions have any."""
        out = op.outputs[0][1].elements
        match op.type:
            case "conv":
                return out * math.prod(self.shape(op, "weight")[1:])
            case "linear":
                return out * self.shape(op, "weight")[-1]
            case "matmul":
                return out * self.shape(op, "x")[-2 if self.value(op, "transpose_x", False) else -1]
            case "einsum":
                return self._einsum(op)
            case "scaled_dot_product_attention":
                queries, keys, values = (self.shape(op, name) for name in ("query", "key", "value"))
                return math.prod(queries[:-1]) * keys[-2] * (queries[-1] + values[-1])
        return 0

    def _einsum(self, op: Operation) -> int:
        terms = str(self.value(op, "equation", "")).partition("->")[0].split(",")
        sizes: dict[str, int] = {}
        for place, term in enumerate(terms):
            sizes |= dict(zip(term.strip(), self.shape(op, "values", place)))
        return math.prod(sizes.values())

    def activations(self) -> int:
        last = {name: i for i, op in enumerate(self.operations) for name in op.names()}
        sizes = {name: kind.bytes for name, kind in self.function.inputs.items()}
        alive, most = sum(sizes.values()), 0
        for i, op in enumerate(self.operations):
            for name, kind in op.outputs:
                sizes[name] = kind.bytes
                alive += kind.bytes
            most = max(most, alive)
            gone = {name for name in op.names() if last[name] == i and name not in self.function.outputs}
            alive -= sum(sizes.pop(name, 0) for name in gone)
        return most

    def unfriendly(self) -> dict[str, tuple[int, str]]:
        reasons: dict[str, tuple[int, str]] = {}
        for op in self.operations:
            for reason in self._reasons(op):
                count, first = reasons.get(reason, (0, f"{op.type} {op.name}"))
                reasons[reason] = (count + 1, first)
        return reasons

    def _reasons(self, op: Operation) -> list[str]:
        kinds = [kind for _, kind in op.outputs]
        reasons = []
        if any(kind.dtype == "float32" for kind in kinds) and op.type != "cast":
            reasons.append("computes in float32, which the Neural Engine cannot")
        if any(kind.dtype.startswith(("int", "uint")) for kind in kinds) and op.type != "cast":
            reasons.append("computes with integers")
        if op.type in INDEXING:
            reasons.append("looks up by index")
        if any(side > SIDE_LIMIT for kind in kinds for side in kind.static):
            reasons.append(TOO_LONG)
        if any(len(kind.shape) > RANK_LIMIT for kind in kinds):
            reasons.append(f"makes a tensor of more than {RANK_LIMIT} dimensions")
        if op.type == "conv" and np.max(self.value(op, "dilations", 1)) > 1:
            reasons.append("convolves with dilation")
        if op.type in ("matmul", "scaled_dot_product_attention"):
            reasons.append("multiplies all heads at once, in a layout the Neural Engine has to copy")
        return reasons
