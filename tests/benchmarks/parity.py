"""fp32 parity with diffusers and transformers at full v1 size, random weights.

python -m tests.benchmarks parity
"""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE

LIMIT = 1e-4


def _ours(network: type[nn.Module], config: object, state: dict[str, Tensor]) -> nn.Module:
    with torch.device("meta"):
        module = network(config)
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval()


def _row(name: str, ours: Tensor, referee: Tensor) -> bool:
    difference = float((ours - referee).abs().max())
    print(f"| {name} | {tuple(ours.shape)} | {float(referee.abs().max()):.3g} | {difference:.1e} |", flush=True)
    return difference < LIMIT


@torch.inference_mode()
def main() -> None:
    """Print a table of largest differences and fail above 1e-4."""
    torch.manual_seed(0)
    print("| network | output | largest value | largest difference |\n|---|---|---|---|")
    good = []
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, projection_dim=768
        )
    ).eval()
    state = {k if k.startswith("text_model.") else f"text_model.{k}": v for k, v in text.state_dict().items()}
    ids = torch.randint(0, 49406, (2, 77))
    good.append(_row("text encoder", _ours(CLIPText, TextConfig(), state)(ids), text(ids).last_hidden_state))
    del text, state

    types = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    vae = AutoencoderKL(block_out_channels=(128, 256, 512, 512), layers_per_block=2, **types).eval()
    ours = _ours(VAE, VAEConfig(), vae.state_dict())
    image = torch.rand(1, 3, 512, 512) * 2 - 1
    mean = ours.encode(image).mean
    good.append(_row("VAE encoder", mean, vae.encode(image).latent_dist.mean))
    good.append(_row("VAE decoder", ours.decode(mean), vae.decode(mean).sample))
    del vae, ours

    unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8).eval()
    ours = _ours(UNet, UNetConfig(), unet.state_dict())
    for height, width in ((64, 64), (53, 64)):
        x, t, context = torch.randn(1, 4, height, width), torch.tensor([741.0]), torch.randn(1, 77, 768)
        good.append(_row("UNet", ours(x, t, context), unet(x, t, context).sample))
    if not all(good):
        raise SystemExit(f"A difference is above {LIMIT}.")
