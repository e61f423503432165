"""What only a Mac can prove. None of it has been run: `make test` and `make proof` on one are the first to."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from converters.psnr import psnr
from sdedge.engines.coreml.native import CoreMLEngine
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.open import EMBEDDED, load_engine
from sdedge.engines.torch import mps
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.machine import memory, probe
from sdedge.request import Request
from tests.conftest import needs_embedded
from tests.pictures_shown import shown

on_mps = pytest.mark.skipif(not torch.backends.mps.is_available(), reason="no MPS here")
on_a_mac = pytest.mark.skipif(sys.platform != "darwin", reason="no Mac")
REQUEST = Request("a blue house on the grass by day with three trees", seed=4, steps=12, width=128, height=128)


def _draw(device: str, dtype: str | None = None, **fields) -> np.ndarray:
    pipeline = Pipeline(load_engine(device, dtype))
    (picture,) = [e for e in pipeline.images(REQUEST.replace(**fields)) if isinstance(e, Picture)]
    return picture.pixels.astype(float)


@on_mps
@needs_embedded
@pytest.mark.parametrize("dtype", ["float32", None])
def test_mps_draws_the_cpus_picture(dtype):
    ours, theirs = _draw("mps", dtype, model=EMBEDDED), _draw("cpu", "float32", model=EMBEDDED)
    assert psnr(theirs, ours) >= (40 if dtype else 25)
    assert all(shown(ours, REQUEST.prompt).values())


@on_mps
def test_the_probe_measures_mps():
    finding = probe.probe(torch.device("mps"))
    assert finding.dtype in ("float32", "float16") and finding.reason


@on_mps
def test_memory_on_mps_is_counted():
    before = mps.free_bytes()
    held = torch.empty(64 << 20, dtype=torch.uint8, device="mps")
    assert before - mps.free_bytes() >= held.numel() // 2
    del held
    torch.mps.synchronize()
    assert abs(mps.free_bytes() - before) <= 32 << 20  # in torch's cache, and free


@on_a_mac
def test_the_system_says_how_much_memory_there_is():
    free, total = memory.available_memory()
    assert 0 < free < total and total >= 8 << 30


@on_a_mac
@needs_embedded
@pytest.mark.slow
@pytest.mark.parametrize("units", ["cpu-only", "cpu-and-gpu", "cpu-and-ne", "all"])
def test_core_ml_draws_the_portable_runners_picture(pocket_bundle, units):
    engines = CoreMLEngine(pocket_bundle, units), MILEngine(pocket_bundle)
    ours, theirs = (
        next(
            e.pixels
            for e in Pipeline(lambda model, vae, engine=engine: engine).images(REQUEST)
            if isinstance(e, Picture)
        )
        for engine in engines
    )
    assert psnr(theirs.astype(float), ours.astype(float)) >= 20
    assert all(shown(ours, REQUEST.prompt).values())
