"""The recipe end to end at a toy size: every stage runs, resumes where it stopped, and leaves a model others load."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from sdedge.training.fit import Optimisation, fit
from sdedge.training.recipe import QUICK, TrainingRecipe, networks, train

TOY = replace(
    QUICK,
    pictures=12,
    size=64,
    unet=replace(QUICK.unet, block_out_channels=(8, 16, 16, 16), norm_num_groups=4, sample_size=8),
    vae=replace(QUICK.vae, block_out_channels=(4, 8, 8, 8), layers_per_block=1, sample_size=64),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    return folder, [progress.stage for progress in train(TOY, folder)]


@pytest.mark.slow
def test_the_recipe_runs_and_is_done_when_run_again(trained):
    folder, stages = trained
    assert list(dict.fromkeys(stages)) == ["scenes", "vae", "latents", "low", "guided", "decoder"]
    weights = folder / "model" / "unet" / "diffusion_pytorch_model.safetensors"
    before = load_file(weights)
    again = [progress for progress in train(TOY, folder) if not progress.exported]
    assert {progress.stage for progress in again} == {"scenes"}
    assert all(torch.equal(before[name], tensor) for name, tensor in load_file(weights).items())


@pytest.mark.slow
def test_diffusers_loads_what_the_recipe_writes(trained):
    pipeline = StableDiffusionPipeline.from_pretrained(trained[0] / "model", torch_dtype=torch.float32)
    vocabulary = ("a", "red", "house")
    assert pipeline.tokenizer("a red house").input_ids[1:4] == [
        networks(TOY, "cpu").tokenizer.vocab[f"{word}</w>"] for word in vocabulary
    ]


@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_equals_an_unbroken_one(tmp_path, stop, monkeypatch):
    def result(folder, interruptions):
        folder.mkdir(exist_ok=True)
        model = torch.nn.Linear(3, 1)
        torch.nn.init.constant_(model.weight, 0.5)
        torch.nn.init.zeros_(model.bias)

        def loss_at(step):
            x = torch.randn(4, 3, generator=torch.Generator().manual_seed(step))
            return (model(x) - x.sum(1, keepdim=True)).square().mean()

        run = fit("toy", model, loss_at, Optimisation(steps=6, warmup=1), folder)
        for progress in run:
            if interruptions and progress.step == stop + 1:
                run.close()
        return model.weight.detach()

    monkeypatch.setattr("sdedge.training.fit.SAVE_EVERY", 0.0)
    unbroken = result(tmp_path / "whole", False)
    result(tmp_path / "broken", True)
    assert torch.equal(result(tmp_path / "broken", False), unbroken)


def test_the_embedded_recipe_has_the_exact_v1_topology():
    recipe = TrainingRecipe()
    assert len(recipe.unet.block_out_channels) == len(recipe.vae.block_out_channels) == 4
    assert recipe.unet.layers_per_block == recipe.vae.layers_per_block == 2
    assert recipe.vae.latent_channels == 4 and recipe.vae.downscale == 8
    assert recipe.stages[-1].drop == 0.1 and not any(stage.drop for stage in recipe.stages[:-1])
