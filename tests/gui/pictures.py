"""Pictures in the gallery of a test, saved as the worker saves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from sdedge.request import Resolved


def save_pictures(folder: Path, prompts: Sequence[str], first_seed: int = 0, **fields) -> list[Path]:
    """One 96 x 64 picture of noise per prompt; the seeds count up. Returns the files in the same order."""
    paths = []
    with open_store() as store:
        gallery = Gallery(store)
        for seed, prompt in enumerate(prompts, first_seed):
            pixels = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
            request = Resolved(
                **{"prompt": prompt, "seed": seed, "width": 96, "height": 64, "model": "pocket", **fields}
            )
            path = folder / f"{seed}.png"
            row = gallery.begin(path, request, {"model_name": request.model}, None, None)
            Output(folder).write_to(path, pixels, request, {"model_name": request.model})
            gallery.complete(row)
            paths.append(path)
    return paths
