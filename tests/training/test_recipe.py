"""The recipe at a toy size: it goes on where it stopped, comes out the same twice, and others load the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

from sdedge.models.config import UNetConfig, VAEConfig
from sdedge.training.fit import Optimisation
from sdedge.training.illustrations import autoencoder, decoder, latents
from sdedge.training.illustrations.diffusion import loss_weights, timesteps, windows
from sdedge.training.illustrations.recipe import QUICK, TrainingRecipe, networks, train

TOY = replace(
    QUICK,
    vae=VAEConfig(block_out_channels=(4, 8, 8, 8), layers_per_block=1, norm_num_groups=4, sample_size=64),
    unet=UNetConfig(
        block_out_channels=(8, 16, 16, 16),
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=4,
        sample_size=8,
    ),
)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(latents, "CHUNK", 6)


def weights(folder):
    files = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
    return {part: load_file(folder / "model" / part / f"{name}.safetensors") for part, name in files.items()}


@pytest.mark.slow
def test_a_run_comes_out_the_same_twice_and_also_when_it_is_interrupted_at_every_step(tmp_path, small_chunks):
    straight = [done.loss for done in train(TOY, tmp_path / "straight")]
    assert [done.loss for done in train(TOY, tmp_path / "again")] == straight
    losses = []
    for _ in range(2 * len(straight)):
        run = train(TOY, tmp_path / "stopped")
        for done in run:
            if not done.exported:  # what is exported again when a run goes on is not a step
                losses.append(done.loss)
                run.close()
                break
        else:
            break
    assert losses == [loss for loss in straight if loss]
    for part, tensors in weights(tmp_path / "straight").items():
        for folder in ("again", "stopped"):
            other_run = weights(tmp_path / folder)[part]
            assert all(torch.equal(tensor, other_run[name]) for name, tensor in tensors.items()), (part, folder)
    StableDiffusionPipeline.from_pretrained(tmp_path / "straight" / "model", torch_dtype=torch.float32)


@pytest.mark.slow
def test_a_level_stage_made_longer_goes_on_as_if_it_had_been_so_from_the_start(tmp_path, small_chunks):
    def recipe(steps):
        level = replace(TOY.stages[0], optimisation=Optimisation(steps=steps, flat=1.0))
        return replace(TOY, stages=(level,), decoder=replace(TOY.decoder, optimisation=Optimisation(steps=1)))

    losses = [done.loss for done in train(recipe(4), tmp_path / "long") if done.stage == "low"]
    list(train(recipe(2), tmp_path / "short"))
    assert [done.loss for done in train(recipe(4), tmp_path / "short") if done.stage == "low"] == losses[2:]


def test_the_recipe_has_the_exact_v1_topology_and_fits_in_forty_megabytes():
    recipe = TrainingRecipe()
    assert len(recipe.unet.block_out_channels) == len(recipe.vae.block_out_channels) == 4
    assert recipe.unet.layers_per_block == recipe.vae.layers_per_block == 2
    assert recipe.vae.latent_channels == 4 and recipe.vae.downscale == 8
    assert recipe.stages[-1].drop == 0.1 and not any(stage.drop for stage in recipe.stages[:-1])
    nets = networks(recipe)
    count = sum(parameter.numel() for module in (nets.vae, nets.conditioned) for parameter in module.parameters())
    assert 2 * count < 40e6


def test_timesteps_cover_the_range_and_favour_high_noise():
    drawn = np.concatenate([timesteps(np.random.default_rng(seed), 20) for seed in range(300)])
    assert drawn.min() < 10 and 990 < drawn.max() < 1000
    # An even draw has a mean of 500; with 0.35 of them by the square of t, it is 0.65 * 500 + 0.35 * 750.
    assert abs(drawn.mean() - 587.5) < 8


def test_parts_of_larger_pictures_are_learned_where_noise_is_low():
    t = timesteps(np.random.default_rng(0), 400, below=400)
    assert t.min() >= 0 and 380 < t.max() < 400
    latents_of = torch.arange(2 * 6 * 8.0).view(2, 1, 6, 8)
    seen = torch.cat([windows(latents_of, 4, np.random.default_rng(seed)) for seed in range(40)])
    assert seen.shape == (80, 1, 4, 4) and {0.0, 20.0, 48.0, 68.0} <= set(seen[:, 0, 0, 0].tolist())
    assert torch.equal(
        seen - seen[:, :, :1, :1], (latents_of[:1, :, :4, :4] - latents_of[0, 0, 0, 0]).expand(80, -1, -1, -1)
    )


def test_the_autoencoder_learns_pictures_of_up_to_three_times_its_first_size(monkeypatch):
    drawn = []

    def images(scenes, size):
        drawn.append(size)
        return torch.zeros(len(scenes), 3, size, size)

    monkeypatch.setattr(autoencoder, "images", images)
    rng = np.random.default_rng(0)
    assert {tuple(autoencoder.parts(step, 6, 128, rng).shape) for step in range(160)} == {(6, 3, 64, 64)}
    sizes = drawn[1::4]
    assert {*drawn[::4], *drawn[2::4]} == {128} and {*drawn[3::4]} == {64}
    assert min(sizes) < 160 and 350 < max(sizes) <= 384


def test_the_loss_asks_for_more_at_high_noise_than_min_snr_does_and_no_more_at_low_noise():
    weights = loss_weights(torch.tensor([0.01, 1.0, 5.0, 500.0]))
    assert torch.allclose(weights, torch.tensor([10.0, 1.0, 5**-0.5, 5**0.5 / 500]))


def test_the_decoder_and_its_discriminator_do_not_move_by_each_other_s_loss():
    both = decoder.DecoderAndDiscriminator(networks(TOY).vae)
    seen = torch.rand(2, 3, 32, 32) * 2 - 1
    made = both.vae.decode(torch.randn(2, 4, 4, 4))
    learning = {name: parameter for name, parameter in both.named_parameters() if parameter.requires_grad}

    def moved(loss):
        gradients = torch.autograd.grad(loss, learning.values(), retain_graph=True, allow_unused=True)
        return {name.split(".")[0] for name, gradient in zip(learning, gradients) if gradient is not None}

    score, features = both.decoder_losses(made, seen)
    assert moved(score) == moved(features) == {"vae"}
    assert moved(both.discriminator_loss(made, seen)) == {"discriminator"}


def test_windows_of_latents_belong_to_those_of_their_pictures():
    picture = torch.arange(2 * 10 * 12.0).view(2, 1, 10, 12)
    rng = np.random.default_rng(0)
    for _ in range(40):
        latents, pictures = decoder.matching_windows(
            picture, picture.repeat_interleave(8, 2).repeat_interleave(8, 3), 4, rng
        )
        assert latents.shape == (4, 1, 4, 4) and torch.equal(pictures[..., ::8, ::8], latents)
        assert pictures.shape == (4, 1, 32, 32) and (latents[:2] < 120).all() and (latents[2:] >= 120).all()
