"""Mixed-bit recipes: how much each kernel of the UNet suffers from fewer bits, and the smallest choice that keeps a PSNR.

Each kernel alone is given a palette of 16, and the output is compared on states from real trajectories. Output error grows in
proportion to the kernel's own error, so one measurement serves all widths; kernels' errors add up. That chooses; the
choice is then measured whole, and tightened until it holds.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converters.compress import SMALLEST
from converters.psnr import psnr
from converters.synthetic_picture import with_picture
from sdedge.engines.coreml.compressed import as_kernel, cluster
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.events import Progress
from sdedge.files import atomic_write
from sdedge.generation.pipeline import Pipeline
from sdedge.json_values import read_json_file
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request

WIDTHS = (2, 4, 6, 8, 16)
PROBE = 4
SIDE = 256
STEPS = 8
"""Length of a trajectory."""
PROMPTS = {"a red house on a green hill under a blue sky": 0, "a portrait of an old fisherman": 4, "a bowl of fruit": 7}
"""What is drawn, and which of its steps is compared on."""
ATTEMPTS = 10

State = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Kernel:
    """One kernel: numbers in it, its mean squared error at each width, and the output's for one unit of that."""

    size: int
    errors: Mapping[int, float]
    gain: float

    def harm(self, bits: int) -> float:
        """Returns the predicted mean squared error of the output."""
        return self.gain * self.errors[bits]


class _Recorder:
    """An engine that keeps what its UNet is asked, of each step the prompt's row."""

    def __init__(self, engine: TorchEngine) -> None:
        self._engine = engine
        self.calls: list[State] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def predict(self, inputs: UNetInputs) -> Tensor:
        call = inputs.sample[-1:], inputs.t[-1:], inputs.context[-1:]  # the last row is the prompt's
        if self.calls and torch.equal(self.calls[-1][1], call[1]):  # a step in several calls ends with it
            self.calls.pop()
        self.calls.append(call)
        return self._engine.predict(inputs)


def trajectories(engine: TorchEngine) -> list[State]:
    """States the UNet meets while it draws: latents (1, C, h, w), timestep (1,), context (1, 77, D)."""
    states = []
    side = min(SIDE, engine.facts.width)
    for prompt, step in PROMPTS.items():
        recorder = _Recorder(engine)
        request = Request(prompt=prompt, width=side, height=side, steps=STEPS, seed=0, sampler="ddim", safety=False)
        with with_picture(request, engine.facts) as request:
            for _ in Pipeline(lambda model, vae, made=recorder: made).images(request):  # type: ignore[misc]
                pass
        states.append(recorder.calls[step])
    return states


class _Tail(nn.Module):
    """A UNet from one of its layers on."""

    def __init__(self, unet: UNet) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, first: int, x: Tensor, time: Tensor, context: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Returns the output (B, out, h, w), given what layer `first` reads."""
        return self.unet.output(self.unet.run(self.unet.layers[first:], x, time, context, list(skips)))


class Bench:
    """A float32 UNet as its checkpoint has it, states to run it on, and what it makes of them unharmed.

    All states are one call: at this size it is reading the weights that takes long. What each layer reads is kept, as a changed
    weight changes nothing before its own layer.
    """

    @torch.inference_mode()
    def __init__(self, unet: UNet, states: Sequence[State]) -> None:
        self.unet, self._tail = unet, _Tail(unet)
        x, self._t, self._context = (torch.cat(parts) for parts in zip(*states, strict=True))
        self._time, skips = unet.embed(self._t, x.dtype), list[Tensor]()
        self._read: list[tuple[Tensor, tuple[Tensor, ...]]] = []
        for layer in unet.layers:
            self._read.append((x, tuple(skips)))
            x = unet.run([layer], x, self._time, self._context, skips)
        self._read.append((x, tuple(skips)))
        self.references = list(unet.output(x).split(1))

    @torch.inference_mode()
    def outputs(self, weights: Mapping[str, Tensor]) -> list[Tensor]:
        """Returns the outputs with some weights replaced."""
        named: dict[str, Tensor] = {name: nn.Parameter(value, requires_grad=False) for name, value in weights.items()}
        first = min((self._layer_of(name) for name in weights), default=len(self.unet.layers))
        if first < 0:
            made = torch.func.functional_call(self.unet, named, (self._read[0][0], self._t, self._context))
        else:
            (x, skips), changed = self._read[first], {f"unet.{name}": value for name, value in named.items()}
            made = torch.func.functional_call(self._tail, changed, (first, x, self._time, self._context, skips))
        return list(made.split(1))

    def _layer_of(self, name: str) -> int:
        """Returns the number of the layer that has a weight: -1 for the time embedding's, which all layers read, and how many
        layers there are for the output's."""
        if name.startswith("time_embedding."):
            return -1
        layers = (
            i for i, bound in enumerate(self.unet.layers) if name.startswith(tuple(f"{p}." for p in bound.layer.paths))
        )
        return next(layers, len(self.unet.layers))


def kernels(unet: nn.Module) -> dict[str, Tensor]:
    """Returns what compression would touch, by name."""
    layers = {f"{name}.weight": m.weight for name, m in unet.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    return {name: weight for name, weight in layers.items() if weight.numel() >= SMALLEST}


def analyse(bench: Bench, journal: Path, identity: str) -> Generator[Progress, None, dict[str, Kernel]]:
    """Yields the kernels by name, telling progress. What the journal holds of the same identity is not measured again."""
    known = _read(journal, identity)
    todo = [name for name in kernels(bench.unet) if name not in known]
    for i, name in enumerate(todo):
        yield Progress("Unet: measuring how much each layer needs", i, len(todo))
        known[name] = measure_kernel(bench, name)
        with atomic_write(journal) as file:
            record = {name: [k.size, dict(k.errors), k.gain] for name, k in known.items()}
            file.write(json.dumps({"identity": identity, "kernels": record}).encode())
    return known


def _read(journal: Path, identity: str) -> dict[str, Kernel]:
    try:
        record = read_json_file(journal)
        if record["identity"] != identity:
            return {}
        return {
            name: Kernel(size, {int(bits): error for bits, error in errors.items()}, gain)
            for name, (size, errors, gain) in record["kernels"].items()
        }
    except (ModelError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def measure_kernel(bench: Bench, name: str) -> Kernel:
    """Returns what each width does to one kernel, and what the probed one does to the UNet's outputs."""
    weight = kernels(bench.unet)[name].detach()
    dense = {bits: _rounded(weight, bits) for bits in WIDTHS[:-1]}
    errors = {bits: float((near - weight).square().mean()) for bits, near in dense.items()}
    made = zip(bench.outputs({name: dense[PROBE]}), bench.references, strict=True)
    harm = float(np.mean([float((output - reference).square().mean()) for output, reference in made]))
    return Kernel(weight.numel(), {**errors, 16: 0.0}, harm / max(errors[PROBE], 1e-30))


def _rounded(weight: Tensor, bits: int) -> Tensor:
    indices, lut = cluster(as_kernel(weight.numpy()), bits)
    return torch.from_numpy(lut[indices].astype(np.float32)).reshape(weight.shape)


# Choosing


def choose(known: Mapping[str, Kernel], budget: float) -> dict[str, int]:
    """Bits by name: the fewest in all whose predicted errors add up to at most `budget`.

    Each kernel minimises size + harm / price; the price that meets the budget is found by bisection.
    """
    low, high = -60.0, 60.0
    for _ in range(80):
        middle = (low + high) / 2
        if _harm(known, _at_price(known, 10**middle)) <= budget:
            low = middle
        else:
            high = middle
    return _at_price(known, 10**low)


def _at_price(known: Mapping[str, Kernel], price: float) -> dict[str, int]:
    return {
        name: min(WIDTHS, key=lambda bits: (kernel.size * bits + kernel.harm(bits) / price, bits))
        for name, kernel in known.items()
    }


def _harm(known: Mapping[str, Kernel], bits: Mapping[str, int]) -> float:
    return sum(known[name].harm(width) for name, width in bits.items())


def fit(bench: Bench, known: Mapping[str, Kernel], decibels: float) -> tuple[dict[str, int], float]:
    """Bits by name that keep the UNet's output at `decibels` or better on real trajectories, and what was measured."""
    peak = float(np.mean([float(r.abs().max()) ** 2 for r in bench.references]))
    budget = peak * 10 ** (-decibels / 10)
    weights = kernels(bench.unet)
    for _ in range(ATTEMPTS):
        bits = choose(known, budget)
        made = bench.outputs({name: _rounded(weights[name].detach(), n) for name, n in bits.items() if n < 16})
        measured = min(psnr(r, output) for r, output in zip(bench.references, made, strict=True))
        if measured >= decibels:
            break
        budget *= 10 ** (-(decibels - measured + 0.2) / 10)
    return bits, measured
