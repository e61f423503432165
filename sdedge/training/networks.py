"""The networks that learn together, and the diffusers folder that they become."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.images.preview import V1_ROWS, Rows
from sdedge.models.clip import CLIPText
from sdedge.models.config import UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.text.tokenizer import Tokenizer


class Conditioned(nn.Module):
    """The two networks that learn together."""

    def __init__(self, text_encoder: CLIPText, unet: UNet) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    def forward(self, x: Tensor, t: Tensor, ids: Tensor) -> Tensor:
        return self.unet(x, t, self.text_encoder(ids))


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
    """What is being trained."""

    tokenizer: Tokenizer
    vae: VAE
    conditioned: Conditioned
    scaling_factor: float = 1.0
    preview: Rows = V1_ROWS


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
