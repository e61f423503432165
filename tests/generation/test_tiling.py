"""Pictures that tile have no edge, and the engine is as before after them."""

from __future__ import annotations

import pytest
import torch

from sdedge.engines.protocol import Capability
from sdedge.errors import InvalidRequest
from sdedge.events import Step
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from tests.generation.conftest import drawn


@torch.no_grad()
def test_tiles_have_no_edge_and_tiling_is_undone(pipeline, models):
    request = Request("a red house", model=models[4], steps=1, seed=1, width=128, height=128)
    engine = pipeline.engine(request)
    x, context = torch.randn(1, 4, 16, 16), torch.randn(1, 77, 128)
    t = torch.tensor([500.0])
    calls = {"predict": lambda z: engine.predict(UNetInputs(z, t, context)), "decode": engine.decode}
    before = {name: call(x) for name, call in calls.items()}
    engine.set_tiling(True)
    for name, call in calls.items():
        full = call(x)
        cells = full.shape[-1] // 16
        moved = call(x.roll((8, 8), (2, 3))).roll((-8 * cells, -8 * cells), (2, 3))
        assert torch.allclose(full, moved, atol=1e-4), name
        assert not torch.allclose(full, before[name], atol=1e-3)
    events = pipeline.images(request.replace(tiling=True))
    while not isinstance(next(events), Step):
        pass
    assert not torch.equal(engine.decode(x), before["decode"])
    events.close()  # stopped half-way
    assert all(torch.equal(call(x), before[name]) for name, call in calls.items())


def test_an_engine_that_cannot_tile_says_so(pipeline, models, monkeypatch):
    request = Request("a red house", model=models[4], steps=1, seed=1, tiling=True)
    engine = pipeline.engine(request)
    monkeypatch.setattr(engine, "can", engine.can - {Capability.TILING})
    monkeypatch.setattr(engine, "set_tiling", None)
    with pytest.raises(InvalidRequest, match="seamless"):
        drawn(pipeline, request)
