"""Pictures in the gallery of a test, saved as the worker saves them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QItemSelectionModel

from gui.gallery.view import GalleryView
from sdedge.images.output import Output
from sdedge.library.gallery import Gallery
from sdedge.library.store import open_store
from sdedge.request import Resolved

PROMPTS = ("a red house at night", "a blue boat on the sea", "a yellow balloon", "a red boat at sunset")


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


def shown(view: GalleryView) -> list[str]:
    """Returns the prompts of the pictures that the gallery shows, in its order."""
    return [view.model.index(row).data() for row in range(view.model.rowCount())]


def select(view: GalleryView, *rows: int) -> None:
    """Chooses the pictures of some rows and no others."""
    view.list.selectionModel().clear()
    for row in rows:
        view.list.selectionModel().setCurrentIndex(view.model.index(row), QItemSelectionModel.SelectionFlag.Select)
