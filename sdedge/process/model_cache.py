"""Loaded models, kept while memory allows and let go in the order they were last used."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.machine import allocator
from sdedge.machine.memory import available_memory

if TYPE_CHECKING:
    from sdedge.engines.protocol import Engine

log = logging.getLogger(__name__)

KEEP = 3  # models at most
RESERVE = 0.2  # of the machine's memory stays free for everything else
EXPANSION = 2.5  # loaded size over file size: half precision on disk, single in memory, and room to draw

Key = tuple[str, str | None, int]


class ModelCache:
    """Wraps a Pipeline's `load`: a model asked for again is there already, as long as its file is and memory lasts."""

    def __init__(
        self,
        load: Callable[[str, str | None], Engine],
        locate: Callable[[str], Path],
        keep: int = KEEP,
        memory: Callable[[], tuple[int, int]] | None = None,
        allows: Callable[[str], bool] = lambda engine: True,
    ) -> None:
        """`allows` says of an engine's description whether it may still draw."""
        self._allows = allows
        self._load, self._locate, self._keep = load, locate, keep
        self._memory = memory or available_memory
        self._engines: dict[Key, Engine] = {}  # the latest used is last

    def __call__(self, model: str, vae: str | None) -> Engine:
        """Returns the engine of a model and VAE. Raises what loading raises."""
        key = (model, vae, self._stamp(model))
        if key in self._engines and not self._allows(self._engines[key].description):
            self._drop(key)
        engine = self._engines.pop(key, None)
        if engine is None:
            for stale in [cached for cached in self._engines if cached[:2] == key[:2]]:
                self._drop(stale)
            self._make_room(self._size(model))
            engine = self._load(model, vae)
        self._engines[key] = engine
        return engine

    def __len__(self) -> int:
        return len(self._engines)

    def clear(self) -> None:
        """Lets go of every model."""
        for key in list(self._engines):
            self._drop(key)

    def _make_room(self, needed: int) -> None:
        while self._engines:
            free, total = self._memory()
            if len(self._engines) < self._keep and free - needed >= RESERVE * total:
                return
            self._drop(next(iter(self._engines)))

    def _drop(self, key: Key) -> None:
        engine = self._engines.pop(key)
        for stage in ("text_encoder", "unet", "vae"):
            engine.release(stage)
        del engine
        gc.collect()
        allocator.trim()
        log.info("Let go of the model %s.", key[0])

    def _stamp(self, model: str) -> int:
        """Returns when the files were last changed: a model replaced or removed on disk is not drawn from memory."""
        try:
            return max(file.stat().st_mtime_ns for file in _files(self._locate(model)))
        except (OSError, ValueError):
            return 0

    def _size(self, model: str) -> int:
        try:
            return int(EXPANSION * sum(file.stat().st_size for file in _files(self._locate(model))))
        except OSError:
            return 0


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
