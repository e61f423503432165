"""A LoRA is trained and written as kohya's trainer writes it: what it changed in training is what readers of LoRAs apply."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from sdedge.errors import ModelError
from sdedge.text.tokenizer import from_vocabulary
from sdedge.training.fit import Optimisation
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import sample
from sdedge.training.lora import LoraRecipe, lora_layers, open_networks, save_kohya, train_lora
from sdedge.training.styles import STYLES
from sdedge.weights.lora import apply, open_lora

RECIPE = replace(LoraRecipe(), pictures=4, rank=2, alpha=3.0, batch=2, optimisation=Optimisation(steps=2, warmup=1))


@pytest.fixture(scope="module")
def trained(tiny_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    path = folder / "sepia.safetensors"
    stages = [done.stage for done in train_lora(tiny_model, STYLES["sepia"], path, folder / "work", RECIPE)]
    assert list(dict.fromkeys(stages)) == ["pictures", "lora-sepia", "lora"]
    return path


def test_the_file_has_kohya_s_names_and_header(trained):
    with safe_open(trained, "pt") as file:
        names, header = set(file.keys()), file.metadata()
        stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0"
        assert {f"{stem}.lora_down.weight", f"{stem}.lora_up.weight", f"{stem}.alpha"} <= names
        assert file.get_tensor(f"{stem}.alpha") == 3 and file.get_tensor(f"{stem}.lora_down.weight").shape[0] == 2
        convolution = file.get_tensor("lora_unet_mid_block_attentions_0_proj_in.lora_up.weight")
        assert convolution.dtype == torch.float16 and convolution.shape[1:] == (2, 1, 1)
    assert header["ss_network_module"] == "networks.lora" and header["ss_output_name"] == "sepia"
    assert open_lora(trained).targets == ("unet",) and open_lora(trained).unused == ()


def test_what_was_trained_is_what_is_applied(tiny_model, tmp_path):
    """With random weights in it, since two steps change next to nothing."""
    torch.manual_seed(5)
    x, t, context = torch.randn(1, 4, 8, 8), torch.tensor([500]), torch.randn(1, 77, 128)
    learning, plain = (open_networks(tiny_model, "cpu").unet for _ in range(2))
    layers = lora_layers(learning, 2, 3.0)
    with torch.no_grad():
        unchanged = plain(x, t, context)
        assert torch.equal(learning(x, t, context), unchanged)  # a new LoRA changes nothing
        for layer in layers.values():
            torch.nn.init.normal_(layer.up.weight, std=0.3)
            layer.half().float()  # as the file holds them
        path = save_kohya(layers, tmp_path / "random.safetensors", RECIPE, "tiny")
        expected = learning(x, t, context)
        with apply({"unet": plain}, [(open_lora(path), 1.0, 1.0)]):
            torch.testing.assert_close(plain(x, t, context), expected, atol=2e-4, rtol=2e-4)
    assert (expected - unchanged).abs().max() > 1e-2


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_a_style_is_told_from_plain_scenes(style):
    rng = np.random.default_rng(3)
    pictures = [render(sample(rng), 64) for _ in range(6)]
    assert not any(map(style.is_seen, pictures))
    changed = [style.change(picture) for picture in pictures]
    assert all(map(style.is_seen, changed)) and all(style.distance(picture) < 2 for picture in changed)


def test_a_model_is_trained_in_words_it_has(tiny_model, tmp_path):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    from_vocabulary(("a", "house")).save(model / "tokenizer")
    with pytest.raises(ModelError, match="lacks words"):
        open_networks(model, "cpu")
