"""Encoded scenes on disk, in chunks that are made when they are first needed: training meets new ones as it goes on."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sdedge.models.vae import VAE
from sdedge.training.illustrations.autoencoder import images
from sdedge.training.illustrations.world import Scene, sample

CHUNK = 250
BATCH = 10


def chunk_scenes(seed: int, number: int) -> list[Scene]:
    """The training scenes of a chunk: the same for every size."""
    rng = np.random.default_rng((seed, 12, number))
    return [sample(rng) for _ in range(CHUNK)]


@dataclass
class Latents:
    """Training scenes and their posterior means at one picture size; `take` multiplies them by `factor`."""

    vae: VAE
    size: int
    seed: int
    folder: Path
    factor: float = 1.0
    scenes: list[Scene] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)

    def ensure(self, count: int) -> None:
        """Have at least `count` scenes, encoding what is not on disk yet."""
        while len(self.scenes) < count:
            number = len(self.tensors)
            self.scenes += chunk_scenes(self.seed, number)
            self.tensors.append(self._chunk(number))

    def take(self, indices: np.ndarray) -> Tensor:
        """Scaled latents (B, 4, h, w) in float32."""
        picked = [self.tensors[i // CHUNK][i % CHUNK] for i in indices]
        return torch.stack(picked).float() * self.factor

    def std(self) -> float:
        """The standard deviation of the first chunk as encoded; its inverse is the scaling factor."""
        self.ensure(CHUNK)
        return float(self.tensors[0].float().std())

    @torch.no_grad()
    def _chunk(self, number: int) -> Tensor:
        file = self.folder / f"{self.size}-{number:03}.pt"
        if not file.exists():
            scenes = chunk_scenes(self.seed, number)
            parts = [
                self.vae.encode(images(scenes[start : start + BATCH], self.size)).mean.half()
                for start in range(0, CHUNK, BATCH)
            ]
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{os.getpid()}")
            torch.save(torch.cat(parts).contiguous(), temporary)
            os.replace(temporary, file)
        loaded: Tensor = torch.load(file, weights_only=True)
        return loaded
