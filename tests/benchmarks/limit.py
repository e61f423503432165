"""The limit of this machine's libraries: every distinct operator of a step timed alone in its best form, and summed.

    python -m tests.benchmarks limit
    python -m tests.benchmarks.limit --dtypes bfloat16 int8 --folder DIR --write limit.json
    python -m tests.benchmarks.limit --against limit.json
    python -m tests.benchmarks.limit --model DIR --side 64 --dtypes float32 --anyway        (narrow, to try the command)

One guided step (batch 2) of the UNet as the engine runs it is watched: which convolutions, products, attentions and norms, of
which shapes, how often. Each distinct one is then timed alone, as the engine has it and in every other form that torch or our
kernels offer; the fastest of all rounds counts. Their sum is the limit, and a step is quoted as a multiple of it. What a kind of
operator takes within the step beyond that is its loss; what none of them takes is the rest: sums of residuals, joins, copies,
upsampling, Python. `--against` quotes a limit that was written down before, so that tuning cannot move it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Component
from sdedge.engines.torch.cpu import fused_unet, int8_unet, kernels
from sdedge.engines.torch.cpu.followed_steps import SETTING
from sdedge.machine.findings import this_machine
from sdedge.models.attention import chunked_attention, sdpa
from sdedge.models.layers import Attention
from sdedge.models.unet_inputs import UNetInputs
from tests.benchmarks.support.processes import add_clock, check_quiet, seconds
from tests.benchmarks.support.random_models import make_model

Run = Callable[[], object]
LAYERS = {
    "convolution": (fused_unet.PackedConv2d, fused_unet.WinogradConv2d, int8_unet.QuantizedConv2d, nn.Conv2d),
    "product": (fused_unet.PackedLinear, int8_unet.QuantizedLinear, nn.Linear),
    "norm": (nn.LayerNorm, nn.GroupNorm),
}
METHODS = ("forward", "gelu", "times", "prepare")
KINDS = ("convolution", "product", "attention", "norm", "rounding")
STEPS = 6


@dataclass
class Operator:
    """One distinct operator: what runs it again on inputs of its own, how often a step does, and what it took there."""

    kind: str
    form: tuple[Any, ...]
    forms: Callable[[], Iterator[Run]]
    count: int = 0
    seconds: float = 0.0
    alone: float = float("inf")


@dataclass
class Watch:
    """The operators of a step by kind and shapes. Those within another one are its own."""

    operators: dict[tuple[Any, ...], Operator] = field(default_factory=dict)
    is_inside: bool = False

    def around(
        self, kind: str, function: Callable[..., Any], forms: Callable[..., Iterator[Run]]
    ) -> Callable[..., Any]:
        """Returns the function, watched; `forms(*arguments)` yields what makes the same result, on fresh inputs."""

        def watched(*arguments: Any, **named: Any) -> Any:
            if self.is_inside:
                return function(*arguments, **named)
            form = (
                kind,
                function.__qualname__,
                *map(_form, arguments),
                *((key, _form(named[key])) for key in sorted(named)),
            )
            operator = self.operators.get(form)
            if operator is None:
                operator = Operator(kind, form, _later(forms, arguments, named))
                self.operators[form] = operator
            self.is_inside, start = True, seconds()
            try:
                return function(*arguments, **named)
            finally:
                operator.seconds += seconds() - start
                operator.count, self.is_inside = operator.count + 1, False

        return watched


def _form(argument: Any) -> Any:
    """What of an argument counts for how long a call takes."""
    if isinstance(argument, Tensor):
        return tuple(argument.shape), tuple(argument.stride()), argument.dtype
    if isinstance(argument, nn.Module):
        weight = getattr(argument, "weight", None)
        shapes = tuple(weight.shape) if isinstance(weight, Tensor) else ()
        return type(argument).__name__, shapes, str(getattr(argument, "stride", "")), getattr(argument, "reads", None)
    return argument if isinstance(argument, int | float | str | tuple | None) else type(argument).__name__


def _fresh(argument: Any) -> Any:
    """A tensor like an argument, in its layout; what is no tensor, as it is."""
    if not isinstance(argument, Spec):
        return argument
    made = torch.empty_strided(argument.shape, argument.stride, dtype=argument.dtype)
    return made.random_(0, 255) if argument.dtype == torch.uint8 else made.normal_()


@dataclass(frozen=True)
class Spec:
    """What is kept of a tensor: nothing of a step is held."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype


def _spec(argument: Any) -> Any:
    if isinstance(argument, Tensor):
        return Spec(tuple(argument.shape), tuple(argument.stride()), argument.dtype)
    return argument


def _later(forms: Callable[..., Iterator[Run]], arguments: Any, named: Any) -> Callable[[], Iterator[Run]]:
    specs, by_name = [_spec(each) for each in arguments], {key: _spec(each) for key, each in named.items()}
    return lambda: forms(*(_fresh(each) for each in specs), **{key: _fresh(each) for key, each in by_name.items()})


# The forms that there are of an operator


def _layer_forms(method: Callable[..., Any]) -> Callable[..., Iterator[Run]]:
    def forms(layer: Any, x: Tensor, *more: Any, **named: Any) -> Iterator[Run]:
        yield lambda: method(layer, x, *more, **named)
        others = (*more, *named.values())  # a sum, say, which the forms below lack
        if (
            method.__name__ != "forward"
            or not x.is_floating_point()
            or any(isinstance(each, Tensor) for each in others)
        ):
            return
        if isinstance(layer, nn.Conv2d):
            yield from _convolutions(layer, x)
        elif isinstance(layer, nn.Linear):
            weight = torch.randn(layer.out_features, layer.in_features).to(x.dtype)
            yield lambda: F.linear(x, weight)

    return forms


def _convolutions(layer: nn.Conv2d, x: Tensor) -> Iterator[Run]:
    """A convolution by torch in both layouts; one of one pixel as a product."""
    shape = layer.out_channels, layer.in_channels, *layer.kernel_size
    for order in (torch.channels_last, torch.contiguous_format):
        weight = torch.randn(shape).to(x.dtype).contiguous(memory_format=order)
        laid = x.contiguous(memory_format=order)
        yield lambda weight=weight, laid=laid: F.conv2d(laid, weight, None, layer.stride, layer.padding)  # type: ignore[misc]
    if layer.kernel_size == (1, 1):
        tokens, flat = x.permute(0, 2, 3, 1).contiguous(), torch.randn(shape[:2]).to(x.dtype)
        yield lambda: F.linear(tokens, flat)


def _attentions(own: Callable[..., Any]) -> Callable[..., Iterator[Run]]:
    def forms(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Iterator[Run]:
        yield lambda: own(q, k, v, heads)
        yield lambda: sdpa(q, k, v, heads)
        yield lambda: chunked_attention(1 << 25)(q, k, v, heads)
        if kernels.attends(q.dtype) and q.shape[-1] // heads <= kernels.WIDEST:
            yield lambda: kernels.run_attention(q, k, v, heads)

    return forms


def _itself(function: Callable[..., Any]) -> Callable[..., Iterator[Run]]:
    def forms(*arguments: Any, **named: Any) -> Iterator[Run]:
        yield lambda: function(*arguments, **named)

    return forms


@contextmanager
def watching(unet: nn.Module, watch: Watch) -> Iterator[None]:
    """Within: every operator of a UNet's call is watched."""
    with ExitStack() as patches:
        for kind, classes in LAYERS.items():
            for layer in classes:
                for name in METHODS:
                    if method := vars(layer).get(name):
                        around = watch.around(kind, method, _layer_forms(method))
                        patches.enter_context(patch.object(layer, name, _as_method(around)))
        for place, name, kind in ((fused_unet, "normalised", "norm"), (kernels, "round_uint8", "rounding")):
            function = getattr(place, name)
            patches.enter_context(patch.object(place, name, watch.around(kind, function, _itself(function))))
        for module in unet.modules():
            if isinstance(module, Attention):
                around = watch.around("attention", module.attend, _attentions(module.attend))
                patches.enter_context(patch.object(module, "attend", around))
        yield


def _as_method(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return function(self, *arguments, **named)

    return method


# Timing


def _timed(run: Run) -> float:
    start = seconds()
    run()
    return seconds() - start


def time_alone(operators: Sequence[Operator], rounds: int, runs: int) -> None:
    """Times every form of every operator, all of them once in each round."""
    for _ in range(rounds):
        for operator in operators:
            for run in operator.forms():
                run()
                operator.alone = min(operator.alone, *(_timed(run) for _ in range(runs)))


@torch.inference_mode()
def measure(model: Path, dtype: str, side: int, rounds: int, runs: int) -> dict[str, Any]:
    """Steps, the operators within one, and each of them alone: seconds by kind of operator."""
    os.environ[SETTING] = "0"
    engine: Any = load_engine("cpu", dtype, memory="fast")(str(model), None)
    engine.choose_memory(side * engine.facts.downscale, side * engine.facts.downscale, 1)
    base, _ = engine.unet_source()
    generator = torch.Generator().manual_seed(0)
    inputs = UNetInputs(
        torch.randn(2, base.in_channels, side, side, generator=generator), torch.full((1,), 500.0),
        torch.randn(2, 77, base.cross_attention_dim, generator=generator),
    )  # fmt: skip
    engine.predict(inputs)
    steps = [_timed(lambda: engine.predict(inputs)) for _ in range(STEPS)]
    watch = Watch()
    with watching(engine.network(Component.UNET), watch):
        engine.predict(inputs)
        for operator in watch.operators.values():
            operator.count, operator.seconds = 0, 0.0
        watched = _timed(lambda: engine.predict(inputs))
    operators = [operator for operator in watch.operators.values() if operator.count]
    time_alone(operators, rounds, runs)
    steps += [_timed(lambda: engine.predict(inputs)) for _ in range(STEPS)]
    return _figures(operators, steps, watched)


def _figures(operators: Sequence[Operator], steps: Sequence[float], watched: float) -> dict[str, Any]:
    calls, distinct = Counter[str](), Counter[str]()
    within, alone = Counter[str](), Counter[str]()
    for operator in operators:
        distinct[operator.kind] += 1
        calls[operator.kind] += operator.count
        within[operator.kind] += operator.seconds  # type: ignore[assignment]
        alone[operator.kind] += operator.count * operator.alone  # type: ignore[assignment]
    return {
        "step": statistics.median(steps), "least": min(steps), "most": max(steps), "watched": watched,
        "limit": sum(alone.values()), "calls": calls, "distinct": distinct, "within": within, "alone": alone,
    }  # fmt: skip


def show(dtype: str, figures: dict[str, Any], frozen: float | None) -> None:
    """Prints the table of one format."""
    print(f"\n| {dtype} | calls | distinct | alone, s | within a step, s | lost, s |\n|---|---|---|---|---|---|")
    for kind in KINDS:
        if count := figures["calls"].get(kind, 0):
            within, alone = figures["within"][kind], figures["alone"][kind]
            print(
                f"| {kind} | {count} | {figures['distinct'][kind]} | {alone:.4f} | {within:.4f} | {within - alone:.4f} |"
            )
    rest = figures["watched"] - sum(figures["within"].values())
    print(f"| the rest | | | | {rest:.4f} | {rest:.4f} |")
    step, limit = figures["step"], figures["limit"]
    print(
        f"\n{dtype}: a step takes {step:.3f} s (least {figures['least']:.3f}, most {figures['most']:.3f}), "
        f"{step / limit:.2f} times the limit of {limit:.3f} s"
        + (f", {step / frozen:.2f} times that of {frozen:.3f} s written down before" if frozen else "")
        + "."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16", "int8"])
    parser.add_argument("--model", type=Path, help="one of your own; by default a random one of full size is made")
    parser.add_argument("--folder", type=Path, help="where that is made and kept; a temporary folder by default")
    parser.add_argument("--side", type=int, default=64, help="of the latents; 64 is a picture of 512x512")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=5, help="of each form in a round")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the limits down")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="quote limits that were written down, of this machine"
    )
    add_clock(parser)
    check_quiet(parser)
    options = parser.parse_args()
    frozen = json.loads(options.against.read_text()) if options.against else {"limits": {}}
    if options.against and frozen["machine"] != this_machine():
        raise SystemExit(f"{options.against} is of another machine: {frozen['machine']}.")
    limits = {}
    with tempfile.TemporaryDirectory() as temporary:
        model = options.model or make_model(options.folder or Path(temporary))
        for dtype in options.dtypes:
            figures = measure(model, dtype, options.side, options.rounds, options.runs)
            limits[dtype] = figures["limit"]
            show(dtype, figures, frozen["limits"].get(dtype))
    if options.write:
        options.write.write_text(json.dumps({"machine": this_machine(), "limits": limits}, indent=1))


if __name__ == "__main__":
    main()
