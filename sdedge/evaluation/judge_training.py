"""Training of the second judge: renders of the whole world by a seed of its own, degraded as drawn pictures may be."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.lib.format import open_memmap
from PIL import Image
from torch import Tensor

from sdedge.evaluation.judge_network import SIDE, JudgeNetwork, as_images, save_judge, shrunk
from sdedge.evaluation.world import Facts, Value, World
from sdedge.files import atomic_write
from sdedge.training.fit import Optimisation, TrainingProgress, fit

SEED = 710_001
"""Of everything here; no recipe of the embedded model uses it."""
SAMPLED = 8  # renders that tell whether those on disk are still what the world draws
RENDERED = 96  # pixels of a render before the network's own size


@dataclass(frozen=True)
class JudgeRecipe:
    """Every number that decides how the judge comes out."""

    pictures: int = 16_000
    batch: int = 64
    optimisation: Optimisation = Optimisation(steps=3200, lr=3e-3, warmup=60, flat=0.25, ema=0.995)
    blended: float = 0.08
    """Fraction of pictures that are blends of two, which teach it not to be sure of what cannot be told."""


@dataclass(frozen=True)
class Renders:
    """`pictures` is uint8 (N, SIDE, SIDE, 3), memory-mapped; `labels[name]` holds indices of values, -1 where unsaid."""

    pictures: np.ndarray
    labels: dict[str, np.ndarray]


def train_judge(
    world: World, folder: Path, path: Path, recipe: JudgeRecipe | None = None
) -> Iterator[TrainingProgress]:
    """Trains the judge and writes it to `path`; its state is kept in `folder`, and a run that was cut off goes on from there."""
    recipe = recipe or JudgeRecipe()
    for done in _draw(world, folder, recipe.pictures):
        yield TrainingProgress("renders", done, recipe.pictures, 0.0)
    renders = _load(folder)
    torch.manual_seed(SEED)
    network = JudgeNetwork(world.values).train()

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((SEED, 2, step))
        indices = rng.integers(len(renders.pictures), size=recipe.batch)
        images = as_images(np.stack([degraded(renders.pictures[i], rng) for i in indices]))
        images = _roughened(images, rng)
        blends = round(recipe.blended * recipe.batch)
        partners = np.roll(np.arange(recipe.batch), 1)[:blends]
        images[:blends] = (images[:blends] + images[torch.from_numpy(partners)]) / 2
        targets = {name: _targets(labels[indices], len(world.values[name])) for name, labels in renders.labels.items()}
        losses = []
        for name, logits in network(images).items():
            target = targets[name]
            target[:blends] = (target[:blends] + target[torch.from_numpy(partners)]) / 2
            losses.append(-(target * logits.log_softmax(1)).sum(1).mean())
        return torch.stack(losses).mean()

    yield from fit("judge", network, loss_at, recipe.optimisation, folder)
    save_judge(network, path)
    yield TrainingProgress("judge", recipe.optimisation.steps, recipe.optimisation.steps, 0.0, exported=True)


def degraded(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns a picture (H, W, 3) moved by up to three pixels, and some compressed or drawn smaller and enlarged."""
    H, W, _ = picture.shape
    dy, dx = rng.integers(-3, 4, 2)
    rows, columns = (np.clip(np.arange(side) + move, 0, side - 1) for side, move in ((H, dy), (W, dx)))
    picture = picture[rows][:, columns]
    if rng.random() < 0.25:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=int(rng.integers(25, 90)))
        picture = np.asarray(Image.open(stream).convert("RGB"))
    if rng.random() < 0.25:
        side = round(float(rng.uniform(0.4, 0.9)) * W)
        small = Image.fromarray(picture).resize((side, side), Image.Resampling.BILINEAR)
        picture = np.asarray(small.resize((W, H), Image.Resampling.BICUBIC))
    return picture


def _roughened(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Returns images (B, 3, H, W) with the tint, contrast, blur and noise that autoencoders and few steps leave behind."""
    B = len(images)

    def each(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (B, channels, 1, 1)).astype(np.float32))

    images = images * each(0.9, 1.1) + each(-0.06, 0.06) + each(-0.04, 0.04, 3)
    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    amount = each(0, 1.2).clamp(max=1) * (each(0, 1) < 0.5)
    images = images + amount * (blurred - images)
    noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
    return (images + each(0, 0.12) * (each(0, 1) < 0.5) * noise).clamp(-1, 1)


def _targets(labels: np.ndarray, count: int) -> Tensor:
    """Indices (B,) -> rows (B, count) of probabilities; none at all where a fact is not in the scene."""
    indices = torch.from_numpy(labels.astype(np.int64))
    rows = F.one_hot(indices.clamp(min=0), count).float()
    return rows * (indices >= 0)[:, None]


def _draw(world: World, folder: Path, count: int) -> Iterator[int]:
    """Renders `count` scenes into `folder`, yielding how many are done. Nothing is drawn twice."""
    labels_file = folder / "labels.json"
    first = [_rendered(world, i) for i in range(min(count, SAMPLED))]
    digest = hashlib.sha256(b"".join(picture.tobytes() for picture, _ in first) + repr([f for _, f in first]).encode())
    key = {"renders": digest.hexdigest()[:16], "count": count}
    if labels_file.is_file() and json.loads(labels_file.read_text())["key"] == key:
        yield count
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "judge.pt").unlink(missing_ok=True)  # it was of other scenes
    pictures = open_memmap(folder / "pictures.npy", mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3))
    labels: dict[str, list[int]] = {name: [] for name in world.values}
    for i in range(count):
        pictures[i], facts = _rendered(world, i)
        for name, options in world.values.items():
            labels[name].append(label(options, facts.get(name)))
        if i % 50 == 49 or i + 1 == count:
            yield i + 1
    pictures.flush()
    # Written last: its presence says that the pictures are complete.
    with atomic_write(labels_file) as file:
        file.write(json.dumps({"key": key, "labels": labels}).encode())


def _rendered(world: World, index: int) -> tuple[np.ndarray, Facts]:
    """Returns one of the training pictures as the network sees it, with what is to be learned of it."""
    scene = world.sample(np.random.default_rng((SEED, 1, index)))
    return shrunk(world.render(scene, RENDERED)), world.labels(scene)


def label(options: tuple[Value, ...], value: Value | None) -> int:
    """Returns the place of a fact's value among its values; -1 for a fact that a scene has not."""
    return -1 if value is None else options.index(value)


def _load(folder: Path) -> Renders:
    labels = json.loads((folder / "labels.json").read_text())["labels"]
    arrays = {name: np.asarray(column) for name, column in labels.items()}
    return Renders(np.load(folder / "pictures.npy", mmap_mode="r"), arrays)
