"""A look at a run while it trains: the judge on the reconstructions, and pictures drawn from the averages so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sdedge.images.convert import to_pixels
from sdedge.models.vae import VAE
from sdedge.training.fit import load_average
from sdedge.training.illustrations.autoencoder import images
from sdedge.training.illustrations.captions import held_out_prompts
from sdedge.training.illustrations.judge import score
from sdedge.training.illustrations.recipe import TrainingRecipe, encoded, networks, write_model
from sdedge.training.illustrations.sheet import Drawn
from sdedge.training.illustrations.world import Scene, sample_any, unseen_pairs
from sdedge.training.networks import Networks

BATCH = 4


@dataclass(frozen=True)
class Judged:
    """A scene, and which of its facts are read on its render and on the autoencoder's reconstruction of that."""

    scene: Scene
    render: dict[str, bool]
    reconstruction: dict[str, bool]

    @property
    def unseen(self) -> bool:
        """Whether the scene joins what no training caption joins."""
        return bool(unseen_pairs(self.scene.facts))


@torch.no_grad()
def judged_reconstructions(vae: VAE, size: int, pictures: int, seed: int = 5) -> Iterator[Judged]:
    """Judge scenes of the whole world before and after the autoencoder."""
    rng = np.random.default_rng((seed, 16))
    for _ in range(0, pictures, BATCH):
        scenes = [sample_any(rng) for _ in range(BATCH)]
        seen = images(scenes, size)
        made = to_pixels(vae.decode(vae.encode(seen).mean))
        for scene, before, after in zip(scenes, to_pixels(seen), made, strict=True):
            yield Judged(scene, score(before, scene.facts), score(after, scene.facts))


def fractions(answers: list[dict[str, bool]]) -> dict[str, float]:
    """The fraction of right answers for each fact, and their mean over all answers."""
    right, asked = Counter[str](), Counter[str]()
    for answer in answers:
        right.update({name: int(value) for name, value in answer.items()})
        asked.update(answer.keys())
    return {**{name: right[name] / asked[name] for name in asked}, "all facts": right.total() / asked.total()}


def autoencoder_so_far(recipe: TrainingRecipe, folder: Path) -> VAE:
    """The autoencoder of a run by its averages so far; FileNotFoundError where it has not begun."""
    nets = networks(recipe)
    _load_autoencoder(recipe, nets, folder)
    return nets.vae


def _load_autoencoder(recipe: TrainingRecipe, nets: Networks, folder: Path) -> None:
    begun = [folder / f"{stage.name}.pt" for stage in recipe.autoencoder if (folder / f"{stage.name}.pt").exists()]
    if not begun:
        raise FileNotFoundError(f"no autoencoder has been trained yet in {folder}.")
    load_average(begun[-1], nets.vae)


def write_model_so_far(recipe: TrainingRecipe, folder: Path, target: Path) -> str:
    """Write the diffusers folder that a run has come to, by its averages; returns the last stage that has begun."""
    nets = networks(recipe)
    _load_autoencoder(recipe, nets, folder)
    encoded(recipe, nets, folder)
    begun = [stage.name for stage in recipe.stages if (folder / f"{stage.name}.pt").exists()]
    if not begun:
        raise FileNotFoundError(f"no stage has learnt to draw yet in {folder}.")
    load_average(folder / f"{begun[-1]}.pt", nets.conditioned)
    write_model(recipe, nets, target)
    return begun[-1]


def drawn_prompts(model: Path, size: int, prompts: int, steps: int, seed: int = 0) -> Iterator[Drawn]:
    """Draw held-out prompts with a model folder, and judge the pictures."""
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.generation.save import Picture
    from sdedge.request import Request

    pipeline = Pipeline(load_engine("cpu"))
    request = Request(model=str(model), width=size, height=size, steps=steps, seed=seed)
    for prompt, facts, _ in held_out_prompts(prompts, seed):
        for event in pipeline.images(request.replace(prompt=prompt)):
            if isinstance(event, Picture):
                yield Drawn(prompt, seed, event.pixels, score(event.pixels, facts))
