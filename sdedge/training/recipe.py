"""The recipe of the embedded model, in the stages that the v1 model card describes.

Autoencoder first; then text encoder and UNet together at low resolution, at full resolution, and at full resolution
with a tenth of the captions dropped for classifier-free guidance; then the decoder alone once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.images.preview import V1_ROWS, Rows, fit_rows
from sdedge.machine.threads import use_threads
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.text.tokenizer import Tokenizer, from_vocabulary
from sdedge.training import dataset
from sdedge.training.autoencoder import encode_all, latents_std, train_decoder, train_vae
from sdedge.training.diffusion import Conditioned, DiffusionStage, train_stage
from sdedge.training.fit import Optimisation, TrainingProgress
from sdedge.training.scenes import VOCABULARY


@dataclass(frozen=True)
class TrainingRecipe:
    """Every number that decides how the model comes out."""

    pictures: int = 20_000
    """What the autoencoder sees; it needs variety more than the UNet does."""
    encoded: int = 8_000
    """How many of them become latents: every combination of facts about eight times."""
    size: int = 128
    seed: int = 20260
    unet: UNetConfig = UNetConfig(
        block_out_channels=(32, 64, 128, 128),
        cross_attention_dim=128,
        attention_head_dim=4,
        norm_num_groups=8,
        sample_size=16,
    )
    vae: VAEConfig = VAEConfig(block_out_channels=(16, 32, 64, 64), norm_num_groups=4, sample_size=128)
    text: TextConfig = TextConfig(
        hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, vocab_size=0
    )
    autoencoder: Optimisation = Optimisation(steps=3600, flat=0.3, ema=0.99)
    stages: tuple[DiffusionStage, ...] = (
        DiffusionStage("low", 2, 32, 0.0, Optimisation(steps=1400, flat=0.6, floor=0.3)),
        DiffusionStage("high", 1, 32, 0.0, Optimisation(steps=200, lr=7e-4, flat=1.0)),
        DiffusionStage("guided", 1, 32, 0.1, Optimisation(steps=950, lr=7e-4, warmup=1, flat=0.2)),
    )
    decoder: Optimisation = Optimisation(steps=800, lr=7e-4, flat=0.1, ema=0.99)
    guidance: float = 4.0
    """Guidance scale recommended to users, by measurement."""


QUICK = TrainingRecipe(
    pictures=200,
    autoencoder=Optimisation(steps=4),
    stages=(
        DiffusionStage("low", 2, 4, 0.0, Optimisation(steps=2)),
        DiffusionStage("guided", 1, 4, 0.1, Optimisation(steps=2)),
    ),
    decoder=Optimisation(steps=2),
)
"""A few steps of every stage, for tests."""


class Described(Protocol):
    """What a recipe tells of the model that it makes."""

    @property
    def unet(self) -> UNetConfig:
        """The UNet's architecture."""

    @property
    def vae(self) -> VAEConfig:
        """The autoencoder's."""

    @property
    def guidance(self) -> float:
        """The guidance scale recommended to users."""


@dataclass
class Networks:
    """What is being trained, on one device."""

    tokenizer: Tokenizer
    vae: VAE
    conditioned: Conditioned
    scaling_factor: float = 1.0
    preview: Rows = V1_ROWS


def networks(recipe: TrainingRecipe, device: str) -> Networks:
    """Fresh networks from the recipe's seed. The eps output starts at zero, which steadies the first steps."""
    torch.manual_seed(recipe.seed)
    tokenizer = from_vocabulary(VOCABULARY)
    vae = VAE(recipe.vae)
    text = CLIPText(replace(recipe.text, vocab_size=len(tokenizer.vocab)))
    for embedding in (text.text_model.embeddings.token_embedding, text.text_model.embeddings.position_embedding):
        nn.init.normal_(embedding.weight, std=0.02)
    unet = UNet(recipe.unet)
    nn.init.zeros_(unet.conv_out.weight)
    fast = {"memory_format": torch.channels_last}
    return Networks(tokenizer, vae.to(device), Conditioned(text, unet.to(**fast)).to(device))  # type: ignore[call-overload]


def train(recipe: TrainingRecipe, folder: Path, device: str = "cpu") -> Iterator[TrainingProgress]:
    """Run every stage that is not finished yet, leaving its state in `folder` and the model in `folder/model`."""
    use_threads()
    folder.mkdir(parents=True, exist_ok=True)
    for done in dataset.draw(folder / "data", recipe.pictures, recipe.size, recipe.seed):
        yield TrainingProgress("scenes", done, recipe.pictures, 0.0)
    data = dataset.load(folder / "data")
    nets = networks(recipe, device)
    yield from train_vae(nets.vae, data, recipe.autoencoder, recipe.seed, folder)
    latents: dict[int, Tensor] = {}
    data = data.first(recipe.encoded)
    for scale in (2, 1):
        yield from _encode(nets.vae, data, scale, folder)
        latents[scale] = torch.load(folder / f"latents-{scale}.pt", weights_only=True, mmap=True)
    nets.scaling_factor = 1 / latents_std(latents[1])
    for stage in recipe.stages:
        scaled = latents[stage.scale] * nets.scaling_factor
        yield from train_stage(nets.conditioned, nets.tokenizer, data, scaled, stage, recipe.seed, folder)
        yield _export(recipe, nets, data, folder, stage.name, stage.optimisation.steps)
    yield from train_decoder(nets.vae, data, latents[1], recipe.decoder, recipe.seed, folder)
    yield _export(recipe, nets, data, folder, "decoder", recipe.decoder.steps)


def _export(
    recipe: TrainingRecipe, nets: Networks, data: dataset.Dataset, folder: Path, stage: str, steps: int
) -> TrainingProgress:
    nets.preview = _preview_rows(nets, data)
    export(recipe, nets, folder / "model")
    return TrainingProgress(stage, steps, steps, 0.0, exported=True)


@torch.no_grad()
def _preview_rows(nets: Networks, data: dataset.Dataset) -> Rows:
    images = data.images(np.arange(min(64, len(data))))
    latents = nets.vae.encode(images.to(next(nets.vae.parameters()).device)).mean.cpu()
    return fit_rows(latents * nets.scaling_factor, images)


def _encode(vae: VAE, data: dataset.Dataset, scale: int, folder: Path) -> Iterator[TrainingProgress]:
    file = folder / f"latents-{scale}.pt"
    if file.exists():
        return
    batches: list[Tensor] = []
    for batch in encode_all(vae, data, scale):
        batches.append(batch)
        yield TrainingProgress("latents", sum(map(len, batches)), len(data), 0.0)
    torch.save(torch.cat(batches), file)


def export(recipe: Described, nets: Networks, folder: Path) -> None:
    """Write a diffusers folder in fp16 that `diffusers.StableDiffusionPipeline.from_pretrained` loads."""
    configs = model_configs(recipe, nets)
    modules = {"unet": nets.conditioned.unet, "vae": nets.vae, "text_encoder": nets.conditioned.text_encoder}
    names = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
    for part, config in configs.items():
        target = folder / part if part != "model_index" else folder
        target.mkdir(parents=True, exist_ok=True)
        name = {"model_index": "model_index.json", "scheduler": "scheduler_config.json"}.get(part, "config.json")
        (target / name).write_text(json.dumps(config, indent=2) + "\n")
    for part, module in modules.items():
        tensors = {key: value.detach().half().contiguous().cpu() for key, value in module.state_dict().items()}
        save_file(tensors, folder / part / f"{names[part]}.safetensors", metadata={"format": "pt"})
    nets.tokenizer.save(folder / "tokenizer")
    hints = {"guidance": recipe.guidance, "preview": nets.preview}
    (folder / "sdedge.json").write_text(json.dumps(hints, indent=2) + "\n")


def model_configs(recipe: Described, nets: Networks) -> dict[str, dict[str, Any]]:
    """The JSON files of the diffusers folder, by sub-folder."""
    depth = len(recipe.unet.block_out_channels)
    unet = {
        "_class_name": "UNet2DConditionModel",
        **{name: value for name, value in asdict(recipe.unet).items() if name not in ("attention", "has_middle")},
        "down_block_types": ["CrossAttnDownBlock2D"] * (depth - 1) + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * (depth - 1),
    }
    vae = {
        "_class_name": "AutoencoderKL",
        **asdict(recipe.vae),
        "scaling_factor": nets.scaling_factor,
        "down_block_types": ["DownEncoderBlock2D"] * depth,
        "up_block_types": ["UpDecoderBlock2D"] * depth,
    }
    tokenizer = nets.tokenizer
    text = {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        **asdict(nets.conditioned.text_encoder.config),
        "bos_token_id": tokenizer.bos,
        "eos_token_id": tokenizer.eos,
        "pad_token_id": tokenizer.eos,
        # float32 although the weights are fp16: another value makes diffusers mix dtypes on a bare from_pretrained.
        "dtype": "float32",
    }
    scheduler = {
        "_class_name": "PNDMScheduler",
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
        "skip_prk_steps": True,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": "leading",
    }
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.38.0",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_safety_checker": False,
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    return {"unet": unet, "vae": vae, "text_encoder": text, "scheduler": scheduler, "model_index": index}
