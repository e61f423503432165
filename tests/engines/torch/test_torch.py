"""The torch engine: LoRAs leave no trace, and what overflows is made again in a wider dtype and told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.engines.torch.networks import NETWORKS
from sdedge.errors import ModelError
from sdedge.models.unet_inputs import UNetInputs
from sdedge.weights.checkpoint import load_into, open_checkpoint
from sdedge.weights.lora import apply, open_lora
from tests.conftest import cases

QUERY = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"  # one of three that the engine may join


DRAWN = """
import sys, torch
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models.unet_inputs import UNetInputs

for mode in ("fast", "stream"):
    engine = TorchEngine.load(sys.argv[1], "cpu", "bfloat16", memory=mode)
    context = engine.encode_text(torch.zeros(2, 77, dtype=torch.int64))
    inputs = UNetInputs(torch.randn(2, 4, 8, 8), torch.full((2,), 500.0), context)
    engine.decode(engine.predict(inputs)[:1])
print([name for name in ("torch._dynamo", "sympy", "transformers") if name in sys.modules])
"""


def write_lora(path: Path, width: int, name: str = QUERY) -> LoraUse:
    generator = torch.Generator().manual_seed(2)
    parts = {"lora_down": (2, width), "lora_up": (width, 2)}
    save_file(
        {f"{name}.{part}.weight": 0.3 * torch.randn(shape, generator=generator) for part, shape in parts.items()}, path
    )
    return LoraUse(path, 0.0, 0.7)


def _inputs(engine: TorchEngine) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    context = torch.randn(2, 77, engine.facts.context_width, generator=generator)
    return torch.randn(2, 4, 8, 8, generator=generator), torch.tensor([500.0, 500.0]), context


@pytest.mark.parametrize("loaded", cases([True, False], quick=[True]))
def test_a_lora_acts_as_on_the_plain_network_and_leaves_no_trace(tiny_model, tmp_path, loaded):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    inputs = _inputs(engine)
    before = engine.predict(UNetInputs(*inputs))
    if not loaded:
        engine.release("unet")
    use = write_lora(tmp_path / "style.safetensors", 8)
    engine.adapt([use])
    checkpoint = open_checkpoint(tiny_model)
    plain = NETWORKS["unet"](checkpoint.configs["unet"]).eval()
    load_into(plain, checkpoint.unet, torch.float32)
    with apply({"unet": plain}, [(open_lora(use.path), 0.0, 0.7)]), torch.inference_mode():
        expected = plain(*inputs)
    changed = engine.predict(UNetInputs(*inputs))
    assert float((changed - before).abs().max()) > 5e-3
    assert float((changed - expected).abs().max()) < 2e-5
    engine.adapt([])
    assert torch.equal(engine.predict(UNetInputs(*inputs)), before)


def test_a_lora_that_does_not_fit_changes_nothing(tiny_model, tmp_path):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    before = engine.predict(UNetInputs(*_inputs(engine)))
    with pytest.raises(ModelError, match="cannot be used"):
        engine.adapt([write_lora(tmp_path / "wide.safetensors", 24)])
    assert torch.equal(engine.predict(UNetInputs(*_inputs(engine))), before)


@pytest.mark.parametrize("component", ["unet", "vae"])
def test_what_overflows_is_made_again_in_float32_and_told(tiny_model, component):
    half, full = (TorchEngine.load(tiny_model, "cpu", dtype) for dtype in ("float16", "float32"))
    x, t, context = _inputs(half)
    large = x * 1e6  # beyond float16

    def run(engine: TorchEngine) -> torch.Tensor:
        return engine.predict(UNetInputs(large, t, context)) if component == "unet" else engine.decode(large)

    drawn = run(half)
    assert torch.isfinite(drawn).all() and torch.equal(drawn, run(full))
    assert [line for line in half.facts.report if f"The {component} overflowed in float16" in line]
    assert half.dtype_of(component) == torch.float32 and half.dtype_of("text_encoder") == torch.float16


def test_a_step_that_reuses_features_is_made_again_too(tiny_model):
    half, full = (TorchEngine.load(tiny_model, "cpu", dtype) for dtype in ("float16", "float32"))
    x, t, context = _inputs(half)
    _, features = half.predict_partly(UNetInputs(x, t, context))
    drawn, deep = half.predict_partly(UNetInputs(x * 1e6, t, context), features)
    assert torch.isfinite(drawn).all() and deep.dtype == torch.float32
    assert torch.equal(drawn, full.predict_partly(UNetInputs(x * 1e6, t, context), features.float())[0])


def test_no_remark_where_nothing_overflows(tiny_model):
    engine = TorchEngine.load(tiny_model, "cpu", "float16")
    reported = engine.facts.report
    engine.predict(UNetInputs(*_inputs(engine)))
    assert engine.facts.report == reported and engine.dtype_of("unet") == torch.float16


@pytest.mark.slow
def test_drawing_needs_nothing_of_torchs_compiler(tiny_model):
    """Which some operators on the meta device import: 80 MB and a second at every start."""
    done = subprocess.run(
        [sys.executable, "-c", DRAWN, str(tiny_model)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
