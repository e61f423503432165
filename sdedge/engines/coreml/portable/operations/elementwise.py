"""Operations on each element by itself: functions, arithmetic, comparisons, logic, casts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sdedge.engines.coreml.portable.operations.table import ARITHMETIC, Compute, arithmetic, movement, tensor


def _gelu(x: Tensor, mode: str = "EXACT") -> Tensor:
    if mode == "SIGMOID_APPROXIMATION":
        return x * torch.sigmoid(1.702 * x)
    return F.gelu(x, approximate="tanh" if mode == "TANH_APPROXIMATION" else "none")


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs, "cos": torch.cos, "sin": torch.sin, "tan": torch.tan, "exp": torch.exp, "exp2": torch.exp2,
    "erf": torch.erf, "sqrt": torch.sqrt, "square": torch.square, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
    "silu": F.silu, "relu": F.relu, "softsign": F.softsign, "ceil": torch.ceil, "floor": torch.floor,
    "round": torch.round, "sign": torch.sign,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "pow": torch.pow, "maximum": torch.maximum,
    "minimum": torch.minimum, "mod": torch.remainder, "floor_div": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "greater": torch.gt, "greater_equal": torch.ge, "less": torch.lt, "less_equal": torch.le, "equal": torch.eq,
    "not_equal": torch.ne, "logical_and": torch.logical_and, "logical_or": torch.logical_or,
    "logical_xor": torch.logical_xor,
}  # fmt: skip


def _binary(compute: Callable[[Any, Any], Any]) -> Compute:
    return lambda x, y: compute(tensor(x), tensor(y))


ARITHMETIC |= {name: lambda x, compute=compute: compute(x) for name, compute in UNARY.items()}
ARITHMETIC |= {name: _binary(compute) for name, compute in BINARY.items()}
ARITHMETIC["gelu"] = _gelu


@arithmetic
def real_div(x: Tensor | float, y: Tensor | float) -> Tensor:
    return tensor(x) / tensor(y)


@arithmetic
def rsqrt(x: Tensor, epsilon: float = 1e-12) -> Tensor:
    return torch.rsqrt(x + epsilon)


@arithmetic
def inverse(x: Tensor, epsilon: float = 1e-4) -> Tensor:
    return 1 / (x + epsilon)


@arithmetic
def log(x: Tensor, epsilon: float = 1e-45) -> Tensor:
    return torch.log(x + epsilon)


@arithmetic
def clip(x: Tensor, alpha: float, beta: float) -> Tensor:
    return x.clamp(alpha, beta)


@arithmetic
def logical_not(x: Tensor) -> Tensor:
    return torch.logical_not(x)


@movement
def select(cond: Tensor, a: Tensor | float, b: Tensor | float) -> Tensor:
    return torch.where(tensor(cond).bool(), tensor(a), tensor(b))


@movement
def cast(x: Tensor | float, dtype: str) -> Tensor:
    # The runner brings every result to its declared type; a cast to an integer drops the fraction as torch does.
    return tensor(x)
