"""Which components are in memory: loaded on use, released by the mode, with exactly the LoRAs that were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.residency import Residency
from sdedge.engines.torch.unet_calls import UNetCalls
from sdedge.errors import ModelError
from sdedge.machine import memory_plan
from sdedge.weights.checkpoint import open_checkpoint

CPU = torch.device("cpu")
TEXT = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"


class Calls(UNetCalls):
    """Counts how often it is told that the UNet is another one."""

    forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture
def make(tiny_model):
    def residency(mode: str = "fast", dtype: torch.dtype = torch.float32) -> Residency:
        return Residency(
            open_checkpoint(tiny_model), CPU, dtype, (8, 8), memory_choice=mode, recipe=None, calls=Calls(CPU),
            report=lambda *_: None,
        )  # fmt: skip

    return residency


def _lora(path: Path, width: int) -> LoraUse:
    parts = {"lora_down": (2, width), "lora_up": (width, 2)}
    save_file({f"{TEXT}.{part}.weight": torch.ones(shape) for part, shape in parts.items()}, path)
    return LoraUse(path, 0.5, 0.5)


@pytest.mark.parametrize(("mode", "stay"), [("fast", {"unet", "vae"}), ("low", {"vae"}), ("stream", {"vae"})])
def test_components_are_loaded_on_use_and_go_as_the_mode_says(make, monkeypatch, mode, stay):
    residency = make(mode)
    assert residency.loaded == frozenset()
    monkeypatch.setattr(memory_plan, "SMALL_NETWORK", 0)  # as for a text encoder of full size
    for component in ("text_encoder", "unet", "vae"):
        assert residency.network(component) is residency.network(component)
    assert residency.loaded == stay
    residency.release("vae")
    assert residency.loaded == stay - {"vae"}


def test_a_streamed_unet_holds_no_matrices(make):
    held = [p for p in make("stream").network("unet").parameters() if not p.is_meta]
    assert held and all(p.ndim < 2 for p in held)


def test_where_memory_is_tight_the_vae_is_loaded_by_halves(make):
    residency = make("lowest")
    first = residency.vae("decoder")
    assert residency.vae("decoder") is first
    second = residency.vae("encoder")
    assert second is not first and residency.loaded == {"vae"}
    assert second.encoder.conv_in.weight.device == CPU and second.decoder.conv_in.weight.is_meta


def test_another_mode_loads_everything_anew(make):
    residency = make("fast")
    first = residency.network("unet")
    assert residency.use_less_memory() == "low" and residency.loaded == frozenset()
    assert residency.network("unet") is not first
    while residency.use_less_memory() is not None:
        assert not residency.loaded
    assert residency.mode == "stream"


def test_an_overflow_makes_one_component_wider_and_no_other(make):
    residency = make(dtype=torch.float16)
    residency.network("vae")
    residency.use_float32("vae")
    assert residency.loaded == frozenset() and next(residency.network("vae").parameters()).dtype == torch.float32
    assert residency.dtype_of("vae") == torch.float32 and residency.dtype_of("unet") == torch.float16


def test_loras_are_on_what_is_loaded_and_on_what_is_loaded_later_and_come_off(make, tmp_path):
    residency, width = make(), 8
    name = "text_model.encoder.layers.0.self_attn.q_proj.weight"
    width = residency.checkpoint.components["text_encoder"][name].shape[0]
    before = residency.network("text_encoder").get_parameter(name).clone()
    residency.adapt([_lora(tmp_path / "a.safetensors", width)])
    after = residency.network("text_encoder").get_parameter(name).clone()
    assert not torch.equal(before, after)
    residency.release("text_encoder")
    assert torch.equal(residency.network("text_encoder").get_parameter(name), after)
    with pytest.raises(ModelError):
        residency.adapt([_lora(tmp_path / "b.safetensors", width + 1)])
    assert residency.loras == () and torch.equal(residency.network("text_encoder").get_parameter(name), before)


def test_calls_are_told_whenever_the_unet_is_another_one(make):
    residency = make()
    calls: Calls = residency.calls
    for change in (
        lambda: residency.put("unet", torch.nn.Identity()), lambda: residency.release("unet"),
        lambda: residency.set_tiling(True), lambda: residency.use_float32("unet"),
    ):  # fmt: skip
        before = calls.forgotten
        change()
        assert calls.forgotten > before


def test_an_engine_shows_what_is_loaded_and_its_mode(tiny_model):
    engine = TorchEngine.load(tiny_model, "cpu", "float32", memory="low")
    engine.network("unet")
    assert engine.loaded == {"unet"} and engine.memory_mode == "low"
