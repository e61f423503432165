"""Runs an ML Program with torch, on any system.

Two precisions. "float16" is faithful to what the program says: each operation computes in float32, and a result that is declared
float16 is rounded to float16. "float32" keeps every float16 result in float32, so that only the weights' own rounding is left.
`operations` says what is rounded inside a fused operation (nothing) and between operations (everything).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sdedge.engines.coreml.portable.constants import CONSTANTS
from sdedge.engines.coreml.portable.operations import ARITHMETIC, MOVEMENT
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.program import CONSTANT, Argument, Function, Operation
from sdedge.engines.coreml.portable.tensors import TensorType
from sdedge.errors import ModelError, OutOfMemory, is_out_of_memory

PRECISIONS = ("float16", "float32")
SEVERAL = {"values"}
"""Inputs that are lists even when they hold one value."""
HALF = torch.float16
SMALL = 1 << 17
"""Elements of an average result below which one thread runs a program: threads of small operations mostly wait for one another,
a hundred times as long where other programs use the processor."""
SMALLEST = 2.0**-14
"""The smallest normal number of half precision."""


@dataclass(frozen=True, eq=False)
class RunnerStep:
    """One operation, ready to run: what is constant is bound, what is not goes by name.

    compute     from `operations`
    wide        halves among the arguments are widened to float32 first
    constants   by argument
    variables   names of values by argument
    dtypes      of the results
    last        names of values nobody reads afterwards
    """

    operation: Operation
    compute: Callable[..., Any]
    wide: bool
    constants: Mapping[str, Any]
    variables: Mapping[str, str | tuple[Any, ...]]
    dtypes: tuple[torch.dtype, ...]
    last: tuple[str, ...]


class Runner:
    """A function of a package, its weights decoded once; those of float16 and float32 share the file's pages."""

    def __init__(
        self, package: Package, function: str | None = None, precision: str = "float16", flush: bool = False
    ) -> None:
        """`flush` takes halves under 2^-14, the smallest normal one, for 0 wherever one is made, as hardware may.

        Raises ModelError for operations that are not known, naming them, and for damaged weights.
        """
        self.function = package.function(function)
        self.precision = precision
        self.flush = flush
        self._package = package
        _check_known(package, self.function)
        self._steps = self._bind(decode(package, self.function))
        self._one_thread = _average_size(self._steps) < SMALL

    def __call__(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs by name, of their declared types. Raises ModelError for inputs that do not fit."""
        wanted = set(self.function.outputs)
        outputs: dict[str, Tensor] = {}
        with threads(1 if self._one_thread else torch.get_num_threads()):
            for operation, results in self.trace(inputs):
                outputs |= {name: y for (name, _), y in zip(operation.outputs, results) if name in wanted}
        kinds = self.function.types()
        return {name: outputs[name].to(getattr(torch, kinds[name].dtype)) for name in self.function.outputs}

    @torch.inference_mode()
    def trace(self, inputs: Mapping[str, Tensor]) -> Iterator[tuple[Operation, tuple[Tensor, ...]]]:
        """Yields each operation as it was run, with its results. A value is let go after its last use."""
        values = self._accept(inputs)
        for step in self._steps:
            arguments = dict(step.constants) | {k: _look_up(v, values) for k, v in step.variables.items()}
            if step.wide:
                arguments = {k: _widen(v) for k, v in arguments.items()}
            results = _attempt(self._package, step.operation, step.compute, arguments)
            results = results if isinstance(results, tuple) else (results,)
            if len(results) != len(step.dtypes):
                raise ModelError(
                    f"The package {self._package.path} says that {step.operation.type} {step.operation.name} gives "
                    f"{len(step.dtypes)} values, and it gives {len(results)}; convert the model again."
                )
            results = tuple(self._made(_declared(self._package, step, y, i)) for i, y in enumerate(results))
            del arguments
            values |= {name: y for (name, _), y in zip(step.operation.outputs, results)}
            for name in step.last:
                values.pop(name, None)
            yield step.operation, results

    def _accept(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        declared = self.function.inputs
        if inputs.keys() != declared.keys():
            raise ModelError(
                f"The package {self._package.path} takes {', '.join(declared)}; given: {', '.join(inputs)}."
            )
        for name, kind in declared.items():
            shape = tuple(inputs[name].shape)
            fits = len(shape) == len(kind.shape) and all(n in (None, m) for n, m in zip(kind.shape, shape))
            if not fits:
                raise ModelError(f"{self._package.path} takes {name} of shape {kind.shape}, given: {shape}.")
        return {name: self._made(x.contiguous().to(self._dtype(declared[name]))) for name, x in inputs.items()}

    def _made(self, value: Any) -> Any:
        """Returns a value as it is kept."""
        if not self.flush or not isinstance(value, Tensor) or value.dtype != HALF:
            return value
        return torch.where(value.abs() < SMALLEST, 0, value)

    def _dtype(self, kind: TensorType) -> torch.dtype:
        dtype = getattr(torch, kind.dtype, None)
        if dtype is None:
            raise ModelError(f"{self._package.path} computes with {kind.dtype}, which sdedge cannot; convert it again.")
        return torch.float32 if dtype == HALF and self.precision == "float32" else dtype

    def _bind(self, constants: Mapping[str, Any]) -> tuple[RunnerStep, ...]:
        """Operations with their arguments. Constants that none of them takes (palettes, indices) are let go with this."""
        ready = {name: self._made(_ready(value)) for name, value in constants.items()}
        running = [op for op in self.function.operations if not op.constant]
        last_use = {name: i for i, op in enumerate(running) for name in (*op.names(), *(n for n, _ in op.outputs))}
        last: dict[int, list[str]] = {}
        for name, i in last_use.items():
            if name not in ready and name not in self.function.outputs:
                last.setdefault(i, []).append(name)
        return tuple(self._step(op, ready, tuple(last.get(i, ()))) for i, op in enumerate(running))

    def _step(self, op: Operation, ready: Mapping[str, Any], last: tuple[str, ...]) -> RunnerStep:
        constants: dict[str, Any] = {}
        variables: dict[str, Any] = {}
        for name, bounds in op.inputs.items():
            values = tuple(self._argument(bound, ready) for bound in bounds)
            free = any(isinstance(bound, str) and bound not in ready for bound in bounds)
            (variables if free else constants)[name] = values if name in SEVERAL else values[0]
        dtypes = tuple(self._dtype(kind) for _, kind in op.outputs)
        compute = ARITHMETIC.get(op.type) or MOVEMENT[op.type]
        return RunnerStep(op, compute, op.type in ARITHMETIC, constants, variables, dtypes, last)

    def _argument(self, bound: Argument, ready: Mapping[str, Any]) -> Any:
        if isinstance(bound, str):
            return ready.get(bound, bound)
        return self._made(_ready(self._package.value(bound)))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Lets torch compute with `count` threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _average_size(steps: Sequence[RunnerStep]) -> float:
    sizes = [kind.elements for step in steps for _, kind in step.operation.outputs]
    return sum(sizes) / max(1, len(sizes))


def decode(package: Package, function: Function) -> dict[str, Any]:
    """Constants of a function by name, compressed ones decoded, as numpy arrays or strings.

    Raises ModelError for damaged weights, or weights compressed in an unknown way.
    """
    values: dict[str, Any] = {}
    for op in function.operations:
        if op.constant:
            bounds = {name: bound for name, (bound, *_) in op.inputs.items()}
            read = {k: values[b] if isinstance(b, str) else package.value(b) for k, b in bounds.items()}
            results = read["val"] if op.type == CONSTANT else _attempt(package, op, CONSTANTS[op.type], read)
            results = results if isinstance(results, tuple) else (results,)
            values |= {name: value for (name, _), value in zip(op.outputs, results, strict=True)}
    return values


def _attempt(package: Package, operation: Operation, compute: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Raises ModelError for what an operation cannot do with its arguments, whatever that is, and OutOfMemory."""
    try:
        return compute(**arguments)
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemory(
                f"The memory did not suffice for {operation.type} {operation.name} of {package.path}; close other programs, or "
                "choose a smaller size."
            ) from error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"The package {package.path} uses {operation.type} {operation.name} in a way that sdedge cannot run "
            f"({reason}); run it on a Mac, or convert the model with sdedge."
        ) from error


def _declared(package: Package, step: RunnerStep, result: Any, place: int) -> Tensor:
    """Returns a result in its declared type. Raises ModelError for one that is of another shape than the program says."""
    name, kind = step.operation.outputs[place]
    shape = tuple(getattr(result, "shape", ("none",)))
    if len(shape) != len(kind.shape) or any(n not in (None, m) for n, m in zip(kind.shape, shape)):
        raise ModelError(
            f"The package {package.path} says that {name} has the shape {kind.shape}, and {step.operation.type} gives {shape}; "
            "convert the model again."
        )
    return result.to(step.dtypes[place])


def _check_known(package: Package, function: Function) -> None:
    known = ARITHMETIC.keys() | MOVEMENT.keys() | CONSTANTS.keys() | {CONSTANT}
    unknown = sorted({op.type for op in function.operations} - known)
    if unknown:
        raise ModelError(
            f"The package {package.path} uses operations that sdedge cannot run: {', '.join(unknown)}; "
            "run it on a Mac, or convert the model with sdedge."
        )


def _ready(value: np.ndarray | str) -> Any:
    """Returns a constant as the operations take it: numbers and strings as Python's, arrays as tensors."""
    if isinstance(value, str):
        return value
    return torch.from_numpy(value) if value.ndim else value.item()


def _look_up(bound: Any, values: Mapping[str, Tensor]) -> Any:
    if isinstance(bound, tuple):
        return [_look_up(item, values) for item in bound]
    return values[bound] if isinstance(bound, str) else bound


def _widen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_widen(item) for item in value]
    return value.float() if isinstance(value, Tensor) and value.dtype == HALF else value
