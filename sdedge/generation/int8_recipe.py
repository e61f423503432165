"""Making an int8 recipe: ranges and errors measured while a model draws, and what the pictures lose.

Pictures of a few prompts are drawn once, and of every layer's input the range and some values are kept: the values say how much
of the range to cut, by the squared error of all of them. A few more steps say how far off every layer's output is with weights
and input in int8, by which the worst are left out. Then pictures are compared, and as long as they are too far from the exact
ones, or show fewer of the facts that their prompts state, more layers are left out: which, and how many, is each model's own.
What was found is kept for the next copy of the same weights.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.torch.cpu.int8_unet import Int8Recipe, affine, check_device, quantise_weight
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NETWORKS
from sdedge.events import Loading, Step
from sdedge.generation import calibrations
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.models.unfilled import unfilled
from sdedge.request import Request
from sdedge.text.vocabulary import resolve
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.export import export_folder
from sdedge.weights.loading import load_into

PROMPTS = (
    "a red house at night with two trees",
    "a photograph of an astronaut riding a horse",
    "a blue boat on the sea at sunset",
    "portrait of an old man, oil on canvas",
)
CHECKED = ("a yellow balloon over the desert by day", "a city street in the rain, photograph")
"""Prompts that the ranges were not measured on."""
CUTS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
SAMPLE = 4096  # values of one layer's input that stand for all
WORST = (0.05, 0.025, 0.0125)
"""Relative errors of a layer's output above which it stays in the floating dtype: the next one where pictures are too far off."""
NEAR = 25.0
"""PSNR in dB that every picture in int8 has to the exact one; below it other things are seen in it."""
ERROR_STEPS = 4
"""Of the picture that errors are measured on; on every other of them, and of guidance on the half with the prompt."""
NEVER = ("conv_in", "conv_out", "time_embedding", "time_emb_proj", "attn2.to_k", "attn2.to_v")
"""Small layers, on which everything or nothing of a step depends."""

Layer = nn.Conv2d | nn.Linear
Look = Callable[[str, Layer, Tensor], None]
Obeys = Callable[[TorchEngine, int], float | None]
"""Returns the fraction of facts that an engine's pictures of some steps show; None where none can be read from them."""


@dataclass
class Seen:
    """What one layer read while pictures were drawn: its range, and of each call some values."""

    low: float = 0.0
    high: float = 0.0
    values: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Measured:
    """The range of the input of every layer that may run in int8, and the relative error that int8 makes in its output."""

    ranges: Mapping[str, tuple[float, float]]
    errors: Mapping[str, float]

    def recipe(self, worst: float) -> Int8Recipe:
        """Returns the recipe that leaves out layers with a larger error."""
        floating = {name: round(error, 4) for name, error in self.errors.items() if error > worst}
        return Int8Recipe({name: bounds for name, bounds in self.ranges.items() if name not in floating}, floating)


def quantize(
    model: Path, target: Path, steps: int = 8, obeys: Obeys | None = None
) -> Iterator[Loading | Int8Recipe]:  # fmt: skip
    """Writes a copy of a model with an int8 recipe to the folder `target`; yields phases, and last the recipe.

    `obeys` measures how many of its prompts' facts the model shows, so that the recipe is one that loses none of them.
    Raises ModelError, OutputError, and InvalidRequest on a device without int8.
    """
    check_device(torch.device("cpu"))  # before anything is copied
    yield Loading("copying")
    checkpoint = open_checkpoint(model)
    export_folder(checkpoint, target, None, resolve(checkpoint))
    engine = TorchEngine.load(target, "cpu", memory="fast")
    key = calibrations.key_of(checkpoint, engine.description, steps, obeys is not None)
    recipe = calibrations.find(key)
    if recipe is None:
        yield Loading("ranges")
        measured = measure_layers(engine, steps)
        yield Loading("pictures")
        recipe = near_enough(measured, target, steps, obeys)
        calibrations.keep(key, recipe)
    recipe.write(target)
    yield recipe


def measure(engine: TorchEngine, steps: int) -> Int8Recipe:
    """Returns the recipe by the layers' errors alone, without figures."""
    return measure_layers(engine, steps).recipe(WORST[0])


def measure_layers(engine: TorchEngine, steps: int) -> Measured:
    """Returns the range and the error of every layer that may run in int8."""
    ranges = cut(watch(engine, PROMPTS, steps))
    return Measured(ranges, measure_errors(engine, ranges))


def near_enough(measured: Measured, target: Path, steps: int, obeys: Obeys | None = None) -> Int8Recipe:
    """Returns the recipe with most layers in int8 whose pictures are near the exact ones and show no fewer facts, or else the
    last that was tried, with its figures; it is written to the folder of the model as well."""
    exact = compare(target, None, steps, obeys)
    for worst in WORST:
        recipe = measured.recipe(worst)
        recipe.write(target)
        ours = compare(target, "int8", steps, obeys)
        near = [round(psnr(a, b), 1) for a, b in zip(exact.pictures, ours.pictures, strict=True)]
        figures = {
            "psnr": near, "steps": steps, "seconds": [exact.seconds, ours.seconds], "against": exact.engine, "worst": worst,
            **({} if exact.facts is None else {"facts": [exact.facts, ours.facts]}),
        }  # fmt: skip
        recipe = replace(recipe, figures=figures)
        if min(near) >= NEAR and (ours.facts or 0.0) >= (exact.facts or 0.0):
            break
    return recipe


@dataclass(frozen=True)
class Compared:
    """What a model draws in one number format: pictures of CHECKED, how many seconds they took, what drew them, and the fraction
    of facts that other pictures show; None where none can be read."""

    pictures: Sequence[np.ndarray]
    seconds: float
    engine: str
    facts: float | None


def compare(model: Path, dtype: str | None, steps: int, obeys: Obeys | None) -> Compared:
    """Draws CHECKED in a number format, "int8" or None for the model's own, and looks for facts in other pictures."""
    engine = TorchEngine.load(model, "cpu", dtype)
    start = time.perf_counter()
    pictures = _draw(engine, CHECKED, steps)
    seconds, facts = round(time.perf_counter() - start, 2), obeys(engine, steps) if obeys else None
    return Compared(pictures, seconds, engine.description, None if facts is None else round(facts, 4))


def measure_ranges(engine: TorchEngine, prompts: Sequence[str], steps: int) -> dict[str, tuple[float, float]]:
    """Returns the smallest and largest input of every layer that may run in int8, while pictures of the prompts are drawn."""
    return {name: (seen.low, seen.high) for name, seen in watch(engine, prompts, steps).items()}


def watch(engine: TorchEngine, prompts: Sequence[str], steps: int) -> dict[str, Seen]:
    """Returns what every layer that may run in int8 reads, while pictures of the prompts are drawn."""
    seen: dict[str, Seen] = defaultdict(Seen)

    def look(name: str, layer: Layer, x: Tensor) -> None:
        low, high = (float(edge) for edge in torch.aminmax(x))
        known = seen[name]
        known.low, known.high = min(low, known.low), max(high, known.high)
        known.values.append(x.flatten()[:: max(1, x.numel() // SAMPLE)].float())

    _watch(engine, prompts, steps, look)
    return dict(seen)


def cut(seen: Mapping[str, Seen]) -> dict[str, tuple[float, float]]:
    """Returns the ranges without as much of their ends as the rest of the values gains by."""
    return {name: _cut_range(each) for name, each in seen.items()}


def _cut_range(seen: Seen) -> tuple[float, float]:
    squares = torch.zeros(len(CUTS))
    for values in seen.values:
        errors = [_rounded(values, seen.low * c, seen.high * c) - values for c in CUTS]
        squares += torch.stack([error.square().mean() for error in errors])
    best = CUTS[int(squares.argmin())]
    return seen.low * best, seen.high * best


def measure_errors(engine: TorchEngine, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Returns the largest relative error of every layer's output when its weights and its input are int8."""
    errors: dict[str, float] = defaultdict(float)
    calls: dict[str, int] = defaultdict(int)

    def look(name: str, layer: Layer, x: Tensor) -> None:
        calls[name] += 1
        if calls[name] % 2 == 0:
            return
        stored, scale = quantise_weight(layer.weight)
        weight = stored.float() * scale.view(-1, *[1] * (stored.ndim - 1))
        x = x[len(x) // 2 :].float()
        exact = _apply(layer, x, layer.weight.float())
        difference = _apply(layer, _rounded(x, *ranges[name]), weight) - exact
        errors[name] = max(errors[name], float(difference.norm() / exact.norm()))

    _watch(engine, PROMPTS[:1], ERROR_STEPS, look)
    return dict(errors)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio of two uint8 pictures in dB; infinite for equal ones."""
    error = float(np.square(a.astype(np.float64) - b.astype(np.float64)).mean())
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def _draw(engine: TorchEngine, prompts: Sequence[str], steps: int) -> list[np.ndarray]:
    """Draws pictures of the prompts."""
    events = (
        event for prompt in prompts for event in Pipeline(lambda model, vae: engine).images(_request(prompt, steps))
    )
    return [event.pixels for event in events if isinstance(event, Picture)]


def _watch(engine: TorchEngine, prompts: Sequence[str], steps: int, look: Look) -> None:
    """Shows `look` what every layer of the plain UNet reads while pictures of the prompts are denoised; none is decoded."""
    pipeline = Pipeline(lambda model, vae: engine)
    with _looking(engine, look):
        for prompt in prompts:
            events = pipeline.images(_request(prompt, steps))
            while not _is_last(next(events)):
                pass
            events.close()  # type: ignore[attr-defined]  # a generator's, which stops before the picture is decoded


def _is_last(event: object) -> bool:
    return isinstance(event, Step) and event.index == event.total


def _request(prompt: str, steps: int) -> Request:
    return Request(prompt, steps=steps, seed=1, safety=False)


@contextmanager
def _looking(engine: TorchEngine, look: Look) -> Iterator[None]:
    checkpoint = engine.checkpoint
    with unfilled():
        unet = NETWORKS["unet"](checkpoint.configs["unet"])
    load_into(unet, checkpoint.unet, engine.dtype)
    for name, layer in unet.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and not any(part in name for part in NEVER):
            layer.register_forward_pre_hook(lambda layer, inputs, name=name: look(name, layer, inputs[0]))
    engine.put("unet", unet.eval())
    try:
        yield
    finally:
        engine.release("unet")


def _apply(layer: Layer, x: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(x, weight, None, layer.stride, layer.padding)
    return F.linear(x, weight)


def _rounded(x: Tensor, low: float, high: float) -> Tensor:
    """Returns x as int8 would hold it."""
    scale, zero = affine(low, high)
    return ((x / scale).round_().add_(zero).clamp_(0, 255) - zero) * scale
