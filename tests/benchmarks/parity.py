"""fp32 parity with diffusers and transformers at full v1 size, random weights.

python -m tests.benchmarks parity
python -m tests.benchmarks.parity --picture     # and a whole picture of ten steps with a ControlNet
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, T2IAdapter, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from sdedge.models import t2i_adapter
from sdedge.models.clip import CLIPText
from sdedge.models.config import ControlNetConfig, T2IAdapterConfig, TextConfig, UNetConfig, VAEConfig
from sdedge.models.controlnet import ControlNet, HintEmbedding
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from tests.control_models import random_controlnet

LIMIT = 1e-4
HINT = "controlnet_cond_embedding."
PICTURE = 50.0  # dB


def _ours(network: type[nn.Module], config: object, state: dict[str, Tensor]) -> nn.Module:
    with torch.device("meta"):
        module = network(config)
    module.load_state_dict(state, strict=True, assign=True)
    return module.eval()


def _row(name: str, ours: Tensor, referee: Tensor) -> bool:
    difference = float((ours - referee).abs().max())
    print(f"| {name} | {tuple(ours.shape)} | {float(referee.abs().max()):.3g} | {difference:.1e} |", flush=True)
    return difference < LIMIT


def full_size_controlnet() -> ControlNetModel:
    """A ControlNet of the published size whose residuals are about as large as what they are added to."""
    unet = {"cross_attention_dim": 768, "attention_head_dim": 8}
    return random_controlnet(unet, scale=0.03, hint_widths=(16, 32, 96, 256))


def _controlnet_rows() -> list[bool]:
    """Compares every residual of a ControlNet, and every feature of a full and a light T2I-Adapter."""
    referee, config = full_size_controlnet(), ControlNetConfig(UNetConfig())
    state = referee.state_dict()
    network = _ours(ControlNet, config, {n: t for n, t in state.items() if not n.startswith(HINT)})
    embed = _ours(HintEmbedding, config, {n.removeprefix(HINT): t for n, t in state.items() if n.startswith(HINT)})
    x, t, context, hint = (
        torch.randn(2, 4, 64, 64),
        torch.tensor([441.0]),
        torch.randn(2, 77, 768),
        torch.rand(1, 3, 512, 512),
    )
    down, middle = referee(x, t, context, hint, return_dict=False)
    good = [_row("ControlNet", a, b) for a, b in zip(network(x, t, context, embed(hint)), [*down, middle], strict=True)]
    for kind, blocks, is_light in (("full_adapter", 2, False), ("light_adapter", 4, True)):
        widths = [320, 640, 1280] if is_light else [320, 640, 1280, 1280]
        adapter = T2IAdapter(3, widths, blocks, adapter_type=kind).eval()
        ours = _ours(t2i_adapter.T2IAdapter, T2IAdapterConfig(blocks=blocks, is_light=is_light), adapter.state_dict())
        good += [_row(f"T2I-Adapter, {kind}", a, b) for a, b in zip(ours(hint), adapter(hint), strict=True)]
    return good


def _picture(folder: Path) -> float:
    """Draws ten steps of 512 x 512 with a ControlNet by diffusers and by us; returns how equal they are in dB."""
    from diffusers import StableDiffusionControlNetPipeline
    from PIL import Image

    from sdedge.controls import Control
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.generation.save import Picture
    from sdedge.request import Request
    from tests.benchmarks.support.random_models import make_model

    model, hint = make_model(folder), folder / "hint.png"
    Image.effect_noise((512, 512), 80).convert("RGB").save(hint)
    controlnet = full_size_controlnet()
    controlnet.save_pretrained(folder / "controlnet")
    referee = StableDiffusionControlNetPipeline.from_pretrained(
        model, controlnet=controlnet, safety_checker=None, torch_dtype=torch.float32
    )
    theirs = referee(
        "a red house", Image.open(hint), num_inference_steps=10, guidance_scale=4.0, output_type="np",
        generator=torch.Generator().manual_seed(7),
    ).images[0]  # fmt: skip
    del referee, controlnet
    controls = (Control(str(folder / "controlnet"), str(hint)),)
    request = Request(
        "a red house", model=str(model), steps=10, guidance=4.0, seed=7, sampler="plms", preset="diffusers", controls=controls
    )  # fmt: skip
    pictures = Pipeline(load_engine("cpu", "float32")).images(request)
    (ours,) = (event.pixels for event in pictures if isinstance(event, Picture))
    error = np.mean((ours / 255.0 - np.round(theirs * 255) / 255) ** 2)
    return float(-10 * np.log10(max(error, 1e-12)))


@torch.inference_mode()
def main() -> None:
    """Prints a table of largest differences and fails above 1e-4, or with a picture under 50 dB."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--picture", action="store_true", help="draw a picture with a ControlNet too, which takes minutes"
    )
    options = parser.parse_args()
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
    del unet, ours
    good += _controlnet_rows()
    if options.picture:
        with tempfile.TemporaryDirectory() as folder:
            equal = _picture(Path(folder))
        print(f"\nA picture of ten steps with a ControlNet equals diffusers' at {equal:.0f} dB.")
        good.append(equal >= PICTURE)
    if not all(good):
        raise SystemExit(f"A difference is above {LIMIT}, or the picture under {PICTURE} dB.")


if __name__ == "__main__":
    main()
