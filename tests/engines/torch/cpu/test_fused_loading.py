"""Loading reads no byte of a model twice, whichever way its weights go into the networks."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.weights.files import WeightFile
from tests.conftest import cases

GATED = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_ff_net_0_proj"


@pytest.fixture
def reads(monkeypatch) -> Counter[tuple[str, int]]:
    """How often each place of each file was read from."""
    places: Counter[tuple[str, int]] = Counter()
    read = WeightFile.read_into

    def counting(self, buffer, offset):
        places[self.path.parent.name, offset] += 1
        read(self, buffer, offset)

    monkeypatch.setattr(WeightFile, "read_into", counting)
    return places


@pytest.mark.parametrize("dtype", cases(("float32", "bfloat16"), quick=("float32",)))
@pytest.mark.parametrize("with_lora", [False, True])
def test_no_weight_is_read_twice(tiny_model, tmp_path, reads, dtype, with_lora):
    engine = TorchEngine.load(tiny_model, "cpu", dtype)
    if with_lora:  # into a layer whose halves the fused network has as two
        shape = engine.checkpoint.unet["down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"].shape
        parts = {"lora_down": (2, shape[1]), "lora_up": (shape[0], 2)}
        save_file(
            {f"{GATED}.{part}.weight": torch.ones(size) for part, size in parts.items()}, tmp_path / "l.safetensors"
        )
        engine.adapt([LoraUse(tmp_path / "l.safetensors", 1.0, 1.0)])
    reads.clear()
    for component in ("text_encoder", "unet", "vae"):
        engine.network(component)
    ours = {place: count for place, count in reads.items() if place[0] in ("text_encoder", "unet", "vae")}
    assert len(ours) > 100 and set(ours.values()) == {1}
