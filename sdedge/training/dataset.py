"""Rendered scenes on disk, and batches of them with fresh captions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch import Tensor

from sdedge.text.tokenizer import Tokenizer
from sdedge.training.render import render
from sdedge.training.scenes import Scene, caption, sample

CHUNK = 200


@dataclass(frozen=True)
class Dataset:
    """`pictures` is uint8 (N, S, S, 3), memory-mapped; `scenes[i]` is what picture i shows."""

    pictures: np.ndarray
    scenes: tuple[Scene, ...]

    def __len__(self) -> int:
        return len(self.scenes)

    def first(self, count: int) -> Dataset:
        """The first `count` pictures."""
        return Dataset(self.pictures[:count], self.scenes[:count])

    def images(self, indices: np.ndarray) -> Tensor:
        """Pictures as float32 (B, 3, S, S) in [-1, 1]."""
        pixels = torch.from_numpy(self.pictures[np.sort(indices)][np.argsort(np.argsort(indices))])
        return pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)

    def captions(self, indices: np.ndarray, rng: np.random.Generator, drop: float) -> list[str]:
        """A newly worded caption per picture, empty with probability `drop`."""
        return ["" if rng.random() < drop else caption(self.scenes[i], rng) for i in indices]


def tokens(tokenizer: Tokenizer, captions: list[str]) -> Tensor:
    """Captions as ids (B, 77)."""
    return torch.tensor([tokenizer.frame(tokenizer.ids(text)) for text in captions])


def draw(folder: Path, count: int, size: int, seed: int) -> Iterator[int]:
    """Render `count` training scenes into `folder`, yielding how many are done. Nothing is drawn twice."""
    if (folder / "scenes.json").exists():
        yield count
        return
    rng = np.random.default_rng(seed)
    scenes = [sample(rng) for _ in range(count)]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = open_memmap(folder / "pictures.npy", mode="w+", dtype=np.uint8, shape=(count, size, size, 3))
    with ProcessPoolExecutor() as pool:
        chunks = [(scenes[start : start + CHUNK], size) for start in range(0, count, CHUNK)]
        for i, drawn in enumerate(pool.map(_render_all, chunks)):
            pictures[i * CHUNK : i * CHUNK + len(drawn)] = drawn
            yield i * CHUNK + len(drawn)
    pictures.flush()
    # Written last: its presence says that the pictures are complete.
    (folder / "scenes.json").write_text(json.dumps([asdict(scene) for scene in scenes]))


def load(folder: Path) -> Dataset:
    """The scenes that `draw` left in `folder`."""
    scenes = tuple(Scene(**record) for record in json.loads((folder / "scenes.json").read_text()))
    return Dataset(np.load(folder / "pictures.npy", mmap_mode="r"), scenes)


def _render_all(chunk: tuple[list[Scene], int]) -> np.ndarray:
    scenes, size = chunk
    return np.stack([render(scene, size) for scene in scenes])
