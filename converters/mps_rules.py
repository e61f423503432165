"""What a program for an MPS device must keep to, checked on any machine while the program runs on the CPU.

`with MPSRules() as rules:` watches every operator that torch calls; `rules.findings` is empty where all of them are
kept. The reasons are bugs and limits of torch's MPS backend, by their number in github.com/pytorch/pytorch where
they have one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import sdedge
from converters import mps_operators as operators
from sdedge.models.attention import FUSED_WIDTHS, TERMS

PACKAGE = Path(sdedge.__file__).parent
WIDE = (torch.float64, torch.complex32, torch.complex64, torch.complex128)
NARROW = (torch.float16, torch.bfloat16)
COUNTING = 4096  # elements up to which 64-bit integers cost nothing worth naming
HOST = {
    "sampling/schedule.py": "the table of noise levels is made on the CPU, and only numbers read from it go further"
}
PLAIN_WRITES = ("copy_", "fill_", "zero_")
SUMS = {
    "mm": ("self", -1), "bmm": ("self", -1), "matmul": ("self", -1), "linear": ("input", -1), "addmm": ("mat1", -1),
    "_addmm_activation": ("mat1", -1), "baddbmm": ("batch1", -1), "mv": ("self", -1), "addmv": ("mat", -1),
    "dot": ("self", -1), "vdot": ("self", -1), "_int_mm": ("self", -1),
}  # fmt: skip
"""Operators that sum products, and the argument and dimension over which they do."""


@dataclass(frozen=True)
class Limits:
    """Bytes: of any tensor (an 8 GB Mac's largest buffer, which is also where offsets overflow), and of scores.

    `terms` is how many products one sum may have.
    """

    tensor: int = 2**32
    scores: int = 2**28
    terms: int = TERMS


@dataclass(frozen=True)
class RuleViolation:
    """A rule that was broken: its name, the operator, what is wrong and the line of this project that called it."""

    rule: str
    operator: str
    why: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.operator} {self.why}" + (f" ({self.where})" if self.where else "")


@dataclass(frozen=True)
class Call:
    """One operator call and its results."""

    func: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any

    @property
    def name(self) -> str:
        """Without namespace and overload: "addmm"."""
        return self.func._schema.name.split("::")[-1]

    def value(self, name: str) -> Any:
        """Returns an argument by the name it has in the operator's schema; None where the schema has none."""
        for i, argument in enumerate(self.func._schema.arguments):
            if argument.name == name:
                value = self.args[i] if i < len(self.args) else self.kwargs.get(name, argument.default_value)
                return value
        return None

    @property
    def read(self) -> list[Tensor]:
        return [leaf for leaf in tree_leaves((self.args, self.kwargs)) if isinstance(leaf, Tensor)]

    @property
    def made(self) -> list[Tensor]:
        return [leaf for leaf in tree_leaves(self.result) if isinstance(leaf, Tensor)]


Rule = Callable[[Call, Limits], str | None]


def no_wide_numbers(call: Call, limits: Limits) -> str | None:
    """MPS has no float64, and its complex numbers are incomplete."""
    wide = [str(t.dtype) for t in (*call.read, *call.made) if t.dtype in WIDE]
    return f"uses {wide[0]}, which MPS does not have" if wide else None


def no_giant_tensors(call: Call, limits: Limits) -> str | None:
    """Above 2^32 bytes results are silently wrong (#149261, #197636); above the buffer limit there is no buffer."""
    for tensor in call.made:
        if (size := tensor.numel() * tensor.itemsize) > limits.tensor:
            return f"makes {size} bytes of shape {tuple(tensor.shape)}, more than the {limits.tensor} of one buffer"
    return None


def scores_in_budget(call: Call, limits: Limits) -> str | None:
    """A whole score matrix does not fit a small Mac: attention is cut."""
    if call.name in ("_softmax", "softmax") and (size := call.made[0].numel() * call.made[0].itemsize) > limits.scores:
        return f"takes {size} bytes of scores at once, more than the budget of {limits.scores}; cut the queries"
    return None


def softmax_in_float32(call: Call, limits: Limits) -> str | None:
    """Half-precision softmax gives black pictures from macOS 14.5 on, and MPS refuses a cast inside the operator."""
    if call.name != "_softmax":
        return None
    if call.value("half_to_float"):
        return "casts inside the operator, which MPS refuses; cast before it"
    return f"works in {call.args[0].dtype}; cast to float32 before it" if call.args[0].dtype in NARROW else None


def no_fused_attention(call: Call, limits: Limits) -> str | None:
    """It holds the whole score matrix there, and gave wrong values in 2.8 (#163597), but for heads that Metal's tiled kernel
    takes, without a mask (#181575)."""
    if "scaled_dot_product" not in call.name:
        return None
    width = call.args[0].shape[-1]
    masked = call.value("attn_mask") is not None or call.value("is_causal")
    if width in FUSED_WIDTHS and not masked:
        return None
    return f"holds the whole score matrix of heads {width} wide on MPS; cut it into pieces or pad the heads"


def contiguous_weights(call: Call, limits: Limits) -> str | None:
    """Strided weights give wrong values (convolution #192212, linear #162779)."""
    weight = call.value("weight")
    if isinstance(weight, Tensor) and not weight.is_contiguous():
        return f"reads a weight with strides {weight.stride()}; make it contiguous"
    matrix = call.value("mat2") if call.name in ("addmm", "mm") else None
    if isinstance(matrix, Tensor) and not (matrix.is_contiguous() or matrix.t().is_contiguous()):
        return f"reads a matrix with strides {matrix.stride()}; make it contiguous"
    return None


def contiguous_pictures(call: Call, limits: Limits) -> str | None:
    """A convolution misreads channel slices and chunks (#180984, #169342); channels_last is 4 to 9 times slower."""
    picture = call.value("input") if "conv" in call.name else None
    if isinstance(picture, Tensor) and not picture.is_contiguous():
        return f"reads a picture with strides {picture.stride()}; make it contiguous"
    for tensor in call.made:
        last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
        if last and not tensor.is_contiguous() and not operators.is_view(call.func):
            return "makes a channels_last tensor, which is slower and misread by others"
    return None


def noise_from_the_cpu(call: Call, limits: Limits) -> str | None:
    """A seed is the same picture on every device only if its noise is drawn on the CPU."""
    random = torch.Tag.nondeterministic_seeded in call.func.tags and "scaled_dot_product" not in call.name
    if not random or isinstance(call.args[0], torch.nn.Parameter):  # weights before they are loaded
        return None
    generator = call.value("generator")
    if generator is None:
        return "draws from the device's own generator; draw with a CPU generator"
    return None if generator.device.type == "cpu" else f"draws on {generator.device}; draw with a CPU generator"


def no_strided_writes(call: Call, limits: Limits) -> str | None:
    """Arithmetic written into a strided tensor was lost silently on several versions; plain copies are safe."""
    for argument, value in zip(call.func._schema.arguments, call.args):
        written = argument.alias_info is not None and argument.alias_info.is_write
        if written and isinstance(value, Tensor) and not value.is_contiguous() and call.name not in PLAIN_WRITES:
            return f"writes its result into a tensor with strides {value.stride()}; compute, then copy"
    return None


def no_forgotten_addend(call: Call, limits: Limits) -> str | None:
    """With beta 0 the addend is read all the same, and uninitialised memory holds NaN."""
    if call.name in ("baddbmm", "addmm", "addbmm") and call.value("beta") == 0:
        return "has beta 0, and MPS reads the addend all the same; use the product without one"
    return None


def no_wide_counting(call: Call, limits: Limits) -> str | None:
    """64-bit integer arithmetic is emulated on the GPU."""
    made = call.made[0] if call.made else None
    if (
        made is None
        or made.dtype != torch.int64
        or made.numel() <= COUNTING
        or torch.Tag.pointwise not in call.func.tags
    ):
        return None
    return f"computes {made.numel()} 64-bit integers; use int32"


def no_long_sums(call: Call, limits: Limits) -> str | None:
    """Products over more than 32,766 terms are silently wrong on M1 and M2 (#195163, #193487), those of `bmm` too."""
    argument, dim = ("key", -2) if "scaled_dot_product" in call.name else SUMS.get(call.name, ("", 0))
    summed = call.value(argument) if argument else None
    count = summed.shape[dim] if isinstance(summed, Tensor) and summed.dim() >= -dim else 0
    if call.name == "addbmm":  # sums over the batch as well
        batch = call.value("batch1")
        count = batch.shape[0] * batch.shape[2]
    return f"sums {count} products, more than {limits.terms}; cut the sum and add" if count > limits.terms else None


RULES: tuple[Rule, ...] = (
    no_wide_numbers,
    no_giant_tensors,
    scores_in_budget,
    softmax_in_float32,
    no_fused_attention,
    no_long_sums,
    contiguous_weights,
    contiguous_pictures,
    noise_from_the_cpu,
    no_strided_writes,
    no_forgotten_addend,
    no_wide_counting,
)


class MPSRules(TorchDispatchMode):
    """Runs what is inside as ever and notes in `findings` every rule it breaks, each once per operator and line."""

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__()
        self.limits = limits or Limits()
        self.findings: list[RuleViolation] = []
        self.operators: set[str] = set()
        self._known: dict[Any, list[str]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if operators.is_implicit(func) and not operators.has_own_kernel(operators.full_name(func)):
            return self._open(func, args, kwargs)
        result = func(*args, **kwargs)
        self.operators.add(operators.full_name(func))
        for finding in self._findings(Call(func, args, kwargs, result)):
            if finding not in self.findings:
                self.findings.append(finding)
        return result

    def _open(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Watches the parts of an operator that is only a name for them, except the one that must not be used."""
        call = Call(func, args, kwargs, ())
        if "scaled_dot_product" in call.name:
            for rule in (no_fused_attention, no_long_sums):
                if why := rule(call, self.limits):
                    finding = RuleViolation(rule.__name__, operators.full_name(func), why, _caller())
                    self.findings += [] if finding in self.findings else [finding]
            return func(*args, **kwargs)
        with self:
            return operators.run_composite(func, args, kwargs)

    def _findings(self, call: Call) -> Iterator[RuleViolation]:
        name = operators.full_name(call.func)
        if call.func not in self._known:
            # Once per operator: a composite's parts do not depend on what is in its arguments.
            # Fused attention is a CPU's own operator here and MPS's own there; its rule is `no_fused_attention`.
            fused = "scaled_dot_product" in call.name
            self._known[call.func] = [] if fused else list(operators.missing(call.func, call.args, call.kwargs))
        for lacking in self._known[call.func]:
            yield RuleViolation("operator_on_mps", name, f"needs {lacking}, which MPS does not have", _caller())
        for rule in RULES:
            if (why := rule(call, self.limits)) and _caller().split(":")[0] not in HOST:
                yield RuleViolation(rule.__name__, name, why, _caller())


def _caller() -> str:
    """Returns the innermost line of this project outside these rules, such as "models/layers.py:61"."""
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(PACKAGE) and not path.name.startswith("mps_"):
            return f"{path.relative_to(PACKAGE).as_posix()}:{frame.f_lineno}"
    return ""
