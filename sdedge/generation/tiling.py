"""Pictures that repeat without seams: a state of the engine for as long as a request is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sdedge.engines.protocol import Capability, Engine


@contextmanager
def tiling(engine: Engine, on: bool) -> Iterator[None]:
    """Within: an engine that can draws pictures whose edges continue on the opposite side, if `on`; afterwards as before.

    It is a state of the engine and no edit of one call, since the VAE's edges continue too.
    """
    if Capability.TILING not in engine.can:
        yield
        return
    engine.set_tiling(on)
    try:
        yield
    finally:
        engine.set_tiling(False)
