"""The engine process's drawer over a CPU in bfloat16 whose canary, in real processes, finds that format broken."""

from __future__ import annotations

import os
from functools import partial

from sdedge.process import prover
from sdedge.process.canary import start
from sdedge.process.worker import PipelineDrawer


class BrokenBfloat16Drawer(PipelineDrawer):
    def __init__(self) -> None:
        os.environ.update(SDEDGE_DEVICE="cpu", SDEDGE_DTYPE="bfloat16", SDEDGE_CANARY="on")
        prover.start = partial(start, results="tests.process.canary_results:only_bfloat16_is_broken")
        super().__init__()
