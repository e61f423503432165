"""The ceiling of every figure: what the judges read in true renders, and in what a model's autoencoder makes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sdedge.engines.protocol import Engine
from sdedge.errors import SdedgeError
from sdedge.evaluation.drawing import Judges
from sdedge.evaluation.figures import Verdict, verdict
from sdedge.evaluation.runs import Run
from sdedge.evaluation.world import Facts
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
    notice says so; reconstructions that are not complete are neither told nor kept, and are tried anew the next time.
    """
    key = [*judges.names.values(), count]
    there = _cached(run, key)
    verdicts: dict[str, list[Verdict]] = {RENDERS: [], RECONSTRUCTIONS: [], **there}
    missing = set(verdicts) - set(there)
    complete = set(verdicts)
    for start, renders, facts in _renders(judges, engine.facts.width, count):
        if not missing:
            break
        if RENDERS in missing:
            verdicts[RENDERS] += _verdicts(judges, renders, facts, start)
        if RECONSTRUCTIONS in missing:
            try:
                verdicts[RECONSTRUCTIONS] += _verdicts(judges, reconstructed(engine, renders), facts, start)
            except SdedgeError as error:
                verdicts[RECONSTRUCTIONS] = []
                missing.remove(RECONSTRUCTIONS)
                complete.remove(RECONSTRUCTIONS)
                yield Notice(f"No reconstructions are measured: {error}")
        yield Progress("reconstructions", min(start + BATCH, count), count)
    if complete != set(there):
        _keep(run, key, {name: verdicts[name] for name in complete})
    yield verdicts


def _renders(judges: Judges, size: int, count: int) -> Iterator[tuple[int, np.ndarray, list[Facts]]]:
    """Yields true renders by batches: the number of the first, uint8 (B, size, size, 3), and the facts of each."""
    rng = np.random.default_rng(SEED)
    for start in range(0, count, BATCH):
        scenes = [judges.world.sample(rng) for _ in range(min(BATCH, count - start))]
        renders = np.stack([judges.world.render(scene, size) for scene in scenes])
        yield start, renders, [judges.world.facts(scene) for scene in scenes]


def reconstructed(engine: Engine, pictures: np.ndarray) -> np.ndarray:
    """Encodes pictures, uint8 (B, H, W, 3), to the means of their latents, decodes these, and returns what comes out."""
    B, H, W, _ = pictures.shape
    facts = engine.facts
    noise = torch.zeros(B, facts.latent_channels, H // facts.downscale, W // facts.downscale)
    latents = [engine.encode(from_pixels(pictures[i : i + 1]), noise[i : i + 1]) for i in range(B)]
    return np.concatenate([to_pixels(engine.decode(latent)) for latent in latents])


def _verdicts(judges: Judges, pictures: np.ndarray, facts: Sequence[Facts], first: int) -> list[Verdict]:
    pairs = zip(pictures, facts, strict=True)
    return [verdict(first + i, stated, judges.read(pixels), judges) for i, (pixels, stated) in enumerate(pairs)]


def _keep(run: Run, key: list[Any], groups: Mapping[str, Sequence[Verdict]]) -> None:
    """Keeps complete groups of verdicts in the run's folder."""
    record = {"key": key, **{name: [dict(v.obeyed) for v in group] for name, group in groups.items()}}
    with atomic_write(run.folder / FILE) as file:
        file.write(json.dumps(record).encode())


def _cached(run: Run, key: list[Any]) -> dict[str, list[Verdict]]:
    """Returns the groups that were kept of the same judges and count, those that are complete."""
    path = run.folder / FILE
    if not path.is_file():
        return {}
    try:
        record = read_json_file(path)
        if record["key"] != key:
            return {}
        groups = {name: record[name] for name in (RENDERS, RECONSTRUCTIONS) if len(record.get(name, ())) == key[-1]}
        return {name: [Verdict(i, obeyed) for i, obeyed in enumerate(group)] for name, group in groups.items()}
    except (SdedgeError, KeyError, TypeError, AttributeError):
        return {}
