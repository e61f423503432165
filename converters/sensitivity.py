"""Mixed-bit recipes: how much each kernel of the UNet suffers from fewer bits, and the smallest choice that keeps a PSNR.

Each kernel alone is given a palette of 16, and the output is compared on states from real trajectories. Output error grows in
proportion to the kernel's own error, so one measurement serves all widths; kernels' errors add up. That chooses; the
choice is then measured whole, and tightened until it holds.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from converters.compress import SMALLEST, as_kernel, cluster
from converters.psnr import psnr
from sdedge.backends.torch import TorchEngine
from sdedge.events import Progress
from sdedge.files import atomic_write
from sdedge.pipeline import Pipeline
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
        """Predicted mean squared error of the output."""
        return self.gain * self.errors[bits]


class _Recorder:
    """An engine that keeps what its UNet is asked."""

    def __init__(self, engine: TorchEngine) -> None:
        self._engine = engine
        self.calls: list[State] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def predict(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        self.calls.append((x[-1:], t[-1:], context[-1:]))  # the last row is the prompt's
        return self._engine.predict(x, t, context)


def trajectories(engine: TorchEngine) -> list[State]:
    """States the UNet meets while it draws: latents (1, C, h, w), timestep (1,), context (1, 77, D)."""
    states = []
    side = min(SIDE, engine.facts.width)
    for prompt, step in PROMPTS.items():
        recorder = _Recorder(engine)
        request = Request(prompt=prompt, width=side, height=side, steps=STEPS, seed=0, sampler="ddim", safety=False)
        for _ in Pipeline(lambda model, vae, made=recorder: made).images(request):  # type: ignore[misc, return-value]
            pass
        states.append(recorder.calls[step])
    return states


def kernels(unet: nn.Module) -> dict[str, Tensor]:
    """What compression would touch, by name."""
    layers = {f"{name}.weight": m.weight for name, m in unet.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    return {name: weight for name, weight in layers.items() if weight.numel() >= SMALLEST}


def analyse(engine: TorchEngine, journal: Path, identity: str) -> Generator[Progress, None, dict[str, Kernel]]:
    """The kernels by name, telling progress. What the journal holds of the same identity is not measured again."""
    known = _read(journal, identity)
    unet = engine.network("unet")
    todo = [name for name in kernels(unet) if name not in known]
    states = trajectories(engine) if todo else []
    references = [engine.predict(*state) for state in states]
    for i, name in enumerate(todo):
        yield Progress("Unet: measuring how much each layer needs", i, len(todo))
        known[name] = _measure(engine, name, states, references)
        with atomic_write(journal) as file:
            record = {name: [k.size, dict(k.errors), k.gain] for name, k in known.items()}
            file.write(json.dumps({"identity": identity, "kernels": record}).encode())
    return known


def _read(journal: Path, identity: str) -> dict[str, Kernel]:
    try:
        record = json.loads(journal.read_text("utf-8"))
        if record["identity"] != identity:
            return {}
        return {
            name: Kernel(size, {int(bits): error for bits, error in errors.items()}, gain)
            for name, (size, errors, gain) in record["kernels"].items()
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _measure(engine: TorchEngine, name: str, states: list[State], references: list[Tensor]) -> Kernel:
    weight = kernels(engine.network("unet"))[name].detach()
    dense = {bits: _rounded(weight, bits) for bits in WIDTHS[:-1]}
    errors = {bits: float((near - weight).square().mean()) for bits, near in dense.items()}
    with _replaced(engine.network("unet"), {name: dense[PROBE]}):
        output = [float((engine.predict(*s) - r).square().mean()) for s, r in zip(states, references, strict=True)]
    gain = float(np.mean(output)) / max(errors[PROBE], 1e-30)
    return Kernel(weight.numel(), {**errors, 16: 0.0}, gain)


def _rounded(weight: Tensor, bits: int) -> Tensor:
    indices, lut = cluster(as_kernel(weight.numpy()), bits)
    return torch.from_numpy(lut[indices].astype(np.float32)).reshape(weight.shape)


class _replaced:  # noqa: N801
    """A context in which some parameters of a network have other values."""

    def __init__(self, network: nn.Module, values: Mapping[str, Tensor]) -> None:
        self.network, self.values = network, values
        self.before: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        for name, value in self.values.items():
            owner, _, leaf = name.rpartition(".")
            module = self.network.get_submodule(owner)
            self.before[name] = getattr(module, leaf)
            setattr(module, leaf, nn.Parameter(value, requires_grad=False))

    def __exit__(self, *raised: object) -> None:
        for name, parameter in self.before.items():
            owner, _, leaf = name.rpartition(".")
            setattr(self.network.get_submodule(owner), leaf, parameter)


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


def fit(engine: TorchEngine, known: Mapping[str, Kernel], decibels: float) -> tuple[dict[str, int], float]:
    """Bits by name that keep the UNet's output at `decibels` or better on real trajectories, and what was measured."""
    states = trajectories(engine)
    references = [engine.predict(*state) for state in states]
    peak = float(np.mean([float(r.abs().max()) ** 2 for r in references]))
    budget = peak * 10 ** (-decibels / 10)
    weights = kernels(engine.network("unet"))
    for _ in range(ATTEMPTS):
        bits = choose(known, budget)
        dense = {name: _rounded(weights[name].detach(), width) for name, width in bits.items() if width < 16}
        with _replaced(engine.network("unet"), dense):
            got = [engine.predict(*state) for state in states]
        measured = min(psnr(r, g) for r, g in zip(references, got, strict=True))
        if measured >= decibels:
            break
        budget *= 10 ** (-(decibels - measured + 0.2) / 10)
    return bits, measured
