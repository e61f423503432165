"""How well a model obeys: facts read back from pixels, over held-out prompts and several seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sdedge.engines.protocol import Engine
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.save import Picture
from sdedge.images.convert import from_pixels, to_pixels
from sdedge.request import Request
from sdedge.training.checker import score
from sdedge.training.render import render
from sdedge.training.scenes import FACTS, Scene, held_out_prompts
from sdedge.training.tally import Tally

BATCH = 8
DrawScene = Callable[[np.random.Generator], Scene]


@dataclass(frozen=True)
class Drawn:
    """One evaluated picture."""

    prompt: str
    seed: int
    pixels: np.ndarray
    answers: dict[str, bool]
    unseen_pair: bool


def obedience(
    pipeline: Pipeline, request: Request, prompts: int = 200, seeds: Sequence[int] = (1, 2, 3), held_out_seed: int = 0
) -> Iterator[Drawn]:
    """Draw every held-out prompt with every seed by `request`'s settings, and read the facts back."""
    for prompt, facts, unseen_pair in held_out_prompts(prompts, held_out_seed):
        first = request.replace(prompt=prompt, seed=seeds[0])
        # Consecutive seeds are one batch: the same pictures to rounding, in less time.
        for event in pipeline.images(first, count=len(seeds), batch=len(seeds)):
            if isinstance(event, Picture):
                yield Drawn(prompt, event.request.seed or 0, event.pixels, score(event.pixels, facts), unseen_pair)


def ceiling(engine: Engine, draw: DrawScene, pictures: int = 304, seed: int = 5) -> Tally:
    """The checker on the VAE's reconstructions of true renders of the scenes that `draw` gives."""
    rng = np.random.default_rng(seed)
    tally = Tally()
    for _ in range(0, pictures, BATCH):
        scenes = [draw(rng) for _ in range(BATCH)]
        images = from_pixels(np.stack([render(scene, engine.facts.width) for scene in scenes]))
        h, w = (side // engine.facts.downscale for side in images.shape[2:])
        latents = engine.encode(images, torch.zeros(BATCH, engine.facts.latent_channels, h, w))
        for pixels, scene in zip(to_pixels(engine.decode(latents)), scenes, strict=True):
            tally.add(score(pixels, scene.facts))
    return tally


def report(fractions: dict[str, dict[str, float]]) -> str:
    """A Markdown table: one line per named tally, one column per fact, in percent."""
    columns = [*FACTS, "mean", "all"]
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for label, row in fractions.items():
        lines.append(f"| {label} | " + " | ".join(f"{100 * row[name]:.1f}" for name in columns) + " |")
    return "\n".join(lines)


def write_sheet(drawn: Sequence[Drawn], path: Path, columns: int = 10) -> None:
    """Pictures with their prompts, green where every fact is right and red where not."""
    from PIL import Image, ImageDraw, ImageFont

    H, W, _ = drawn[0].pixels.shape
    cell, rows = H + 44, -(-len(drawn) // columns)
    sheet = Image.new("RGB", (columns * (W + 8) + 8, rows * cell + 8), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for i, picture in enumerate(drawn):
        x, y = 8 + i % columns * (W + 8), 8 + i // columns * cell
        sheet.paste(Image.fromarray(picture.pixels), (x, y))
        colour = (30, 123, 58) if all(picture.answers.values()) else (179, 38, 30)
        for line, text in enumerate(_wrapped(picture.prompt, 27)[:3]):
            pen.text((x, y + H + 2 + 12 * line), text, colour, font)
    sheet.save(path)


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
