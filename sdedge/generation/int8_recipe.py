"""Making an int8 recipe: ranges and errors measured while a model draws, and what the pictures lose.

Three passes over the same prompts: the range of every layer's input; how much of that range to cut, by the squared error of
its values; and the error of every layer's output with weights and input in int8, by which the worst are left out.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sdedge.engines.torch.cpu.int8_unet import Int8Recipe, affine, quantise_weight
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NETWORKS
from sdedge.events import Loading
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
CHECKED = ("a yellow balloon over the desert in the day", "a city street in the rain, photograph")
"""Prompts that the ranges were not measured on."""
CUTS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
SAMPLE = 4096  # values of one layer's input that stand for all
WORST = 0.05
"""Relative error of a layer's output above which it stays in the floating dtype."""
NEVER = ("conv_in", "conv_out", "time_embedding", "time_emb_proj", "attn2.to_k", "attn2.to_v")
"""Small layers, on which everything or nothing of a step depends."""

Layer = nn.Conv2d | nn.Linear
Look = Callable[[str, Layer, Tensor], None]


def quantize(model: Path, target: Path, steps: int = 8) -> Iterator[Loading | Int8Recipe]:
    """Writes a copy of a model with an int8 recipe to the folder `target`; yields phases, and last the recipe.

    Raises ModelError, OutputError, and InvalidRequest on a device without int8.
    """
    yield Loading("copying")
    checkpoint = open_checkpoint(model)
    export_folder(checkpoint, target, None, resolve(checkpoint))
    engine = TorchEngine.load(target, "cpu", memory="fast")
    yield Loading("ranges")
    recipe = measure(engine, steps)
    recipe.write(target)
    yield Loading("pictures")
    recipe = replace(recipe, figures=compare(target, steps))
    recipe.write(target)
    yield recipe


def measure(engine: TorchEngine, steps: int) -> Int8Recipe:
    """Returns the recipe without its figures."""
    ranges = cut(engine, steps, measure_ranges(engine, PROMPTS, steps))
    refused = {name: round(error, 4) for name, error in measure_errors(engine, ranges).items() if error > WORST}
    return Int8Recipe({name: bounds for name, bounds in ranges.items() if name not in refused}, refused)


def measure_ranges(engine: TorchEngine, prompts: Sequence[str], steps: int) -> dict[str, tuple[float, float]]:
    """Returns the smallest and largest input of every layer that may run in int8, while pictures of the prompts are drawn."""
    ranges: dict[str, tuple[float, float]] = {}

    def look(name: str, layer: Layer, x: Tensor) -> None:
        low, high = (float(edge) for edge in torch.aminmax(x))
        known = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(low, known[0]), max(high, known[1])

    _draw(engine, prompts, steps, look)
    return ranges


def cut(engine: TorchEngine, steps: int, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Returns the ranges without as much of their ends as the rest of the values gains by."""
    squares: dict[str, Tensor] = defaultdict(lambda: torch.zeros(len(CUTS)))

    def look(name: str, layer: Layer, x: Tensor) -> None:
        values = x.flatten()[:: max(1, x.numel() // SAMPLE)].float()
        low, high = ranges[name]
        squares[name] += torch.stack([(_rounded(values, low * c, high * c) - values).square().mean() for c in CUTS])

    _draw(engine, PROMPTS, steps, look)
    best = {name: CUTS[int(error.argmin())] for name, error in squares.items()}
    return {name: (low * best[name], high * best[name]) for name, (low, high) in ranges.items()}


def measure_errors(engine: TorchEngine, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Returns the largest relative error of every layer's output when its weights and its input are int8."""
    errors: dict[str, float] = defaultdict(float)

    def look(name: str, layer: Layer, x: Tensor) -> None:
        stored, scale = quantise_weight(layer.weight)
        weight = stored.float() * scale.view(-1, *[1] * (stored.ndim - 1))
        exact = _apply(layer, x.float(), layer.weight.float())
        difference = _apply(layer, _rounded(x.float(), *ranges[name]), weight) - exact
        errors[name] = max(errors[name], float(difference.norm() / exact.norm()))

    _draw(engine, PROMPTS[:1], 4, look)
    return dict(errors)


def compare(model: Path, steps: int) -> dict[str, Any]:
    """Returns the PSNR in dB of pictures in int8 to those in the machine's own dtype, and seconds of both."""
    pictures, seconds = [], []
    for dtype in (None, "int8"):
        engine = TorchEngine.load(model, "cpu", dtype)
        start = time.perf_counter()
        pictures.append(_draw(engine, CHECKED, steps))
        seconds.append(round(time.perf_counter() - start, 2))
    figures = [psnr(a, b) for a, b in zip(*pictures, strict=True)]
    return {
        "psnr": [round(figure, 1) for figure in figures], "steps": steps, "seconds": seconds,
        "against": TorchEngine.load(model, "cpu").description,
    }  # fmt: skip


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the peak signal-to-noise ratio of two uint8 pictures in dB; infinite for equal ones."""
    error = float(np.square(a.astype(np.float64) - b.astype(np.float64)).mean())
    return 10 * float(np.log10(255**2 / error)) if error else float("inf")


def _draw(engine: TorchEngine, prompts: Sequence[str], steps: int, look: Look | None = None) -> list[np.ndarray]:
    """Draws pictures of the prompts; `look` is shown what every layer of the plain UNet reads."""
    pipeline = Pipeline(lambda model, vae: engine)
    drawn = []
    with _looking(engine, look):
        for prompt in prompts:
            request = Request(prompt, steps=steps, seed=1, safety=False)
            drawn += [event.pixels for event in pipeline.images(request) if isinstance(event, Picture)]
    return drawn


@contextmanager
def _looking(engine: TorchEngine, look: Look | None) -> Iterator[None]:
    if look is None:
        yield
        return
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
