"""The recipe of the embedded model, in the stages that the v1 model card describes.

The autoencoder first; the text encoder alone, until its words tell the facts; then text encoder and UNet together at low
resolution, at higher ones, and there with a tenth of the captions dropped for guidance; then the decoder alone once more,
against a discriminator. The learning rate stays level until the last of the denoising stages, so that a longer run can go on
from any checkpoint.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from sdedge.images.preview import fit_rows
from sdedge.machine import allocator
from sdedge.machine.threads import use_threads
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.text.tokenizer import from_vocabulary
from sdedge.training.fit import Optimisation, TrainingProgress
from sdedge.training.illustrations.autoencoder import (
    AutoencoderStage,
    images,
    start_direct,
    train_vae,
)
from sdedge.training.illustrations.captions import VOCABULARY
from sdedge.training.illustrations.decoder import DecoderStage, train_decoder
from sdedge.training.illustrations.diffusion import DiffusionStage, Part, train_stage
from sdedge.training.illustrations.latents import Latents, chunk_scenes
from sdedge.training.illustrations.reading import train_words
from sdedge.training.networks import Conditioned, Networks, export

LEVEL = Optimisation(steps=0, lr=8e-4, warmup=50, flat=1.0, ema=0.9995)


@dataclass(frozen=True)
class TrainingRecipe:
    """Every number that decides how the model comes out."""

    seed: int = 20261
    size: int = 128
    """What the autoencoder learns at first; the latents' sizes are the stages'."""
    unet: UNetConfig = UNetConfig(
        block_out_channels=(48, 96, 160, 160),
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=8,
        sample_size=24,
    )
    vae: VAEConfig = VAEConfig(block_out_channels=(16, 32, 64, 96), norm_num_groups=4, sample_size=192)
    text: TextConfig = TextConfig(
        hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, vocab_size=0
    )
    autoencoder: tuple[AutoencoderStage, ...] = (
        AutoencoderStage(
            "vae", Optimisation(steps=3134, lr=1.5e-3, warmup=100, flat=0.77, floor=0.6, ema=0.99), 1.0, 0.5
        ),
        AutoencoderStage("details", Optimisation(steps=8000, lr=1e-3, warmup=50, flat=0.5, ema=0.995), 0.2, 1.5),
    )
    """First what colours are where, then how things look: both at once end with colours alone."""
    reading: Optimisation = Optimisation(steps=700, warmup=50, flat=0.4, ema=0.99)
    stages: tuple[DiffusionStage, ...] = (
        DiffusionStage(
            "low", (Part(64, 32),), 0.0, replace(LEVEL, steps=2200, lr=1e-3, warmup=150, ema=0.999), 3000, 60
        ),
        DiffusionStage("high", (Part(96, 32, 0.5), Part(128, 20, 0.5)), 0.0, replace(LEVEL, steps=5000), 2000, 100),
        DiffusionStage("native", (Part(128, 20, 0.7), Part(192, 8, 0.3)), 0.0, replace(LEVEL, steps=1500), 4000, 100),
        DiffusionStage(
            "guided",
            (Part(128, 20, 0.6), Part(192, 8, 0.3), Part(192, 8, 0.1, drawn=384, below=400, scenes=750)),
            0.1,
            replace(LEVEL, steps=2700, flat=0.2),
            5000,
            100,
        ),
    )
    decoder: DecoderStage = DecoderStage(
        "decoder", Optimisation(steps=4000, lr=5e-4, warmup=30, flat=0.5, ema=0.99, betas=(0.8, 0.99)), (192, 128, 192)
    )
    guidance: float = 4.0
    """Guidance scale recommended to users, by measurement."""


QUICK = TrainingRecipe(
    size=64,
    autoencoder=(AutoencoderStage("vae", Optimisation(steps=2), 1.0, 0.5),),
    reading=Optimisation(steps=2),
    stages=(
        DiffusionStage("low", (Part(64, 4),), 0.0, Optimisation(steps=2), 4, 60),
        DiffusionStage(
            "guided",
            (Part(64, 4, 0.4), Part(96, 2, 0.3), Part(64, 4, 0.3, drawn=96, below=400, scenes=4)),
            0.1,
            Optimisation(steps=2),
            4,
            60,
        ),
    ),
    decoder=DecoderStage("decoder", Optimisation(steps=2), (64,), window=4, windowed=0.5),
)
"""A few steps of every stage, for tests."""


def random_networks(recipe: TrainingRecipe) -> Networks:
    """Networks of random weights from the recipe's seed. The eps output starts at zero, which steadies the first steps."""
    torch.manual_seed(recipe.seed)
    vae = VAE(recipe.vae)
    tokenizer = from_vocabulary(VOCABULARY)
    text = CLIPText(replace(recipe.text, vocab_size=len(tokenizer.vocab)))
    for embedding in (text.text_model.embeddings.token_embedding, text.text_model.embeddings.position_embedding):
        nn.init.normal_(embedding.weight, std=0.02)
    unet = UNet(recipe.unet)
    nn.init.zeros_(unet.conv_out.weight)
    return Networks(tokenizer, vae, Conditioned(text, unet))


def networks(recipe: TrainingRecipe) -> Networks:
    """The networks that training begins with: random ones, whose autoencoder passes colours on."""
    nets = random_networks(recipe)
    for network in (nets.vae, nets.conditioned.unet):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    start_direct(nets.vae)
    return nets


def train(recipe: TrainingRecipe, folder: Path) -> Generator[TrainingProgress, None, None]:
    """Run every stage that is not finished yet, leaving its state in `folder` and the model in `folder/model`."""
    use_threads()
    allocator.keep()  # a step takes an eighth less time
    folder.mkdir(parents=True, exist_ok=True)
    nets = networks(recipe)
    for autoencoder_stage in recipe.autoencoder:
        yield from train_vae(nets.vae, autoencoder_stage, recipe.size, recipe.seed, folder)
    text = nets.conditioned.text_encoder
    yield from train_words(text, nets.tokenizer, 32, recipe.reading, recipe.seed, folder)
    latents = encoded(recipe, nets, folder)
    for stage in recipe.stages:
        yield from train_stage(nets.conditioned, nets.tokenizer, latents, stage, recipe.seed, folder)
        yield _exported(recipe, nets, folder, stage.name, stage.optimisation.steps)
    yield from train_decoder(nets.vae, nets.scaling_factor, recipe.decoder, recipe.seed, folder)
    yield _exported(recipe, nets, folder, "decoder", recipe.decoder.optimisation.steps)


def encoded(recipe: TrainingRecipe, nets: Networks, folder: Path) -> dict[int, Latents]:
    """The latents of every size that a stage learns; sets the networks' scaling factor, which is that of `recipe.size`."""
    sizes = {part.picture for stage in recipe.stages for part in stage.parts}
    latents = {size: Latents(nets.vae, size, recipe.seed, folder / "latents") for size in sorted({*sizes, recipe.size})}
    nets.scaling_factor = 1 / latents[recipe.size].std()
    for pool in latents.values():
        pool.factor = nets.scaling_factor
    return latents


def _exported(recipe: TrainingRecipe, nets: Networks, folder: Path, stage: str, steps: int) -> TrainingProgress:
    write_model(recipe, nets, folder / "model")
    return TrainingProgress(stage, steps, steps, 0.0, exported=True)


@torch.no_grad()
def write_model(recipe: TrainingRecipe, nets: Networks, folder: Path) -> None:
    """Write a diffusers folder in fp16 with the preview's colours fitted to the first scenes."""
    seen = images(chunk_scenes(recipe.seed, 0)[:64], recipe.size)
    nets.preview = fit_rows(nets.vae.encode(seen).mean * nets.scaling_factor, seen)
    export(recipe, nets, folder)
