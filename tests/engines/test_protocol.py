"""Every engine answers the calls of the capabilities it lists, and no others."""

from __future__ import annotations

import pytest
import torch

from sdedge.engines.coreml.native import CoreMLEngine
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.openvino.engine import OpenVINOEngine
from sdedge.engines.protocol import Capability, OptionalCalls, check_inputs
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.unet_inputs import ImageTokens, RegionMasks, TokenMerging, UNetInputs

CALLS = {
    Capability.ADDED_COMPONENTS: ["add", "remove", "run", "unet_source"],
    Capability.CONVERTED_CONTROLS: ["find_control", "run_control"],
    Capability.EARLIER_LAYERS: [],  # arguments of `encode_text`
    Capability.ENCODE: [],  # every engine has the call, and not every bundle the network
    Capability.FEATURE_REUSE: ["predict_partly"],
    Capability.FIRST_LOAD: ["first_load"],
    Capability.GUIDANCE_EMBEDDING: [],  # data of `UNetInputs`
    Capability.FREEU: [],
    Capability.IDENTITY_ATTENTION: [],
    Capability.IMAGE_TOKENS: [],
    Capability.LORAS: [],
    Capability.MEMORY_MODES: ["choose_memory", "use_less_memory"],
    Capability.NEAREST_SIZE: ["nearest_size"],
    Capability.PENULTIMATE_LAYER: [],
    Capability.REGION_MASKS: [],
    Capability.RESIDUALS: [],
    Capability.TILING: ["set_tiling"],
    Capability.TOKEN_MERGING: [],
    Capability.WINDOWS: [],
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
    made = object.__new__(engine)
    assert Capability.TILING not in made.can
    with pytest.raises(NotImplementedError):
        made.set_tiling(True)


@pytest.mark.parametrize("name", ["graph", "mil"])
def test_an_engine_that_adds_nothing_has_nothing_added(name):
    engine = object.__new__({"graph": GraphEngine, "mil": MILEngine}[name])
    assert engine.added == frozenset()
    with pytest.raises(NotImplementedError, match="added_components"):
        engine.run("control", torch.zeros(1))


@pytest.mark.parametrize(
    ("change", "capability"),
    [
        ({"down": (torch.ones(1),)}, Capability.RESIDUALS), ({"skips": (torch.ones(1),)}, Capability.RESIDUALS),
        ({"embedding": torch.ones(1, 8)}, Capability.GUIDANCE_EMBEDDING),
        ({"edits": (TokenMerging(0.5),)}, Capability.TOKEN_MERGING),
        ({"edits": (ImageTokens((torch.ones(1),), (torch.ones(1),)),)}, Capability.IMAGE_TOKENS),
        ({"edits": (RegionMasks((), torch.ones(0, 1, 1), torch.ones(0), torch.ones(0)),)}, Capability.REGION_MASKS),
    ],
)  # fmt: skip
def test_inputs_that_an_engine_would_ignore_are_errors_of_the_caller(change, capability):
    """In one place for every engine that takes the plain inputs only."""
    inputs = UNetInputs(torch.ones(1, 4, 8, 8), torch.ones(1), torch.ones(1, 77, 8), **change)
    check_inputs(frozenset({capability}), inputs)
    for engine in (GraphEngine, MILEngine, CoreMLEngine):
        with pytest.raises(NotImplementedError, match=str(capability)):
            object.__new__(engine).predict(inputs)
