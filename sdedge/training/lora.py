"""A small LoRA of a model, trained on rendered scenes in a style, and written as kohya's trainer writes it.

The embedded model learns a style that it has never seen in minutes; tests then tell in pixels whether a LoRA reached a picture,
through whatever engine, package or window drew it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from sdedge.engines.facts import load_tokenizer, read_facts, vae_config
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import ModelError, Remedy
from sdedge.files import atomic_write
from sdedge.images.convert import from_pixels
from sdedge.machine.threads import use_threads
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig
from sdedge.models.unet import UNet
from sdedge.models.vae import VAE
from sdedge.text.tokenizer import Tokenizer
from sdedge.training.fit import Optimisation, TrainingProgress, fit
from sdedge.training.illustrations.captions import VOCABULARY, caption
from sdedge.training.illustrations.diffusion import GAMMA, alphas_cumprod
from sdedge.training.illustrations.reading import token_ids
from sdedge.training.illustrations.render import render
from sdedge.training.illustrations.world import Scene, sample
from sdedge.training.styles import Style
from sdedge.weights.checkpoint import Checkpoint, load_into, open_checkpoint
from sdedge.weights.lora_keys import flat


@dataclass(frozen=True)
class LoraRecipe:
    """Every number that decides how a LoRA comes out. The scale of its change is alpha / rank, as kohya's."""

    pictures: int = 320
    size: int = 128
    """Of the pictures, where the model's own is larger: the embedded model draws at it as well, in half the time."""
    rank: int = 8
    alpha: float = 8.0
    batch: int = 16
    drop: float = 0.1
    """Fraction of captions left out, so that the style stays under guidance."""
    seed: int = 730_001
    optimisation: Optimisation = Optimisation(steps=400, lr=2e-3, warmup=20, flat=0.5, ema=0.98, weight_decay=0.0)


class LoraLayer(nn.Module):
    """The change of one linear layer or 1x1 convolution: `alpha / rank * up(down(x))`. It begins as no change."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int, alpha: float) -> None:
        super().__init__()
        if isinstance(layer, nn.Conv2d):
            self.down: nn.Module = nn.Conv2d(layer.in_channels, rank, 1, bias=False)
            self.up: nn.Module = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)
        self.scale = alpha / rank

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * self.up(self.down(x))

    def add_to(self, layer: nn.Module) -> None:
        """Lets the layer answer with its change from now on; its own weights stay as they are."""
        layer.register_forward_hook(lambda module, inputs, output: output + self(inputs[0]))


def lora_layers(unet: UNet, rank: int, alpha: float) -> nn.ModuleDict:
    """Adds a change to every linear layer and 1x1 convolution of the attention blocks, by the names that kohya gives them."""
    layers = nn.ModuleDict()
    for name, module in unet.named_modules():
        inside = ".attentions." in name
        if inside and (
            isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1))
        ):
            layers[flat(name)] = LoraLayer(module, rank, alpha)
            layers[flat(name)].add_to(module)  # type: ignore[operator]
    return layers


@dataclass(frozen=True)
class Frozen:
    """The networks of a model that a LoRA is trained on, and what it says of itself."""

    facts: ModelFacts
    tokenizer: Tokenizer
    text_encoder: CLIPText
    unet: UNet
    vae: VAE


def open_networks(path: Path, device: str) -> Frozen:
    """Returns a model's networks in float32. Raises ModelError for one that is no plain v1 model, or lacks the scenes' words."""
    checkpoint = open_checkpoint(path)
    facts = read_facts(checkpoint)
    if facts.in_channels != 4 or facts.guidance_channels:
        raise ModelError(
            f"A LoRA is trained on a plain model, and {facts.name} is not; {Remedy.NAME_PLAIN_MODEL}.",
            field="model", remedy=Remedy.NAME_PLAIN_MODEL,
        )  # fmt: skip
    tokenizer = load_tokenizer(checkpoint)
    if any(len(tokenizer.ids(word)) != 1 for word in VOCABULARY):
        raise ModelError("The model's vocabulary lacks words of the scenes; train on the embedded model or its kin.")
    parts: list[tuple[str, Callable[[Any], nn.Module]]] = [
        ("text_encoder", lambda config: CLIPText(TextConfig.from_json(config))),
        ("unet", lambda config: UNet(UNetConfig.from_json(config))),
        ("vae", lambda config: VAE(vae_config(config))),
    ]
    networks = {name: _loaded(checkpoint, name, build).to(device) for name, build in parts}
    return Frozen(facts, tokenizer, **networks)  # type: ignore[arg-type]


def _loaded(checkpoint: Checkpoint, name: str, build: Callable[[Any], nn.Module]) -> nn.Module:
    network = build(checkpoint.configs[name])
    load_into(network, checkpoint.components[name], dtype=torch.float32, mapped=False)
    return network.eval().requires_grad_(False)


def train_lora(
    model: Path, style: Style, path: Path, folder: Path, recipe: LoraRecipe | None = None, device: str = "cpu"
) -> Iterator[TrainingProgress]:
    """Trains a LoRA of a style and writes it to `path`; its state is kept in `folder`, and a run that was cut off goes on."""
    recipe = recipe or LoraRecipe()
    use_threads()
    folder.mkdir(parents=True, exist_ok=True)
    frozen = open_networks(model, device)
    side = min(recipe.size, frozen.facts.width)
    rng = np.random.default_rng((recipe.seed, 1))
    scenes = [sample(rng) for _ in range(recipe.pictures)]
    batches: list[Tensor] = []
    for start in range(0, len(scenes), 8):
        batches.append(_latents(frozen, [render(scene, side) for scene in scenes[start : start + 8]], style, device))
        yield TrainingProgress("pictures", min(start + 8, len(scenes)), len(scenes), 0.0)
    torch.manual_seed(recipe.seed)
    layers = lora_layers(frozen.unet, recipe.rank, recipe.alpha).to(device)
    loss_at = _loss(frozen, scenes, torch.cat(batches), recipe, device)
    yield from fit(f"lora-{style.name}", layers, loss_at, recipe.optimisation, folder)
    save_kohya(layers, path, recipe, frozen.facts.name)
    yield TrainingProgress("lora", recipe.optimisation.steps, recipe.optimisation.steps, 0.0, exported=True)


@torch.no_grad()
def _latents(frozen: Frozen, renders: list[np.ndarray], style: Style, device: str) -> Tensor:
    pictures = np.stack([style.change(picture) for picture in renders])
    mean = frozen.vae.encode(from_pixels(pictures).to(device)).mean
    return mean * frozen.facts.scaling_factor


def _loss(
    frozen: Frozen, scenes: list[Scene], latents: Tensor, recipe: LoraRecipe, device: str
) -> Callable[[int], Tensor]:
    """Returns the loss of each step, with min-SNR weights (Hang et al. 2023) and stratified timesteps."""
    alphas = alphas_cumprod().float()
    snr = alphas / (1 - alphas)
    predicts_v = frozen.facts.schedule.prediction_type == "v_prediction"
    weights = snr.clamp(max=GAMMA) / (snr + 1 if predicts_v else snr)

    def loss_at(step: int) -> Tensor:
        rng = np.random.default_rng((recipe.seed, 2, step))
        indices, B = rng.integers(len(latents), size=recipe.batch), recipe.batch
        x0 = latents[indices].cpu()
        eps = torch.from_numpy(rng.standard_normal(x0.shape, dtype=np.float32))
        t = torch.from_numpy((1000 * (np.arange(B) + rng.random(B)) / B).astype(int))
        a = alphas[t][:, None, None, None]
        captions = ["" if rng.random() < recipe.drop else caption(scenes[i], rng) for i in indices]
        context = frozen.text_encoder(token_ids(frozen.tokenizer, captions).to(device))
        target = a.sqrt() * eps - (1 - a).sqrt() * x0 if predicts_v else eps
        x = a.sqrt() * x0 + (1 - a).sqrt() * eps
        error = (frozen.unet(x.to(device), t.to(device), context) - target.to(device)).square().mean((1, 2, 3))
        return (weights[t].to(device) * error).mean()

    return loss_at


def save_kohya(layers: nn.ModuleDict, path: Path, recipe: LoraRecipe, model_name: str) -> Path:
    """Writes a LoRA in half precision under the names, and with the header, of kohya's trainer. Raises OutputError."""
    tensors: dict[str, Tensor] = {}
    for stem, layer in layers.items():
        for piece in ("down", "up"):
            weight = getattr(layer, piece).weight.detach().half().contiguous().cpu()
            tensors[f"lora_unet_{stem}.lora_{piece}.weight"] = weight
        tensors[f"lora_unet_{stem}.alpha"] = torch.tensor(recipe.alpha, dtype=torch.float16)
    header = {
        "ss_network_module": "networks.lora", "ss_network_dim": str(recipe.rank), "ss_network_alpha": str(recipe.alpha),
        "ss_base_model_version": "sd_v1", "ss_sd_model_name": model_name, "ss_output_name": path.stem,
        "ss_steps": str(recipe.optimisation.steps), "ss_v2": "False",
    }  # fmt: skip
    with atomic_write(path) as file:
        file.write(save(tensors, header))
    return path
