"""What was seen to go wrong on Macs, as rules on a Core ML program: `sdedge convert verify` tells each one that is broken.

Nothing is run. Rules come from public reports (docs/coreml-verify.md names them); ours were not tried on a Mac.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from converters.inspect import RANK_LIMIT, SIDE_LIMIT, ProgramReading
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.program import Argument, Operation
from sdedge.files import inside
from sdedge.library.manifest import Manifest

ISLAND = 4096
"""Numbers that may be computed in float32: the sinusoids of a timestep are a few hundred."""
PALETTE, BLOCKS = "constexpr_lut_to_dense", "constexpr_blockwise_shift_scale"
PASSED_ON = ("cast", "identity", "reshape", "expand_dims", "squeeze", "mul", "add", "real_div", "concat")
"""Operations behind which a product still is one of attention's weights."""


@dataclass(frozen=True)
class PackageRule:
    """A rule. `fatal`: a package that breaks it should not be published, for it ends the process that runs it."""

    name: str
    why: str
    breaks: Callable[[_Program, Operation], bool]
    fatal: bool = False


@dataclass(frozen=True)
class RuleBreach:
    """A rule that a function of a package breaks: how often, and the first operation that does."""

    rule: str
    why: str
    package: str
    first: str
    count: int
    fatal: bool


class _Program:
    """A function as the rules look at it."""

    def __init__(self, reading: ProgramReading) -> None:
        self.reading = reading
        self.makers = {name: op for op in reading.function.operations for name, _ in op.outputs}

    def transposed_weights(self, bound: Argument, swapped: bool) -> bool:
        """Returns whether a value is the weights of an attention (a softmax), with its last two dimensions exchanged.

        swapped   whether the product that reads it exchanges them
        """
        seen: set[str] = set()
        waiting = [(bound, swapped)]
        while waiting:
            value, turned = waiting.pop()
            op = self.makers.get(value) if isinstance(value, str) and value not in seen else None
            if op is None:
                continue
            seen.add(str(value))
            if op.type == "softmax":
                if turned:
                    return True
            elif op.type == "transpose":
                waiting.append((op.inputs["x"][0], turned ^ self._exchanges(op)))
            elif op.type in PASSED_ON:
                waiting += [(item, turned) for bounds in op.inputs.values() for item in bounds]
        return False

    def _exchanges(self, op: Operation) -> bool:
        order = [int(axis) for axis in self.reading.value(op, "perm", ())]
        rank = len(order)
        return rank > 1 and [axis % rank for axis in order[-2:]] == [rank - 1, rank - 2]


def _values_first(program: _Program, op: Operation) -> bool:
    swapped = bool(program.reading.value(op, "transpose_y", False))
    return op.type == "matmul" and program.transposed_weights(op.inputs["y"][0], swapped)


def _many_dimensions(program: _Program, op: Operation) -> bool:
    return not op.constant and any(len(kind.shape) > RANK_LIMIT for _, kind in op.outputs)


def _long_side(program: _Program, op: Operation) -> bool:
    return not op.constant and any(side > SIDE_LIMIT for _, kind in op.outputs for side in kind.static)


def _float32_island(program: _Program, op: Operation) -> bool:
    wide = any(kind.dtype == "float32" and kind.elements > ISLAND for _, kind in op.outputs)
    return wide and not op.constant and op.type != "cast"


def _grouped_4_bits(program: _Program, op: Operation) -> bool:
    if op.type == PALETTE:
        shape = program.reading.shape(op, "lut")
        return len(shape) > 2 and shape[-2] <= 16 and max(shape[:-2]) > 1
    if op.type != BLOCKS:
        return False
    scales = program.reading.shape(op, "scale")
    return program.reading.type(op.inputs["data"][0]).bits == 4 and max(scales[1:], default=1) > 1


RULES = (
    PackageRule(
        "v @ attn^T", "values are multiplied by transposed attention weights, which aborts Core ML's GPU path of macOS 26",
        _values_first, fatal=True,
    ),
    PackageRule(
        "rank", f"a tensor has more than {RANK_LIMIT} dimensions, on which Core ML's compilers have failed", _many_dimensions
    ),
    PackageRule("side", f"a dimension is over {SIDE_LIMIT}, which leaves the Neural Engine", _long_side),
    PackageRule(
        "float32", f"over {ISLAND} numbers are computed in float32, which leaves the Neural Engine", _float32_island
    ),
    PackageRule(
        "4-bit groups", "4-bit weights in groups are suspect on the Neural Engine: wrong values, or no load", _grouped_4_bits
    ),
)  # fmt: skip


def lint(package: Package) -> Iterator[RuleBreach]:
    """Yields the rules that a package breaks, once for each of its functions. Raises ModelError for damaged ones."""
    for name, function in package.functions.items():
        program = _Program(ProgramReading(function))
        where = package.path.stem if len(package.functions) == 1 else f"{package.path.stem} {name}"
        for rule in RULES:
            broken = [op for op in function.operations if rule.breaks(program, op)]
            if broken:
                yield RuleBreach(
                    rule.name, rule.why, where, f"{broken[0].type} {broken[0].name}", len(broken), rule.fatal
                )


def lint_bundle(bundle: Path, manifest: Manifest) -> tuple[RuleBreach, ...]:
    """Returns the rules that the packages of a bundle break. Raises ModelError for damaged ones."""
    parts = manifest.components.values()
    return tuple(breach for part in parts for breach in lint(Package.open(inside(bundle, part.file))))
