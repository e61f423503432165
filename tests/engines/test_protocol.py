"""Every engine answers the calls of the capabilities it lists, and no others."""

from __future__ import annotations

import pytest

from sdedge.engines.coreml.native import CoreMLEngine
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.openvino.engine import OpenVINOEngine
from sdedge.engines.protocol import Capability, OptionalCalls
from sdedge.engines.torch.engine import TorchEngine

CALLS = {
    Capability.FEATURE_REUSE: ["predict_partly"],
    Capability.FIRST_LOAD: ["first_load"],
    Capability.GUIDANCE_EMBEDDING: [],  # data of `UNetInputs`
    Capability.MEMORY_MODES: ["choose_memory", "use_less_memory"],
    Capability.NEAREST_SIZE: ["nearest_size"],
    Capability.RESIDUALS: [],
    Capability.TILING: ["set_tiling"],
    Capability.TOKEN_MERGING: [],
}
ENGINES = [TorchEngine, OpenVINOEngine, GraphEngine, MILEngine, CoreMLEngine]


def test_every_optional_call_belongs_to_a_capability():
    calls = {name for name, value in vars(OptionalCalls).items() if callable(value) and not name.startswith("_")}
    assert set(CALLS) == set(Capability) and {name for names in CALLS.values() for name in names} == calls


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_answers_what_it_lists(engine):
    for capability in engine.can:
        assert all(getattr(engine, name) is not getattr(OptionalCalls, name) for name in CALLS[capability])


@pytest.mark.parametrize("engine", [GraphEngine, MILEngine])
def test_a_call_without_its_capability_is_an_error_of_the_caller(engine):
    one = object.__new__(engine)
    assert Capability.TILING not in one.can
    with pytest.raises(NotImplementedError):
        one.set_tiling(True)
