"""The ceiling of every figure: what the judges read in true renders, and in what a model's autoencoder makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from sdedge.engines.protocol import Engine
from sdedge.errors import SdedgeError
from sdedge.evaluation.drawing import Judges
from sdedge.evaluation.figures import Verdict, verdict
from sdedge.evaluation.runs import Run
from sdedge.events import Event, Notice, Progress
from sdedge.files import atomic_write
from sdedge.images.convert import from_pixels, to_pixels
from sdedge.json_values import read_json_file

SEED = 720_001
BATCH = 8
FILE = "ceiling.json"
RENDERS, RECONSTRUCTIONS = "renders", "reconstructions"


def read_ceiling(run: Run, engine: Engine, judges: Judges, count: int) -> Iterator[Event | dict[str, list[Verdict]]]:
    """Yields at last the verdicts on `count` true renders of the whole world, and on their reconstructions.

    They are kept in the run's folder while judges and count stay the same. An engine that cannot encode has renders only, and a
    notice says so.
    """
    key = [*judges.names.values(), count]
    cached = _cached(run, key)
    if cached is not None:
        yield cached
        return
    verdicts: dict[str, list[Verdict]] = {RENDERS: [], RECONSTRUCTIONS: []}
    rng, size, can_encode = np.random.default_rng(SEED), engine.facts.width, True
    for start in range(0, count, BATCH):
        scenes = [judges.world.sample(rng) for _ in range(min(BATCH, count - start))]
        renders = np.stack([judges.world.render(scene, size) for scene in scenes])
        facts = [judges.world.facts(scene) for scene in scenes]
        verdicts[RENDERS] += _verdicts(judges, renders, facts, start)
        if can_encode:
            try:
                verdicts[RECONSTRUCTIONS] += _verdicts(judges, reconstructed(engine, renders), facts, start)
            except SdedgeError as error:
                can_encode = False
                yield Notice(f"No reconstructions are measured: {error}")
        yield Progress("reconstructions", min(start + BATCH, count), count)
    record = {"key": key, **{name: [dict(v.obeyed) for v in group] for name, group in verdicts.items()}}
    with atomic_write(run.folder / FILE) as file:
        file.write(json.dumps(record).encode())
    yield verdicts


def reconstructed(engine: Engine, pictures: np.ndarray) -> np.ndarray:
    """Encodes pictures, uint8 (B, H, W, 3), to the means of their latents, decodes these, and returns what comes out."""
    B, H, W, _ = pictures.shape
    facts = engine.facts
    noise = torch.zeros(B, facts.latent_channels, H // facts.downscale, W // facts.downscale)
    latents = [engine.encode(from_pixels(pictures[i : i + 1]), noise[i : i + 1]) for i in range(B)]
    return np.concatenate([to_pixels(engine.decode(latent)) for latent in latents])


def _verdicts(judges: Judges, pictures: np.ndarray, facts: Sequence[Any], first: int) -> list[Verdict]:
    pairs = zip(pictures, facts, strict=True)
    return [verdict(first + i, stated, judges.read(pixels), judges) for i, (pixels, stated) in enumerate(pairs)]


def _cached(run: Run, key: list[Any]) -> dict[str, list[Verdict]] | None:
    """Returns what was kept of the same judges and count; None where nothing usable was."""
    path = run.folder / FILE
    if not path.is_file():
        return None
    try:
        record = read_json_file(path)
        if record["key"] != key:
            return None
        groups = {name: record[name] for name in (RENDERS, RECONSTRUCTIONS)}
        return {name: [Verdict(i, obeyed) for i, obeyed in enumerate(group)] for name, group in groups.items()}
    except (SdedgeError, KeyError, TypeError):
        return None
