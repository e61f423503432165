"""Networks beside the model's own: built for the device, resident and planned with as the memory mode says, run by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.engines.protocol import AddedComponent, Component, LoraUse
from sdedge.engines.torch import networks
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.machine import memory_plan
from sdedge.machine.memory_plan import MODES, Sizes
from sdedge.machine.picture_memory import plan_picture, read_sizes
from sdedge.models.unet_inputs import UNetInputs
from sdedge.weights.checkpoint import open_checkpoint
from sdedge.weights.files import open_tensors
from tests.conftest import cases

NAME = "control_a"


class Scale(nn.Module):
    """Returns its inputs, the maps times a weight, and remembers how they arrived."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(config["channels"]))

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> tuple[Tensor, ...]:
        self.arrived = x.dtype, t.dtype, ids.dtype
        return x * self.factor[:, None, None], t, ids


@pytest.fixture
def scale(tmp_path, monkeypatch):
    """Makes an added component of another class than any of the model's."""
    monkeypatch.setitem(networks.NETWORKS, "scale", Scale)

    def make(factor: float = 2.0, every_step: bool = False) -> AddedComponent:
        path = tmp_path / f"{factor}.safetensors"
        save_file({"factor": torch.full((4,), factor)}, path)
        return AddedComponent("scale_a", "scale", {"channels": 4}, open_tensors(path), every_step)

    return make


def _load(path, mode: str = "fast", dtype: str = "float32") -> TorchEngine:
    return TorchEngine.load(path, "cpu", dtype, memory=mode)


def _second_unet(path, every_step: bool = True) -> AddedComponent:
    """The model's own UNet once more, whose results are known."""
    checkpoint = open_checkpoint(path)
    return AddedComponent(NAME, Component.UNET, checkpoint.configs["unet"], checkpoint.unet, every_step)


def _inputs(engine: TorchEngine) -> UNetInputs:
    generator = torch.Generator().manual_seed(4)
    context = torch.randn(2, 77, engine.facts.context_width, generator=generator)
    return UNetInputs(torch.randn(2, 4, 8, 8, generator=generator), torch.tensor([441.0, 441.0]), context)


@pytest.mark.parametrize(
    ("mode", "dtype"),
    cases(
        itertools.product(MODES, ("float32", "bfloat16")),
        quick={("fast", "float32"), ("lowest", "bfloat16"), ("stream", "float32")},
    ),
)
def test_an_added_network_computes_as_the_model_s_own_in_every_mode(tiny_model, mode, dtype):
    engine = _load(tiny_model, mode, dtype)
    engine.add(_second_unet(tiny_model))
    inputs = _inputs(engine)
    held = [p for p in engine.network(NAME).parameters() if not p.is_meta and p.ndim > 1]
    assert bool(held) == (mode != "stream")
    for _ in range(2):  # the second pass of a streamed network is read ahead
        (eps,) = engine.run(NAME, inputs.x, inputs.t[:1], inputs.context)
        assert eps.dtype == torch.float32 and torch.equal(eps, engine.predict(inputs))
    assert type(engine.network(NAME)) is type(engine.network("unet"))


@pytest.mark.parametrize(
    ("mode", "every_step", "stays"),
    [
        ("fast", True, {"unet", "vae", NAME}), ("fast", False, {"unet", "vae"}), ("low", True, {"vae"}),
        pytest.param("lowest", False, {"vae"}, marks=pytest.mark.slow),
        pytest.param("stream", True, {"vae"}, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_what_works_at_every_step_stays_with_the_unet_and_the_rest_goes(
    tiny_model, monkeypatch, mode, every_step, stays
):
    monkeypatch.setattr(memory_plan, "SMALL_NETWORK", 0)  # as for networks of full size
    engine = _load(tiny_model, mode)
    engine.add(_second_unet(tiny_model, every_step))
    inputs = _inputs(engine)
    engine.run(NAME, inputs.x, inputs.t, inputs.context)
    first = engine.network(NAME)
    engine.predict(inputs)
    assert engine.loaded == ({"unet", NAME} if every_step else {"unet"})
    if every_step:
        engine.run(NAME, inputs.x, inputs.t, inputs.context)
        assert engine.network(NAME) is first and engine.loaded == {"unet", NAME}
    engine.decode(inputs.x[:1])
    assert engine.loaded == stays


@pytest.mark.parametrize("mode", MODES)
def test_the_plan_counts_what_was_added_in_engine_and_app_alike(tiny_model, mode, monkeypatch):
    engine, job = _load(tiny_model, mode), memory_plan.MemoryRequest(512, 512)
    free = engine.residency.free_bytes()
    monkeypatch.setattr(engine.residency, "free_bytes", lambda: free)
    alone = engine.choose_memory(512, 512, 1).peak
    engine.add(_second_unet(tiny_model))
    is_peak = mode == "fast"  # elsewhere so small a UNet is not
    assert (engine.choose_memory(512, 512, 1).peak > alone) == is_peak
    sizes = read_sizes(engine.checkpoint, [_second_unet(tiny_model)])
    planned = plan_picture(sizes, 512, 512, 1, itemsize=4, device="cpu", free=free, mode=mode)
    assert engine.choose_memory(512, 512, 1) == planned
    engine.remove(NAME)
    assert engine.choose_memory(512, 512, 1).peak == alone
    # At v1's size: all of a control net is there beside the UNet, or its largest layer's space where weights are streamed.
    usual, count = Sizes(), 361_279_120
    peaks = [memory_plan.predict(mode, job, replace(usual, every_step=(count,) * n)) for n in (1, 2)]
    most = 4 * memory_plan.STREAMED_BUFFER if mode == "stream" else 4 * count
    assert peaks[1] - peaks[0] == min(4 * count, most)
    encoder = memory_plan.predict(mode, job, replace(usual, once=(2_000_000_000,)))
    assert (encoder > memory_plan.predict(mode, job, usual)) == (mode != "stream")


def test_maps_come_in_the_engine_s_format_and_numbers_as_they_are(tiny_model, scale):
    engine = _load(tiny_model, dtype="bfloat16")
    engine.add(scale())
    x, t, ids = torch.randn(1, 4, 8, 8), torch.tensor([981.0]), torch.arange(3)
    results = engine.run("scale_a", x, t, ids)
    assert engine.network("scale_a").arrived == (torch.bfloat16, torch.float32, torch.int64)
    assert [result.dtype for result in results] == [torch.float32] * 3 and results[1] == 981.0
    torch.testing.assert_close(results[0], 2 * x, atol=0.1, rtol=0)


def test_one_that_overflows_goes_on_in_float32_and_no_other_does(tiny_model, scale):
    engine = _load(tiny_model, dtype="float16")
    engine.add(scale(1e5))
    result, *_ = engine.run("scale_a", torch.ones(1, 4, 8, 8), torch.ones(1), torch.arange(3))
    assert torch.equal(result, torch.full((1, 4, 8, 8), 1e5))
    assert engine.dtype_of("scale_a") == torch.float32 and engine.dtype_of("unet") == torch.float16
    assert [line for line in engine.facts.report if "The scale overflowed in float16" in line]
    engine.remove("scale_a")
    assert engine.dtype_of("scale_a") == torch.float16


def test_a_name_is_one_network_until_it_is_removed(tiny_model, scale):
    engine, x = _load(tiny_model), torch.ones(1, 4, 8, 8)
    double, treble = scale(2.0), scale(3.0)

    def run() -> float:
        return float(engine.run("scale_a", x, torch.ones(1), torch.arange(3))[0].max())

    engine.add(double)
    assert run() == 2.0 and engine.added == {"scale_a"}
    network = engine.network("scale_a")
    engine.add(double)
    assert engine.network("scale_a") is network
    engine.add(treble)
    assert run() == 3.0
    engine.release("scale_a")
    assert engine.loaded == frozenset() and run() == 3.0
    engine.remove("scale_a")
    engine.remove("scale_a")
    assert engine.added == engine.loaded == frozenset()
    with pytest.raises(KeyError):
        run()


def test_the_model_s_own_names_are_taken_and_weights_must_fit(tiny_model, scale):
    engine = _load(tiny_model)
    with pytest.raises(ValueError, match="under another name"):
        engine.add(replace(scale(), name="unet"))
    engine.add(replace(scale(), config={"channels": 5}))
    with pytest.raises(ModelError):
        engine.run("scale_a", torch.ones(1, 5, 8, 8), torch.ones(1), torch.arange(3))


def test_loras_act_on_the_model_alone_and_tiles_on_all(tiny_model, tmp_path):
    engine = _load(tiny_model)
    engine.add(_second_unet(tiny_model))
    inputs = _inputs(engine)

    def run() -> Tensor:
        return engine.run(NAME, inputs.x, inputs.t[:1], inputs.context)[0]

    before, path = run(), tmp_path / "style.safetensors"
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    save_file({f"{name}.lora_down.weight": torch.ones(2, 8), f"{name}.lora_up.weight": torch.ones(8, 2)}, path)
    engine.adapt([LoraUse(path, 0.0, 0.7)])
    assert torch.equal(run(), before) and not torch.equal(engine.predict(inputs), before)
    engine.release(NAME)
    assert torch.equal(run(), before)
    engine.adapt([])
    engine.set_tiling(True)
    assert torch.equal(run(), engine.predict(inputs)) and not torch.equal(run(), before)
